//! Funds accounting: accounts with their four counters, vouchers and transfers in commit order, and holds.
//!
//! Vouchers and transfers are append-only and covered by their batch's root; their accounting date and time stand once on
//! the batch. Counters and holds are re-derived from transfers by the verifier. The database itself refuses a counter
//! below zero, a balance beyond the account's limits (holds counted), and a hold captured or released beyond its amount.

use accounting::{Account, AccountKey, Hold, HoldKey, Side, Subject};
use compact_str::ToCompactString as _;
use kernel::{AccountId, Currency, Owner, RootId, TradeId};

use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row, statements};

row! {
    /// An account: whose, on what, in what, and its counters in minor units.
    pub struct AccountRow in Main "account" key 2, version version {
        /// The shard.
        pub shard: i64,
        /// Derived from owner, subject and currency.
        pub id: [u8; 16],
        /// Whose, in canonical text form.
        pub owner: Text,
        /// The subject's code.
        pub subject: Text,
        /// ISO 4217.
        pub currency: Text,
        /// The normal side, D or C.
        pub side: Text,
        /// Debits posted.
        pub dp: i64,
        /// Credits posted.
        pub cp: i64,
        /// Debits held.
        pub dh: i64,
        /// Credits held.
        pub ch: i64,
        /// What must stay available.
        pub floor: Option<i64>,
        /// What the balance may reach.
        pub ceil: Option<i64>,
        /// Takes no new debit.
        pub debit_frozen: bool,
        /// Takes no new credit.
        pub credit_frozen: bool,
        /// Takes nothing new.
        pub closed: bool,
        /// How many transfers touched it.
        pub version: i64,
        /// The batch that opened it.
        pub opened_seq: i64,
    }
    check "dp >= 0 AND cp >= 0 AND dh >= 0 AND ch >= 0";
    check "side IN ('D', 'C')";
    check "floor IS NULL OR (side = 'C' AND cp - dp - dh >= floor) OR (side = 'D' AND dp - cp - ch >= floor)";
    check "ceil IS NULL OR (side = 'C' AND cp - dp + ch <= ceil) OR (side = 'D' AND dp - cp + dh <= ceil)";
}

row! {
    /// A voucher: the linked transfers of one business fact. Never changed.
    pub struct VoucherRow in Main "voucher" key 3 {
        /// The shard.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// The template's name.
        pub template: Text,
        /// The template's version.
        pub template_version: i64,
        /// The merchant it concerns.
        pub merchant: Option<[u8; 16]>,
        /// From the context.
        pub order_type: Option<Text>,
        /// From the context.
        pub sub_type: Option<Text>,
        /// The trade it belongs to.
        pub trade: Option<[u8; 16]>,
        /// The object whose fact it is, in text form.
        pub object: Text,
    }
}

row! {
    /// A transfer: one debit account, one credit account, one amount. Never changed.
    pub struct TransferRow in Main "transfer" key 3 {
        /// The shard.
        pub shard: i64,
        /// The batch.
        pub seq: i64,
        /// The number within the batch.
        pub n: i64,
        /// The number of its voucher within the batch.
        pub voucher: i64,
        /// post, hold, capture or release.
        pub op: Text,
        /// The number of the hold it opens, captures or releases.
        pub hold: Option<i64>,
        /// The account debited.
        pub debit: [u8; 16],
        /// The account credited.
        pub credit: [u8; 16],
        /// Minor units.
        pub amount: i64,
        /// The institution, or internal.
        pub pay_org: Text,
        /// What it is within its voucher.
        pub code: Text,
        /// The debit account's version after it.
        pub d_ver: i64,
        /// The debit account's posted balance after it.
        pub d_bal: i64,
        /// The credit account's version after it.
        pub c_ver: i64,
        /// The credit account's posted balance after it.
        pub c_bal: i64,
    }
    check "amount > 0";
    check "debit <> credit";
    check "op IN ('post', 'hold', 'capture', 'release')";
    check "(op = 'post') = (hold IS NULL)";
}

row! {
    /// A hold of a trade's tree.
    pub struct HoldRow in Main "hold" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Which: bit 24 tells a refund line from an instruction, then 16 bits of number, 8 of leg.
        pub no: i64,
        /// Whose money is set aside.
        pub debit: [u8; 16],
        /// Where it would go.
        pub credit: [u8; 16],
        /// Minor units set aside.
        pub amount: i64,
        /// Minor units moved.
        pub captured: i64,
        /// Minor units let go.
        pub released: i64,
    }
    check "amount > 0 AND captured >= 0 AND released >= 0 AND captured + released <= amount";
}

statements! {
    /// The counters per subject and currency.
    TRIAL = "accounting.trial" (Int, Text)
        "SELECT subject, side, CAST(SUM(dp) AS BIGINT) AS dp, CAST(SUM(cp) AS BIGINT) AS cp,
                CAST(SUM(dh) AS BIGINT) AS dh, CAST(SUM(ch) AS BIGINT) AS ch
         FROM account WHERE shard = $1 AND currency = $2 GROUP BY subject, side ORDER BY subject, side";
}

/// Every table of this domain.
pub const TABLES: &[&crate::Table] = &[AccountRow::TABLE, VoucherRow::TABLE, TransferRow::TABLE, HoldRow::TABLE];

impl Aggregate for Account {
    type Key = AccountId;
    const TABLES: &'static [&'static crate::Table] = &[AccountRow::TABLE];

    fn prefix(key: AccountId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let row = AccountRow {
            shard,
            id: self.id.0.bytes(),
            owner: self.owner.to_compact_string(),
            subject: self.subject.as_str().into(),
            currency: self.currency.code().into(),
            side: self.side.as_str().into(),
            dp: self.dp,
            cp: self.cp,
            dh: self.dh,
            ch: self.ch,
            floor: self.floor,
            ceil: self.ceil,
            debit_frozen: self.debit_frozen,
            credit_frozen: self.credit_frozen,
            closed: self.closed,
            version: self.version,
            opened_seq: self.opened_seq,
        };
        vec![vec![row.cells()]]
    }

    fn assemble(_: AccountId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        read_all::<AccountRow>(rows.into_iter().next())?.into_iter().next().map(account).transpose()
    }
}

/// The account that a row is.
pub fn account(row: AccountRow) -> Result<Account, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "account", column, why };
    let owner = Owner::parse(&row.owner, None).ok_or(wrong("owner", "names no owner"))?;
    let subject = Subject::parse(&row.subject).ok_or(wrong("subject", "is not on the chart"))?;
    let currency = Currency::on_books(&row.currency).ok_or(wrong("currency", "is no currency"))?;
    Ok(Account {
        id: AccountId(RootId::from_bytes(row.id)),
        owner,
        subject,
        currency,
        side: Side::parse(&row.side).ok_or(wrong("side", "is neither D nor C"))?,
        dp: row.dp,
        cp: row.cp,
        dh: row.dh,
        ch: row.ch,
        floor: row.floor,
        ceil: row.ceil,
        debit_frozen: row.debit_frozen,
        credit_frozen: row.credit_frozen,
        closed: row.closed,
        version: row.version,
        opened_seq: row.opened_seq,
    })
}

/// The key that an account row was derived from.
pub fn key_of(account: &Account) -> AccountKey {
    AccountKey { owner: account.owner.clone(), subject: account.subject.clone(), currency: account.currency }
}

/// The holds of one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// The trade.
    pub trade: TradeId,
    /// Its holds, by key.
    pub holds: std::collections::BTreeMap<HoldKey, Hold>,
}

impl Aggregate for Holds {
    type Key = TradeId;
    const TABLES: &'static [&'static crate::Table] = &[HoldRow::TABLE];

    fn prefix(key: TradeId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let trade = self.trade.0.bytes();
        let rows = self.holds.values().map(|hold| HoldRow {
            shard,
            trade,
            no: hold.key.number(),
            debit: hold.debit.0.bytes(),
            credit: hold.credit.0.bytes(),
            amount: hold.amount,
            captured: hold.captured,
            released: hold.released,
        });
        vec![rows.map(|row| row.cells()).collect()]
    }

    fn assemble(trade: TradeId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let rows = read_all::<HoldRow>(rows.into_iter().next())?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut holds = std::collections::BTreeMap::new();
        for row in rows {
            let wrong = Inconsistent { table: "hold", column: "no", why: "is no hold's number" };
            let key = HoldKey::from_number(row.no).ok_or(wrong)?;
            let hold = Hold {
                key,
                debit: AccountId(RootId::from_bytes(row.debit)),
                credit: AccountId(RootId::from_bytes(row.credit)),
                amount: row.amount,
                captured: row.captured,
                released: row.released,
            };
            holds.insert(key, hold);
        }
        Ok(Some(Self { trade, holds }))
    }
}
