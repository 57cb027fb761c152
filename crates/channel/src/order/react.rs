//! What events do to the state, and whom they are told to.

use kernel::OrderId;
use kernel::message::channel::Fact;

use super::pay::PayStatus;
use super::refund::RefundStatus;
use super::{Event, Job, Message, Order, Orders, Schedule};

impl Orders {
    /// What an event does to the state. Never fails; an event about no order does nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Placed(order) => self.orders.push(Order::clone(order)),
            Event::Heard(evidence) => self.evidence.push(evidence.clone()),
            Event::ClosingStarted { no, .. }
            | Event::Accepted { no, .. }
            | Event::Pending { no }
            | Event::Doubted { no }
            | Event::Paid { no, .. }
            | Event::NotPaid { no, .. }
            | Event::Refunded { no, .. }
            | Event::RefundFailed { no, .. }
            | Event::Returned { no, .. }
            | Event::Disputed { no, .. }
            | Event::DisputeWon { no, .. }
            | Event::DisputeLost { no, .. }
            | Event::Suspected { no, .. }
            | Event::FellSilent { no }
            | Event::Scheduled { no, .. } => {
                if let Some(order) = self.orders.iter_mut().find(|order| order.no == *no) {
                    order.apply(event);
                }
            }
        }
    }

    /// Whom events are told to; `self` is the state after them.
    pub fn react(&self, events: &[Event]) -> Vec<Message> {
        events.iter().flat_map(|event| self.messages(event)).collect()
    }

    fn messages(&self, event: &Event) -> Vec<Message> {
        match event {
            Event::Placed(_) | Event::Heard(_) | Event::ClosingStarted { .. } | Event::Scheduled { .. } => Vec::new(),
            Event::Accepted { no, .. } | Event::Pending { no } | Event::Doubted { no } | Event::NotPaid { no, .. } => {
                self.tell(*no, event)
            }
            Event::RefundFailed { no, .. } | Event::Returned { no, .. } => self.tell(*no, event),
            Event::Suspected { no, .. } | Event::FellSilent { no } => self.tell(*no, event),
            Event::Paid { no, channel_no, .. } | Event::Refunded { no, channel_no: Some(channel_no) } => {
                self.claim(*no, channel_no).into_iter().chain(self.tell(*no, event)).collect()
            }
            Event::Refunded { no, channel_no: None } => self.tell(*no, event),
            Event::Disputed { no, number, .. } => {
                self.claim(*no, number).into_iter().chain(self.tell(*no, event)).collect()
            }
            Event::DisputeWon { no, .. } | Event::DisputeLost { no, .. } => self.tell(*no, event),
        }
    }

    fn claim(&self, no: u16, channel_no: &str) -> Option<Message> {
        let channel_account = self.get(no)?.channel_account.clone();
        Some(Message::Claim { channel_account, channel_no: channel_no.to_owned(), order: OrderId::new(self.trade, no) })
    }

    fn tell(&self, no: u16, event: &Event) -> Vec<Message> {
        let fact = self.get(no).and_then(|order| order.fact(OrderId::new(self.trade, no), event));
        fact.map(Message::Payment).into_iter().collect()
    }
}

impl Order {
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Placed(_)
            | Event::Heard(_)
            | Event::Suspected { .. }
            | Event::Disputed { .. }
            | Event::DisputeWon { .. }
            | Event::DisputeLost { .. } => {}
            Event::ClosingStarted { due, .. } => {
                self.closing = true;
                // Without a close call the query is what ends it; one must be due.
                if due.is_none() {
                    self.next_query_at = self.next_query_at.or(self.next_call_at);
                }
                self.next_call_at = *due;
            }
            Event::Accepted { credential, .. } => {
                self.set_pay(PayStatus::Pending);
                self.credential = Some(credential.clone());
            }
            Event::Pending { .. } => self.set(PayStatus::Pending, RefundStatus::Pending),
            Event::Doubted { .. } => self.set(PayStatus::Unknown, RefundStatus::Unknown),
            Event::Paid { receipt, channel_no, .. } => {
                self.set_pay(PayStatus::Paid);
                self.receipts = *receipt;
                self.channel_no.get_or_insert_with(|| channel_no.clone());
            }
            Event::NotPaid { closed, .. } => {
                self.set_pay(if *closed { PayStatus::Closed } else { PayStatus::Failed });
            }
            Event::Refunded { channel_no, .. } => {
                self.set_refund(RefundStatus::Refunded);
                self.channel_no.clone_from(channel_no);
            }
            Event::RefundFailed { .. } => self.set_refund(RefundStatus::Failed),
            Event::Returned { .. } => self.set_refund(RefundStatus::Returned),
            Event::FellSilent { .. } => self.silent = true,
            Event::Scheduled { schedule, .. } => {
                self.attempts = schedule.attempts;
                self.queries = schedule.queries;
                self.next_call_at = schedule.next_call_at;
                self.next_query_at = schedule.next_query_at;
            }
        }
    }

    pub(super) const fn counters(&self) -> Schedule {
        Schedule {
            attempts: self.attempts,
            queries: self.queries,
            next_call_at: self.next_call_at,
            next_query_at: self.next_query_at,
        }
    }

    fn set(&mut self, pay: PayStatus, refund: RefundStatus) {
        self.set_pay(pay);
        self.set_refund(refund);
    }

    fn set_pay(&mut self, to: PayStatus) {
        if let Job::Pay { status, .. } = &mut self.job {
            *status = to;
        }
    }

    /// Of money that leaves, whether it goes back or out.
    fn set_refund(&mut self, to: RefundStatus) {
        match &mut self.job {
            Job::Refund { status, .. } => *status = to,
            Job::Payout { status, .. } => *status = to.into(),
            Job::Pay { .. } => {}
        }
    }

    fn fact(&self, order: OrderId, event: &Event) -> Option<Fact> {
        match &self.job {
            Job::Pay { instruction, .. } => self.pay_fact(order, *instruction, event),
            Job::Refund { part, .. } => self.refund_fact(order, *part, event),
            Job::Payout { instruction, .. } => payout_fact(order, *instruction, event),
        }
        .or_else(|| self.common_fact(order, event))
    }

    fn pay_fact(&self, order: OrderId, instruction: kernel::InstructionId, event: &Event) -> Option<Fact> {
        Some(match event {
            Event::Accepted { credential, .. } => Fact::Accepted { order, instruction, credential: credential.clone() },
            Event::Pending { .. } => Fact::Pending { order, instruction },
            Event::Doubted { .. } => Fact::Unknown { order, instruction },
            Event::Paid { money, receipt, channel_no, .. } => Fact::Paid {
                order,
                instruction,
                channel_account: self.channel_account.clone(),
                money: *money,
                receipt: *receipt,
                channel_no: channel_no.clone(),
            },
            Event::NotPaid { code, closed, .. } => {
                Fact::NotPaid { order, instruction, code: code.clone(), closed: *closed }
            }
            Event::Disputed { number, money, reason, respond_by, .. } => Fact::Disputed {
                order,
                instruction,
                number: number.clone(),
                money: *money,
                reason: reason.clone(),
                respond_by: *respond_by,
            },
            Event::DisputeWon { number, .. } => Fact::DisputeWon { order, instruction, number: number.clone() },
            Event::DisputeLost { number, money, .. } => {
                Fact::DisputeLost { order, instruction, number: number.clone(), money: *money }
            }
            _ => return None,
        })
    }

    fn refund_fact(&self, order: OrderId, part: u16, event: &Event) -> Option<Fact> {
        Some(match event {
            Event::Refunded { .. } => Fact::Refunded { order, part, amount: self.money.amount },
            Event::RefundFailed { code, other_way, .. } => {
                Fact::RefundFailed { order, part, code: code.clone(), other_way: *other_way }
            }
            Event::Returned { code, .. } => Fact::RefundReturned { order, part, code: code.clone() },
            _ => return None,
        })
    }

    fn common_fact(&self, order: OrderId, event: &Event) -> Option<Fact> {
        let purpose = self.job.purpose();
        match event {
            Event::Suspected { channel_no, .. } => {
                Some(Fact::Suspect { order, purpose, channel_no: channel_no.clone() })
            }
            Event::FellSilent { .. } => Some(Fact::Silent { order, purpose }),
            _ => None,
        }
    }
}

fn payout_fact(order: OrderId, instruction: kernel::InstructionId, event: &Event) -> Option<Fact> {
    Some(match event {
        Event::Pending { .. } => Fact::PayoutPending { order, instruction },
        Event::Doubted { .. } => Fact::PayoutUnknown { order, instruction },
        Event::Refunded { .. } => Fact::PaidOut { order, instruction },
        Event::RefundFailed { code, .. } => Fact::PayoutFailed { order, instruction, code: code.clone() },
        Event::Returned { code, .. } => Fact::PayoutReturned { order, instruction, code: code.clone() },
        _ => return None,
    })
}
