//! Refunds, their parts by instruction, and their lines by receiver.

use compact_str::ToCompactString as _;
use kernel::Time;
use kernel::message::payment::RefundShare;
use payment::{Line, Part, PartSource, PartStatus, ReasonCode, Refund, RefundStatus, Way};

use super::fits::Fits;
use super::{Children, list};
use crate::door::{Cell, Inconsistent};
use crate::unit::read_all;
use crate::{Row, Text, row};

row! {
    /// Money given back for one payment.
    pub struct RefundRow in Main "refund" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree, from 1.
        pub no: i64,
        /// The number of the payment whose money it is.
        pub payment: i64,
        /// The merchant's own number.
        pub merchant_refund_id: Option<Text>,
        /// Free text of the merchant.
        pub reason: Option<Text>,
        /// Why it exists.
        pub reason_code: Text,
        /// Minor units; the sum of its parts.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// What it takes from whom, as JSON triples of owner, minor units before and after release; null where no receiver
        /// ever had it.
        pub shares: Option<Text>,
        /// pending, succeeded or returned.
        pub status: Text,
        /// What the simulated institution does.
        pub sandbox: Option<Text>,
        /// How many public events it had.
        pub sequence: i64,
        /// Microseconds.
        pub created_at: i64,
    }
    check "amount > 0";
    check "status IN ('pending', 'succeeded', 'returned')";
    check "(reason_code = 'merchant') = (merchant_refund_id IS NOT NULL)";
}

row! {
    /// What a refund gives back of one instruction.
    pub struct PartRow in Main "refund_part" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number through all refunds of the trade, from 1.
        pub no: i64,
        /// The number of its refund.
        pub refund: i64,
        /// The number of the instruction that brought the money.
        pub instruction: i64,
        /// Minor units, in the refund's currency.
        pub amount: i64,
        /// Where it stands.
        pub status: Text,
        /// The number of the channel order that serves it; the latest where it was tried again.
        pub channel_order: Option<i64>,
        /// Where the money is: receivers, received, suspense or paid_out.
        pub source: Text,
        /// Where it goes: balance, coupon_source, coupon_again, stored, points, credit or channel.
        pub way: Text,
        /// How many points go with it; null where none do.
        pub points: Option<i64>,
    }
    check "amount > 0";
    check "status IN ('pending', 'unknown', 'succeeded', 'failed', 'returned')";
    check "source IN ('receivers', 'received', 'suspense', 'paid_out')";
    check "way IN ('balance', 'coupon_source', 'coupon_again', 'stored', 'points', 'credit', 'channel')";
    check "points > 0 AND way = 'points' OR points IS NULL";
}

row! {
    /// What a part takes from one receiver.
    pub struct LineRow in Main "refund_line" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number through all refunds of the trade, from 1.
        pub no: i64,
        /// The number of its part.
        pub part: i64,
        /// Whose money it is, in canonical text form.
        pub receiver: Text,
        /// Whether the receiver already had it.
        pub released: bool,
        /// Minor units.
        pub amount: i64,
    }
    check "amount > 0";
}

/// The rows of refunds, parts and lines.
pub(super) fn rows(shard: i64, trade: [u8; 16], refunds: &[Refund]) -> [Vec<Vec<Cell>>; 3] {
    let mut tables = [Vec::with_capacity(refunds.len()), Vec::new(), Vec::new()];
    let [of_refunds, of_parts, of_lines] = &mut tables;
    for refund in refunds {
        of_refunds.push(refund_row(shard, trade, refund).cells());
        for part in &refund.parts {
            of_parts.push(part_row(shard, trade, refund.no, part).cells());
            of_lines.extend(part.lines.iter().map(|line| line_row(shard, trade, part.no, line).cells()));
        }
    }
    tables
}

/// The refunds that these rows are.
pub(super) fn assemble(
    refunds: Option<Vec<Vec<Cell>>>,
    parts: Option<Vec<Vec<Cell>>>,
    lines: Option<Vec<Vec<Cell>>>,
) -> Result<Vec<Refund>, Inconsistent> {
    let mut lines = Children::read(lines, |row: LineRow| Ok((row.part, line(&row)?)))?;
    let mut parts = Children::read(parts, |row: PartRow| Ok((row.refund, part(&row, lines.take(row.no))?)))?;
    lines.all_taken(Inconsistent { table: "refund_line", column: "part", why: "names no part" })?;
    let refunds: Vec<_> = read_all::<RefundRow>(refunds)?
        .into_iter()
        .map(|row| {
            let parts = parts.take(row.no);
            refund(row, parts)
        })
        .collect::<Result<_, _>>()?;
    parts.all_taken(Inconsistent { table: "refund_part", column: "refund", why: "names no refund" })?;
    Ok(refunds)
}

fn refund_row(shard: i64, trade: [u8; 16], refund: &Refund) -> RefundRow {
    let shares = refund.shares.iter().map(|share| (share.receiver.to_string(), share.before, share.after));
    RefundRow {
        shard,
        trade,
        no: i64::from(refund.no),
        payment: i64::from(refund.payment),
        merchant_refund_id: refund.merchant_refund_id.as_deref().map(Into::into),
        reason: refund.reason.as_deref().map(Into::into),
        reason_code: refund.reason_code.as_str().into(),
        amount: refund.money.amount.minor(),
        currency: refund.money.currency.code().into(),
        shares: list(shares).map(Into::into),
        status: refund.status.as_str().into(),
        sandbox: refund.sandbox.as_deref().map(Into::into),
        sequence: refund.sequence,
        created_at: refund.created_at.micros(),
    }
}

fn part_row(shard: i64, trade: [u8; 16], refund: u16, part: &Part) -> PartRow {
    PartRow {
        shard,
        trade,
        no: i64::from(part.no),
        refund: i64::from(refund),
        instruction: i64::from(part.instruction),
        amount: part.amount.minor(),
        status: part.status.as_str().into(),
        channel_order: part.order.map(i64::from),
        source: part.source.as_str().into(),
        way: part.way.as_str().into(),
        points: Some(part.points).filter(|points| *points > 0),
    }
}

fn line_row(shard: i64, trade: [u8; 16], part: u16, line: &Line) -> LineRow {
    LineRow {
        shard,
        trade,
        no: i64::from(line.no),
        part: i64::from(part),
        receiver: line.receiver.to_compact_string(),
        released: line.released,
        amount: line.amount.minor(),
    }
}

fn refund(row: RefundRow, parts: Vec<Part>) -> Result<Refund, Inconsistent> {
    let fits = Fits("refund");
    let share = |(receiver, before, after): (String, i64, i64)| {
        Ok(RefundShare { receiver: fits.owner("shares", &receiver)?, before, after })
    };
    Ok(Refund {
        no: fits.number("no", row.no)?,
        payment: fits.number("payment", row.payment)?,
        merchant_refund_id: row.merchant_refund_id.map(Into::into),
        reason: row.reason.map(Into::into),
        reason_code: fits.word("reason_code", ReasonCode::parse(&row.reason_code))?,
        money: fits.money(row.amount, &row.currency)?,
        shares: fits.list("shares", row.shares.as_deref())?.into_iter().map(share).collect::<Result<_, _>>()?,
        status: fits.word("status", RefundStatus::parse(&row.status))?,
        parts,
        sandbox: row.sandbox.map(Into::into),
        sequence: row.sequence,
        created_at: Time::from_micros(row.created_at),
    })
}

fn part(row: &PartRow, lines: Vec<Line>) -> Result<Part, Inconsistent> {
    let fits = Fits("refund_part");
    Ok(Part {
        no: fits.number("no", row.no)?,
        instruction: fits.number("instruction", row.instruction)?,
        amount: fits.amount("amount", row.amount)?,
        points: fits.points("points", row.points)?,
        status: fits.word("status", PartStatus::parse(&row.status))?,
        order: row.channel_order.map(|order| fits.number("channel_order", order)).transpose()?,
        source: fits.word("source", PartSource::parse(&row.source))?,
        way: fits.word("way", Way::parse(&row.way))?,
        lines,
    })
}

fn line(row: &LineRow) -> Result<Line, Inconsistent> {
    let fits = Fits("refund_line");
    Ok(Line {
        no: fits.number("no", row.no)?,
        receiver: fits.owner("receiver", &row.receiver)?,
        released: row.released,
        amount: fits.amount("amount", row.amount)?,
    })
}
