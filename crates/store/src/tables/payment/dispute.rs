//! Disputes, and what they set aside of whom.

use compact_str::ToCompactString as _;
use kernel::{DisputeId, Time};
use payment::{Dispute, DisputeLine, DisputeStatus, Line};

use super::Children;
use super::fits::Fits;
use crate::door::{Cell, Inconsistent};
use crate::unit::read_all;
use crate::{Row, Text, row};

row! {
    /// Money that a buyer disputes.
    pub struct DisputeRow in Main "dispute" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree, from 1.
        pub no: i64,
        /// The number of the instruction that brought the money.
        pub instruction: i64,
        /// The trade of the combined trade's dispute whose share it is; null for one of its own.
        pub parent: Option<[u8; 16]>,
        /// The number of that dispute in its tree.
        pub parent_no: Option<i64>,
        /// The institution's number of it.
        pub channel_no: Text,
        /// Minor units that are disputed.
        pub amount: i64,
        /// ISO 4217; the payment's.
        pub currency: Text,
        /// The institution's word for why; null where only its end was told.
        pub reason: Option<Text>,
        /// Microseconds; null where only its end was told.
        pub respond_by: Option<i64>,
        /// open, won or lost.
        pub status: Text,
        /// Minor units that the institution took.
        pub lost: i64,
        /// Minor units that disputes of its trade's children are of.
        pub of_children: i64,
        /// How many public events it had.
        pub sequence: i64,
        /// Microseconds.
        pub opened_at: i64,
        /// Microseconds.
        pub closed_at: Option<i64>,
    }
    check "amount > 0 AND lost >= 0 AND of_children >= 0";
    check "(parent IS NULL) = (parent_no IS NULL) AND (parent IS NULL OR of_children = 0)";
    check "status IN ('open', 'won', 'lost')";
    check "(status = 'open') = (closed_at IS NULL) AND (status = 'lost') = (lost > 0)";
    check "(reason IS NULL) = (respond_by IS NULL)";
}

row! {
    /// What a dispute sets aside of one receiver.
    pub struct DisputeLineRow in Main "dispute_line" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number through all disputes of the trade, from 1.
        pub no: i64,
        /// The number of its dispute.
        pub dispute: i64,
        /// Whose money it is, in canonical text form.
        pub receiver: Text,
        /// Whether the receiver already had it.
        pub released: bool,
        /// Minor units.
        pub amount: i64,
        /// Minor units of these that the institution took.
        pub lost: i64,
    }
    check "amount > 0 AND lost >= 0 AND lost <= amount";
}

/// The rows of disputes and lines.
pub(super) fn rows(shard: i64, trade: [u8; 16], disputes: &[Dispute]) -> [Vec<Vec<Cell>>; 2] {
    let lines = disputes.iter().flat_map(|dispute| dispute.lines.iter().map(move |line| (dispute.no, line)));
    [
        disputes.iter().map(|dispute| dispute_row(shard, trade, dispute).cells()).collect(),
        lines.map(|(dispute, line)| line_row(shard, trade, dispute, line).cells()).collect(),
    ]
}

/// The disputes that these rows are.
pub(super) fn assemble(
    disputes: Option<Vec<Vec<Cell>>>,
    lines: Option<Vec<Vec<Cell>>>,
) -> Result<Vec<Dispute>, Inconsistent> {
    let mut lines = Children::read(lines, |row: DisputeLineRow| Ok((row.dispute, line(&row)?)))?;
    let disputes: Vec<_> = read_all::<DisputeRow>(disputes)?
        .into_iter()
        .map(|row| {
            let lines = lines.take(row.no);
            dispute(row, lines)
        })
        .collect::<Result<_, _>>()?;
    lines.all_taken(Inconsistent { table: "dispute_line", column: "dispute", why: "names no dispute" })?;
    Ok(disputes)
}

fn dispute_row(shard: i64, trade: [u8; 16], dispute: &Dispute) -> DisputeRow {
    DisputeRow {
        shard,
        trade,
        no: i64::from(dispute.no),
        instruction: i64::from(dispute.instruction),
        parent: dispute.parent.map(|parent| parent.trade.0.bytes()),
        parent_no: dispute.parent.map(|parent| i64::from(parent.no)),
        channel_no: dispute.channel_no.as_str().into(),
        amount: dispute.money.amount.minor(),
        currency: dispute.money.currency.code().into(),
        reason: dispute.reason.as_deref().map(Into::into),
        respond_by: dispute.respond_by.map(Time::micros),
        status: dispute.status.as_str().into(),
        lost: dispute.lost,
        of_children: dispute.of_children,
        sequence: dispute.sequence,
        opened_at: dispute.opened_at.micros(),
        closed_at: dispute.closed_at.map(Time::micros),
    }
}

fn line_row(shard: i64, trade: [u8; 16], dispute: u16, DisputeLine { line, lost }: &DisputeLine) -> DisputeLineRow {
    DisputeLineRow {
        shard,
        trade,
        no: i64::from(line.no),
        dispute: i64::from(dispute),
        receiver: line.receiver.to_compact_string(),
        released: line.released,
        amount: line.amount.minor(),
        lost: *lost,
    }
}

fn dispute(row: DisputeRow, lines: Vec<DisputeLine>) -> Result<Dispute, Inconsistent> {
    let fits = Fits("dispute");
    Ok(Dispute {
        no: fits.number("no", row.no)?,
        instruction: fits.number("instruction", row.instruction)?,
        parent: fits.parent(row.parent, row.parent_no)?.map(|(trade, no)| DisputeId::new(trade, no)),
        channel_no: row.channel_no.into(),
        money: fits.money(row.amount, &row.currency)?,
        reason: row.reason.map(Into::into),
        respond_by: row.respond_by.map(Time::from_micros),
        status: fits.word("status", DisputeStatus::parse(&row.status))?,
        lost: row.lost,
        lines,
        of_children: row.of_children,
        sequence: row.sequence,
        opened_at: Time::from_micros(row.opened_at),
        closed_at: row.closed_at.map(Time::from_micros),
    })
}

fn line(row: &DisputeLineRow) -> Result<DisputeLine, Inconsistent> {
    let fits = Fits("dispute_line");
    let line = Line {
        no: fits.number("no", row.no)?,
        receiver: fits.owner("receiver", &row.receiver)?,
        released: row.released,
        amount: fits.amount("amount", row.amount)?,
    };
    Ok(DisputeLine { line, lost: row.lost })
}
