//! Postings: a verb's legs on the accounts that the view knows, all or nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use accounting::{Account, AccountKey, Hold, HoldKey, Lookup, Op, Subject, Template, Transfer};
use kernel::message::accounting::{Post, Refused};
use kernel::{AccountId, CreditLineId, TradeId};
use store::tables::accounting::Holds;

use crate::flows::credit;
use crate::ledger::Posted;
use crate::stop::Stop;
use crate::view::View;

/// Books one verb. The inner result is accounting's own answer.
pub fn book(view: &mut View<'_>, trade: Option<TradeId>, post: &Post) -> Result<Result<(), Refused>, Stop> {
    let salt = view.control.salt;
    let mut holds = match trade {
        Some(trade) => view.get::<Holds>(trade)?.map(|state| state.holds.clone()).unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let legs = {
        let look = Look { view: RefCell::new(view), holds: &holds, salt: &salt };
        accounting::legs(post, &look)
    };
    let touched = accounting::touched(&legs, &holds, &salt);
    let mut accounts = accounts(view, touched.iter().copied())?;
    let before = holds.clone();
    let transfers = match accounting::book(&mut accounts, &mut holds, &legs, &salt, view.footing.seq) {
        Ok(transfers) => transfers,
        Err(refused) => return Ok(Err(refused)),
    };
    let repaid = repaid(&accounts, &transfers);
    for transfer in &transfers {
        for id in [transfer.debit, transfer.credit] {
            if let Some(account) = accounts.remove(&id) {
                view.put(id, account);
            }
        }
    }
    if let Some(trade) = trade.filter(|_| holds != before) {
        view.put(trade, Holds { trade, holds });
    }
    view.posted.push(Posted {
        template: Template::of(&post.verb),
        context: post.context.clone(),
        merchant: post.merchant.or(post.context.as_ref().map(|context| context.merchant)),
        trade,
        object: post.object.clone(),
        transfers,
    });
    for line in repaid {
        credit::settle(view, line)?;
    }
    Ok(Ok(()))
}

/// The credit lines of which less is owed after these transfers.
fn repaid(accounts: &BTreeMap<AccountId, Account>, transfers: &[Transfer]) -> BTreeSet<CreditLineId> {
    let moved = transfers.iter().filter(|transfer| matches!(transfer.op, Op::Post | Op::Capture(_)));
    let credited = moved.filter_map(|transfer| accounts.get(&transfer.credit));
    let owing = credited.filter(|account| account.subject == Subject::CREDIT);
    owing.map(|account| CreditLineId(account.id.0)).collect()
}

/// Those of these accounts that exist. All that are not known are noted together.
fn accounts(
    view: &mut View<'_>,
    ids: impl Iterator<Item = AccountId> + Clone,
) -> Result<BTreeMap<AccountId, Account>, Stop> {
    for id in ids.clone() {
        view.peek::<Account>(id);
    }
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(account) = view.get::<Account>(id)? {
            found.insert(id, Account::clone(&account));
        }
    }
    Ok(found)
}

/// What templates may look at. What is not known yet counts as nothing in this round, and is noted.
struct Look<'v, 'a, 'b> {
    view: RefCell<&'b mut View<'a>>,
    holds: &'v BTreeMap<HoldKey, Hold>,
    salt: &'v [u8; 32],
}

impl Lookup for Look<'_, '_, '_> {
    fn available(&self, key: &AccountKey) -> i64 {
        let known = self.view.borrow_mut().peek::<Account>(key.id(self.salt));
        known.flatten().map_or(0, |account| account.spendable())
    }

    fn left(&self, hold: HoldKey) -> i64 {
        self.holds.get(&hold).map_or(0, Hold::left)
    }
}
