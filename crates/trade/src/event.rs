//! What happened to a trade: how it changes the trade (`apply`) and who must be told (`react`).

use kernel::message::accounting::{Post, Verb, Way};
use kernel::message::payment::{self, ChildPart, LegShare, OpenRefund, ParentPaid, Pay, RefundShare, ToolRequest};
use kernel::message::trade::{OfParent, Refund, Share};
use kernel::{Amount, DisputeId, Money, OrderType, Owner, PaymentId};

use crate::{Child, ClosedReason, Due, DuePaid, Message, Moved, News, Reaction, Split, Status, Stop, Trade};

/// Something that happened to a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A payment of this due was ordered; the payment core carries it out.
    PaymentOrdered {
        /// The due.
        due: Due,
        /// With what.
        tools: Vec<ToolRequest>,
    },
    /// This payment paid this due; its money is in escrow, or with the receivers.
    DuePaid {
        /// The due.
        due: u16,
        /// The payment.
        paid: DuePaid,
        /// Whether it is one of several, of which clients are told.
        several: bool,
    },
    /// Every due is paid.
    Paid,
    /// A combined trade is paid: all of it goes to its children.
    ChildrenPaid {
        /// The payment.
        payment: PaymentId,
    },
    /// The parent paid this trade: the payment core takes over with what.
    PaidByParent(Box<ParentPaid>),
    /// The payment's own voucher gave every receiver its part at once (not `escrow`).
    ReleasedByPayment,
    /// A transfer left for its payee in another shard.
    Sent,
    /// It was refused there: its payer has it again.
    CameBack,
    /// Escrow is released to receivers.
    Released {
        /// To whom how much; the receivers are the trade's.
        shares: Vec<Share>,
    },
    /// Nothing is in escrow any more, and something was released.
    Completed,
    /// It takes no payment any more and will be closed.
    ClosingStarted(Stop),
    /// It is over without success.
    Closed(ClosedReason),
    /// A refund reserved what it will take.
    RefundReserved {
        /// What the merchant asked.
        refund: Refund,
        /// What it takes from whom.
        shares: Vec<RefundShare>,
    },
    /// A dispute set aside what it will take; nothing where nothing can be.
    DisputeReserved {
        /// The dispute.
        dispute: DisputeId,
        /// What it takes from whom.
        shares: Vec<RefundShare>,
    },
    /// A due was not paid: what the others brought goes back, and is reserved for that.
    DuesReturned {
        /// All that was paid.
        amount: Amount,
        /// What it takes from whom.
        shares: Vec<RefundShare>,
    },
    /// Reserved money went back to the payer, by a refund or by a lost dispute.
    Refunded {
        /// What was taken from whom.
        shares: Vec<RefundShare>,
    },
    /// Reserved money stays where it is: its refund failed, or the dispute did not take it.
    RefundFailed {
        /// What was not taken after all.
        shares: Vec<RefundShare>,
    },
}

impl Event {
    /// The wire's event type, where clients are told of it.
    pub const fn kind(&self) -> Option<&'static str> {
        match self {
            Self::DuePaid { several: true, .. } => Some("trade.due_paid"),
            Self::Paid => Some("trade.paid"),
            Self::Completed => Some("trade.completed"),
            Self::Closed(_) => Some("trade.closed"),
            Self::PaymentOrdered { .. }
            | Self::DuePaid { several: false, .. }
            | Self::ReleasedByPayment
            | Self::Sent
            | Self::CameBack
            | Self::ChildrenPaid { .. }
            | Self::PaidByParent(_)
            | Self::Released { .. }
            | Self::ClosingStarted(_)
            | Self::RefundReserved { .. }
            | Self::DisputeReserved { .. }
            | Self::DuesReturned { .. }
            | Self::Refunded { .. }
            | Self::RefundFailed { .. } => None,
        }
    }
}

impl Trade {
    /// Applies events one after another and gathers what follows from them.
    pub(crate) fn perform(&mut self, events: &[Event]) -> Reaction {
        let mut news = Vec::new();
        for event in events {
            self.apply(event);
            news.extend(event.kind().map(|kind| News { kind, sequence: self.sequence }));
        }
        Reaction { messages: self.react(events), news }
    }

    /// Changes the trade by what happened. Never fails: [`Trade::decide`] has checked.
    pub fn apply(&mut self, event: &Event) {
        self.sequence += i64::from(event.kind().is_some());
        match event {
            Event::PaymentOrdered { .. } | Event::PaidByParent(_) => {}
            Event::ChildrenPaid { .. } => self.moved.release(self.paid),
            Event::DuePaid { due, paid, .. } => self.apply_due_paid(*due, *paid),
            Event::Paid => self.status = Status::Paid,
            Event::ReleasedByPayment | Event::Sent => self.apply_release(&self.shares()),
            Event::CameBack => {
                let shares = self.all_released();
                self.apply_refund(&shares, Moved::reserve);
                self.apply_refund(&shares, Moved::give_back);
            }
            Event::Released { shares } => self.apply_release(shares),
            Event::Completed => self.status = Status::Completed,
            Event::ClosingStarted(stop) => self.status = Status::Closing(*stop),
            Event::Closed(reason) => self.status = Status::Closed(*reason),
            Event::RefundReserved { shares, .. }
            | Event::DisputeReserved { shares, .. }
            | Event::DuesReturned { shares, .. } => {
                self.apply_refund(shares, Moved::reserve);
            }
            Event::Refunded { shares } => self.apply_refund(shares, Moved::give_back),
            Event::RefundFailed { shares } => self.apply_refund(shares, Moved::let_go),
        }
    }

    fn apply_due_paid(&mut self, no: u16, paid: DuePaid) {
        if let Some(due) = self.dues.iter_mut().find(|due| due.no == no) {
            due.paid = Some(paid);
            self.paid += due.amount.minor();
        }
    }

    fn apply_release(&mut self, shares: &[Share]) {
        for share in shares {
            if let Some(split) = self.split_mut(&share.receiver) {
                split.moved.release(share.amount.minor());
                self.moved.release(share.amount.minor());
            }
        }
    }

    fn apply_refund(&mut self, shares: &[RefundShare], step: fn(&mut Moved, i64, i64)) {
        for share in shares {
            if let Some(split) = self.split_mut(&share.receiver) {
                step(&mut split.moved, share.before, share.after);
                step(&mut self.moved, share.before, share.after);
            }
        }
    }

    /// Who must be told, in order; called after the events were applied.
    pub fn react(&self, events: &[Event]) -> Vec<Message> {
        events.iter().flat_map(|event| self.message(event).into_iter().chain(self.to_children(event))).collect()
    }

    /// Children close with their parent.
    fn to_children(&self, event: &Event) -> Vec<Message> {
        let Event::Closed(reason) = event else { return Vec::new() };
        let expired = *reason == ClosedReason::Expired;
        let told = |child: &Child| Message::Child(child.trade, OfParent::Closed { expired });
        self.children.iter().map(told).collect()
    }

    fn message(&self, event: &Event) -> Option<Message> {
        match event {
            Event::PaymentOrdered { due, tools } => Some(self.order_payment(due, tools)),
            Event::Released { shares } => Some(self.post_release(shares)),
            Event::Sent => self.away.and_then(|way| self.send(way)),
            Event::ClosingStarted(stop) => {
                Some(Message::Payment(payment::Command::Stop { expired: *stop == Stop::Expired }))
            }
            Event::RefundReserved { refund, shares } => Some(self.open_refund(refund, shares)),
            Event::DisputeReserved { dispute, shares } => {
                Some(Message::Payment(payment::Command::Dispute { dispute: *dispute, shares: shares.clone() }))
            }
            Event::DuesReturned { amount, shares } => Some(self.return_dues(*amount, shares)),
            Event::ChildrenPaid { payment } => Some(self.pay_children(*payment)),
            Event::PaidByParent(paid) => self.paid_by_parent(paid),
            Event::DuePaid { .. }
            | Event::Paid
            | Event::ReleasedByPayment
            | Event::CameBack
            | Event::Completed
            | Event::Closed(_)
            | Event::Refunded { .. }
            | Event::RefundFailed { .. } => None,
        }
    }

    /// All that was released, as what is given back of it.
    fn all_released(&self) -> Vec<RefundShare> {
        let share =
            |split: &Split| RefundShare { receiver: split.receiver.clone(), before: 0, after: split.moved.released };
        self.splits.iter().map(share).collect()
    }

    /// The payee's part leaves for another shard; the fee stays.
    fn send(&self, way: Way) -> Option<Message> {
        let split = self.splits.first()?;
        let (payee, money) = (&split.receiver, Money { amount: split.amount, currency: self.money.currency });
        let post = self.post(Verb::SendTransfer { money, fee: self.fee(), way });
        Some(Message::Send { post, payee: payee.clone(), money, way })
    }

    fn pay_children(&self, payment: PaymentId) -> Message {
        let part = |child: &Child| ChildPart { trade: child.trade, amount: child.amount };
        let children = self.children.iter().map(part).collect();
        Message::Payment(payment::Command::PayChildren { payment, children })
    }

    fn paid_by_parent(&self, paid: &ParentPaid) -> Option<Message> {
        let tool = |share: &LegShare| ToolRequest { tool: share.tool.clone(), amount: share.amount };
        let tools: Vec<ToolRequest> = paid.legs.iter().map(tool).collect();
        let pay = self.payment_of(self.dues.first()?, &tools);
        Some(Message::Payment(payment::Command::PaidByParent(Box::new(pay), Box::new(paid.clone()))))
    }

    fn order_payment(&self, due: &Due, tools: &[ToolRequest]) -> Message {
        Message::Payment(payment::Command::Pay(Box::new(self.payment_of(due, tools))))
    }

    fn payment_of(&self, due: &Due, tools: &[ToolRequest]) -> Pay {
        Pay {
            context: self.context.clone(),
            due: due.no,
            money: Money { amount: due.amount, currency: self.money.currency },
            payer: self.payer.clone(),
            expires_at: due.expires_at,
            receivers: self.paid_at_once(),
            late_success: self.late_success,
            tools: tools.to_vec(),
            destination: self.destination.clone(),
        }
    }

    /// Whom the payment's own voucher pays. What a payout pays out has no receiver here but the platform; what goes to
    /// another shard leaves from escrow.
    fn paid_at_once(&self) -> Vec<Share> {
        match self.context.order_type {
            OrderType::Instant | OrderType::Topup | OrderType::Transfer | OrderType::Repayment
                if !self.has_dues() && self.away.is_none() =>
            {
                self.shares()
            }
            OrderType::Payout => self.shares().into_iter().filter(|share| share.receiver == Owner::Platform).collect(),
            OrderType::Instant
            | OrderType::Topup
            | OrderType::Transfer
            | OrderType::Repayment
            | OrderType::Escrow
            | OrderType::Combined => Vec::new(),
        }
    }

    fn post_release(&self, shares: &[Share]) -> Message {
        Message::Post(self.post(Verb::Confirm(shares.to_vec())))
    }

    /// What is booked of the trade itself.
    pub fn post(&self, verb: Verb) -> Post {
        Post {
            context: Some(self.context.clone()),
            merchant: Some(self.context.merchant),
            currency: self.money.currency,
            object: self.id.to_string(),
            verb,
        }
    }

    fn open_refund(&self, refund: &Refund, shares: &[RefundShare]) -> Message {
        Message::Payment(payment::Command::Refund(Box::new(OpenRefund {
            context: self.context.clone(),
            merchant_refund_id: Some(refund.merchant_refund_id.clone()),
            money: Money { amount: refund.amount, currency: self.money.currency },
            reason: refund.reason.clone(),
            shares: shares.to_vec(),
            sandbox: refund.sandbox.clone(),
        })))
    }

    fn return_dues(&self, amount: Amount, shares: &[RefundShare]) -> Message {
        Message::Payment(payment::Command::Refund(Box::new(OpenRefund {
            context: self.context.clone(),
            merchant_refund_id: None,
            money: Money { amount, currency: self.money.currency },
            reason: None,
            shares: shares.to_vec(),
            sandbox: None,
        })))
    }

    /// Every receiver with its whole part.
    pub(crate) fn shares(&self) -> Vec<Share> {
        self.splits.iter().map(Split::share).collect()
    }
}
