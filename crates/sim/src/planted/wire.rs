//! Bugs on the wire: an adapter that says something else than the institution, or asks for something else than it should.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use channel::adapter::{Acknowledgement, CannotEncode, StatementError};
use channel::sandbox::bank::{self, Reply};
use channel::sandbox::wire::{About, PayState, PayoutState, Report, Request, bytes};
use channel::sandbox::{METHODS, Sandbox};
use channel::signature::{self, Role};
use channel::{
    Account, Adapter, Answer, Call, Incoming, Notification, Outgoing, Profile, Refused, StatementLine, Task,
};
use kernel::message::channel::{DisputeOutcome, PayOutcome, PayoutOutcome, RefundOutcome};
use kernel::{Money, OrderId, Time};

use super::Planted;
use crate::institution::account;

/// What a caller with the bug hears where nothing was answered; `None` where it hears what is true.
pub(crate) fn answer_for_silence(planted: Planted, message: &Outgoing, now: Time) -> Option<Incoming> {
    if planted != Planted::TimeoutIsFailure {
        return None;
    }
    let account = account();
    let code = "timeout".to_owned();
    let (number, about) = match bank::read(message, &account, now) {
        Ok(Request::Pay { number, .. }) => (number, About::Payment(PayState::Failed { code })),
        Ok(Request::Payout { number, .. }) => (number, About::Payout(PayoutState::Failed { code })),
        Ok(_) | Err(_) => return None,
    };
    let report = Report { account: account.name.clone(), number, about };
    bank::sign(Reply::Says { status: 200, body: bytes(&report) }, &account, now)
}

/// The adapter of the sandbox, with a bug or without.
pub(crate) struct CrookedAdapter {
    planted: Option<Planted>,
    /// What must be remembered to be wrong in the right place.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What each order to pay asked for.
    asked: BTreeMap<OrderId, Money>,
    /// Orders that the institution said are closed.
    closed: BTreeSet<OrderId>,
    /// How much each dispute is of.
    disputed: BTreeMap<String, Money>,
    /// Orders that were sent.
    sent: BTreeMap<OrderId, u16>,
}

impl CrookedAdapter {
    /// With this bug.
    pub(crate) fn new(planted: Option<Planted>) -> Self {
        Self { planted, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that is made instead: from the second time on under another number.
    fn renumbered(&self, call: &Call) -> Call {
        let doubles = match &call.task {
            Task::Pay { .. } => self.planted == Some(Planted::PayUnderNewNumber),
            Task::Refund { .. } => self.planted == Some(Planted::RefundUnderNewNumber),
            Task::Payout { .. } => self.planted == Some(Planted::PayoutUnderNewNumber),
            Task::Query | Task::Close | Task::QueryRefund { .. } | Task::QueryPayout => false,
        };
        let mut call = call.clone();
        if doubles {
            let mut seen = self.seen();
            let sent = seen.sent.entry(call.order).or_insert(0);
            call.order.no = call.order.no.wrapping_add(sent.wrapping_mul(1_000));
            *sent = sent.wrapping_add(1);
        }
        call
    }

    /// The word that is told instead.
    fn twisted(&self, order: OrderId, word: Answer) -> Answer {
        let Some(planted) = self.planted else { return word };
        let mut seen = self.seen();
        if let Answer::Pay(PayOutcome::Closed) = word {
            seen.closed.insert(order);
        }
        match (planted, word) {
            (Planted::AmountNotCompared, Answer::Pay(PayOutcome::Paid { mut money, at, channel_no })) => {
                money.amount = seen.asked.get(&order).map_or(money.amount, |asked| asked.amount);
                Answer::Pay(PayOutcome::Paid { money, at, channel_no })
            }
            (Planted::CurrencyNotCompared, Answer::Pay(PayOutcome::Paid { mut money, at, channel_no })) => {
                money.currency = seen.asked.get(&order).map_or(money.currency, |asked| asked.currency);
                Answer::Pay(PayOutcome::Paid { money, at, channel_no })
            }
            (Planted::LateSuccessIgnored, Answer::Pay(PayOutcome::Paid { .. })) if seen.closed.contains(&order) => {
                Answer::Unknown
            }
            (Planted::SecondReceiptIgnored, Answer::Pay(PayOutcome::Paid { channel_no, .. }))
                if channel_no.ends_with("02") =>
            {
                Answer::Unknown
            }
            (Planted::ReturnIgnored, Answer::Refund(RefundOutcome::Returned { .. })) => Answer::Unknown,
            (Planted::DisputeWinIgnored, Answer::Dispute(DisputeOutcome::Won { .. })) => Answer::Unknown,
            (_, Answer::Dispute(DisputeOutcome::Opened { number, money, reason, respond_by, at })) => {
                seen.disputed.insert(number.clone(), money);
                Answer::Dispute(DisputeOutcome::Opened { number, money, reason, respond_by, at })
            }
            (Planted::DisputePartTakenWhole, Answer::Dispute(DisputeOutcome::Lost { number, money, at })) => {
                let money = seen.disputed.get(&number).copied().unwrap_or(money);
                Answer::Dispute(DisputeOutcome::Lost { number, money, at })
            }
            (Planted::PayoutReturnIgnored, Answer::Payout(PayoutOutcome::Returned { .. })) => Answer::Unknown,
            (_, word) => word,
        }
    }
}

impl Adapter for CrookedAdapter {
    fn name(&self) -> &'static str {
        Sandbox.name()
    }

    fn profile(&self) -> Profile {
        Profile { methods: METHODS.map(str::to_owned).to_vec(), ..Sandbox.profile() }
    }

    fn encode(&self, call: &Call, account: &Account, now: Time) -> Result<Outgoing, CannotEncode> {
        if let Task::Pay { money, .. } = &call.task {
            self.seen().asked.insert(call.order, *money);
        }
        Sandbox.encode(&self.renumbered(call), account, now)
    }

    fn decode(&self, call: &Call, answer: &Incoming, account: &Account, now: Time) -> Answer {
        let word = Sandbox.decode(call, answer, account, now);
        let no = Answer::Pay(PayOutcome::Failed { code: "unreadable".to_owned() });
        match (self.planted, &word, &call.task) {
            (Some(Planted::GarbageIsFailure), Answer::Unknown, Task::Pay { .. }) => no,
            (Some(Planted::GarbageIsFailure), Answer::Unknown, Task::Payout { .. }) => {
                Answer::Payout(PayoutOutcome::Failed { code: "unreadable".to_owned() })
            }
            _ => self.twisted(call.order, word),
        }
    }

    fn notification(&self, message: &Incoming, account: &Account, now: Time) -> Result<Notification, Refused> {
        let mut message = message.clone();
        if let (Some(Planted::NotificationUnverified), Some(key)) = (self.planted, account.keys.first()) {
            message.headers = signature::sign(key, Role::Notification, now, &message.body);
        }
        let mut heard = Sandbox.notification(&message, account, now)?;
        heard.word = self.twisted(heard.order, heard.word);
        Ok(heard)
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Sandbox.acknowledgement()
    }

    fn statement(&self, bytes: &[u8]) -> Result<Vec<StatementLine>, StatementError> {
        Sandbox.statement(bytes)
    }
}
