//! The payment core: a trade's payments with their instructions, its refunds, its disputes, its cases; coupons, gifts and
//! grants of points.
//!
//! Everything of one trade is read and written as one aggregate, so each table is one range of the trade's tree. A payment
//! by balance is two narrow rows: what only an outside leg, a coupon or a failure needs is null elsewhere. The context
//! stands on the payment, its institution (`pay_org`) on each instruction; everything below is found through them.

mod case;
mod counter;
mod coupon;
mod credit;
mod dispute;
mod fits;
mod gift;
mod points;
mod refund;

use std::collections::{BTreeMap, BTreeSet};

use kernel::message::accounting::CouponSource;
use kernel::message::payment::Tool;
use kernel::message::risk::{Assessment, Signals, Switch};
use kernel::message::trade::Share;
use kernel::{
    Context, CouponId, DestinationType, MerchantId, OrderType, Owner, PayOrg, PaymentId, RootId, StoredKind, SubType,
    Time, TradeId,
};
use payment::{
    CouponUse, Ending, Failure, FailureCode, Instruction, InstructionStatus, Payment, PaymentStatus, Payments,
    PointsUse,
};

use self::fits::Fits;
use super::channel::{credential, credential_columns};
use super::trade::{late_parse, late_word, payer_parse, payer_text};
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

pub use self::case::{CaseRow, CaseStepRow};
pub use self::counter::CounterRow;
pub use self::coupon::CouponRow;
pub use self::credit::{BillRow, CreditLineRow};
pub use self::dispute::{DisputeLineRow, DisputeRow};
pub use self::gift::{GiftClaimRow, GiftRow};
pub use self::points::PointsGrantRow;
pub use self::refund::{LineRow, PartRow, RefundRow};

row! {
    /// One attempt to pay a due.
    pub struct PaymentRow in Main "payment" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree, from 1.
        pub no: i64,
        /// The number of the due it pays.
        pub due: i64,
        /// The combined trade whose payment it is a share of.
        pub parent: Option<[u8; 16]>,
        /// The number of that payment.
        pub parent_no: Option<i64>,
        /// From the context.
        pub merchant: [u8; 16],
        /// From the context.
        pub order_type: Text,
        /// From the context.
        pub sub_type: Text,
        /// Minor units; the sum of its instructions.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// Whose money it is, as the trade has it.
        pub payer: Text,
        /// Who gets the money at once, as JSON pairs of owner and minor units; null where it waits in escrow.
        pub receivers: Option<Text>,
        /// Microseconds.
        pub expires_at: i64,
        /// refund or reopen.
        pub late_success: Text,
        /// Where it stands.
        pub status: Text,
        /// Why it failed, for programs.
        pub failure_code: Option<Text>,
        /// Why it failed, for people.
        pub failure_message: Option<Text>,
        /// As what it will end, where somebody wants it ended.
        pub ending: Option<Text>,
        /// Whether the trade stopped taking payments.
        pub stopped: bool,
        /// The version of the rules that planned it.
        pub rule_version: i64,
        /// What its request said of who pays, as JSON; null where it said nothing.
        pub signals: Option<Text>,
        /// What was switched off when it was planned, as JSON; null where nothing was.
        pub switches: Option<Text>,
        /// What was heard of the outside risk service, as JSON; null where it was not asked about.
        pub assessment: Option<Text>,
        /// How many public events it had.
        pub sequence: i64,
        /// Microseconds.
        pub created_at: i64,
    }
    check "amount > 0";
    check "status IN ('created', 'requires_action', 'processing', 'succeeded', 'failed', 'canceled', 'expired', 'review')";
    check "(status = 'failed') = (failure_code IS NOT NULL)";
    check "(failure_code IS NULL) = (failure_message IS NULL)";
    check "(parent IS NULL) = (parent_no IS NULL) AND (parent IS NULL OR parent <> trade AND status = 'succeeded')";
}

row! {
    /// One tool's part of a payment.
    pub struct InstructionRow in Main "instruction" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number through all payments of the trade, from 1.
        pub no: i64,
        /// The number of its payment.
        pub payment: i64,
        /// balance, coupon, points, credit, channel, payout, or the kind of stored value.
        pub tool: Text,
        /// The channel account that serves it, or internal; the context's institution.
        pub pay_org: Text,
        /// Minor units.
        pub amount: i64,
        /// Where it stands.
        pub status: Text,
        /// Minor units it brought in the payment's currency.
        pub received: i64,
        /// Minor units of these on their way back.
        pub returning: i64,
        /// Minor units of these that went back.
        pub returned: i64,
        /// The coupon.
        pub coupon: Option<[u8; 16]>,
        /// Where the money of a coupon or of points came from: expense, or the owner of a budget.
        pub source: Option<Text>,
        /// Minor units of the coupon's face beyond the part used.
        pub coupon_rest: Option<i64>,
        /// How many points it takes; a small share of what paid a cart may take none.
        pub points: Option<i64>,
        /// What the payer's credit was limited to, minor units.
        pub credit_limit: Option<i64>,
        /// What is paid with at the institution; to what kind of account it pays out.
        pub method: Option<Text>,
        /// What the simulated institution does.
        pub sandbox: Option<Text>,
        /// The number of its channel order.
        pub channel_order: Option<i64>,
        /// 1 while that order may still bring money.
        pub open: Option<i64>,
        /// How many receipts its order had; null is none.
        pub receipts: Option<i64>,
        /// 1 where its money counts for no payment.
        pub surplus: Option<i64>,
        /// 1 where its money lies in suspense.
        pub suspended: Option<i64>,
        /// redirect or qr_code.
        pub credential_kind: Option<Text>,
        /// Its address or content.
        pub credential: Option<Text>,
    }
    check "amount > 0";
    check "status IN ('created', 'held', 'sent', 'pending', 'unknown', 'succeeded', 'failed', 'canceled', 'superseded', 'reversed')";
    check "received >= 0 AND \"returning\" >= 0 AND returned >= 0 AND returned + \"returning\" <= received";
    check "(tool IN ('channel', 'payout')) = (method IS NOT NULL) AND (tool = 'coupon') = (coupon IS NOT NULL)";
    check "(tool IN ('channel', 'payout')) = (pay_org <> 'internal')";
    check "coupon_rest >= 0 AND receipts > 0 AND points >= 0 AND credit_limit >= 0";
    check "(tool = 'credit') = (credit_limit IS NOT NULL)";
    check "(tool = 'points') = (points IS NOT NULL) AND (tool IN ('coupon', 'points')) = (source IS NOT NULL)";
}

/// Every table of this domain.
pub const TABLES: &[&crate::Table] = &[
    PaymentRow::TABLE,
    InstructionRow::TABLE,
    RefundRow::TABLE,
    PartRow::TABLE,
    LineRow::TABLE,
    DisputeRow::TABLE,
    DisputeLineRow::TABLE,
    CaseRow::TABLE,
    CaseStepRow::TABLE,
    CouponRow::TABLE,
    CounterRow::TABLE,
    GiftRow::TABLE,
    GiftClaimRow::TABLE,
    PointsGrantRow::TABLE,
    CreditLineRow::TABLE,
    BillRow::TABLE,
];

impl Aggregate for Payments {
    type Key = TradeId;
    const TABLES: &'static [&'static crate::Table] = &[
        PaymentRow::TABLE,
        InstructionRow::TABLE,
        RefundRow::TABLE,
        PartRow::TABLE,
        LineRow::TABLE,
        DisputeRow::TABLE,
        DisputeLineRow::TABLE,
        CaseRow::TABLE,
        CaseStepRow::TABLE,
    ];

    fn prefix(key: TradeId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let trade = self.trade.0.bytes();
        let payments = self.payments.iter().map(|payment| payment_row(shard, trade, payment).cells()).collect();
        let legs =
            self.payments.iter().flat_map(|payment| payment.instructions.iter().map(move |leg| (payment.no, leg)));
        let legs = legs.map(|(payment, leg)| instruction_row(shard, trade, payment, leg).cells()).collect();
        let [refunds, parts, lines] = refund::rows(shard, trade, &self.refunds);
        let [disputes, of_disputes] = dispute::rows(shard, trade, &self.disputes);
        let [cases, steps] = case::rows(shard, trade, &self.cases);
        vec![payments, legs, refunds, parts, lines, disputes, of_disputes, cases, steps]
    }

    fn assemble(trade: TradeId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let mut tables = rows.into_iter();
        let payments = read_all::<PaymentRow>(tables.next())?;
        let mut legs = Children::read(tables.next(), |row: InstructionRow| Ok((row.payment, instruction(row)?)))?;
        let payments = payments.into_iter().map(|row| payment(row, &mut legs)).collect::<Result<Vec<_>, _>>()?;
        legs.all_taken(Inconsistent { table: "instruction", column: "payment", why: "names no payment" })?;
        let refunds = refund::assemble(tables.next(), tables.next(), tables.next())?;
        let disputes = dispute::assemble(tables.next(), tables.next())?;
        let cases = case::assemble(tables.next(), tables.next())?;
        Ok((!payments.is_empty()).then_some(Self { trade, payments, refunds, disputes, cases }))
    }
}

/// Rows read back, waiting for the row above them that they name.
struct Children<T>(BTreeMap<i64, Vec<T>>);

impl<T> Children<T> {
    /// Reads one table's rows; `read` gives the number of the row above and the value.
    fn read<R: Row>(
        rows: Option<Vec<Vec<Cell>>>,
        mut read: impl FnMut(R) -> Result<(i64, T), Inconsistent>,
    ) -> Result<Self, Inconsistent> {
        let mut children = Self(BTreeMap::new());
        for row in read_all::<R>(rows)? {
            let (above, value) = read(row)?;
            children.0.entry(above).or_default().push(value);
        }
        Ok(children)
    }

    /// Those of this row.
    fn take(&mut self, above: i64) -> Vec<T> {
        self.0.remove(&above).unwrap_or_default()
    }

    /// Succeeds where every row above was there.
    fn all_taken(self, otherwise: Inconsistent) -> Result<(), Inconsistent> {
        if self.0.is_empty() { Ok(()) } else { Err(otherwise) }
    }
}

fn payment_row(shard: i64, trade: [u8; 16], payment: &Payment) -> PaymentRow {
    let failure = payment.failure.as_ref();
    PaymentRow {
        shard,
        trade,
        no: i64::from(payment.no),
        due: i64::from(payment.due),
        parent: payment.parent.map(|parent| parent.trade.0.bytes()),
        parent_no: payment.parent.map(|parent| i64::from(parent.no)),
        merchant: payment.context.merchant.0.bytes(),
        order_type: payment.context.order_type.as_str().into(),
        sub_type: payment.context.sub_type.as_str().into(),
        amount: payment.money.amount.minor(),
        currency: payment.money.currency.code().into(),
        payer: payer_text(&payment.payer),
        receivers: list(payment.receivers.iter().map(|share| (share.receiver.to_string(), share.amount.minor())))
            .map(Into::into),
        expires_at: payment.expires_at.micros(),
        late_success: late_word(payment.late_success).into(),
        status: payment.status.as_str().into(),
        failure_code: failure.map(|failure| failure.code.as_str().into()),
        failure_message: failure.map(|failure| failure.message.clone()).map(Into::into),
        ending: payment.ending.map(|ending| ending.as_str().into()),
        stopped: payment.stopped,
        rule_version: payment.rule_version,
        signals: (!payment.signals.is_empty())
            .then(|| serde_json::to_string(&payment.signals).unwrap_or_default().into()),
        switches: list(payment.switches.iter()).map(Into::into),
        assessment: payment.assessment.as_ref().map(|it| serde_json::to_string(it).unwrap_or_default().into()),
        sequence: payment.sequence,
        created_at: payment.created_at.micros(),
    }
}

fn instruction_row(shard: i64, trade: [u8; 16], payment: u16, leg: &Instruction) -> InstructionRow {
    let (tool, coupon, method, sandbox) = match &leg.tool {
        Tool::Stored(kind) => (kind.as_str(), None, None, None),
        Tool::Balance => ("balance", None, None, None),
        Tool::Points => ("points", None, None, None),
        Tool::Credit => ("credit", None, None, None),
        Tool::Coupon(coupon) => ("coupon", Some(coupon.0.bytes()), None, None),
        Tool::Channel { method, sandbox } => ("channel", None, Some(method.clone()), sandbox.clone()),
        Tool::Payout { to, sandbox } => ("payout", None, Some(to.as_str().to_owned()), sandbox.clone()),
    };
    let pay_org = leg.channel_account.as_deref().map_or_else(PayOrg::internal, PayOrg::institution);
    let source = leg.coupon.as_ref().map(|used| &used.source).or(leg.points.as_ref().map(|used| &used.source));
    let (credential_kind, credential) = credential_columns(leg.credential.as_ref());
    InstructionRow {
        shard,
        trade,
        no: i64::from(leg.no),
        payment: i64::from(payment),
        tool: tool.into(),
        pay_org: pay_org.as_str().into(),
        amount: leg.amount.minor(),
        status: leg.status.as_str().into(),
        received: leg.received,
        returning: leg.returning,
        returned: leg.returned,
        coupon,
        source: source.map(|source| source_text(source).into()),
        coupon_rest: leg.coupon.as_ref().map(|used| used.rest),
        points: leg.points.as_ref().map(|used| used.points),
        credit_limit: leg.credit_limit,
        method: method.map(Into::into),
        sandbox: sandbox.map(Into::into),
        channel_order: leg.order.map(i64::from),
        open: mark(leg.open),
        receipts: (leg.receipts > 0).then_some(i64::from(leg.receipts)),
        surplus: mark(leg.surplus),
        suspended: mark(leg.suspended),
        credential_kind,
        credential,
    }
}

fn payment(row: PaymentRow, legs: &mut Children<Instruction>) -> Result<Payment, Inconsistent> {
    let fits = Fits("payment");
    let failure = match (row.failure_code.as_deref(), row.failure_message) {
        (None, None) => None,
        (Some(code), Some(message)) => {
            Some(Failure { code: fits.word("failure_code", FailureCode::parse(code))?, message: message.into() })
        }
        (None, Some(_)) | (Some(_), None) => return Err(fits.wrong("failure_message", "does not go with its code")),
    };
    let ending = row.ending.as_deref().map(|word| fits.word("ending", Ending::parse(word))).transpose()?;
    let share = |(receiver, minor): (String, i64)| {
        Ok(Share { receiver: fits.owner("receivers", &receiver)?, amount: fits.amount("receivers", minor)? })
    };
    Ok(Payment {
        no: fits.number("no", row.no)?,
        due: fits.number("due", row.due)?,
        parent: fits.parent(row.parent, row.parent_no)?.map(|(trade, no)| PaymentId::new(trade, no)),
        context: Context {
            merchant: MerchantId(RootId::from_bytes(row.merchant)),
            order_type: fits.word("order_type", OrderType::parse(&row.order_type))?,
            sub_type: fits.word("sub_type", SubType::parse(&row.sub_type))?,
        },
        money: fits.money(row.amount, &row.currency)?,
        payer: fits.word("payer", payer_parse(&row.payer))?,
        receivers: fits
            .list("receivers", row.receivers.as_deref())?
            .into_iter()
            .map(share)
            .collect::<Result<_, _>>()?,
        expires_at: Time::from_micros(row.expires_at),
        late_success: fits.word("late_success", late_parse(&row.late_success))?,
        status: fits.word("status", PaymentStatus::parse(&row.status))?,
        failure,
        ending,
        stopped: row.stopped,
        rule_version: row.rule_version,
        signals: signals(row.signals.as_deref())?,
        switches: switches(row.switches.as_deref())?,
        assessment: assessment(row.assessment.as_deref())?,
        sequence: row.sequence,
        created_at: Time::from_micros(row.created_at),
        instructions: legs.take(row.no),
    })
}

/// What a request said of who pays; null is nothing, and nothing else is.
fn signals(text: Option<&str>) -> Result<Signals, Inconsistent> {
    let Some(text) = text else { return Ok(Signals::default()) };
    let signals: Option<Signals> = serde_json::from_str(text).ok();
    let wrong = Inconsistent { table: "payment", column: "signals", why: "are no signals" };
    signals.filter(|signals| !signals.is_empty()).ok_or(wrong)
}

/// What was switched off; null is nothing, and nothing else is.
fn switches(text: Option<&str>) -> Result<BTreeSet<Switch>, Inconsistent> {
    let Some(text) = text else { return Ok(BTreeSet::new()) };
    let switches: Option<BTreeSet<Switch>> = serde_json::from_str(text).ok();
    let wrong = Inconsistent { table: "payment", column: "switches", why: "are no switches" };
    switches.filter(|switches| !switches.is_empty()).ok_or(wrong)
}

fn assessment(text: Option<&str>) -> Result<Option<Assessment>, Inconsistent> {
    let wrong = || Inconsistent { table: "payment", column: "assessment", why: "is none" };
    text.map(|text| serde_json::from_str(text).map_err(|_| wrong())).transpose()
}

fn instruction(row: InstructionRow) -> Result<Instruction, Inconsistent> {
    let fits = Fits("instruction");
    let tool = match (row.tool.as_str(), row.coupon, row.method, row.sandbox) {
        ("balance", None, None, None) => Tool::Balance,
        ("points", None, None, None) => Tool::Points,
        ("credit", None, None, None) => Tool::Credit,
        ("coupon", Some(coupon), None, None) => Tool::Coupon(CouponId(RootId::from_bytes(coupon))),
        ("channel", None, Some(method), sandbox) => {
            Tool::Channel { method: method.into(), sandbox: sandbox.map(Into::into) }
        }
        ("payout", None, Some(to), sandbox) => {
            Tool::Payout { to: fits.word("method", DestinationType::parse(&to))?, sandbox: sandbox.map(Into::into) }
        }
        (word, None, None, None) => Tool::Stored(fits.word("tool", StoredKind::parse(word))?),
        _ => return Err(fits.wrong("tool", "is no tool, or has what belongs to another")),
    };
    let source = row.source.as_deref().map(|source| fits.source("source", source)).transpose()?;
    let (coupon, points) = match (&tool, source, row.coupon_rest, row.points) {
        (Tool::Coupon(_), Some(source), Some(rest), None) => (Some(CouponUse { source, rest }), None),
        (Tool::Points, Some(source), None, Some(points)) if points >= 0 => (None, Some(PointsUse { points, source })),
        (
            Tool::Balance | Tool::Stored(_) | Tool::Credit | Tool::Channel { .. } | Tool::Payout { .. },
            None,
            None,
            None,
        ) => (None, None),
        _ => return Err(fits.wrong("source", "does not go with its tool")),
    };
    let credit_limit = match (&tool, row.credit_limit) {
        (Tool::Credit, Some(limit)) if limit >= 0 => Some(limit),
        (Tool::Credit, _) => return Err(fits.wrong("credit_limit", "does not go with its tool")),
        (_, None) => None,
        (_, Some(_)) => return Err(fits.wrong("credit_limit", "does not go with its tool")),
    };
    let channel_account = match (&tool, PayOrg::institution(&row.pay_org).is_internal()) {
        (Tool::Channel { .. } | Tool::Payout { .. }, false) => Some(row.pay_org),
        (Tool::Balance | Tool::Coupon(_) | Tool::Stored(_) | Tool::Points | Tool::Credit, true) => None,
        _ => return Err(fits.wrong("pay_org", "does not go with its tool")),
    };
    Ok(Instruction {
        no: fits.number("no", row.no)?,
        tool,
        amount: fits.amount("amount", row.amount)?,
        coupon,
        points,
        credit_limit,
        channel_account: channel_account.map(Into::into),
        order: row.channel_order.map(|order| fits.number("channel_order", order)).transpose()?,
        open: fits.mark("open", row.open)?,
        status: fits.word("status", InstructionStatus::parse(&row.status))?,
        received: row.received,
        returning: row.returning,
        returned: row.returned,
        receipts: fits.count("receipts", row.receipts)?,
        surplus: fits.mark("surplus", row.surplus)?,
        suspended: fits.mark("suspended", row.suspended)?,
        credential: credential("instruction", row.credential_kind.as_deref(), row.credential)?,
    })
}

/// A flag that is mostly unset: 1 or null.
fn mark(set: bool) -> Option<i64> {
    set.then_some(1)
}

/// A list as compact JSON; null where it is empty.
fn list<T: serde::Serialize>(items: impl Iterator<Item = T>) -> Option<String> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then(|| serde_json::to_string(&items).unwrap_or_default())
}

/// Where the money of a coupon or of points comes from, as text: `expense`, or the owner of a budget.
fn source_text(source: &CouponSource) -> String {
    match source {
        CouponSource::Expense => "expense".to_owned(),
        CouponSource::Budget(owner) => owner.to_string(),
    }
}

/// Reads [`source_text`] back; no owner is called `expense`.
fn source_parse(text: &str) -> Option<CouponSource> {
    if text == "expense" { Some(CouponSource::Expense) } else { Owner::parse(text, None).map(CouponSource::Budget) }
}
