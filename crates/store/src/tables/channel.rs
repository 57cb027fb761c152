//! The channel gateway: orders at institutions, and the evidence of what institutions said.

use channel::Orders;
use channel::order::{Evidence, Job, Order, Outcome, Source};
use kernel::message::channel::{Credential, Purpose};
use kernel::{
    Amount, Context, Currency, InstructionId, MerchantId, Money, OrderId, OrderType, RootId, SubType, Time, TradeId,
};

use super::trade::{destination_parse, destination_text};
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// One attempt at an institution; durable before the call.
    pub struct OrderRow in Main "channel_order" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree.
        pub no: i64,
        /// The number of the instruction it receives money for.
        pub instruction: Option<i64>,
        /// The number of the order whose money it gives back.
        pub refund_of: Option<i64>,
        /// The tree of that order, where it is that of the combined trade which paid this one.
        pub parent: Option<[u8; 16]>,
        /// The number of the refund part it serves.
        pub part: Option<i64>,
        /// From the context.
        pub merchant: [u8; 16],
        /// From the context.
        pub order_type: Text,
        /// From the context.
        pub sub_type: Text,
        /// The channel account; the context's institution.
        pub pay_org: Text,
        /// What is paid with.
        pub method: Text,
        /// Minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// What the simulated institution does.
        pub sandbox: Option<Text>,
        /// Where it pays out to, as the trade has it; personal data. Null where it does not pay out.
        pub destination: Option<Text>,
        /// Where it stands.
        pub status: Text,
        /// Whether the institution is to close it.
        pub closing: bool,
        /// redirect or qr_code.
        pub credential_kind: Option<Text>,
        /// Its address or content.
        pub credential: Option<Text>,
        /// Calls made.
        pub attempts: i64,
        /// Queries made.
        pub queries: i64,
        /// Microseconds.
        pub next_call_at: Option<i64>,
        /// Microseconds.
        pub next_query_at: Option<i64>,
        /// Microseconds.
        pub created_at: i64,
        /// Microseconds.
        pub lifetime_until: i64,
        /// The institution's number of the first movement.
        pub channel_no: Option<Text>,
        /// How often money came.
        pub receipts: i64,
        /// Whether people were told that there is no final word.
        pub silent: bool,
    }
    check "amount > 0 AND receipts >= 0";
    check "(instruction IS NULL) <> (refund_of IS NULL)";
    check "(refund_of IS NULL) = (part IS NULL)";
    check "destination IS NULL OR instruction IS NOT NULL";
    check "parent IS NULL OR refund_of IS NOT NULL AND parent <> trade";
}

row! {
    /// One word of an institution. Never changed.
    pub struct EvidenceRow in Main "evidence" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree.
        pub no: i64,
        /// The order's number.
        pub channel_order: i64,
        /// answer, notify or query.
        pub source: Text,
        /// What was said.
        pub outcome: Text,
        /// Minor units, where money was named.
        pub amount: Option<i64>,
        /// ISO 4217, where money was named.
        pub currency: Option<Text>,
        /// The institution's number of the movement, or of the dispute.
        pub channel_no: Option<Text>,
        /// Microseconds.
        pub at: i64,
        /// SHA-256 of the raw message.
        pub digest: [u8; 32],
    }
}

/// Every table of this domain.
pub const TABLES: &[&crate::Table] = &[OrderRow::TABLE, EvidenceRow::TABLE];

impl Aggregate for Orders {
    type Key = TradeId;
    const TABLES: &'static [&'static crate::Table] = TABLES;

    fn prefix(key: TradeId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let trade = self.trade.0.bytes();
        let orders = self.orders.iter().map(|order| order_row(shard, trade, order).cells()).collect();
        let evidence = self.evidence.iter().map(|word| evidence_row(shard, trade, word).cells()).collect();
        vec![orders, evidence]
    }

    fn assemble(trade: TradeId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let mut tables = rows.into_iter();
        let orders: Vec<Order> =
            read_all::<OrderRow>(tables.next())?.into_iter().map(|row| order(trade, row)).collect::<Result<_, _>>()?;
        let evidence = read_all::<EvidenceRow>(tables.next())?.into_iter().map(word).collect::<Result<Vec<_>, _>>()?;
        Ok((!orders.is_empty()).then_some(Self { trade, orders, evidence }))
    }
}

fn order_row(shard: i64, trade: [u8; 16], order: &Order) -> OrderRow {
    let (instruction, refund_of, part) = match order.job.purpose() {
        Purpose::Pay(instruction) | Purpose::Payout(instruction) => (Some(i64::from(instruction.no)), None, None),
        Purpose::Refund { of, part } => (None, Some(i64::from(of.no)), Some(i64::from(part))),
    };
    let parent = match order.job.purpose() {
        Purpose::Refund { of, .. } if of.trade.0.bytes() != trade => Some(of.trade.0.bytes()),
        Purpose::Refund { .. } | Purpose::Pay(_) | Purpose::Payout(_) => None,
    };
    let (credential_kind, credential) = credential_columns(order.credential.as_ref());
    OrderRow {
        shard,
        trade,
        no: i64::from(order.no),
        instruction,
        refund_of,
        parent,
        part,
        merchant: order.context.merchant.0.bytes(),
        order_type: order.context.order_type.as_str().into(),
        sub_type: order.context.sub_type.as_str().into(),
        pay_org: order.channel_account.as_str().into(),
        method: order.method.as_str().into(),
        amount: order.money.amount.minor(),
        currency: order.money.currency.code().into(),
        sandbox: order.sandbox.as_deref().map(Into::into),
        destination: order.destination.as_ref().map(destination_text),
        status: order.job.status().into(),
        closing: order.closing,
        credential_kind,
        credential,
        attempts: i64::from(order.attempts),
        queries: i64::from(order.queries),
        next_call_at: order.next_call_at.map(Time::micros),
        next_query_at: order.next_query_at.map(Time::micros),
        created_at: order.created_at.micros(),
        lifetime_until: order.lifetime_until.micros(),
        channel_no: order.channel_no.as_deref().map(Into::into),
        receipts: i64::from(order.receipts),
        silent: order.silent,
    }
}

fn evidence_row(shard: i64, trade: [u8; 16], word: &Evidence) -> EvidenceRow {
    EvidenceRow {
        shard,
        trade,
        no: i64::from(word.no),
        channel_order: i64::from(word.order),
        source: word.source.as_str().into(),
        outcome: word.outcome.as_str().into(),
        amount: word.amount,
        currency: word.currency.map(|currency| currency.code().into()),
        channel_no: word.channel_no.as_deref().map(Into::into),
        at: word.at.micros(),
        digest: word.digest,
    }
}

/// The columns `credential_kind` and `credential`.
pub(crate) fn credential_columns(credential: Option<&Credential>) -> (Option<Text>, Option<Text>) {
    match credential {
        None => (None, None),
        Some(Credential::Redirect(url)) => (Some("redirect".into()), Some(url.as_str().into())),
        Some(Credential::QrCode(data)) => (Some("qr_code".into()), Some(data.as_str().into())),
    }
}

/// Reads [`credential_columns`] of a table back.
pub(crate) fn credential(
    table: &'static str,
    kind: Option<&str>,
    text: Option<Text>,
) -> Result<Option<Credential>, Inconsistent> {
    match (kind, text) {
        (None, None) => Ok(None),
        (Some("redirect"), Some(url)) => Ok(Some(Credential::Redirect(url.into()))),
        (Some("qr_code"), Some(data)) => Ok(Some(Credential::QrCode(data.into()))),
        _ => Err(Inconsistent { table, column: "credential_kind", why: "is no kind of credential" }),
    }
}

fn order(trade: TradeId, row: OrderRow) -> Result<Order, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "channel_order", column, why };
    let number = |value: i64, column| u16::try_from(value).map_err(|_| wrong(column, "is no number in a tree"));
    let destination = match row.destination.as_deref() {
        None => None,
        Some(text) => Some(destination_parse(text).ok_or(wrong("destination", "is none"))?),
    };
    let purpose = match (row.instruction, row.refund_of, row.part) {
        _ if row.parent.is_some() && row.refund_of.is_none() => return Err(wrong("parent", "goes with a refund only")),
        (Some(no), None, None) if destination.is_some() => {
            Purpose::Payout(InstructionId::new(trade, number(no, "instruction")?))
        }
        (Some(no), None, None) => Purpose::Pay(InstructionId::new(trade, number(no, "instruction")?)),
        (None, Some(of), Some(part)) => {
            let tree = row.parent.map_or(trade, |parent| TradeId(RootId::from_bytes(parent)));
            Purpose::Refund { of: OrderId::new(tree, number(of, "refund_of")?), part: number(part, "part")? }
        }
        _ => return Err(wrong("instruction", "names no purpose together with refund_of and part")),
    };
    let credential = credential("channel_order", row.credential_kind.as_deref(), row.credential)?;
    let currency = Currency::parse(&row.currency).ok_or(wrong("currency", "is no currency"))?;
    Ok(Order {
        no: number(row.no, "no")?,
        job: Job::parse(&purpose, &row.status).ok_or(wrong("status", "is no state of such an order"))?,
        context: Context {
            merchant: MerchantId(RootId::from_bytes(row.merchant)),
            order_type: OrderType::parse(&row.order_type).ok_or(wrong("order_type", "is no type"))?,
            sub_type: SubType::parse(&row.sub_type).ok_or(wrong("sub_type", "is no scene"))?,
        },
        channel_account: row.pay_org.into(),
        method: row.method.into(),
        money: Money { amount: Amount::new(row.amount).map_err(|_| wrong("amount", "is no amount"))?, currency },
        sandbox: row.sandbox.map(Into::into),
        destination,
        closing: row.closing,
        credential,
        attempts: number(row.attempts, "attempts")?,
        queries: number(row.queries, "queries")?,
        next_call_at: row.next_call_at.map(Time::from_micros),
        next_query_at: row.next_query_at.map(Time::from_micros),
        created_at: Time::from_micros(row.created_at),
        lifetime_until: Time::from_micros(row.lifetime_until),
        channel_no: row.channel_no.map(Into::into),
        receipts: number(row.receipts, "receipts")?,
        silent: row.silent,
    })
}

fn word(row: EvidenceRow) -> Result<Evidence, Inconsistent> {
    let wrong = |column, why| Inconsistent { table: "evidence", column, why };
    let number = |value: i64, column| u16::try_from(value).map_err(|_| wrong(column, "is no number in a tree"));
    let currency = match row.currency.as_deref() {
        None => None,
        Some(code) => Some(Currency::parse(code).ok_or(wrong("currency", "is no currency"))?),
    };
    Ok(Evidence {
        no: number(row.no, "no")?,
        order: number(row.channel_order, "channel_order")?,
        source: Source::parse(&row.source).ok_or(wrong("source", "is no source"))?,
        outcome: Outcome::parse(&row.outcome).ok_or(wrong("outcome", "is no outcome"))?,
        amount: row.amount,
        currency,
        channel_no: row.channel_no.map(Into::into),
        at: Time::from_micros(row.at),
        digest: row.digest,
    })
}
