//! Whom each event concerns, and in which words: at most one message per event, in the order of the events.

use kernel::message::accounting::{self, LineSource, Onto, PayLeg, Post, RefundLine, RefundTo, Verb};
use kernel::message::channel::{self, Place, Purpose};
use kernel::message::payment::{Fact, ParentPaid, ShareDisputed, Tool};
use kernel::{Amount, DisputeId, InstructionId, Money, OrderType, PaymentId, RefundId, Time, TradeId};

use crate::dispute::{Dispute, DisputeLine, DisputeStatus};
use crate::event::{DisputeStep, Event, MoneyPlace, PayoutStep};
use crate::input::{Booking, Message};
use crate::instruction::CouponUse;
use crate::payment::{Payment, PaymentStep};
use crate::payments::Payments;
use crate::payout;
use crate::refund::{Line, Part, PartSource, PartStep, Refund, Way};

impl Payments {
    /// What must be told to whom; looks at the state after the events.
    pub fn react(&self, events: &[Event]) -> Vec<Message> {
        events.iter().flat_map(|event| self.messages(event)).collect()
    }

    fn messages(&self, event: &Event) -> Vec<Message> {
        match event {
            Event::GivenBack { refund, parts, reserved } => self.give_back(*refund, parts, *reserved),
            Event::PaymentMoved { payment, step: PaymentStep::Succeed, .. } => {
                self.payment(*payment).map(|payment| self.succeeded(payment)).into_iter().collect()
            }
            Event::PaymentMoved { payment, step: PaymentStep::Fail, .. } => {
                self.payment(*payment).and_then(|payment| self.failed(payment)).into_iter().collect()
            }
            Event::ChildrenPaid(children) => {
                let told = |(trade, paid): &(TradeId, ParentPaid)| Message::Child(*trade, Box::new(paid.clone()));
                children.iter().map(told).collect()
            }
            Event::Quiet => vec![Message::Trade(Fact::Quiet)],
            Event::HoldsAsked { payment, holds } => {
                self.post(*payment, Verb::HoldTools(holds.clone()), Booking::Hold { payment: *payment })
            }
            Event::HoldsReleased { payment, holds } => {
                self.post(*payment, Verb::ReleaseTools(holds.clone()), Booking::Sure)
            }
            Event::EffectAsked { payment, legs, fresh } => {
                let verb = self.effect(*payment, legs);
                self.post(*payment, verb, Booking::Effect { payment: *payment, fresh: *fresh })
            }
            Event::CouponTold { coupon, command } => vec![Message::Coupon(*coupon, *command)],
            Event::OrderPlaced { instruction, order, expires_at } => {
                self.place_payment(*instruction, *order, *expires_at).into_iter().collect()
            }
            Event::PayoutBooked { payment, step } => self.book_payout(*payment, *step),
            Event::PayoutSent { instruction, order } => self.place_payout(*instruction, *order).into_iter().collect(),
            Event::CloseAsked { order } => vec![Message::Channel(channel::Command::Close(self.order_id(*order)))],
            Event::MoneyCame { instruction, money, place, .. } => match place {
                MoneyPlace::Effective => Vec::new(),
                MoneyPlace::Received => self.receive(*instruction, *money),
                MoneyPlace::Suspense => self.suspend(*instruction, *money),
            },
            Event::MoneyParked { instruction, money } => self.receive(*instruction, *money),
            Event::ReserveAsked { refund } => self.reserve(*refund),
            Event::PartSent { part, order } => self.place_refund(*part, *order).into_iter().collect(),
            Event::PartMoved { part, step: PartStep::Return } => self.came_back(*part),
            Event::RefundMoved { refund, through: true, .. } => {
                self.refund(*refund).and_then(|refund| self.refunded(refund)).into_iter().collect()
            }
            Event::DisputeSpreadAsked { dispute, amount } => {
                let dispute = DisputeId::new(self.trade, *dispute);
                vec![Message::Trade(Fact::Disputed { dispute, amount: *amount })]
            }
            Event::DisputeShared { dispute, shares } => self.share_dispute(*dispute, shares),
            Event::SharesEnded { dispute, lost } => {
                let id = DisputeId::new(self.trade, *dispute);
                let ended = |(child, lost): &(TradeId, i64)| {
                    Message::ShareDisputed(*child, id, Box::new(ShareDisputed::Ended { lost: *lost }))
                };
                lost.iter().map(ended).collect()
            }
            Event::DisputeBooked { dispute, step } => self.book_dispute(*dispute, *step),
            Event::DisputeEnded { dispute, .. } => {
                self.dispute(*dispute).and_then(|dispute| self.dispute_over(dispute)).into_iter().collect()
            }
            Event::PaymentOpened(_)
            | Event::PaymentMoved { .. }
            | Event::EndWanted { .. }
            | Event::Stopped
            | Event::PayoutCameBack { .. }
            | Event::LegMoved { .. }
            | Event::OrderOver { .. }
            | Event::CredentialGiven { .. }
            | Event::SuspenseDecided { .. }
            | Event::SurplusFound { .. }
            | Event::RefundOpened(_)
            | Event::PartRerouted { .. }
            | Event::PartMoved { .. }
            | Event::RefundMoved { .. }
            | Event::DisputeOpened(_)
            | Event::DisputeSpread { .. }
            | Event::CaseOpened(_)
            | Event::CaseMoved { .. } => Vec::new(),
        }
    }

    fn succeeded(&self, payment: &Payment) -> Message {
        let id = PaymentId::new(self.trade, payment.no);
        Message::Trade(Fact::Succeeded { payment: id, due: payment.due })
    }

    /// A trade that others pay stays payable, and does not hear of it.
    fn failed(&self, payment: &Payment) -> Option<Message> {
        let id = PaymentId::new(self.trade, payment.no);
        payment.context.order_type.pays_itself().then_some(Message::Trade(Fact::Failed { payment: id }))
    }

    /// The trade counts what its receivers gave up; money that never took effect is no business of its.
    fn refunded(&self, refund: &Refund) -> Option<Message> {
        let id = RefundId::new(self.trade, refund.no);
        refund
            .reason_code
            .is_of_dues()
            .then(|| Message::Trade(Fact::Refunded { refund: id, shares: refund.shares.clone() }))
    }

    fn effect(&self, payment: u16, legs: &[PayLeg]) -> Verb {
        let payment = self.payment(payment);
        Verb::Pay {
            legs: legs.to_vec(),
            receivers: payment.map(|payment| payment.receivers.clone()).unwrap_or_default(),
            onto: payment.map_or(Onto::Settlement, |payment| onto(payment.context.order_type)),
        }
    }

    fn place_payment(&self, instruction: u16, order: u16, expires_at: Time) -> Option<Message> {
        let (payment, leg) = self.leg(instruction)?;
        let Tool::Channel { method, sandbox } = leg.tool.clone() else { return None };
        Some(place(Place {
            order: self.order_id(order),
            context: payment.context.clone(),
            purpose: Purpose::Pay(InstructionId::new(self.trade, leg.no)),
            channel_account: leg.channel_account.clone()?,
            method,
            money: Money { amount: leg.amount, currency: payment.money.currency },
            expires_at: Some(expires_at),
            sandbox,
            destination: None,
        }))
    }

    fn book_payout(&self, payment: u16, step: PayoutStep) -> Vec<Message> {
        let Some(payout) = self.payment(payment).and_then(payout::booking) else { return Vec::new() };
        let (verb, token) = match step {
            PayoutStep::Hold => (Verb::HoldPayout(payout), Booking::Hold { payment }),
            PayoutStep::Pay => (Verb::PayOut(payout), Booking::Sure),
            PayoutStep::Release => (Verb::ReleasePayout(payout), Booking::Sure),
        };
        self.post(payment, verb, token)
    }

    /// Where it goes is the trade's to say: the engine adds it.
    fn place_payout(&self, instruction: u16, order: u16) -> Option<Message> {
        let (payment, leg) = self.leg(instruction)?;
        let Tool::Payout { to, sandbox } = leg.tool.clone() else { return None };
        Some(place(Place {
            order: self.order_id(order),
            context: payment.context.clone(),
            purpose: Purpose::Payout(InstructionId::new(self.trade, leg.no)),
            channel_account: leg.channel_account.clone()?,
            method: to.as_str().to_owned(),
            money: Money { amount: payout::paid_out_amount(payment, leg)?, currency: payment.money.currency },
            expires_at: None,
            sandbox,
            destination: None,
        }))
    }

    fn place_refund(&self, part: u16, order: u16) -> Option<Message> {
        let (refund, part) = self.part(part)?;
        let (payment, leg) = self.leg(part.instruction)?;
        Some(place(Place {
            order: self.order_id(order),
            context: payment.context.clone(),
            purpose: Purpose::Refund { of: self.order_of(payment, leg.order?), part: part.no },
            channel_account: leg.channel_account.clone()?,
            method: leg.method()?.to_owned(),
            money: part_money(refund, part),
            expires_at: None,
            sandbox: refund.sandbox.clone(),
            destination: None,
        }))
    }

    fn receive(&self, instruction: u16, money: Money) -> Vec<Message> {
        let verb = |channel_account| Verb::Receive { channel_account, money };
        self.post_for_leg(instruction, verb)
    }

    fn suspend(&self, instruction: u16, money: Money) -> Vec<Message> {
        let verb = |channel_account| Verb::Suspend { channel_account, money };
        self.post_for_leg(instruction, verb)
    }

    fn post_for_leg(&self, instruction: u16, verb: impl FnOnce(String) -> Verb) -> Vec<Message> {
        let Some((payment, leg)) = self.leg(instruction) else { return Vec::new() };
        let Some(account) = leg.channel_account.clone() else { return Vec::new() };
        self.post(payment.no, verb(account), Booking::Sure)
    }

    fn reserve(&self, refund: u16) -> Vec<Message> {
        let Some(refund) = self.refund(refund) else { return Vec::new() };
        let lines = refund.parts.iter().flat_map(|part| self.lines(part)).collect();
        self.post_for_refund(refund, Verb::ReserveRefund(lines), Booking::Reserve { refund: refund.no })
    }

    /// One voucher for everything that receivers give, and one for each part that they never had.
    fn give_back(&self, refund: u16, parts: &[u16], reserved: bool) -> Vec<Message> {
        let Some(refund) = self.refund(refund) else { return Vec::new() };
        let chosen: Vec<_> = refund.parts.iter().filter(|part| parts.contains(&part.no)).collect();
        let taken = chosen.iter().filter(|part| part.source == PartSource::Receivers);
        let lines: Vec<_> = taken.flat_map(|part| self.lines(part)).collect();
        let mut messages = Vec::new();
        if !lines.is_empty() {
            let token = if reserved { Booking::Sure } else { Booking::Refund { refund: refund.no } };
            messages.extend(self.post_for_refund(refund, Verb::Refund { lines, reserved }, token));
        }
        for part in chosen {
            if let Some(verb) = self.own_verb(refund, part) {
                messages.extend(self.post_for_refund(refund, verb, Booking::Sure));
            }
        }
        messages
    }

    /// How a part goes that no receiver ever had, or has no more.
    fn own_verb(&self, refund: &Refund, part: &Part) -> Option<Verb> {
        let (payment, leg) = self.leg(part.instruction)?;
        let money = part_money(refund, part);
        let owner = payment.payer.clone();
        let channel_account = leg.channel_account.clone()?;
        match (part.source, part.way) {
            (PartSource::Received, Way::Channel) => Some(Verb::ReturnReceived { channel_account, money }),
            (PartSource::Suspense, Way::Channel) => Some(Verb::ReturnSuspended { channel_account, money }),
            (PartSource::Received, Way::Balance) => Some(Verb::KeepReceived { channel_account, owner, money }),
            (PartSource::Suspense, Way::Balance) => Some(Verb::KeepSuspended { channel_account, owner, money }),
            (PartSource::PaidOut, Way::Balance) => payout::booking(payment).map(Verb::ReturnPayout),
            (PartSource::Receivers, _)
            | (
                PartSource::Received | PartSource::Suspense,
                Way::CouponSource | Way::CouponAgain | Way::Stored | Way::Points | Way::Credit,
            )
            | (
                PartSource::PaidOut,
                Way::Channel | Way::CouponSource | Way::CouponAgain | Way::Stored | Way::Points | Way::Credit,
            ) => None,
        }
    }

    fn lines(&self, part: &Part) -> Vec<RefundLine> {
        let first = part.lines.first().map(|line| line.no);
        let on_balance = self.is_on_balance(part);
        let line = |line: &Line| {
            Some(RefundLine {
                line: line.no,
                receiver: line.receiver.clone(),
                from: source_of(line, on_balance),
                amount: line.amount,
                to: self.refund_to(part, first == Some(line.no))?,
            })
        };
        part.lines.iter().filter_map(line).collect()
    }

    /// Whether the receivers of a part's payment got its money on their balance.
    fn is_on_balance(&self, part: &Part) -> bool {
        self.leg(part.instruction).is_some_and(|(payment, _)| payment.context.order_type.fills_balances())
    }

    /// What a coupon's face exceeds the part used is issued anew once, and points go back once: with the part's first line.
    fn refund_to(&self, part: &Part, first: bool) -> Option<RefundTo> {
        let (payment, leg) = self.leg(part.instruction)?;
        let coupon = |usable_again| {
            let user = payment.payer.user()?.clone();
            let CouponUse { source, rest } = leg.coupon.clone()?;
            let rest = if usable_again && first { rest } else { 0 };
            Some(RefundTo::Coupon { user, source, usable_again, rest })
        };
        match part.way {
            Way::Balance => Some(RefundTo::Balance(payment.payer.clone())),
            Way::CouponSource => coupon(false),
            Way::CouponAgain => coupon(true),
            Way::Stored => match &leg.tool {
                Tool::Stored(kind) => Some(RefundTo::Stored(payment.payer.user()?.clone(), kind.clone())),
                Tool::Balance
                | Tool::Coupon(_)
                | Tool::Points
                | Tool::Credit
                | Tool::Channel { .. }
                | Tool::Payout { .. } => None,
            },
            Way::Points => {
                let user = payment.payer.user()?.clone();
                let source = leg.points.as_ref()?.source.clone();
                Some(RefundTo::Points { user, source, points: if first { part.points } else { 0 } })
            }
            Way::Credit => Some(RefundTo::Credit(payment.payer.user()?.clone())),
            Way::Channel => leg.channel_account.clone().map(RefundTo::Channel),
        }
    }

    /// The trade lets go of what it had set aside, or counts it as gone.
    fn dispute_over(&self, dispute: &Dispute) -> Option<Message> {
        let id = DisputeId::new(self.trade, dispute.no);
        let lost = dispute.shares(|line| line.lost);
        let kept = dispute.shares(|line| line.line.amount.minor() - line.lost);
        let fact = match dispute.status {
            DisputeStatus::Open => return None,
            DisputeStatus::Won => Fact::DisputeWon { dispute: id, shares: kept },
            DisputeStatus::Lost => Fact::DisputeLost { dispute: id, lost, kept },
        };
        (!dispute.lines.is_empty()).then_some(Message::Trade(fact))
    }

    /// Each child hears of its share.
    fn share_dispute(&self, no: u16, shares: &[(TradeId, Amount)]) -> Vec<Message> {
        let Some(dispute) = self.dispute(no) else { return Vec::new() };
        let opened = |(child, amount): &(TradeId, Amount)| {
            let told = ShareDisputed::Opened {
                instruction: dispute.instruction,
                channel_no: dispute.channel_no.clone(),
                money: Money { amount: *amount, ..dispute.money },
                reason: dispute.reason.clone(),
                respond_by: dispute.respond_by,
            };
            Message::ShareDisputed(*child, DisputeId::new(self.trade, no), Box::new(told))
        };
        shares.iter().map(opened).collect()
    }

    fn book_dispute(&self, no: u16, step: DisputeStep) -> Vec<Message> {
        let Some(dispute) = self.dispute(no).filter(|dispute| !dispute.lines.is_empty()) else { return Vec::new() };
        let Some((payment, leg)) = self.leg(dispute.instruction) else { return Vec::new() };
        let Some(channel_account) = leg.channel_account.clone() else { return Vec::new() };
        let on_balance = payment.context.order_type.fills_balances();
        let lines = dispute.lines.iter().map(|line| dispute_line(line, on_balance)).collect();
        let (verb, token) = match step {
            DisputeStep::Hold => {
                (Verb::HoldDispute { channel_account, lines, owed: false }, Booking::Dispute { dispute: no })
            }
            DisputeStep::HoldOwed => (Verb::HoldDispute { channel_account, lines, owed: true }, Booking::Sure),
            DisputeStep::Release => (Verb::ReleaseDispute { channel_account, lines }, Booking::Sure),
            DisputeStep::Lose => (Verb::LoseDispute { channel_account, lines }, Booking::Sure),
        };
        vec![voucher(payment, DisputeId::new(self.trade, no).to_string(), verb, token)]
    }

    fn came_back(&self, part: u16) -> Vec<Message> {
        let Some((refund, part)) = self.part(part) else { return Vec::new() };
        let account = self.leg(part.instruction).and_then(|(_, leg)| leg.channel_account.clone());
        let Some(channel_account) = account else { return Vec::new() };
        let verb = Verb::RefundReturned { channel_account, money: part_money(refund, part) };
        self.post_for_refund(refund, verb, Booking::Sure)
    }

    fn post(&self, payment: u16, verb: Verb, token: Booking) -> Vec<Message> {
        let object = PaymentId::new(self.trade, payment).to_string();
        self.payment(payment).map(|payment| voucher(payment, object, verb, token)).into_iter().collect()
    }

    fn post_for_refund(&self, refund: &Refund, verb: Verb, token: Booking) -> Vec<Message> {
        let object = RefundId::new(self.trade, refund.no).to_string();
        self.payment(refund.payment).map(|payment| voucher(payment, object, verb, token)).into_iter().collect()
    }
}

fn place(order: Place) -> Message {
    Message::Channel(channel::Command::Place(Box::new(order)))
}

/// Where the money is that a line takes.
const fn source_of(line: &Line, on_balance: bool) -> LineSource {
    match line.released {
        false => LineSource::Escrow,
        true if on_balance => LineSource::Balance,
        true => LineSource::Receiver,
    }
}

fn dispute_line(DisputeLine { line, lost }: &DisputeLine, on_balance: bool) -> accounting::DisputeLine {
    accounting::DisputeLine {
        line: line.no,
        receiver: line.receiver.clone(),
        from: source_of(line, on_balance),
        amount: line.amount,
        lost: *lost,
    }
}

fn part_money(refund: &Refund, part: &Part) -> Money {
    Money { amount: part.amount, currency: refund.money.currency }
}

fn voucher(payment: &Payment, object: String, verb: Verb, token: Booking) -> Message {
    let post = Post {
        context: Some(payment.context.clone()),
        merchant: Some(payment.context.merchant),
        currency: payment.money.currency,
        object,
        verb,
    };
    Message::Post { post: Box::new(post), token }
}

/// Where the receivers of a payment of a trade of this type have its money.
const fn onto(order_type: OrderType) -> Onto {
    match order_type {
        OrderType::Repayment => Onto::Debt,
        OrderType::Topup | OrderType::Transfer => Onto::Balance,
        OrderType::Instant | OrderType::Escrow | OrderType::Payout | OrderType::Combined => Onto::Settlement,
    }
}
