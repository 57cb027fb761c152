//! The machine: every state against everything a trade can be told.
//!
//! 1. A *command* may be refused; then nothing happened. A timer's command is never refused: one that comes too early or
//!    too late finds nothing to do.
//! 2. A *fact* of the payment core is never refused. What cannot be (a refund of money that no refund reserved, a success
//!    of a due that is paid) is taken for a repetition and changes nothing.
//!
//! The two matches below have no wildcard over states: a new state or a new input does not compile before somebody has
//! said what it means.

use kernel::Time;
use kernel::message::accounting::Way;
use kernel::message::payment::{Fact, RefundShare, Tool, ToolRequest};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, OfParent, Refund, Share, UnpaidDue};
use kernel::money::allocate;
use kernel::{Amount, DisputeId, OrderType, PaymentId};

use crate::parts::{self, Ask};
use crate::{ClosedReason, Due, DuePaid, Event, Excess, Reaction, Refusal, Split, Status, Stop, Trade};

/// Everything that a trade can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// By its merchant, its buyer, or a timer.
    Command(Command),
    /// By the payment core.
    Fact(Fact),
    /// By the shard where its payee lives.
    Crossing(Crossing),
    /// By the combined trade that pays it.
    Parent(OfParent),
}

/// What became of a transfer that was sent to another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// The payee has it.
    Arrived,
    /// The payee's books refused it.
    CameBack,
}

/// What was read besides the trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The batch's time.
    pub now: Time,
    /// What held, when the trade was opened, for what its request left out.
    pub terms: TradeTerms,
    /// Where it is a transfer that is opened and its payee lives in another shard: the way there.
    pub away: Option<Way>,
}

impl Trade {
    /// Decides, applies and reacts: what the engine calls. Refused, the trade is as it was.
    pub fn handle(&mut self, input: Input, known: &Known) -> Result<Reaction, Refusal> {
        let events = self.decide(&input, known)?;
        Ok(self.perform(&events))
    }

    /// What happens on this input. Pure; an empty answer means that it changes nothing.
    pub fn decide(&self, input: &Input, known: &Known) -> Result<Vec<Event>, Refusal> {
        match input {
            Input::Command(command) => self.command(command, known),
            Input::Fact(fact) => Ok(self.fact(fact, known.now)),
            Input::Crossing(crossing) => Ok(self.crossing(*crossing)),
            Input::Parent(told) => Ok(self.parent(told)),
        }
    }

    fn command(&self, command: &Command, known: &Known) -> Result<Vec<Event>, Refusal> {
        let now = known.now;
        use ClosedReason::{Canceled, Expired, Failed, Forfeited, Refunded};
        use Status::{Closed, Closing, Completed, Created, Paid};
        match (command, self.status) {
            // A repeated order number is answered with the trade that is there, if it asks for the same.
            (Command::Create(create), Created | Closing(_) | Paid | Completed | Closed(_)) => {
                match self.same_content(create, &known.terms) {
                    true => Ok(Vec::new()),
                    false => Err(Refusal::OrderExists(self.id)),
                }
            }

            // A child of a combined checkout is paid and closed with its parent.
            (Command::Pay { .. } | Command::Close, Created) if self.parent.is_some() => Err(Refusal::OfParent),
            // What a combined trade brought is its children's: each confirms and gives back its own.
            (Command::Confirm { .. } | Command::Refund(_), Created | Closing(_) | Paid | Completed | Closed(_))
                if self.is_combined() =>
            {
                Err(Refusal::OfChildren)
            }

            // Only an open trade takes a payment, and one that pays itself takes no other.
            (Command::Pay { .. }, Created) if self.pays_itself() => Err(Refusal::NotPayable(self.status)),
            (Command::Pay { due, tools }, Created) => self.pay(*due, tools, "tools", now),
            (Command::Pay { .. }, Closing(_) | Paid | Completed | Closed(_)) => Err(Refusal::NotPayable(self.status)),

            // Only what waits in escrow can be confirmed; `instant` money never waits there.
            (Command::Confirm { amount, splits }, Paid) => self.confirm(*amount, splits),
            (Command::Confirm { .. }, Created | Closing(_) | Completed | Closed(_)) => Err(self.invalid("confirmed")),

            // Time confirms all that is free, and is content where nothing is.
            (Command::ConfirmByTime, Paid) => Ok(self.confirm_by_time(now)),
            (Command::ConfirmByTime, Created | Closing(_) | Completed | Closed(_)) => Ok(Vec::new()),

            // What has been ordered once cannot be called back.
            (Command::Close, Created) if self.pays_itself() => Err(self.invalid("closed")),
            // A trade that is not paid whole can be closed; asking again, before or after it is, changes nothing.
            (Command::Close, Created) => Ok(vec![Event::ClosingStarted(Stop::Canceled)]),
            (Command::Close, Closing(_) | Closed(Canceled | Expired | Forfeited)) => Ok(Vec::new()),
            (Command::Close, Paid | Completed | Closed(Refunded | Failed)) => Err(self.invalid("closed")),

            // Time closes an open trade of which a due is not paid.
            (Command::Expire, Created) if now >= self.ends_at() && !self.pays_itself() && self.parent.is_none() => {
                Ok(vec![Event::ClosingStarted(Stop::Expired)])
            }
            (Command::Expire, Created | Closing(_) | Paid | Completed | Closed(_)) => Ok(Vec::new()),

            // What was paid can be refunded until nothing of it is left; what was forfeited, too.
            (Command::Refund(refund), Paid | Completed | Closed(Forfeited)) => self.refund(refund),
            (Command::Refund(_), Closed(Refunded)) => {
                Err(Refusal::RefundExceedsPaid(Excess::whole(self.refundable_amount())))
            }
            (Command::Refund(_), Created | Closing(_) | Closed(Canceled | Expired | Failed)) => {
                Err(self.invalid("refunded"))
            }
        }
    }

    fn fact(&self, fact: &Fact, now: Time) -> Vec<Event> {
        use ClosedReason::{Canceled, Expired, Failed, Forfeited, Refunded};
        use Status::{Closed, Closing, Completed, Created, Paid};
        match (fact, self.status) {
            // A trade of several dues does not open again: what they brought has gone where it goes. Nor does one of several
            // trades that are paid together.
            (Fact::Succeeded { .. }, Closed(Expired | Canceled))
                if self.has_dues() || self.is_combined() || self.parent.is_some() =>
            {
                Vec::new()
            }
            // A success while closing is an ordinary one and ends the closing. After it, the payment core tells it only
            // where late money reopens the trade.
            (Fact::Succeeded { payment, due }, Created | Closing(_) | Closed(Expired | Canceled)) => {
                self.succeeded(*payment, *due, now)
            }
            (Fact::Succeeded { .. }, Paid | Completed | Closed(Refunded | Failed | Forfeited)) => Vec::new(),

            // A trade that pays itself ends with its payment.
            (Fact::Failed { .. }, Created) if self.pays_itself() => vec![Event::Closed(Failed)],
            (Fact::Failed { .. }, Created | Closing(_) | Paid | Completed | Closed(_)) => Vec::new(),

            // Closing ends when nothing is open outside; what some dues brought goes where the trade says.
            (Fact::Quiet, Closing(stop)) => self.closed(stop),
            (Fact::Quiet, Created | Paid | Completed | Closed(_)) => Vec::new(),

            // A refund takes what it reserved; the last of the escrow ends a trade that waited in it.
            (Fact::Refunded { shares, .. }, Paid) => self.refunded_from_escrow(shares),
            (Fact::Refunded { shares, .. }, Completed | Closed(Expired | Canceled | Forfeited)) => {
                self.if_reserved(shares, Event::Refunded { shares: shares.clone() })
            }
            (Fact::Refunded { .. }, Created | Closing(_) | Closed(Refunded | Failed)) => Vec::new(),

            // A failed refund lets go of what it reserved.
            (Fact::RefundFailed { shares, .. }, Paid | Completed | Closed(Expired | Canceled | Forfeited)) => {
                self.if_reserved(shares, Event::RefundFailed { shares: shares.clone() })
            }
            (Fact::RefundFailed { .. }, Created | Closing(_) | Closed(Refunded | Failed)) => Vec::new(),

            // An institution may take back what was paid and is not back; it is set aside like what a refund takes. What
            // waits for the other dues may yet go another way: of it nothing is.
            (Fact::Disputed { dispute, amount }, Paid | Completed | Closed(Forfeited)) => {
                vec![self.disputed(*dispute, *amount)]
            }
            (Fact::Disputed { dispute, .. }, Created | Closing(_) | Closed(Canceled | Expired | Refunded | Failed)) => {
                vec![Event::DisputeReserved { dispute: *dispute, shares: Vec::new() }]
            }

            // Won, it is free again; lost, it is gone like what was refunded.
            (Fact::DisputeWon { shares, .. }, Paid | Completed | Closed(Forfeited)) => {
                self.if_reserved(shares, Event::RefundFailed { shares: shares.clone() })
            }
            (Fact::DisputeLost { lost, kept, .. }, Paid) => {
                let mut events = self.if_reserved(kept, Event::RefundFailed { shares: kept.clone() });
                events.extend(self.refunded_from_escrow(lost));
                events
            }
            (Fact::DisputeLost { lost, kept, .. }, Completed | Closed(Forfeited)) => {
                let mut events = self.if_reserved(kept, Event::RefundFailed { shares: kept.clone() });
                events.extend(self.if_reserved(lost, Event::Refunded { shares: lost.clone() }));
                events
            }
            (
                Fact::DisputeWon { .. } | Fact::DisputeLost { .. },
                Created | Closing(_) | Closed(Canceled | Expired | Refunded | Failed),
            ) => Vec::new(),
        }
    }

    /// Told once; what is told again finds a trade that has ended.
    fn crossing(&self, crossing: Crossing) -> Vec<Event> {
        use Status::{Closed, Closing, Completed, Created, Paid};
        match (crossing, self.status) {
            (Crossing::Arrived, Paid) if self.away.is_some() => vec![Event::Completed],
            (Crossing::CameBack, Paid) if self.away.is_some() => {
                vec![Event::CameBack, Event::Closed(ClosedReason::Failed)]
            }
            (Crossing::Arrived | Crossing::CameBack, Created | Closing(_) | Paid | Completed | Closed(_)) => Vec::new(),
        }
    }

    /// What its parent says. A trade that is over, or has no parent, hears nothing.
    fn parent(&self, told: &OfParent) -> Vec<Event> {
        use Status::{Closed, Closing, Completed, Created, Paid};
        match (told, self.status) {
            (OfParent::Paid(_) | OfParent::Closed { .. }, Created) if self.parent.is_none() => Vec::new(),
            (OfParent::Paid(paid), Created) => vec![Event::PaidByParent(paid.clone())],
            (OfParent::Closed { expired: true }, Created) => vec![Event::Closed(ClosedReason::Expired)],
            (OfParent::Closed { expired: false }, Created) => vec![Event::Closed(ClosedReason::Canceled)],
            (OfParent::Paid(_) | OfParent::Closed { .. }, Closing(_) | Paid | Completed | Closed(_)) => Vec::new(),
        }
    }

    const fn pays_itself(&self) -> bool {
        self.context.order_type.pays_itself()
    }

    const fn invalid(&self, action: &'static str) -> Refusal {
        Refusal::InvalidState { status: self.status, action }
    }

    /// The due that a payment ordered now pays, where it names none.
    pub fn open_due(&self, now: Time) -> Option<&Due> {
        self.dues.iter().find(|due| due.paid.is_none() && due.opens_at <= now && now < due.expires_at)
    }

    /// The due that can be paid now.
    ///
    /// # Errors
    /// Why there is none.
    pub fn payable_now(&self, now: Time) -> Result<&Due, Refusal> {
        match self.status {
            Status::Created if self.parent.is_some() => Err(Refusal::OfParent),
            Status::Created => self.payable(None, now),
            status => Err(Refusal::NotPayable(status)),
        }
    }

    /// The due of this number, or the open one, if it can be paid now.
    fn payable(&self, no: Option<u16>, now: Time) -> Result<&Due, Refusal> {
        let unpaid = || self.dues.iter().find(|due| due.paid.is_none()).ok_or(Refusal::NoDueOpen);
        let due = match no {
            Some(no) => self.dues.iter().find(|due| due.no == no).ok_or(Refusal::DueUnknown(self.dues.len()))?,
            None => self.open_due(now).map_or_else(unpaid, Ok)?,
        };
        if due.paid.is_some() {
            return Err(Refusal::DueIsPaid(due.no));
        }
        if due.opens_at > now {
            return Err(Refusal::DueNotOpen { no: due.no, opens_at: due.opens_at });
        }
        if due.expires_at > now { Ok(due) } else { Err(Refusal::NoDueOpen) }
    }

    /// Orders a payment of a due; `field` is where the request names its tools.
    pub(crate) fn pay(
        &self,
        no: Option<u16>,
        tools: &[ToolRequest],
        field: &'static str,
        now: Time,
    ) -> Result<Vec<Event>, Refusal> {
        let due = self.payable(no, now)?;
        if let Some(place) = tools.iter().position(|tool| !self.takes(&tool.tool)) {
            return Err(Refusal::ToolNotApplicable { field, place });
        }
        let sum = parts::total(tools.iter().map(|tool| tool.amount), field)?;
        parts::sums_to(due.amount.minor(), sum, field)?;
        Ok(vec![Event::PaymentOrdered { due: due.clone(), tools: tools.to_vec() }])
    }

    /// A top-up brings money from outside: what is on our books already tops nothing up. A transfer moves a balance. A
    /// repayment takes either: money from outside, or the debtor's own.
    const fn takes(&self, tool: &Tool) -> bool {
        match (self.context.order_type, tool) {
            (
                OrderType::Instant | OrderType::Escrow | OrderType::Combined,
                Tool::Balance | Tool::Coupon(_) | Tool::Stored(_) | Tool::Points | Tool::Credit | Tool::Channel { .. },
            )
            | (OrderType::Topup | OrderType::Repayment, Tool::Channel { .. })
            | (OrderType::Transfer | OrderType::Repayment, Tool::Balance)
            | (OrderType::Payout, Tool::Payout { .. }) => true,
            (OrderType::Instant | OrderType::Escrow | OrderType::Combined, Tool::Payout { .. })
            | (OrderType::Topup | OrderType::Payout, Tool::Balance)
            | (OrderType::Topup | OrderType::Transfer | OrderType::Repayment, Tool::Payout { .. })
            | (OrderType::Transfer | OrderType::Payout, Tool::Channel { .. })
            | (
                OrderType::Topup | OrderType::Transfer | OrderType::Payout | OrderType::Repayment,
                Tool::Coupon(_) | Tool::Stored(_) | Tool::Points | Tool::Credit,
            ) => false,
        }
    }

    fn succeeded(&self, payment: PaymentId, no: u16, at: Time) -> Vec<Event> {
        if !self.dues.iter().any(|due| due.no == no && due.paid.is_none()) {
            return Vec::new();
        }
        let paid = DuePaid { payment: payment.no, at };
        let mut events = vec![Event::DuePaid { due: no, paid, several: self.has_dues() }];
        if self.dues.iter().all(|due| due.no == no || due.paid.is_some()) {
            events.push(Event::Paid);
            match self.context.order_type {
                OrderType::Instant if self.has_dues() => {
                    events.extend([Event::Released { shares: self.shares() }, Event::Completed]);
                }
                OrderType::Transfer if self.away.is_some() => events.push(Event::Sent),
                OrderType::Instant
                | OrderType::Topup
                | OrderType::Transfer
                | OrderType::Payout
                | OrderType::Repayment => {
                    events.extend([Event::ReleasedByPayment, Event::Completed]);
                }
                OrderType::Combined => events.extend([Event::ChildrenPaid { payment }, Event::Completed]),
                OrderType::Escrow => {}
            }
        }
        events
    }

    /// It closes. What was paid is divided over the receivers by their parts of the whole, and goes back or is theirs.
    fn closed(&self, stop: Stop) -> Vec<Event> {
        let parts: Vec<i64> = self.splits.iter().map(|split| split.amount.minor()).collect();
        let (Ok(amount), Some(parts)) = (Amount::new(self.paid), allocate(self.paid, &parts)) else {
            return vec![Event::Closed(stop.into())];
        };
        let parts = self.splits.iter().zip(parts).filter(|(_, part)| *part > 0);
        match self.unpaid_due.unwrap_or_default() {
            UnpaidDue::Return => {
                let share =
                    |(split, before): (&Split, i64)| RefundShare { receiver: split.receiver.clone(), before, after: 0 };
                let shares = parts.map(share).collect();
                vec![Event::Closed(stop.into()), Event::DuesReturned { amount, shares }]
            }
            UnpaidDue::Forfeit => {
                let share = |(split, part): (&Split, i64)| {
                    Some(Share { receiver: split.receiver.clone(), amount: Amount::new(part).ok()? })
                };
                let shares = parts.filter_map(share).collect();
                vec![Event::Released { shares }, Event::Closed(ClosedReason::Forfeited)]
            }
        }
    }

    fn confirm(&self, amount: Option<Amount>, shares: &[Share]) -> Result<Vec<Event>, Refusal> {
        let ask = Ask { amount, shares };
        let parts = parts::divide(&self.splits, &ask, Split::free_in_escrow, Refusal::NothingToConfirm)?;
        Ok(self.release(&parts))
    }

    fn confirm_by_time(&self, now: Time) -> Vec<Event> {
        let is_due = self.confirm_by.is_some_and(|at| now >= at);
        if !is_due || self.confirmable_amount() == 0 {
            return Vec::new();
        }
        let all: Vec<i64> = self.splits.iter().map(Split::free_in_escrow).collect();
        self.release(&all)
    }

    /// Releases these parts, one per split. Money that refunds under way reserved still is in escrow.
    fn release(&self, parts: &[i64]) -> Vec<Event> {
        let shares = self.splits.iter().zip(parts).filter_map(|(split, part)| {
            Some(Share { receiver: split.receiver.clone(), amount: Amount::new(*part).ok()? })
        });
        let mut events = vec![Event::Released { shares: shares.collect() }];
        if parts.iter().sum::<i64>() == self.escrow_amount() {
            events.push(Event::Completed);
        }
        events
    }

    fn refund(&self, refund: &Refund) -> Result<Vec<Event>, Refusal> {
        // What is owed less by it may have been drawn again.
        if self.pays_itself() || self.context.order_type == OrderType::Repayment {
            return Err(Refusal::NotRefundable);
        }
        if self.context.order_type.fills_balances() && self.payer.user().is_some() && !refund.users_debit {
            return Err(Refusal::ConsentRequired);
        }
        let ask = Ask { amount: Some(refund.amount), shares: &refund.splits };
        let parts = parts::divide(&self.splits, &ask, |split| self.refundable_of(split), Refusal::RefundExceedsPaid)?;
        Ok(vec![Event::RefundReserved { refund: refund.clone(), shares: self.taken(&parts) }])
    }

    /// Minor units that can be taken back of a receiver.
    const fn refundable_of(&self, split: &Split) -> i64 {
        split.moved.refundable(self.paid_to(split))
    }

    /// Spread over what is left of each receiver; of more than is left, all that is.
    fn disputed(&self, dispute: DisputeId, amount: Amount) -> Event {
        let left: Vec<i64> = self.splits.iter().map(|split| self.refundable_of(split)).collect();
        let parts = allocate(amount.minor().min(left.iter().sum()), &left);
        Event::DisputeReserved { dispute, shares: self.taken(&parts.unwrap_or_default()) }
    }

    /// What is taken of whom, by a part of each receiver's.
    fn taken(&self, parts: &[i64]) -> Vec<RefundShare> {
        let shares = self.splits.iter().zip(parts).filter(|(_, part)| **part > 0).map(|(split, part)| {
            let (before, after) = split.moved.taken(self.paid_to(split), *part);
            RefundShare { receiver: split.receiver.clone(), before, after }
        });
        shares.collect()
    }

    fn refunded_from_escrow(&self, shares: &[RefundShare]) -> Vec<Event> {
        if !self.has_reserved(shares) {
            return Vec::new();
        }
        let mut events = vec![Event::Refunded { shares: shares.to_vec() }];
        let taken: i64 = shares.iter().map(|share| share.before).sum();
        if taken == self.escrow_amount() {
            events.push(if self.moved.released > 0 { Event::Completed } else { Event::Closed(ClosedReason::Refunded) });
        }
        events
    }

    fn if_reserved(&self, shares: &[RefundShare], event: Event) -> Vec<Event> {
        if self.has_reserved(shares) { vec![event] } else { Vec::new() }
    }

    /// Whether refunds under way have reserved all of this, receiver by receiver.
    fn has_reserved(&self, shares: &[RefundShare]) -> bool {
        let possible =
            |share: &RefundShare| share.before >= 0 && share.after >= 0 && self.split(&share.receiver).is_some();
        let covered = |split: &Split| {
            let of_split = || shares.iter().filter(|share| share.receiver == split.receiver);
            let before: i128 = of_split().map(|share| i128::from(share.before)).sum();
            let after: i128 = of_split().map(|share| i128::from(share.after)).sum();
            before <= i128::from(split.moved.returning_before) && after <= i128::from(split.moved.returning_after)
        };
        !shares.is_empty() && shares.iter().all(possible) && self.splits.iter().all(covered)
    }
}
