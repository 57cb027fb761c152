//! Booking: legs become transfers on a working set of accounts and holds, in order, all or nothing.
//!
//! 1. Accounts and holds are copied when first touched; what is written goes to the copies.
//! 2. Each leg is judged when its turn comes: freeze, floor and ceiling with holds counted, then arithmetic. The floor
//!    holds after every transfer, never only at the end.
//! 3. Only when every leg went through do the copies replace the originals. A refusal leaves no trace.
//!
//! Capture and release move what a hold set aside: they know no freeze, no closed account and no floor, and run on the
//! hold's own accounts. A capture may name another credit account than its hold does (a refund that goes another way); it
//! is booked as two transfers, the release of the hold and a post to the new account, which is the same money and
//! therefore just as unstoppable.
//!
//! The working set must hold whatever exists of [`touched`]: an account that is not there is opened.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use kernel::message::accounting::Refused;
use kernel::{AccountId, Amount, PayOrg};

use crate::account::{Account, AccountKey};
use crate::chart::Side;
use crate::hold::{Hold, HoldKey, Op};
use crate::template::{Leg, Lookup};

/// A working set of one trade: the accounts that its postings may touch, and its holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// What account ids are derived with.
    pub salt: [u8; 32],
    /// The accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// The trade's holds.
    pub holds: BTreeMap<HoldKey, Hold>,
}

impl Books {
    /// [`book`] on this set.
    pub fn book(&mut self, legs: &[Leg], seq: i64) -> Result<Vec<Transfer>, Refused> {
        book(&mut self.accounts, &mut self.holds, legs, &self.salt, seq)
    }
}

impl Lookup for Books {
    fn available(&self, key: &AccountKey) -> i64 {
        self.accounts.get(&key.id(&self.salt)).map_or(0, Account::spendable)
    }

    fn left(&self, hold: HoldKey) -> i64 {
        self.holds.get(&hold).map_or(0, Hold::left)
    }
}

/// A transfer (分录): one debit account, one credit account, one amount; written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What it did with the amount.
    pub op: Op,
    /// The account that was debited.
    pub debit: AccountId,
    /// The account that was credited.
    pub credit: AccountId,
    /// How much, in the currency of both.
    pub amount: Amount,
    /// The institution, or `internal`.
    pub pay_org: PayOrg,
    /// What it is within its voucher.
    pub code: &'static str,
    /// The debit account's version after it.
    pub d_ver: i64,
    /// The debit account's posted balance after it, on its normal side.
    pub d_bal: i64,
    /// The credit account's version after it.
    pub c_ver: i64,
    /// The credit account's posted balance after it, on its normal side.
    pub c_bal: i64,
}

/// The accounts that must be in the working set, where they exist, before these legs are booked. The accounts of a hold
/// count too, so the trade's holds must be known first.
pub fn touched(legs: &[Leg], holds: &BTreeMap<HoldKey, Hold>, salt: &[u8; 32]) -> BTreeSet<AccountId> {
    let named = legs.iter().flat_map(|leg| [&leg.debit, &leg.credit]).map(|key| key.id(salt));
    let held = legs.iter().filter_map(|leg| holds.get(&leg.op.hold()?)).flat_map(|hold| [hold.debit, hold.credit]);
    named.chain(held).collect()
}

/// Books legs, in order, all or nothing: on a refusal neither map has changed.
///
/// Accounts that are not in the map are opened by the chart, with `seq` as the batch that opened them.
///
/// # Errors
/// The first leg's reason that cannot be booked: [`Refused::Insufficient`] where a floor or the leg's own limit would be broken,
/// [`Refused::Frozen`] where a side takes nothing new, [`Refused::OutOfRange`] where a counter or a ceiling would be left.
/// `OutOfRange` also answers what no template writes: a transfer between an account and itself, a hold opened twice, and
/// a capture or release of more than its hold has left or of another account's money.
pub fn book(
    accounts: &mut BTreeMap<AccountId, Account>,
    holds: &mut BTreeMap<HoldKey, Hold>,
    legs: &[Leg],
    salt: &[u8; 32],
    seq: i64,
) -> Result<Vec<Transfer>, Refused> {
    let mut draft = Draft {
        accounts,
        holds,
        salt,
        seq,
        changed: BTreeMap::new(),
        changed_holds: BTreeMap::new(),
        transfers: Vec::with_capacity(legs.len()),
    };
    for leg in legs {
        draft.leg(leg)?;
    }
    let Draft { changed, changed_holds, transfers, .. } = draft;
    accounts.extend(changed);
    holds.extend(changed_holds);
    Ok(transfers)
}

/// A booking that is not finished: the originals, read only, and the copies that were written.
struct Draft<'a> {
    accounts: &'a BTreeMap<AccountId, Account>,
    holds: &'a BTreeMap<HoldKey, Hold>,
    salt: &'a [u8; 32],
    seq: i64,
    changed: BTreeMap<AccountId, Account>,
    changed_holds: BTreeMap<HoldKey, Hold>,
    transfers: Vec<Transfer>,
}

impl Draft<'_> {
    fn leg(&mut self, leg: &Leg) -> Result<(), Refused> {
        let (debit, credit) = (leg.debit.id(self.salt), leg.credit.id(self.salt));
        match leg.op {
            Op::Post => {
                self.open(&leg.debit, debit);
                self.open(&leg.credit, credit);
                self.admit(leg, debit, credit)?;
                self.transfer(leg, Op::Post, debit, credit)
            }
            Op::Hold(key) => {
                self.open(&leg.debit, debit);
                self.open(&leg.credit, credit);
                self.admit(leg, debit, credit)?;
                self.new_hold(leg, key, debit, credit)?;
                self.transfer(leg, leg.op, debit, credit)
            }
            Op::Capture(key) => {
                let held = self.hold(leg, key, debit)?;
                if held.credit == credit {
                    held.capture(leg.amount).ok_or_else(|| out_of_range(&leg.debit, debit))?;
                    return self.transfer(leg, leg.op, debit, credit);
                }
                let before = held.credit;
                held.release(leg.amount).ok_or_else(|| out_of_range(&leg.debit, debit))?;
                self.transfer(leg, Op::Release(key), debit, before)?;
                self.open(&leg.credit, credit);
                self.transfer(leg, Op::Post, debit, credit)
            }
            Op::Release(key) => {
                let held = self.hold(leg, key, debit)?;
                let credit = held.credit;
                held.release(leg.amount).ok_or_else(|| out_of_range(&leg.debit, debit))?;
                self.transfer(leg, leg.op, debit, credit)
            }
        }
    }

    fn open(&mut self, key: &AccountKey, id: AccountId) {
        if !self.accounts.contains_key(&id) {
            self.changed.entry(id).or_insert_with(|| Account::open(id, key, self.seq));
        }
    }

    /// The copy of an account; `key` names it where it is missing.
    fn account(&mut self, key: &AccountKey, id: AccountId) -> Result<&mut Account, Refused> {
        if let Entry::Vacant(place) = self.changed.entry(id) {
            place.insert(self.accounts.get(&id).ok_or_else(|| out_of_range(key, id))?.clone());
        }
        self.changed.get_mut(&id).ok_or_else(|| out_of_range(key, id))
    }

    fn admit(&mut self, leg: &Leg, debit: AccountId, credit: AccountId) -> Result<(), Refused> {
        let account = self.account(&leg.debit, debit)?;
        account.admit(Side::Debit, leg.amount)?;
        account.admit_within(leg.most, leg.amount)?;
        self.account(&leg.credit, credit)?.admit(Side::Credit, leg.amount)
    }

    fn new_hold(&mut self, leg: &Leg, key: HoldKey, debit: AccountId, credit: AccountId) -> Result<(), Refused> {
        if self.holds.contains_key(&key) || self.changed_holds.contains_key(&key) {
            return Err(out_of_range(&leg.debit, debit));
        }
        let hold = Hold { key, debit, credit, amount: leg.amount.minor(), captured: 0, released: 0 };
        self.changed_holds.insert(key, hold);
        Ok(())
    }

    /// The hold that a leg goes on with; it must be on the money of the account that the leg debits.
    fn hold(&mut self, leg: &Leg, key: HoldKey, debit: AccountId) -> Result<&mut Hold, Refused> {
        if let Entry::Vacant(place) = self.changed_holds.entry(key) {
            place.insert(self.holds.get(&key).ok_or_else(|| out_of_range(&leg.debit, debit))?.clone());
        }
        let hold = self.changed_holds.get_mut(&key).filter(|hold| hold.debit == debit);
        hold.ok_or_else(|| out_of_range(&leg.debit, debit))
    }

    fn transfer(&mut self, leg: &Leg, op: Op, debit: AccountId, credit: AccountId) -> Result<(), Refused> {
        if debit == credit {
            return Err(out_of_range(&leg.debit, debit));
        }
        let (d_ver, d_bal) = self.shift(leg, op, debit, Side::Debit)?;
        let (c_ver, c_bal) = self.shift(leg, op, credit, Side::Credit)?;
        let (amount, pay_org, code) = (leg.amount, leg.pay_org.clone(), leg.code);
        self.transfers.push(Transfer { op, debit, credit, amount, pay_org, code, d_ver, d_bal, c_ver, c_bal });
        Ok(())
    }

    /// Moves one side and says the account's version and posted balance after it.
    fn shift(&mut self, leg: &Leg, op: Op, id: AccountId, side: Side) -> Result<(i64, i64), Refused> {
        let key = match side {
            Side::Debit => &leg.debit,
            Side::Credit => &leg.credit,
        };
        let account = self.account(key, id)?;
        account.shift(op, side, leg.amount)?;
        Ok((account.version, account.posted()))
    }
}

fn out_of_range(key: &AccountKey, account: AccountId) -> Refused {
    Refused::OutOfRange { account, subject: key.subject.to_string() }
}

#[cfg(test)]
mod tests;
