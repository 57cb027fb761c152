//! The trade core: one row per trade, its dues and its receivers.

use std::collections::BTreeMap;

use compact_str::ToCompactString as _;
use kernel::message::accounting::Way;
use kernel::message::trade::{LateSuccess, UnpaidDue};
use kernel::{
    Amount, Context, Currency, Destination, DestinationType, MerchantId, Money, OrderType, Owner, RootId, SubType,
    Time, TradeId, UserId,
};
use trade::{Child, ClosedReason, Due, DuePaid, Moved, Split, Status, Trade};

use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// A trade. Its counters are sums over its receivers, in minor units.
    pub struct TradeRow in Main "trade" key 2 {
        /// The shard.
        pub shard: i64,
        /// The trade's id.
        pub trade: [u8; 16],
        /// From the context.
        pub merchant: [u8; 16],
        /// From the context.
        pub order_type: Text,
        /// From the context.
        pub sub_type: Text,
        /// The merchant's own number.
        pub merchant_order_id: Text,
        /// The whole amount, minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// Whose money it is: a bare name is a user's, everything else an owner in canonical text form.
        pub payer: Text,
        /// What it is for.
        pub subject: Option<Text>,
        /// Microseconds.
        pub created_at: i64,
        /// Microseconds.
        pub expires_at: i64,
        /// Whether the client named the expiry.
        pub expiry_given: bool,
        /// Microseconds.
        pub confirm_by: Option<i64>,
        /// Where the buyer is sent back to.
        pub return_url: Option<Text>,
        /// The merchant's notes, as JSON that SQL never looks into; null where there are none.
        pub metadata: Option<Text>,
        /// refund or reopen.
        pub late_success: Text,
        /// return or forfeit; null in a trade of one due.
        pub unpaid_due: Option<Text>,
        /// Where a payout goes, as JSON that SQL never looks into; personal data. Null in every other trade.
        pub destination: Option<Text>,
        /// Of a transfer whose payee lives in another shard: that shard.
        pub to_shard: Option<i64>,
        /// What a combined trade pays, as JSON lists of trade, merchant and minor units; null in every other trade.
        pub children: Option<Text>,
        /// The combined trade that pays it.
        pub parent: Option<[u8; 16]>,
        /// created, paid, completed or closed.
        pub status: Text,
        /// Whether closing was started and is not finished.
        pub closing: bool,
        /// Why it is closed, or will be.
        pub reason: Option<Text>,
        /// How many public events it had.
        pub sequence: i64,
        /// Paid.
        pub paid: i64,
        /// Released to receivers.
        pub released: i64,
        /// Returned before release.
        pub returned_before: i64,
        /// Returned after release.
        pub returned_after: i64,
        /// Reserved by refunds under way, before release.
        pub returning_before: i64,
        /// Reserved by refunds under way, after release.
        pub returning_after: i64,
    }
    check "amount > 0 AND paid >= 0 AND paid <= amount";
    check "status IN ('created', 'paid', 'completed', 'closed')";
    check "released >= 0 AND returned_before >= 0 AND returned_after >= 0 AND returning_before >= 0 AND returning_after >= 0";
    check "released + returned_before + returning_before <= paid";
    check "returned_after + returning_after <= released";
    check "unpaid_due IN ('return', 'forfeit')";
    check "to_shard IS NULL OR (order_type = 'transfer' AND to_shard <> shard)";
    check "order_type <> 'transfer' OR status <> 'paid' OR to_shard IS NOT NULL";
    check "(order_type = 'combined') = (children IS NOT NULL)";
    check "parent IS NULL OR order_type IN ('instant', 'escrow') AND parent <> trade";
    check "COALESCE(reason, '') <> 'forfeited' OR COALESCE(unpaid_due, '') = 'forfeit'";
}

row! {
    /// A part of a trade's amount that is paid by one payment.
    pub struct DueRow in Main "due" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number, from 1.
        pub no: i64,
        /// Minor units.
        pub amount: i64,
        /// Microseconds.
        pub opens_at: i64,
        /// Microseconds.
        pub expires_at: i64,
        /// The number of the payment that paid it.
        pub payment: Option<i64>,
        /// When it was paid, microseconds.
        pub paid_at: Option<i64>,
    }
    check "amount > 0 AND no > 0 AND expires_at > opens_at";
    check "(payment IS NULL) = (paid_at IS NULL)";
}

row! {
    /// One receiver's part of a trade.
    pub struct SplitRow in Main "split" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number, from 1.
        pub no: i64,
        /// The receiver, in canonical text form.
        pub receiver: Text,
        /// Minor units.
        pub amount: i64,
        /// Released.
        pub released: i64,
        /// Returned before release.
        pub returned_before: i64,
        /// Returned after release.
        pub returned_after: i64,
        /// Reserved, before release.
        pub returning_before: i64,
        /// Reserved, after release.
        pub returning_after: i64,
    }
    check "amount > 0";
    check "released >= 0 AND returned_before >= 0 AND returned_after >= 0 AND returning_before >= 0 AND returning_after >= 0";
    check "released + returned_before + returning_before <= amount";
    check "returned_after + returning_after <= released";
}

/// Every table of this domain.
pub const TABLES: &[&crate::Table] = &[TradeRow::TABLE, DueRow::TABLE, SplitRow::TABLE];

impl Aggregate for Trade {
    type Key = TradeId;
    const TABLES: &'static [&'static crate::Table] = TABLES;

    fn prefix(key: TradeId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let trade = self.id.0.bytes();
        let dues = self.dues.iter().map(|due| due_row(shard, trade, due).cells()).collect();
        let splits = self.splits.iter().map(|split| split_row(shard, trade, split).cells()).collect();
        vec![vec![trade_row(shard, self).cells()], dues, splits]
    }

    fn assemble(_: TradeId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let mut tables = rows.into_iter();
        let Some(row) = read_all::<TradeRow>(tables.next())?.into_iter().next() else { return Ok(None) };
        let dues = read_all::<DueRow>(tables.next())?.into_iter().map(due).collect::<Result<_, _>>()?;
        let splits = read_all::<SplitRow>(tables.next())?.into_iter().map(split).collect::<Result<_, _>>()?;
        trade(row, dues, splits).map(Some)
    }
}

fn trade_row(shard: i64, trade: &Trade) -> TradeRow {
    let metadata = (!trade.metadata.is_empty()).then(|| serde_json::to_string(&trade.metadata).unwrap_or_default());
    TradeRow {
        shard,
        trade: trade.id.0.bytes(),
        merchant: trade.context.merchant.0.bytes(),
        order_type: trade.context.order_type.as_str().into(),
        sub_type: trade.context.sub_type.as_str().into(),
        merchant_order_id: trade.merchant_order_id.as_str().into(),
        amount: trade.money.amount.minor(),
        currency: trade.money.currency.code().into(),
        payer: payer_text(&trade.payer),
        subject: trade.subject.as_deref().map(Into::into),
        created_at: trade.created_at.micros(),
        expires_at: trade.expires_at.micros(),
        expiry_given: trade.expiry_given,
        confirm_by: trade.confirm_by.map(Time::micros),
        return_url: trade.return_url.as_deref().map(Into::into),
        metadata: metadata.map(Into::into),
        late_success: late_word(trade.late_success).into(),
        unpaid_due: trade.unpaid_due.map(|way| way.as_str().into()),
        destination: trade.destination.as_ref().map(destination_text),
        to_shard: trade.away.map(|way| way.to),
        children: children_text(&trade.children),
        parent: trade.parent.map(|parent| parent.0.bytes()),
        status: trade.status.as_str().into(),
        closing: trade.status.is_closing(),
        reason: trade.status.reason().map(|reason| reason.as_str().into()),
        sequence: trade.sequence,
        paid: trade.paid,
        released: trade.moved.released,
        returned_before: trade.moved.returned_before,
        returned_after: trade.moved.returned_after,
        returning_before: trade.moved.returning_before,
        returning_after: trade.moved.returning_after,
    }
}

fn due_row(shard: i64, trade: [u8; 16], due: &Due) -> DueRow {
    DueRow {
        shard,
        trade,
        no: i64::from(due.no),
        amount: due.amount.minor(),
        opens_at: due.opens_at.micros(),
        expires_at: due.expires_at.micros(),
        payment: due.paid.map(|paid| i64::from(paid.payment)),
        paid_at: due.paid.map(|paid| paid.at.micros()),
    }
}

fn split_row(shard: i64, trade: [u8; 16], split: &Split) -> SplitRow {
    SplitRow {
        shard,
        trade,
        no: i64::from(split.no),
        receiver: split.receiver.to_compact_string(),
        amount: split.amount.minor(),
        released: split.moved.released,
        returned_before: split.moved.returned_before,
        returned_after: split.moved.returned_after,
        returning_before: split.moved.returning_before,
        returning_after: split.moved.returning_after,
    }
}

/// The text of whose money it is, a user's or a merchant's: a user is written without a class, because every row has one.
pub(crate) fn payer_text(payer: &Owner) -> Text {
    match payer {
        Owner::User(user) => user.as_str().into(),
        other => other.to_compact_string(),
    }
}

/// Reads [`payer_text`] back; no user's name has a colon.
pub(crate) fn payer_parse(text: &str) -> Option<Owner> {
    if text.contains(':') { Owner::parse(text, None) } else { UserId::parse(text).map(Owner::User) }
}

/// A destination as JSON: type, channel account, account, name, and what the simulated institution does.
pub(crate) fn destination_text(to: &Destination) -> Text {
    let parts = (to.kind.as_str(), &to.channel_account, &to.account, &to.name, &to.sandbox);
    serde_json::to_string(&parts).unwrap_or_default().into()
}

/// Reads [`destination_text`] back.
pub(crate) fn destination_parse(text: &str) -> Option<Destination> {
    let (kind, channel_account, account, name, sandbox): (String, _, _, _, _) = serde_json::from_str(text).ok()?;
    Some(Destination { kind: DestinationType::parse(&kind)?, channel_account, account, name, sandbox })
}

/// The children of a combined trade as JSON; `None` where there are none.
fn children_text(children: &[Child]) -> Option<Text> {
    let parts = |child: &Child| (child.trade.to_string(), child.merchant.to_string(), child.amount.minor());
    let list: Vec<_> = children.iter().map(parts).collect();
    (!list.is_empty()).then(|| serde_json::to_string(&list).unwrap_or_default().into())
}

/// Reads [`children_text`] back.
fn children_parse(text: &str) -> Option<Vec<Child>> {
    let list: Vec<(String, String, i64)> = serde_json::from_str(text).ok()?;
    let child = |(trade, merchant, minor): &(String, String, i64)| {
        let (trade, merchant) = (TradeId::parse(trade)?, MerchantId::parse(merchant)?);
        Some(Child { trade, merchant, amount: Amount::new(*minor).ok()? })
    };
    if list.is_empty() { None } else { list.iter().map(child).collect() }
}

/// The word of what happens to late money.
pub(crate) fn late_word(late: LateSuccess) -> &'static str {
    match late {
        LateSuccess::Refund => "refund",
        LateSuccess::Reopen => "reopen",
    }
}

/// Reads [`late_word`] back.
pub(crate) fn late_parse(word: &str) -> Option<LateSuccess> {
    [LateSuccess::Refund, LateSuccess::Reopen].into_iter().find(|late| late_word(*late) == word)
}

fn trade(row: TradeRow, dues: Vec<Due>, splits: Vec<Split>) -> Result<Trade, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "trade", column, why };
    let currency = Currency::parse(&row.currency).ok_or(wrong("currency", "is no currency"))?;
    let amount = Amount::new(row.amount).map_err(|_| wrong("amount", "is no amount"))?;
    let reason = match row.reason.as_deref() {
        None => None,
        Some(word) => Some(ClosedReason::parse(word).ok_or(wrong("reason", "is no reason"))?),
    };
    let metadata = match row.metadata.as_deref() {
        None => BTreeMap::new(),
        Some(text) => serde_json::from_str(text).map_err(|_| wrong("metadata", "is not a map of texts"))?,
    };
    Ok(Trade {
        id: TradeId(RootId::from_bytes(row.trade)),
        context: Context {
            merchant: MerchantId(RootId::from_bytes(row.merchant)),
            order_type: OrderType::parse(&row.order_type).ok_or(wrong("order_type", "is no type"))?,
            sub_type: SubType::parse(&row.sub_type).ok_or(wrong("sub_type", "is no scene"))?,
        },
        merchant_order_id: row.merchant_order_id.into(),
        money: Money { amount, currency },
        payer: payer_parse(&row.payer).ok_or(wrong("payer", "is no owner"))?,
        subject: row.subject.map(Into::into),
        created_at: Time::from_micros(row.created_at),
        expires_at: Time::from_micros(row.expires_at),
        expiry_given: row.expiry_given,
        confirm_by: row.confirm_by.map(Time::from_micros),
        return_url: row.return_url.map(Into::into),
        metadata,
        late_success: late_parse(&row.late_success).ok_or(wrong("late_success", "is no rule"))?,
        unpaid_due: match row.unpaid_due.as_deref() {
            None => None,
            Some(word) => Some(UnpaidDue::parse(word).ok_or(wrong("unpaid_due", "is no way"))?),
        },
        away: row.to_shard.map(|to| Way { from: row.shard, to }),
        destination: match row.destination.as_deref() {
            None => None,
            Some(text) => Some(destination_parse(text).ok_or(wrong("destination", "is none"))?),
        },
        children: match row.children.as_deref() {
            None => Vec::new(),
            Some(text) => children_parse(text).ok_or(wrong("children", "is no list of them"))?,
        },
        parent: row.parent.map(|parent| TradeId(RootId::from_bytes(parent))),
        status: Status::parse(&row.status, row.closing, reason).ok_or(wrong("status", "fits no state"))?,
        sequence: row.sequence,
        paid: row.paid,
        moved: Moved {
            released: row.released,
            returned_before: row.returned_before,
            returned_after: row.returned_after,
            returning_before: row.returning_before,
            returning_after: row.returning_after,
        },
        dues,
        splits,
    })
}

fn due(row: DueRow) -> Result<Due, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "due", column, why };
    let number = |value, column| u16::try_from(value).map_err(|_| wrong(column, "is no number in a tree"));
    Ok(Due {
        no: number(row.no, "no")?,
        amount: Amount::new(row.amount).map_err(|_| wrong("amount", "is no amount"))?,
        opens_at: Time::from_micros(row.opens_at),
        expires_at: Time::from_micros(row.expires_at),
        paid: match (row.payment, row.paid_at) {
            (None, None) => None,
            (Some(payment), Some(at)) => {
                Some(DuePaid { payment: number(payment, "payment")?, at: Time::from_micros(at) })
            }
            (None, Some(_)) | (Some(_), None) => return Err(wrong("paid_at", "says otherwise than the payment")),
        },
    })
}

fn split(row: SplitRow) -> Result<Split, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "split", column, why };
    Ok(Split {
        no: u16::try_from(row.no).map_err(|_| wrong("no", "is no number in a tree"))?,
        receiver: Owner::parse(&row.receiver, None).ok_or(wrong("receiver", "names no owner"))?,
        amount: Amount::new(row.amount).map_err(|_| wrong("amount", "is no amount"))?,
        moved: Moved {
            released: row.released,
            returned_before: row.returned_before,
            returned_after: row.returned_after,
            returning_before: row.returning_before,
            returning_after: row.returning_after,
        },
    })
}
