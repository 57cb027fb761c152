//! Every invariant that must hold whenever the world is still.

use std::collections::BTreeMap;

use kernel::message::accounting::HoldNo;
use kernel::message::risk::Window;
use kernel::message::trade::LateSuccess;
use kernel::{Currency, InstructionId};

use super::show;
use super::world::{World, cny, trade};
use crate::case::{CaseKind, CaseStatus, Subject};
use crate::coupon::CouponStatus;
use crate::{
    DisputeStatus, InstructionStatus, ObjectRef, Part, PartSource, PartStatus, Payment, PaymentStatus, RefundStatus,
};

impl World {
    /// Everything that must hold whenever the world is still.
    pub(super) fn check(&mut self) {
        self.check_payments();
        self.check_money();
        self.check_holds_and_coupons();
        self.check_refunds();
        self.check_disputes();
        self.check_counters();
        self.check_points();
        self.check_credit();
    }

    /// What counts is what took effect or still may, and never more than the limit, but for what was opened again.
    fn check_counters(&self) {
        let Some((most, _)) = self.most else { return };
        let day = Window::Day(0);
        let own = |payment: &&Payment| payment.parent.is_none() && payment.status.counts();
        let counts = |payment: &&Payment| own(payment) && day.until(day.slot(payment.created_at)) > self.now;
        let counting: Vec<i64> =
            self.state.payments.iter().filter(counts).map(|payment| payment.money.amount.minor()).collect();
        let counted = self.counters.values().next().map_or((0, 0), |counter| counter.at(self.now));
        let count = i64::try_from(counting.len()).unwrap();
        assert_eq!(counted, (count, counting.iter().sum()), "{}", show::state(&self.state));
        assert!(count <= most || self.late_success == LateSuccess::Reopen);
    }

    fn check_payments(&mut self) {
        for payment in &self.state.payments {
            let sum: i64 = payment.instructions.iter().map(|leg| leg.amount.minor()).sum();
            assert_eq!(sum, payment.money.amount.minor(), "instructions sum to the payment");
            assert_ne!(payment.status, PaymentStatus::Created, "nothing stays created");
            let heard = self.sequences.get(&ObjectRef::Payment(payment.no)).copied().unwrap_or_default();
            assert_eq!(heard, payment.sequence);
            if payment.status == PaymentStatus::Succeeded {
                let all = payment.instructions.iter().all(|leg| leg.status == InstructionStatus::Succeeded);
                assert!(all && payment.instructions.iter().all(|leg| !leg.surplus), "{}", show::state(&self.state));
            }
            assert_eq!(payment.failure.is_some(), payment.status == PaymentStatus::Failed);
            assert_eq!(payment.next_action().is_some(), payment.status == PaymentStatus::RequiresAction);
            let waits = payment.instructions.iter().any(|leg| leg.status.awaits_money());
            assert!(!waits || payment.status.is_open(), "only open payments wait for money");
            assert!(waits || !payment.status.is_open(), "open payments wait for something");
            let before = self.statuses.insert(payment.no, payment.status);
            if let Some(before) = before.filter(|before| !before.is_open() && *before != payment.status) {
                let reopened = payment.status == PaymentStatus::Succeeded && before != PaymentStatus::Failed;
                assert!(reopened && self.late_success == LateSuccess::Reopen, "terminal is terminal");
            }
            for leg in &payment.instructions {
                assert!(leg.returning >= 0 && leg.returned >= 0, "{}", show::state(&self.state));
                assert!(leg.returning + leg.returned <= leg.received, "{}", show::state(&self.state));
                assert!(!leg.open || leg.order.is_some());
            }
        }
        let effective = || self.state.payments.iter().filter(|payment| payment.status == PaymentStatus::Succeeded);
        for due in self.state.payments.iter().map(|payment| payment.due) {
            let effective = effective().filter(|payment| payment.due == due).count();
            let running = self.state.payments.iter().any(|payment| payment.due == due && payment.status.is_running());
            assert!(effective == 0 || !running, "once paid, nothing else may still pay");
            assert!(effective <= 1, "one effective payment per due");
        }
        assert_eq!(self.told_succeeded as usize, effective().count());
        if self.state.is_stopped() {
            assert_eq!(self.told_quiet > 0, !self.state.is_open_outside(), "{}", show::state(&self.state));
        }
    }

    /// 2022 and 2021 are exactly what somebody is still owed; escrow and receivers have what took effect and was not
    /// taken back.
    fn check_money(&self) {
        let mut received: BTreeMap<Currency, i64> = BTreeMap::new();
        let mut suspended: BTreeMap<Currency, i64> = BTreeMap::new();
        for payment in self.state.payments.iter().filter(|payment| payment.status.is_open()) {
            for leg in payment.external().filter(|leg| leg.status == InstructionStatus::Succeeded && !leg.surplus) {
                let place = if leg.suspended { &mut suspended } else { &mut received };
                *place.entry(cny()).or_default() += leg.amount.minor();
            }
        }
        for (refund, part) in
            self.state.refunds.iter().flat_map(|refund| refund.parts.iter().map(move |part| (refund, part)))
        {
            if part.status != PartStatus::Succeeded {
                match part.source {
                    PartSource::Receivers | PartSource::PaidOut => {}
                    PartSource::Received => *received.entry(refund.money.currency).or_default() += part.amount.minor(),
                    PartSource::Suspense => *suspended.entry(refund.money.currency).or_default() += part.amount.minor(),
                }
            }
        }
        for case in &self.state.cases {
            if case.kind == CaseKind::AmountMismatch && case.status != CaseStatus::Closed {
                *suspended.entry(case.money.currency).or_default() += case.money.amount.minor();
            }
        }
        for (name, expected) in [("2022", received), ("2021", suspended)] {
            for ((place, currency), balance) in &self.ledger.balances {
                if place == name {
                    let expected = expected.get(currency).copied().unwrap_or_default();
                    assert_eq!(*balance, expected, "{name} {currency}\n{}", show::state(&self.state));
                }
            }
        }
        let inside = |payment: &&Payment| payment.payout().is_none();
        let effective = self.state.payments.iter().filter(|payment| payment.status == PaymentStatus::Succeeded);
        let paid: i64 = effective.filter(inside).map(|payment| payment.money.amount.minor()).sum();
        let taken: i64 = self
            .state
            .refunds
            .iter()
            .flat_map(|refund| &refund.parts)
            .filter(|part| part.status == PartStatus::Succeeded || part.source != PartSource::Receivers)
            .flat_map(|part| &part.lines)
            .map(|line| line.amount.minor())
            .sum();
        let with_receivers: i64 = self
            .ledger
            .balances
            .iter()
            .filter(|((place, _), _)| place == "2004" || place.starts_with("2003"))
            .map(|(_, balance)| balance)
            .sum();
        // What a receiver was short of is owed by it, and was taken all the same.
        let owed: i64 = self
            .ledger
            .balances
            .iter()
            .filter(|((place, _), _)| place.starts_with("1062"))
            .map(|(_, minor)| minor)
            .sum();
        let disputed = self.state.taken_by_disputes();
        assert_eq!(with_receivers + owed, paid - taken - disputed, "{}", show::state(&self.state));
        assert_eq!(self.ledger.at("1011.dispute", cny()), disputed);
    }

    /// What is owed is within the limit, holds counted; nobody owes less than nothing.
    fn check_credit(&self) {
        let Some(line) = &self.credit else { return };
        let owed = -self.ledger.at("1061:42", cny());
        let held = self.ledger.holds.values().flatten().filter(|((place, _), _)| place == "1061:42");
        let used = owed + held.map(|(_, minor)| minor).sum::<i64>();
        assert!(owed >= 0 && used <= line.limit, "{owed} {used}\n{}", show::state(&self.state));
    }

    /// Redeemed is what effective payments took less what went back; of a leg that went back whole, all of it.
    fn check_points(&self) {
        let (mut redeemed, mut shared) = (0, 0);
        for payment in self.state.payments.iter().filter(|payment| payment.status == PaymentStatus::Succeeded) {
            for leg in &payment.instructions {
                let Some(used) = &leg.points else { continue };
                let parts = self.state.refunds.iter().flat_map(|refund| &refund.parts);
                let parts = parts.filter(|part| part.instruction == leg.no);
                let gone = |part: &&Part| part.status == PartStatus::Succeeded;
                let back: i64 = parts.clone().filter(gone).map(|part| part.points).sum();
                assert!(back <= used.points, "{}", show::state(&self.state));
                if leg.left() == 0 {
                    assert_eq!(parts.map(|part| part.points).sum::<i64>(), used.points);
                }
                redeemed += used.points - back;
                shared += if payment.parent.is_some() { used.points } else { 0 };
            }
        }
        assert_eq!(self.ledger.at("2034.redeemed", Currency::POINTS), redeemed, "{}", show::state(&self.state));
        // What a parent's payment took was never in this world.
        assert_eq!(self.ledger.at("2034:42", Currency::POINTS), 1_000 - redeemed + shared);
    }

    fn check_holds_and_coupons(&self) {
        let mut expected: Vec<HoldNo> = Vec::new();
        for leg in self.state.payments.iter().flat_map(|payment| &payment.instructions) {
            if leg.status == InstructionStatus::Held || leg.is_payout() && leg.status.awaits_money() {
                expected.push(HoldNo::Instruction(leg.no));
            }
            if let Some(coupon) = leg.coupon_id().and_then(|id| self.coupons.get(&id)) {
                let mine = coupon.held_by == Some(InstructionId::new(trade(), leg.no));
                assert_eq!(leg.status == InstructionStatus::Held, mine && coupon.status == CouponStatus::Held);
            }
        }
        for part in self.state.refunds.iter().flat_map(|refund| &refund.parts) {
            if part.source == PartSource::Receivers && part.status != PartStatus::Succeeded {
                expected.extend(part.lines.iter().map(|line| HoldNo::RefundLine(line.no)));
            }
        }
        for dispute in self.state.disputes.iter().filter(|dispute| dispute.status == DisputeStatus::Open) {
            expected.extend(dispute.lines.iter().map(|line| HoldNo::DisputeLine(line.line.no)));
        }
        expected.sort();
        assert_eq!(self.ledger.holds.keys().copied().collect::<Vec<_>>(), expected);
        let face: i64 = self
            .coupons
            .values()
            .filter(|coupon| matches!(coupon.status, CouponStatus::Usable | CouponStatus::Held))
            .map(|coupon| coupon.money.amount.minor())
            .sum();
        assert_eq!(self.ledger.at("2031:42", cny()), face, "issued and unspent is what the coupons say");
    }

    fn check_disputes(&self) {
        let mut aside = 0;
        for dispute in &self.state.disputes {
            let (no, money) = (dispute.no, dispute.money.amount.minor());
            let open = dispute.status == DisputeStatus::Open;
            aside += if open { dispute.set_aside() } else { 0 };
            assert!(dispute.set_aside() <= money && dispute.taken() <= dispute.set_aside());
            assert_eq!(dispute.taken(), dispute.lost.min(dispute.set_aside()));
            assert!(dispute.status == DisputeStatus::Lost || dispute.lost == 0);
            let case = |kind| self.state.open_case(Subject::Dispute(no), kind).is_some();
            assert_eq!(case(CaseKind::Disputed), open && dispute.parent.is_none(), "{}", show::state(&self.state));
            let heard = self.sequences.get(&ObjectRef::Dispute(no)).copied();
            assert_eq!(heard, Some(if open { 1 } else { 2 }));
        }
        let told = (self.told_disputed, self.told_lost);
        assert_eq!(told, (aside, self.state.taken_by_disputes()), "the trade hears of a dispute once");
    }

    fn check_refunds(&self) {
        let mut through = 0;
        for refund in &self.state.refunds {
            let parts: i64 = refund.parts.iter().map(|part| part.amount.minor()).sum();
            assert_eq!(parts, refund.money.amount.minor(), "parts sum to the refund");
            let shares: i64 = refund.shares.iter().map(|share| share.before + share.after).sum();
            assert_eq!(shares, if refund.reason_code.is_of_dues() { parts } else { 0 });
            if refund.reason_code.is_of_dues() && refund.status != RefundStatus::Pending {
                through += parts;
            }
            for part in &refund.parts {
                let undecided = matches!(part.status, PartStatus::Failed | PartStatus::Returned);
                let asked = [CaseKind::RefundFailed, CaseKind::RefundReturned, CaseKind::Contradiction];
                let open = asked.iter().any(|kind| self.state.open_case(Subject::Part(part.no), *kind).is_some());
                assert!(!undecided || open, "what is stuck has a case\n{}", show::state(&self.state));
            }
        }
        assert_eq!(self.told_refunded, through, "the trade hears of a refund once");
    }
}
