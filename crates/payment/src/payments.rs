//! The aggregate: all payments, refunds, disputes and cases of one trade, and the one door into it.
//!
//! Everything is numbered through the trade's tree: instructions through all payments, parts and lines through all refunds,
//! channel orders through both. A number is never used twice.

use std::collections::BTreeSet;

use kernel::message::channel::Fact;
use kernel::message::payment::{Command, Tool};
use kernel::message::risk::{CounterId, Signals, Switch};
use kernel::message::rules::{Paying, PaymentRules};
use kernel::{CouponId, Currency, OrderId, OrderType, Time, TradeId, UserId, limits};

use crate::case::{Case, CaseStatus, Subject};
use crate::counter;
use crate::dispute::{Dispute, DisputeStatus};
use crate::draft::Draft;
use crate::event::Event;
use crate::input::{Input, Known, Message, Reaction};
use crate::instruction::Instruction;
use crate::payment::{Payment, PaymentStatus};
use crate::refund::{Part, Refund};
use crate::refusal::Refusal;

/// Everything that was ever paid and given back for one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payments {
    /// The trade.
    pub trade: TradeId,
    /// Its payments, by number from 1.
    pub payments: Vec<Payment>,
    /// Its refunds, by number from 1.
    pub refunds: Vec<Refund>,
    /// Its disputes, by number from 1.
    pub disputes: Vec<Dispute>,
    /// Its cases, by number from 1.
    pub cases: Vec<Case>,
}

impl Payments {
    /// A trade that nobody has tried to pay.
    pub fn new(trade: TradeId) -> Self {
        Self { trade, payments: Vec::new(), refunds: Vec::new(), disputes: Vec::new(), cases: Vec::new() }
    }

    /// The coupons that [`Known::coupons`] must hold (where they exist) for this input: those the input names and those
    /// that an instruction named before.
    pub fn coupons_needed(&self, input: &Input) -> Vec<CouponId> {
        let before = self.legs().filter_map(Instruction::coupon_id);
        let mut needed: Vec<_> = before.collect();
        if let Input::Command(Command::Pay(pay)) = input {
            needed.extend(pay.tools.iter().filter_map(|request| match request.tool {
                Tool::Coupon(coupon) => Some(coupon),
                Tool::Balance
                | Tool::Stored(_)
                | Tool::Points
                | Tool::Credit
                | Tool::Channel { .. }
                | Tool::Payout { .. } => None,
            }));
        }
        needed.sort();
        needed.dedup();
        needed
    }

    /// Whether [`Known::children`] must be there for this input: what is disputed of a combined trade is its children's.
    pub fn needs_children(&self, input: &Input) -> bool {
        let combined = self.payments.iter().any(|payment| payment.context.order_type == OrderType::Combined);
        let disputed =
            |fact: &Fact| matches!(fact, Fact::Disputed { .. } | Fact::DisputeWon { .. } | Fact::DisputeLost { .. });
        combined && matches!(input, Input::Channel(fact) if disputed(fact))
    }

    /// Which payment of its trade the next one is, from 1.
    pub fn next_attempt(&self) -> u16 {
        self.next_payment()
    }

    /// Whose credit line, and in what, [`Known::credit`] must hold (where there is one) for this input.
    pub fn credit_needed(&self, input: &Input) -> Option<(UserId, Currency)> {
        if let Input::Command(Command::Pay(pay)) = input {
            let named = pay.tools.iter().any(|request| request.tool == Tool::Credit);
            return named.then(|| Some((pay.payer.user()?.clone(), pay.money.currency))).flatten();
        }
        let by_credit = |payment: &&Payment| payment.instructions.iter().any(|leg| leg.tool == Tool::Credit);
        let payment = self.payments.iter().find(by_credit)?;
        Some((payment.payer.user()?.clone(), payment.money.currency))
    }

    /// The counters that [`Known::counters`] must hold (where they exist) for this input: those in which a payment that it
    /// opens would count.
    pub fn counters_needed(
        &self,
        input: &Input,
        (signals, switches): (&Signals, &BTreeSet<Switch>),
        rules: &dyn PaymentRules,
        now: Time,
    ) -> Vec<CounterId> {
        let Input::Command(Command::Pay(pay)) = input else { return Vec::new() };
        let limits = rules.velocity(&Paying::new(pay, self.next_payment(), (signals, switches), now));
        limits.into_iter().map(|limit| limit.counter).collect()
    }

    /// What follows from an input, without doing it. Refuses commands only, and what [`Input::Booked`] says it may.
    pub fn decide(&self, input: &Input, known: &Known<'_>) -> Result<Vec<Event>, Refusal> {
        Ok(Draft::of(self.clone(), input, known)?.into_parts().1)
    }

    /// Decides, applies and reacts in one step. On a refusal nothing has changed.
    pub fn handle(&mut self, input: &Input, known: &Known<'_>) -> Result<Reaction, Refusal> {
        let (state, events, news) = Draft::of(self.clone(), input, known)?.into_parts();
        let before = std::mem::replace(self, state);
        let counted = counter::told(&before, self, known.rules);
        let counted = counted.into_iter().map(|(counter, command)| Message::Counter(counter, command));
        Ok(Reaction { messages: counted.chain(self.react(&events)).collect(), news })
    }

    /// The refund that already has this number of the merchant. A repeated request with the same content
    /// ([`Refund::same_content`]) is answered with it; one with other content is refused.
    pub fn existing_refund(&self, merchant_refund_id: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.merchant_refund_id.as_deref() == Some(merchant_refund_id))
    }

    /// The payment of this number.
    pub fn payment(&self, no: u16) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.no == no)
    }

    /// The refund of this number.
    pub fn refund(&self, no: u16) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.no == no)
    }

    /// The dispute of this number.
    pub fn dispute(&self, no: u16) -> Option<&Dispute> {
        self.disputes.iter().find(|dispute| dispute.no == no)
    }

    /// Minor units that open disputes have set aside of the receivers or of children, or lost ones took.
    pub fn disputed(&self) -> i64 {
        let counted = self.disputes.iter().map(|dispute| match dispute.status {
            DisputeStatus::Open => dispute.covered(),
            DisputeStatus::Won | DisputeStatus::Lost => dispute.lost_of_covered(),
        });
        counted.sum()
    }

    /// Minor units that lost disputes took of the receivers.
    pub fn taken_by_disputes(&self) -> i64 {
        self.disputes.iter().map(Dispute::taken).sum()
    }

    /// The case of this number.
    pub fn case(&self, no: u16) -> Option<&Case> {
        self.cases.iter().find(|case| case.no == no)
    }

    /// The instruction of this number, and its payment.
    pub fn leg(&self, no: u16) -> Option<(&Payment, &Instruction)> {
        self.payments
            .iter()
            .find_map(|payment| payment.instructions.iter().find(|leg| leg.no == no).map(|leg| (payment, leg)))
    }

    /// The refund part of this number, and its refund.
    pub fn part(&self, no: u16) -> Option<(&Refund, &Part)> {
        self.refunds.iter().find_map(|refund| refund.parts.iter().find(|part| part.no == no).map(|part| (refund, part)))
    }

    /// The payment that took effect for a due; there is at most one.
    pub fn effective(&self, due: u16) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.due == due && payment.status == PaymentStatus::Succeeded)
    }

    /// Whether the trade takes no payments any more.
    pub fn is_stopped(&self) -> bool {
        self.payments.iter().any(|payment| payment.stopped)
    }

    /// Whether an institution may still bring money for some leg.
    pub fn is_open_outside(&self) -> bool {
        self.legs().any(|leg| leg.open)
    }

    /// Whether the trade has been told that nothing is open any more, and has closed by that.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_stopped() && !self.is_open_outside()
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = &Instruction> {
        self.payments.iter().flat_map(|payment| &payment.instructions)
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.refunds.iter().flat_map(|refund| &refund.parts)
    }

    pub(crate) fn open_case(&self, subject: Subject, kind: crate::case::CaseKind) -> Option<&Case> {
        let fits = |case: &&Case| case.subject == subject && case.kind == kind && case.status != CaseStatus::Closed;
        self.cases.iter().find(fits)
    }

    /// How many of the points that an instruction took were given back, or are on their way.
    pub fn points_returned(&self, instruction: u16) -> i64 {
        self.parts().filter(|part| part.instruction == instruction).map(|part| part.points).sum()
    }

    pub(crate) fn next_payment(&self) -> u16 {
        after(self.payments.iter().map(|payment| payment.no))
    }

    pub(crate) fn next_leg(&self) -> u16 {
        after(self.legs().map(|leg| leg.no))
    }

    pub(crate) fn next_refund(&self) -> u16 {
        after(self.refunds.iter().map(|refund| refund.no))
    }

    pub(crate) fn next_part(&self) -> u16 {
        after(self.parts().map(|part| part.no))
    }

    pub(crate) fn next_line(&self) -> u16 {
        after(self.parts().flat_map(|part| &part.lines).map(|line| line.no))
    }

    pub(crate) fn next_dispute(&self) -> u16 {
        after(self.disputes.iter().map(|dispute| dispute.no))
    }

    pub(crate) fn next_dispute_line(&self) -> u16 {
        after(self.disputes.iter().flat_map(|dispute| &dispute.lines).map(|line| line.line.no))
    }

    pub(crate) fn next_case(&self) -> u16 {
        after(self.cases.iter().map(|case| case.no))
    }

    /// A part that is tried again gets a larger number than every other, so the largest in use was never given twice.
    pub(crate) fn next_order(&self) -> u16 {
        let paid = self.legs().filter_map(|leg| leg.order);
        after(paid.chain(self.parts().filter_map(|part| part.order)))
    }

    pub(crate) fn order_id(&self, no: u16) -> OrderId {
        OrderId::new(self.trade, no)
    }

    /// The order of a leg of this payment: that of a share is in the tree of whose share it is.
    pub(crate) fn order_of(&self, payment: &Payment, no: u16) -> OrderId {
        OrderId::new(payment.parent.map_or(self.trade, |parent| parent.trade), no)
    }
}

fn after(numbers: impl Iterator<Item = u16>) -> u16 {
    numbers.max().unwrap_or(0).saturating_add(1).min(limits::MAX_TREE_NUMBER)
}
