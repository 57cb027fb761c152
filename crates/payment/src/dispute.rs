//! Disputes (拒付): an institution takes back what it had paid for a buyer, unless it finds for the merchant.
//!
//! 1. *Disputed*: what is left of the leg, neither refunded nor on its way back, is set aside: the trade says of whom, the
//!    books hold it towards 1011.{ca}.dispute. People have a case until the institution has decided. For what nothing of the
//!    leg is left there is a case of its own, and what a receiver is short of is owed by it (1062), with a case.
//! 2. *Won*: all of it is free again.
//! 3. *Lost*: what the institution takes is captured, spread over what was set aside; the rest is free again.
//!
//! Of a combined trade it is set aside of the children, by a dispute of each (`dispute/children.rs`).
//!
//! It counts together with refunds: both take of what the leg has left, so that both together never take more than it
//! brought. The institution decides, not we: nothing here is refused.

mod children;

use kernel::message::channel::Fact;
use kernel::message::payment::{RefundShare, ShareDisputed};
use kernel::money::allocate;
use kernel::{Amount, DisputeId, InstructionId, Money, OrderId, OrderType, Owner, Time};

use crate::case::{CaseKind, Subject};
use crate::draft::Draft;
use crate::event::{DisputeStep, Event, some_amount};
use crate::payment::PaymentStatus;
use crate::refund::Line;
use crate::spread;

/// Money that a buyer disputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Its number in the trade's tree.
    pub no: u16,
    /// The instruction that brought the money.
    pub instruction: u16,
    /// The dispute of a combined trade whose share it is: it ends with that one.
    pub parent: Option<DisputeId>,
    /// The institution's number of it.
    pub channel_no: String,
    /// How much is disputed, in the payment's currency.
    pub money: Money,
    /// The institution's word for why; none where only its end was told.
    pub reason: Option<String>,
    /// Until when the merchant may answer; none where only its end was told.
    pub respond_by: Option<Time>,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Minor units that the institution took in the end; perhaps more than was set aside.
    pub lost: i64,
    /// What was set aside of whom; together no more than is disputed.
    pub lines: Vec<DisputeLine>,
    /// Minor units that disputes of children are of, together; 0 where its trade pays none.
    pub of_children: i64,
    /// How many public events it has had.
    pub sequence: i64,
    /// When it was told.
    pub opened_at: Time,
    /// When its end was told.
    pub closed_at: Option<Time>,
}

/// What was set aside of one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeLine {
    /// Whose money it is, and where it was. Numbered through all disputes of the trade.
    pub line: Line,
    /// Minor units of it that the institution took in the end.
    pub lost: i64,
}

impl Dispute {
    /// Minor units that were set aside of the receivers.
    pub fn set_aside(&self) -> i64 {
        self.lines.iter().map(|line| line.line.amount.minor()).sum()
    }

    /// Minor units that were taken of the receivers in the end.
    pub fn taken(&self) -> i64 {
        self.lines.iter().map(|line| line.lost).sum()
    }

    /// Minor units that were set aside, of receivers or by disputes of children.
    pub fn covered(&self) -> i64 {
        self.set_aside().saturating_add(self.of_children)
    }

    /// Minor units of these that the institution took in the end.
    pub fn lost_of_covered(&self) -> i64 {
        self.lost.min(self.covered())
    }

    /// What is taken of whom: all that was set aside, or a part of each line.
    pub(crate) fn shares(&self, part: impl Fn(&DisputeLine) -> i64) -> Vec<RefundShare> {
        let mut shares: Vec<RefundShare> = Vec::new();
        for line in &self.lines {
            let minor = part(line);
            let (before, after) = if line.line.released { (0, minor) } else { (minor, 0) };
            let receiver: &Owner = &line.line.receiver;
            match shares.iter_mut().find(|share| share.receiver == *receiver) {
                _ if minor == 0 => {}
                Some(share) => {
                    share.before += before;
                    share.after += after;
                }
                None => shares.push(RefundShare { receiver: receiver.clone(), before, after }),
            }
        }
        shares
    }
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStatus {
    /// The institution has not decided.
    Open,
    /// Decided for the merchant.
    Won,
    /// Decided for the buyer, at least in part.
    Lost,
}

impl DisputeStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What an institution says about a dispute. Never refused; told twice, nothing happens.
pub(crate) fn told(draft: &mut Draft<'_>, fact: &Fact) {
    match fact {
        Fact::Disputed { order, instruction, number, money, reason, respond_by } => {
            if let Some(instruction) = of_order(draft, *order, *instruction) {
                let (channel_no, money, reason) = (number.clone(), *money, reason.clone());
                let respond_by = *respond_by;
                disputed(draft, Opening { parent: None, instruction, channel_no, money, reason, respond_by });
            }
        }
        Fact::DisputeWon { order, instruction, number } => {
            if let Some(dispute) = open(draft, *order, *instruction, number) {
                won(draft, dispute);
            }
        }
        Fact::DisputeLost { order, instruction, number, money } => {
            if let Some(dispute) = open(draft, *order, *instruction, number) {
                lost(draft, dispute, money.amount);
            }
        }
        Fact::Accepted { .. }
        | Fact::Pending { .. }
        | Fact::Unknown { .. }
        | Fact::Paid { .. }
        | Fact::NotPaid { .. }
        | Fact::Silent { .. }
        | Fact::Suspect { .. }
        | Fact::Refunded { .. }
        | Fact::RefundFailed { .. }
        | Fact::RefundReturned { .. }
        | Fact::PayoutPending { .. }
        | Fact::PayoutUnknown { .. }
        | Fact::PaidOut { .. }
        | Fact::PayoutFailed { .. }
        | Fact::PayoutReturned { .. } => {}
    }
}

/// The instruction that an order serves.
fn of_order(draft: &Draft<'_>, order: OrderId, instruction: InstructionId) -> Option<u16> {
    let ours = order.trade == draft.state.trade && instruction.trade == draft.state.trade;
    let leg = draft.state.leg(instruction.no).filter(|(_, leg)| ours && leg.order == Some(order.no));
    leg.map(|(_, leg)| leg.no)
}

/// The dispute of this number, where it waits for its end.
fn open(draft: &Draft<'_>, order: OrderId, instruction: InstructionId, number: &str) -> Option<u16> {
    let leg = of_order(draft, order, instruction)?;
    let known = draft.state.disputes.iter().find(|known| known.instruction == leg && known.channel_no == number);
    known.filter(|known| known.status == DisputeStatus::Open).map(|known| known.no)
}

/// What is said when money is disputed.
struct Opening {
    parent: Option<DisputeId>,
    instruction: u16,
    channel_no: String,
    money: Money,
    reason: Option<String>,
    respond_by: Option<Time>,
}

/// People have one case for it; of a share, the parent's dispute has it.
fn disputed(draft: &mut Draft<'_>, opening: Opening) {
    let Opening { parent, instruction, channel_no, money, reason, respond_by } = opening;
    let Some((payment, leg)) = draft.state.leg(instruction) else { return };
    let known = |it: &Dispute| it.instruction == instruction && it.channel_no == channel_no;
    if payment.money.currency != money.currency || draft.state.disputes.iter().any(known) {
        return;
    }
    let counts = payment.status == PaymentStatus::Succeeded && !leg.surplus;
    let shared = payment.context.order_type == OrderType::Combined;
    let left = match (counts, shared) {
        (false, _) => 0,
        (true, true) => children::left(draft.known.children, instruction),
        (true, false) => leg.left(),
    };
    let covered = left.min(money.amount.minor());
    let no = draft.state.next_dispute();
    draft.push(Event::DisputeOpened(Box::new(Dispute {
        no,
        instruction,
        parent,
        channel_no,
        money,
        reason,
        respond_by,
        status: DisputeStatus::Open,
        lost: 0,
        lines: Vec::new(),
        of_children: 0,
        sequence: 0,
        opened_at: draft.known.now,
        closed_at: None,
    })));
    if parent.is_none() {
        draft.open_case(CaseKind::Disputed, Subject::Dispute(no), money);
    }
    match some_amount(covered) {
        Some(amount) if shared => children::share(draft, no, amount),
        Some(amount) => draft.push(Event::DisputeSpreadAsked { dispute: no, amount }),
        None => {}
    }
    if let Some(amount) = some_amount(money.amount.minor() - covered) {
        draft.open_case(CaseKind::DisputeUncovered, Subject::Dispute(no), Money { amount, ..money });
    }
}

/// `ShareDisputed`: what a dispute of its parent means for this child. The institution's word was the parent's to judge.
pub(crate) fn share_disputed(draft: &mut Draft<'_>, parent: DisputeId, told: &ShareDisputed) {
    match told {
        ShareDisputed::Opened { instruction, channel_no, money, reason, respond_by } => {
            let (instruction, money, channel_no) = (*instruction, *money, channel_no.clone());
            let (reason, respond_by) = (reason.clone(), *respond_by);
            disputed(draft, Opening { parent: Some(parent), instruction, channel_no, money, reason, respond_by });
        }
        ShareDisputed::Ended { lost } => {
            let ours = |it: &&Dispute| it.parent == Some(parent) && it.status == DisputeStatus::Open;
            let Some(no) = draft.state.disputes.iter().find(ours).map(|it| it.no) else { return };
            match some_amount(*lost) {
                Some(amount) => self::lost(draft, no, amount),
                None => won(draft, no),
            }
        }
    }
}

/// `Dispute`: the trade says of whom it is taken.
pub(crate) fn spread(draft: &mut Draft<'_>, id: DisputeId, shares: &[RefundShare]) {
    let fits = |known: &&Dispute| known.status == DisputeStatus::Open && known.lines.is_empty();
    let Some(dispute) = draft.state.dispute(id.no).filter(|known| id.trade == draft.state.trade && fits(known)) else {
        return;
    };
    let no = dispute.no;
    let Some(total) = some_amount(shares.iter().map(|share| share.before + share.after).sum()) else {
        // What waits for the other dues of its trade is nobody's yet, and may go another way.
        let money = dispute.money;
        if draft.state.open_case(Subject::Dispute(no), CaseKind::DisputeUncovered).is_none() {
            draft.open_case(CaseKind::DisputeUncovered, Subject::Dispute(no), money);
        }
        return;
    };
    let lines = spread::over_receivers(&[total], shares, draft.state.next_dispute_line());
    draft.push(Event::DisputeSpread { dispute: no, lines: lines.into_iter().flatten().collect() });
    draft.push(Event::DisputeBooked { dispute: no, step: DisputeStep::Hold });
}

/// The books cannot hold all of it, because a receiver has not so much: what is short is owed by it, and people must look.
pub(crate) fn short(draft: &mut Draft<'_>, no: u16) {
    let Some(dispute) = draft.state.dispute(no) else { return };
    let Some(amount) = some_amount(dispute.set_aside()) else { return };
    let money = Money { amount, currency: dispute.money.currency };
    draft.push(Event::DisputeBooked { dispute: no, step: DisputeStep::HoldOwed });
    draft.open_case(CaseKind::DisputeShort, Subject::Dispute(no), money);
}

fn won(draft: &mut Draft<'_>, no: u16) {
    let at = draft.known.now;
    draft.push(Event::DisputeEnded { dispute: no, status: DisputeStatus::Won, lost: 0, by_line: Vec::new(), at });
    draft.push(Event::DisputeBooked { dispute: no, step: DisputeStep::Release });
    children::end(draft, no);
    for kind in [CaseKind::Disputed, CaseKind::DisputeUncovered, CaseKind::DisputeShort] {
        draft.overtake_case(kind, Subject::Dispute(no));
    }
}

fn lost(draft: &mut Draft<'_>, no: u16, amount: Amount) {
    let Some(dispute) = draft.state.dispute(no) else { return };
    let lost = amount.minor();
    let amounts: Vec<i64> = dispute.lines.iter().map(|line| line.line.amount.minor()).collect();
    let covered = dispute.covered();
    let by_line = allocate(lost.min(dispute.set_aside()), &amounts).unwrap_or_default();
    let at = draft.known.now;
    draft.push(Event::DisputeEnded { dispute: no, status: DisputeStatus::Lost, lost, by_line, at });
    draft.push(Event::DisputeBooked { dispute: no, step: DisputeStep::Lose });
    children::end(draft, no);
    draft.overtake_case(CaseKind::Disputed, Subject::Dispute(no));
    if lost <= covered {
        draft.overtake_case(CaseKind::DisputeUncovered, Subject::Dispute(no));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        assert!(DisputeStatus::ALL.iter().all(|s| DisputeStatus::parse(s.as_str()) == Some(*s)));
    }
}
