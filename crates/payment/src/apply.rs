//! What each event changes. Total: an event about something that is not there changes nothing.

use kernel::{Money, Time};

use crate::case::{Case, TrailEntry};
use crate::dispute::{Dispute, DisputeLine, DisputeStatus};
use crate::event::{Event, MoneyPlace};
use crate::instruction::{Instruction, InstructionStatus, LegStep};
use crate::payment::Payment;
use crate::payments::Payments;
use crate::refund::{Line, Part, PartSource, PartStep, Refund, Way};

impl Payments {
    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::PaymentOpened(payment) => self.payments.push(payment.as_ref().clone()),
            Event::PaymentMoved { payment, step, failure } => {
                if let Some(payment) = self.payment_mut(*payment)
                    && let Some(status) = payment.status.after(*step)
                {
                    payment.status = status;
                    payment.failure.clone_from(failure);
                    payment.sequence += 1;
                }
            }
            Event::EndWanted { payment, ending } => {
                if let Some(payment) = self.payment_mut(*payment) {
                    payment.ending = Some(*ending);
                }
            }
            Event::Stopped => self.payments.iter_mut().for_each(|payment| payment.stopped = true),
            Event::LegMoved { instruction, step } => self.change_leg(*instruction, |leg| move_leg(leg, *step)),
            Event::OrderPlaced { instruction, order, .. } => self.change_leg(*instruction, |leg| {
                leg.order = Some(*order);
                leg.open = true;
            }),
            Event::PayoutSent { instruction, order } => self.change_leg(*instruction, |leg| leg.order = Some(*order)),
            Event::PayoutCameBack { payment } => {
                if let Some(payment) = self.payment_mut(*payment) {
                    payment.sequence += 1;
                }
            }
            Event::OrderOver { instruction } => self.change_leg(*instruction, |leg| leg.open = false),
            Event::CredentialGiven { instruction, credential } => {
                self.change_leg(*instruction, |leg| leg.credential = Some(credential.clone()));
            }
            Event::MoneyCame { instruction, receipt, money, place } => {
                self.money_came(*instruction, *receipt, *money, *place)
            }
            Event::SuspenseDecided { instruction, money, accepted } => {
                self.count_received(*instruction, *money);
                if *accepted {
                    self.change_leg(*instruction, |leg| leg.suspended = true);
                }
            }
            Event::SurplusFound { instruction, whole_leg } => {
                if *whole_leg {
                    self.change_leg(*instruction, |leg| leg.surplus = true);
                }
                if let Some(payment) = self.payment_of_leg_mut(*instruction) {
                    payment.sequence += 1;
                }
            }
            Event::RefundOpened(refund) => self.refund_opened(refund),
            Event::PartSent { part, order } => self.change_part(*part, |part| part.order = Some(*order)),
            Event::PartRerouted { part } => self.change_part(*part, |part| part.way = Way::Balance),
            Event::PartMoved { part, step } => self.part_moved(*part, *step),
            Event::RefundMoved { refund, status, .. } => {
                if let Some(refund) = self.refunds.iter_mut().find(|known| known.no == *refund) {
                    refund.status = *status;
                    refund.sequence += 1;
                }
            }
            Event::DisputeOpened(dispute) => {
                self.disputes.push(Dispute { sequence: 1, ..dispute.as_ref().clone() });
            }
            Event::DisputeSpread { dispute, lines } => self.dispute_spread(*dispute, lines),
            Event::DisputeShared { dispute, shares } => {
                if let Some(dispute) = self.disputes.iter_mut().find(|known| known.no == *dispute) {
                    dispute.of_children = shares.iter().map(|(_, amount)| amount.minor()).sum();
                }
            }
            Event::DisputeEnded { dispute, status, lost, by_line, at } => {
                if let Some(dispute) = self.disputes.iter_mut().find(|known| known.no == *dispute) {
                    end_dispute(dispute, *status, *lost, by_line, *at);
                }
                self.dispute_off(*dispute);
            }
            Event::CaseOpened(case) => self.cases.push(Case { sequence: 1, ..case.as_ref().clone() }),
            Event::CaseMoved { case, entry } => {
                if let Some(case) = self.cases.iter_mut().find(|known| known.no == *case) {
                    move_case(case, entry);
                }
            }
            // Said to others only.
            Event::Quiet
            | Event::HoldsAsked { .. }
            | Event::HoldsReleased { .. }
            | Event::ChildrenPaid(_)
            | Event::EffectAsked { .. }
            | Event::PayoutBooked { .. }
            | Event::CouponTold { .. }
            | Event::CloseAsked { .. }
            | Event::MoneyParked { .. }
            | Event::ReserveAsked { .. }
            | Event::DisputeSpreadAsked { .. }
            | Event::SharesEnded { .. }
            | Event::DisputeBooked { .. }
            | Event::GivenBack { .. } => {}
        }
    }

    fn money_came(&mut self, instruction: u16, receipt: u16, money: Money, place: MoneyPlace) {
        match place {
            MoneyPlace::Effective | MoneyPlace::Received => self.count_received(instruction, money),
            MoneyPlace::Suspense => {}
        }
        self.change_leg(instruction, |leg| {
            leg.receipts = receipt;
            leg.open = false;
        });
    }

    fn count_received(&mut self, instruction: u16, money: Money) {
        if self.counts(instruction, money) {
            self.change_leg(instruction, |leg| leg.received = leg.received.saturating_add(money.amount.minor()));
        }
    }

    /// A leg counts in its payment's currency only.
    fn counts(&self, instruction: u16, money: Money) -> bool {
        self.leg(instruction).is_some_and(|(payment, _)| payment.money.currency == money.currency)
    }

    fn refund_opened(&mut self, refund: &Refund) {
        for part in &refund.parts {
            if self.counts(part.instruction, refund.money) {
                self.change_leg(part.instruction, |leg| {
                    leg.returning = leg.returning.saturating_add(part.amount.minor());
                });
            }
        }
        self.refunds.push(Refund { sequence: 1, ..refund.clone() });
    }

    fn part_moved(&mut self, no: u16, step: PartStep) {
        let Some((refund, part)) = self.part(no) else { return };
        let Some(status) = part.status.after(step) else { return };
        let (instruction, amount) = (part.instruction, part.amount.minor());
        let counts = self.counts(instruction, refund.money);
        self.change_part(no, |part| {
            part.status = status;
            if step == PartStep::Return {
                part.source = PartSource::Received;
            }
        });
        // What went back moves out of `returning`; what came back is owed again.
        let out = match step {
            PartStep::Succeed => amount,
            PartStep::Return => -amount,
            PartStep::Fail | PartStep::Lose | PartStep::Retry => 0,
        };
        if counts {
            self.change_leg(instruction, |leg| {
                leg.returning = leg.returning.saturating_sub(out);
                leg.returned = leg.returned.saturating_add(out);
            });
        }
    }

    /// What is set aside counts as on its way back.
    fn dispute_spread(&mut self, no: u16, lines: &[Line]) {
        let Some(dispute) = self.disputes.iter_mut().find(|known| known.no == no) else { return };
        dispute.lines = lines.iter().map(|line| DisputeLine { line: line.clone(), lost: 0 }).collect();
        let (instruction, aside) = (dispute.instruction, dispute.set_aside());
        self.change_leg(instruction, |leg| leg.returning = leg.returning.saturating_add(aside));
    }

    /// What was taken went back; the rest is the leg's again.
    fn dispute_off(&mut self, no: u16) {
        let Some(dispute) = self.dispute(no) else { return };
        let (instruction, aside, taken) = (dispute.instruction, dispute.set_aside(), dispute.taken());
        self.change_leg(instruction, |leg| {
            leg.returning = leg.returning.saturating_sub(aside);
            leg.returned = leg.returned.saturating_add(taken);
        });
    }

    fn payment_mut(&mut self, no: u16) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.no == no)
    }

    fn payment_of_leg_mut(&mut self, no: u16) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.instructions.iter().any(|leg| leg.no == no))
    }

    fn change_leg(&mut self, no: u16, change: impl FnOnce(&mut Instruction)) {
        let mut legs = self.payments.iter_mut().flat_map(|payment| &mut payment.instructions);
        if let Some(leg) = legs.find(|leg| leg.no == no) {
            change(leg);
        }
    }

    fn change_part(&mut self, no: u16, change: impl FnOnce(&mut Part)) {
        let mut parts = self.refunds.iter_mut().flat_map(|refund| &mut refund.parts);
        if let Some(part) = parts.find(|part| part.no == no) {
            change(part);
        }
    }
}

fn end_dispute(dispute: &mut Dispute, status: DisputeStatus, lost: i64, by_line: &[i64], at: Time) {
    dispute.status = status;
    dispute.lost = lost;
    dispute.closed_at = Some(at);
    dispute.sequence += 1;
    for (line, lost) in dispute.lines.iter_mut().zip(by_line) {
        line.lost = *lost;
    }
}

fn move_case(case: &mut Case, entry: &TrailEntry) {
    let Some(status) = case.status.after(&entry.step) else { return };
    case.status = status;
    if let Some((resolution, note)) = entry.step.outcome() {
        case.resolution = Some(resolution);
        case.note = Some(note.to_owned());
    }
    case.trail.push(entry.clone());
    case.sequence += 1;
}

fn move_leg(leg: &mut Instruction, step: LegStep) {
    let Some(status) = leg.status.after(step) else { return };
    leg.status = status;
    if status == InstructionStatus::Succeeded && !leg.is_external() {
        leg.received = leg.amount.minor();
    }
    if !status.awaits_money() {
        leg.credential = None;
    }
}
