//! Accounts: four counters that only transfers move, and the limits they must keep.
//!
//! An account counts debits and credits, posted and held, and never a balance; balances follow. Money is *available* on
//! the normal side less what is held on the spending side; what is held on its way in does not count until it is
//! captured. The floor holds for what is available, so a hold can never be broken by a later spending.
//!
//! The id of an account is derived from whose it is, never drawn: no index over owners is needed to find it, and two
//! writers that open the same account at the same time meet on one row.

use kernel::message::accounting::Refused;
use kernel::{AccountId, Amount, Bucket, Currency, Owner, RootId};

use crate::chart::{Side, Subject};
use crate::hold::Op;

/// The one book (a legal entity) of this platform.
const BOOK: &str = "main";

/// What an account is known by: whose, which subject, which currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Whose.
    pub owner: Owner,
    /// On what.
    pub subject: Subject,
    /// In what.
    pub currency: Currency,
}

impl AccountKey {
    /// The balance of a user or a merchant (2001, 2002). The platform has none: what comes to it at once is its fee
    /// (4001).
    pub const fn balance(owner: Owner, currency: Currency) -> Self {
        let subject = match owner {
            Owner::User(_) => Subject::USER_BALANCE,
            Owner::Platform => Subject::FEES,
            Owner::Merchant(_) | Owner::Seller(..) | Owner::Channel(_) => Subject::MERCHANT_BALANCE,
        };
        Self { owner, subject, currency }
    }

    /// The account's id: keyed BLAKE3 over book, owner, subject and currency, each with its length before it, with the
    /// owner's bucket in the place where every id carries one. Who has no salt can neither compute nor guess it. The same
    /// owner, subject and currency have the same id in every shard; rows are told apart by shard.
    pub fn id(&self, salt: &[u8; 32]) -> AccountId {
        let owner = self.owner.to_string();
        let mut fed = Vec::with_capacity(owner.len() + 64);
        for part in [BOOK, &owner, self.subject.as_str(), self.currency.code()] {
            fed.extend_from_slice(&(part.len() as u64).to_le_bytes());
            fed.extend_from_slice(part.as_bytes());
        }
        let hash = blake3::keyed_hash(salt, &fed);
        let head = hash.as_bytes().first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        let placed = head & !(0x3ff << 70) | u128::from(Bucket::of(&owner).number()) << 70;
        AccountId(RootId::from_bytes(placed.to_be_bytes()))
    }
}

/// An account (账户). Counters are minor units of its currency, never negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Derived: [`AccountKey::id`].
    pub id: AccountId,
    /// Whose.
    pub owner: Owner,
    /// On what.
    pub subject: Subject,
    /// In what.
    pub currency: Currency,
    /// The normal side.
    pub side: Side,
    /// Debits posted.
    pub dp: i64,
    /// Credits posted.
    pub cp: i64,
    /// Debits held.
    pub dh: i64,
    /// Credits held.
    pub ch: i64,
    /// What must stay available; no limit where `None`.
    pub floor: Option<i64>,
    /// What the posted balance with all that is held on its way in may reach; no limit where `None`.
    pub ceil: Option<i64>,
    /// Takes no new debit, neither posted nor held.
    pub debit_frozen: bool,
    /// Takes no new credit, neither posted nor held.
    pub credit_frozen: bool,
    /// Takes nothing new at all.
    pub closed: bool,
    /// How many transfers have touched it; each counts one, without gaps.
    pub version: i64,
    /// The batch that opened it.
    pub opened_seq: i64,
}

impl Account {
    /// A new account by the chart, opened in batch `seq`.
    pub fn open(id: AccountId, key: &AccountKey, seq: i64) -> Self {
        let entry = key.subject.entry();
        Self {
            id,
            owner: key.owner.clone(),
            subject: key.subject.clone(),
            currency: key.currency,
            side: entry.side(),
            dp: 0,
            cp: 0,
            dh: 0,
            ch: 0,
            floor: entry.floor(),
            ceil: None,
            debit_frozen: false,
            credit_frozen: false,
            closed: false,
            version: 0,
            opened_seq: seq,
        }
    }

    /// The account together with what another shard has of it. Limits are those of each stripe, so the sum has none.
    #[must_use]
    pub const fn with(mut self, stripe: &Self) -> Self {
        self.dp = self.dp.saturating_add(stripe.dp);
        self.cp = self.cp.saturating_add(stripe.cp);
        self.dh = self.dh.saturating_add(stripe.dh);
        self.ch = self.ch.saturating_add(stripe.ch);
        self.version = self.version.saturating_add(stripe.version);
        (self.floor, self.ceil) = (None, None);
        self
    }

    /// The posted balance on the normal side.
    pub const fn posted(&self) -> i64 {
        match self.side {
            Side::Debit => self.dp.saturating_sub(self.cp),
            Side::Credit => self.cp.saturating_sub(self.dp),
        }
    }

    /// What is held on the spending side.
    pub const fn held(&self) -> i64 {
        match self.side {
            Side::Debit => self.ch,
            Side::Credit => self.dh,
        }
    }

    /// What could be spent if there were no floor: posted less held. What is held on its way in never counts.
    pub const fn available(&self) -> i64 {
        self.posted().saturating_sub(self.held())
    }

    /// What a new post or hold may take: what is available, and nothing where debits are frozen or the account is closed.
    pub const fn spendable(&self) -> i64 {
        if self.debit_frozen || self.closed { 0 } else { self.available() }
    }

    /// What is held on its way in.
    pub const fn incoming(&self) -> i64 {
        match self.side {
            Side::Debit => self.dh,
            Side::Credit => self.ch,
        }
    }

    /// Whether a new post or hold of this amount may touch this side.
    pub(crate) fn admit(&self, side: Side, amount: Amount) -> Result<(), Refused> {
        let frozen = match side {
            Side::Debit => self.debit_frozen,
            Side::Credit => self.credit_frozen,
        };
        if frozen || self.closed {
            return Err(Refused::Frozen { account: self.id, subject: self.subject.to_string() });
        }
        if side == self.side { self.admit_more(amount) } else { self.admit_less(amount) }
    }

    /// The floor, for what is spent.
    fn admit_less(&self, amount: Amount) -> Result<(), Refused> {
        let Some(floor) = self.floor else { return Ok(()) };
        if i128::from(self.available()) - i128::from(amount.minor()) >= i128::from(floor) {
            return Ok(());
        }
        Err(Refused::Insufficient {
            account: self.id,
            subject: self.subject.to_string(),
            needed: amount.minor(),
            available: self.available(),
            held: self.held(),
            floor,
        })
    }

    /// The ceiling, for what comes in.
    fn admit_more(&self, amount: Amount) -> Result<(), Refused> {
        let Some(ceil) = self.ceil else { return Ok(()) };
        let reached = i128::from(self.posted()) + i128::from(self.incoming()) + i128::from(amount.minor());
        if reached <= i128::from(ceil) { Ok(()) } else { Err(self.out_of_range()) }
    }

    /// A limit of the one who asks, for what comes in: what it would come to is posted, or held on its way in.
    pub(crate) fn admit_within(&self, most: Option<i64>, amount: Amount) -> Result<(), Refused> {
        let Some(most) = most else { return Ok(()) };
        let reached = i128::from(self.posted()) + i128::from(self.incoming());
        if reached + i128::from(amount.minor()) <= i128::from(most) {
            return Ok(());
        }
        let available = i64::try_from(i128::from(most) - reached).unwrap_or_default().max(0);
        let (held, needed) = (self.incoming(), amount.minor());
        let subject = self.subject.to_string();
        Err(Refused::Insufficient { account: self.id, subject, needed, available, held, floor: 0 })
    }

    /// Moves the counters of one side and counts the version. Limits are [`Self::admit`]'s; here only arithmetic refuses,
    /// and then nothing has moved.
    pub fn shift(&mut self, op: Op, side: Side, amount: Amount) -> Result<(), Refused> {
        let (posted, held) = match side {
            Side::Debit => (self.dp, self.dh),
            Side::Credit => (self.cp, self.ch),
        };
        let part = amount.minor();
        let moved = match op {
            Op::Post => posted.checked_add(part).map(|posted| (posted, held)),
            Op::Hold(_) => held.checked_add(part).map(|held| (posted, held)),
            Op::Capture(_) => posted.checked_add(part).zip(held.checked_sub(part)),
            Op::Release(_) => held.checked_sub(part).map(|held| (posted, held)),
        };
        let (posted, held) = moved.filter(|(_, held)| *held >= 0).ok_or_else(|| self.out_of_range())?;
        self.version = self.version.checked_add(1).ok_or_else(|| self.out_of_range())?;
        match side {
            Side::Debit => (self.dp, self.dh) = (posted, held),
            Side::Credit => (self.cp, self.ch) = (posted, held),
        }
        Ok(())
    }

    pub(crate) fn out_of_range(&self) -> Refused {
        Refused::OutOfRange { account: self.id, subject: self.subject.to_string() }
    }
}
