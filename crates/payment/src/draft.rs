//! A decision in the making: a copy of the state that every event is applied to as soon as it is decided.
//!
//! So a rule of many steps always looks at the state as the steps before it left it, and what is decided is by
//! construction what is applied. Steps that a machine does not know are not written down at all.

use kernel::message::channel;
use kernel::message::payment::Command;
use kernel::{InstructionId, KeyId};

use crate::case::{Case, CaseKind, CaseStatus, CaseStep, Subject, TrailEntry};
use crate::event::Event;
use crate::input::{Input, Known};
use crate::instruction::LegStep;
use crate::news::{self, News};
use crate::payment::{Failure, PaymentStep};
use crate::payments::Payments;
use crate::refund::PartStep;
use crate::refusal::Refusal;
use crate::tool::{Moment, rules_of};
use crate::{combined, dispute, ending, giving_back, outside, payout, plan, resolve, settle};

pub(crate) struct Draft<'a> {
    pub(crate) state: Payments,
    pub(crate) known: &'a Known<'a>,
    events: Vec<Event>,
    news: Vec<News>,
}

impl<'a> Draft<'a> {
    /// Everything that follows from one input.
    pub(crate) fn of(state: Payments, input: &Input, known: &'a Known<'a>) -> Result<Self, Refusal> {
        let mut draft = Self { state, known, events: Vec::new(), news: Vec::new() };
        match input {
            Input::Command(Command::Pay(pay)) => plan::pay(&mut draft, pay)?,
            Input::Command(Command::PaidByParent(pay, paid)) => combined::paid_by_parent(&mut draft, pay, paid),
            Input::Command(Command::PayChildren { payment, children }) => {
                combined::pay_children(&mut draft, *payment, children);
            }
            Input::Command(Command::Cancel(payment)) => ending::cancel(&mut draft, *payment)?,
            Input::Command(Command::Stop { expired }) => ending::stop(&mut draft, *expired),
            Input::Command(Command::Refund(open)) => giving_back::open(&mut draft, open)?,
            Input::Command(Command::Dispute { dispute, shares }) => dispute::spread(&mut draft, *dispute, shares),
            Input::Command(Command::ShareDisputed { parent, told }) => {
                dispute::share_disputed(&mut draft, *parent, told);
            }
            Input::Command(Command::Case { case, by, act }) => resolve::act(&mut draft, *case, *by, act)?,
            Input::Channel(fact) => match fact {
                channel::Fact::Accepted { .. }
                | channel::Fact::Pending { .. }
                | channel::Fact::Unknown { .. }
                | channel::Fact::Paid { .. }
                | channel::Fact::NotPaid { .. } => outside::told(&mut draft, fact),
                channel::Fact::Silent { order, purpose } => match purpose {
                    channel::Purpose::Pay(leg) => outside::silent(&mut draft, *order, *leg),
                    channel::Purpose::Refund { part, .. } => giving_back::silent(&mut draft, *order, *part),
                    channel::Purpose::Payout(leg) => payout::silent(&mut draft, *order, *leg),
                },
                channel::Fact::Suspect { purpose, .. } => outside::suspect(&mut draft, purpose),
                channel::Fact::Refunded { .. }
                | channel::Fact::RefundFailed { .. }
                | channel::Fact::RefundReturned { .. } => giving_back::told(&mut draft, fact),
                channel::Fact::PayoutPending { .. }
                | channel::Fact::PayoutUnknown { .. }
                | channel::Fact::PaidOut { .. }
                | channel::Fact::PayoutFailed { .. }
                | channel::Fact::PayoutReturned { .. } => payout::told(&mut draft, fact),
                channel::Fact::Disputed { .. }
                | channel::Fact::DisputeWon { .. }
                | channel::Fact::DisputeLost { .. } => dispute::told(&mut draft, fact),
            },
            Input::Booked { token, result } => settle::booked(&mut draft, *token, result)?,
        }
        Ok(draft)
    }

    pub(crate) fn into_parts(self) -> (Payments, Vec<Event>, Vec<News>) {
        (self.state, self.events, self.news)
    }

    /// Writes down what happened; whatever is decided next sees it.
    pub(crate) fn push(&mut self, event: Event) {
        let object = news::object(&self.state, &event);
        let before = object.map(|object| news::sequence(&self.state, object));
        self.state.apply(&event);
        if let Some(object) = object {
            let sequence = news::sequence(&self.state, object);
            if before != Some(sequence) {
                self.news.extend(news::of(&self.state, &event, object, sequence));
            }
        }
        self.events.push(event);
    }

    /// Whether a payment was asked to take effect; what follows from it waits for the books' answer.
    pub(crate) fn waits_for_effect(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::EffectAsked { .. }))
    }

    pub(crate) fn move_payment(&mut self, payment: u16, step: PaymentStep, failure: Option<Failure>) {
        if self.state.payment(payment).is_some_and(|payment| payment.status.after(step).is_some()) {
            self.push(Event::PaymentMoved { payment, step, failure });
        }
    }

    pub(crate) fn move_leg(&mut self, instruction: u16, step: LegStep) {
        if self.state.leg(instruction).is_some_and(|(_, leg)| leg.status.after(step).is_some()) {
            self.push(Event::LegMoved { instruction, step });
        }
    }

    /// Tells the thing behind a leg's tool what happened to the leg, where there is one.
    pub(crate) fn tell_tool(&mut self, instruction: u16, moment: Moment) {
        let by = InstructionId::new(self.state.trade, instruction);
        // A share is of something that the parent's own instruction has told.
        let own = self.state.leg(instruction).filter(|(payment, _)| payment.parent.is_none());
        let told = own.and_then(|(_, leg)| rules_of(&leg.tool).told(leg, moment, by));
        if let Some(event) = told {
            self.push(event);
        }
    }

    /// Whether the part made the step.
    pub(crate) fn move_part(&mut self, part: u16, step: PartStep) -> bool {
        let moves = self.state.part(part).is_some_and(|(_, part)| part.status.after(step).is_some());
        if moves {
            self.push(Event::PartMoved { part, step });
        }
        moves
    }

    pub(crate) fn open_case(&mut self, kind: CaseKind, subject: Subject, money: kernel::Money) {
        let case = Case {
            no: self.state.next_case(),
            kind,
            subject,
            money,
            status: CaseStatus::Open,
            opened_at: self.known.now,
            resolution: None,
            note: None,
            sequence: 0,
            trail: Vec::new(),
        };
        self.push(Event::CaseOpened(Box::new(case)));
    }

    /// A step of a case, by somebody or by an institution's word.
    pub(crate) fn move_case(&mut self, case: u16, by: Option<KeyId>, step: CaseStep) {
        let entry = Box::new(TrailEntry { at: self.known.now, by, step });
        self.push(Event::CaseMoved { case, entry });
    }

    /// The institution's own word overtook what people were asked to decide.
    pub(crate) fn overtake_case(&mut self, kind: CaseKind, subject: Subject) {
        if let Some(case) = self.state.open_case(subject, kind).map(|case| case.no) {
            self.move_case(case, None, CaseStep::Overtaken);
        }
    }
}
