//! The simulated institution's own truth: a pure state machine, one record per order to pay, its refunds inside.
//!
//! When a request arrives its whole future is planned (`plan.rs`): a list of steps, each with its moment. What is
//! true at a moment is the fold of the steps up to then, so nothing has to run for time to pass; only notifications have
//! due times. Idempotent by number: a repeat is answered with what is true now. The server keeps records in a table
//! (number, JSON, [`BankOrder::due`]) and signs replies and letters when it sends them.

use kernel::Currency;
use kernel::time::{MINUTE_US, SECOND_US};
use kernel::{Time, limits};
use serde::{Deserialize, Serialize};

use super::plan::{self, Asked, Manner, Plan};
use super::wire::{self, About, DisputeState, PayState, PayoutState, RefundState, Report, Request, Shown};
use super::word::{LATE_US, PayWord, PayoutWord, RefundWord};
use crate::adapter::{Account, Incoming, Outgoing, Refused};
use crate::signature::{self, Role};

/// What a notification must be answered with, else it is sent again.
pub const ACKNOWLEDGED: &str = "success";
/// How often a notification is sent at most.
pub const MAX_TRIES: u16 = 15;
/// Most refunds of one order.
pub const MAX_REFUNDS: usize = limits::MAX_REFUNDS;

/// Something that is true from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From when, in microseconds since the epoch.
    pub at: i64,
    /// What.
    pub truth: Truth,
}

/// What can be true of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Truth {
    Paid { amount: i64, currency: Currency, channel_no: String },
    Closed,
    Failed { code: String },
    Refunded { amount: i64, currency: Currency, channel_no: String },
    RefundFailed { code: String, other_way: bool },
    Returned { code: String },
    PaidOut { amount: i64, currency: Currency, channel_no: String },
    PayoutFailed { code: String },
    PayoutReturned { amount: i64, currency: Currency, code: String },
    Disputed { dispute: String, amount: i64, currency: Currency, reason: String, respond_by: i64 },
    DisputeWon { dispute: String },
    DisputeLost { dispute: String, amount: i64, currency: Currency },
}

/// A notification that waits to be sent or acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its number within the record.
    pub no: u16,
    /// When what it tells becomes true.
    pub happens_at: i64,
    /// When it is sent (again).
    pub due: i64,
    /// How often it was sent.
    pub tries: u16,
    /// What it says.
    pub report: Report,
}

/// A refund within a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankRefund {
    /// Our number of it.
    pub number: String,
    /// Minor units.
    pub amount: i64,
    /// In the currency of the receipt.
    pub currency: Currency,
    /// Its truth over time.
    pub steps: Vec<Step>,
}

/// One order to pay, or to pay out, as the institution knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankOrder {
    /// The account it came through.
    pub account: String,
    /// Our number of it.
    pub number: String,
    /// What it is paid with.
    pub method: String,
    /// Minor units asked.
    pub amount: i64,
    /// In this currency.
    pub currency: Currency,
    /// What was to become of it.
    pub word: PayWord,
    /// Where it is an order to pay out: what was to become of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<PayoutWord>,
    /// When it is closed if unpaid, in microseconds since the epoch.
    pub expires_at: i64,
    /// Its truth over time.
    pub steps: Vec<Step>,
    /// Its refunds.
    pub refunds: Vec<BankRefund>,
    /// Notifications not yet acknowledged.
    pub letters: Vec<Letter>,
    /// How many letters there ever were.
    pub letters_made: u16,
}

/// How a request is answered; the caller signs and sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With this status and body; signed by [`sign`].
    Says {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// With bytes that are no answer, and no signature.
    Rubbish,
    /// Not at all: the caller lets the connection time out.
    Silence,
}

/// Verifies and reads a request; the caller then loads the record of [`Request::record`].
pub fn read(request: &Outgoing, account: &Account, now: Time) -> Result<Request, Refused> {
    let message = Incoming { status: 0, headers: request.headers.clone(), body: request.body.clone() };
    signature::verify(&account.keys, Role::Request, now, &message)?;
    let request: Request = serde_json::from_slice(&message.body).map_err(|_| Refused::Malformed)?;
    if request.account() == account.name { Ok(request) } else { Err(Refused::SignatureInvalid) }
}

/// Answers a request from the record as it is, and returns the record as it is after; `None` where there is still none.
pub fn answer(record: Option<BankOrder>, request: &Request, now: Time) -> (Reply, Option<BankOrder>) {
    let now = now.micros();
    match request {
        Request::Pay { account, number, method, amount, currency, expires_at, word } => {
            let asked = Asked { number, method, amount: *amount, currency: *currency, expires_at: *expires_at, now };
            open(record, account, &asked, *word)
        }
        Request::Query { account, number } => {
            let state = record.as_ref().map_or(PayState::NotFound, |record| record.state(now));
            (says(account, number, About::Payment(state)), record)
        }
        Request::Close { account, number } => {
            let record = record.map(|record| record.close(now));
            let state = record.as_ref().map_or(PayState::NotFound, |record| record.state(now));
            (says(account, number, About::Payment(state)), record)
        }
        Request::Refund { account, number, amount, currency, word, .. } => match record {
            None => (says(account, number, About::Refund(refusal("no_such_payment"))), None),
            Some(record) => {
                let (reply, record) = record.refund(number, *amount, *currency, *word, now);
                (reply, Some(record))
            }
        },
        Request::QueryRefund { account, number, .. } => {
            let state = record.as_ref().map_or(RefundState::NotFound, |record| record.refund_state(number, now));
            (says(account, number, About::Refund(state)), record)
        }
        Request::Payout { account, number, to_type, amount, currency, word, .. } => {
            let asked = Asked { number, method: to_type, amount: *amount, currency: *currency, expires_at: now, now };
            pay_out(record, account, &asked, *word)
        }
        Request::QueryPayout { account, number } => {
            let state = record.as_ref().map_or(PayoutState::NotFound, |record| record.payout_state(now));
            (says(account, number, About::Payout(state)), record)
        }
    }
}

/// A reply as it goes over the wire; `None` for silence.
pub fn sign(reply: Reply, account: &Account, now: Time) -> Option<Incoming> {
    match reply {
        Reply::Says { status, body } => {
            let headers = account.keys.first().map(|key| signature::sign(key, Role::Answer, now, &body));
            Some(Incoming { status, headers: headers.unwrap_or_default(), body })
        }
        Reply::Rubbish => Some(Incoming { status: 200, headers: Vec::new(), body: RUBBISH.to_vec() }),
        Reply::Silence => None,
    }
}

/// A letter as it goes over the wire.
pub fn envelope(letter: &Letter, account: &Account, now: Time) -> Incoming {
    let body = wire::bytes(&letter.report);
    let headers = account.keys.first().map(|key| signature::sign(key, Role::Notification, now, &body));
    Incoming { status: 0, headers: headers.unwrap_or_default(), body }
}

const RUBBISH: &[u8] = b"<html><body>\xff\xfe{\"status\":\"paid\"";

fn says(account: &str, number: &str, about: About) -> Reply {
    let report = Report { account: account.to_owned(), number: number.to_owned(), about };
    Reply::Says { status: 200, body: wire::bytes(&report) }
}

fn conflict() -> Reply {
    Reply::Says { status: 409, body: br#"{"error":"number_used_for_another_order"}"#.to_vec() }
}

fn refusal(code: &str) -> RefundState {
    RefundState::Failed { code: code.to_owned(), other_way: false }
}

fn reply(manner: Manner, report: Reply) -> Reply {
    match manner {
        Manner::Report => report,
        Manner::Silence => Reply::Silence,
        Manner::Breakdown => Reply::Says { status: 500, body: br#"{"error":"internal"}"#.to_vec() },
        Manner::Rubbish => Reply::Rubbish,
    }
}

fn open(record: Option<BankOrder>, account: &str, asked: &Asked, word: PayWord) -> (Reply, Option<BankOrder>) {
    if let Some(record) = record {
        let same = record.method == asked.method && record.amount == asked.amount && record.currency == asked.currency;
        let report = says(account, asked.number, About::Payment(record.state(asked.now)));
        return (if same { report } else { conflict() }, Some(record));
    }
    let plan = match plan::pay(word, asked) {
        // Nothing can happen any more to an order that comes after its time.
        Ok(_) if asked.now >= asked.expires_at => {
            Plan { manner: Manner::Report, steps: Vec::new(), letters: Vec::new() }
        }
        Ok(plan) => plan,
        Err(manner) => return (reply(manner, Reply::Silence), None),
    };
    let manner = plan.manner;
    let order = BankOrder::new(account, asked, word, None, plan);
    (reply(manner, says(account, asked.number, About::Payment(order.state(asked.now)))), Some(order))
}

/// A payout under a number that is known is answered with what became of it; it is never paid out again.
fn pay_out(record: Option<BankOrder>, account: &str, asked: &Asked, word: PayoutWord) -> (Reply, Option<BankOrder>) {
    if let Some(record) = record {
        let same = record.payout.is_some()
            && (&*record.method, record.amount, record.currency) == (asked.method, asked.amount, asked.currency);
        let report = says(account, asked.number, About::Payout(record.payout_state(asked.now)));
        return (if same { report } else { conflict() }, Some(record));
    }
    let plan = plan::payout(word, asked.number, asked.amount, asked.currency, asked.now);
    let manner = plan.manner;
    let order = BankOrder::new(account, asked, PayWord::Never, Some(word), plan);
    (reply(manner, says(account, asked.number, About::Payout(order.payout_state(asked.now)))), Some(order))
}

impl BankOrder {
    fn new(account: &str, asked: &Asked, word: PayWord, payout: Option<PayoutWord>, plan: Plan) -> Self {
        let mut order = Self {
            account: account.to_owned(),
            number: asked.number.to_owned(),
            method: asked.method.to_owned(),
            amount: asked.amount,
            currency: asked.currency,
            word,
            payout,
            expires_at: asked.expires_at,
            steps: Vec::new(),
            refunds: Vec::new(),
            letters: Vec::new(),
            letters_made: 0,
        };
        order.post(&plan, asked.number);
        order.steps = plan.steps;
        order
    }

    /// What is true of the order to pay out at a moment.
    fn payout_state(&self, now: i64) -> PayoutState {
        if self.payout.is_none() {
            return PayoutState::NotFound;
        }
        let last = self.steps.iter().rfind(|step| step.at <= now);
        last.and_then(payout_state).unwrap_or(PayoutState::Accepted)
    }

    /// When the next notification is due, in microseconds since the epoch.
    pub fn due(&self) -> Option<i64> {
        self.letters.iter().map(|letter| letter.due).min()
    }

    /// The notifications that are due.
    pub fn letters_due(&self, now: Time) -> impl Iterator<Item = &Letter> {
        self.letters.iter().filter(move |letter| letter.due <= now.micros())
    }

    /// The record after a letter was sent: gone when acknowledged, else due again, later each time, [`MAX_TRIES`] at most.
    pub fn delivered(mut self, no: u16, acknowledged: bool, now: Time) -> Self {
        if let Some(letter) = self.letters.iter_mut().find(|letter| letter.no == no) {
            letter.tries += 1;
            letter.due = now.micros().saturating_add(pause(letter.tries));
        }
        self.letters.retain(|letter| letter.no != no || !(acknowledged || letter.tries >= MAX_TRIES));
        self
    }

    /// What is true of the order at a moment.
    pub fn state(&self, now: i64) -> PayState {
        let so_far = self.steps.iter().filter(|step| step.at <= now);
        let mut state = None;
        for step in so_far {
            match (&step.truth, &state) {
                // The first receipt is the order's; a second one is told by its notification and by the statement.
                (_, Some(PayState::Paid { .. })) => {}
                (Truth::Paid { .. } | Truth::Closed | Truth::Failed { .. }, _) => state = pay_state(step),
                (
                    Truth::Refunded { .. }
                    | Truth::RefundFailed { .. }
                    | Truth::Returned { .. }
                    | Truth::PaidOut { .. }
                    | Truth::PayoutFailed { .. }
                    | Truth::PayoutReturned { .. }
                    | Truth::Disputed { .. }
                    | Truth::DisputeWon { .. }
                    | Truth::DisputeLost { .. },
                    _,
                ) => {}
            }
        }
        state.unwrap_or_else(|| self.unpaid(now))
    }

    fn unpaid(&self, now: i64) -> PayState {
        let waits = matches!(self.word, PayWord::Never | PayWord::LateSuccess);
        if now >= self.expires_at {
            PayState::Closed
        } else if plan::needs_buyer(&self.method) || waits {
            PayState::Accepted { credential: self.credential() }
        } else {
            PayState::Paying
        }
    }

    fn credential(&self) -> Shown {
        if self.method.ends_with(".qr") {
            Shown::QrCode(format!("https://sandbox.example/qr/{}", self.number))
        } else {
            Shown::Redirect(format!("https://sandbox.example/pay/{}", self.number))
        }
    }

    /// Closes it if nothing happened yet; what was still to come does not, but for the success that comes late.
    fn close(mut self, now: i64) -> Self {
        if !matches!(self.state(now), PayState::Accepted { .. } | PayState::Paying) {
            return self;
        }
        self.steps.retain(|step| step.at <= now);
        self.letters.retain(|letter| letter.happens_at <= now);
        self.expires_at = now;
        self.steps.push(Step { at: now, truth: Truth::Closed });
        if self.word == PayWord::LateSuccess {
            let at = now.saturating_add(LATE_US);
            let channel_no = format!("SBX{}01", self.number);
            let step = Step { at, truth: Truth::Paid { amount: self.amount, currency: self.currency, channel_no } };
            let plan = Plan { manner: Manner::Report, steps: vec![step], letters: vec![(0, at)] };
            let number = self.number.clone();
            self.post(&plan, &number);
            self.steps.extend(plan.steps);
        }
        self
    }

    fn refund(mut self, number: &str, amount: i64, currency: Currency, word: RefundWord, now: i64) -> (Reply, Self) {
        let account = self.account.clone();
        let report = |order: &Self| says(&account, number, About::Refund(order.refund_state(number, now)));
        if let Some(known) = self.refunds.iter().find(|refund| refund.number == number) {
            let same = known.amount == amount && known.currency == currency;
            return (if same { report(&self) } else { conflict() }, self);
        }
        if amount <= 0 || amount > self.refundable(currency, now) || self.refunds.len() >= MAX_REFUNDS {
            return (says(&account, number, About::Refund(refusal("exceeds_received"))), self);
        }
        let plan = plan::refund(word, number, amount, currency, now);
        let manner = plan.manner;
        self.post(&plan, number);
        self.refunds.push(BankRefund { number: number.to_owned(), amount, currency, steps: plan.steps });
        (reply(manner, report(&self)), self)
    }

    /// What was received in a currency and is not given back, or about to be.
    fn refundable(&self, currency: Currency, now: i64) -> i64 {
        let received = self.steps.iter().filter(|step| step.at <= now).filter_map(|step| match &step.truth {
            Truth::Paid { amount, currency: paid, .. } if *paid == currency => Some(i128::from(*amount)),
            _ => None,
        });
        let given = self.refunds.iter().filter(|refund| refund.currency == currency && refund.counts(now));
        let left = received.sum::<i128>() - given.map(|refund| i128::from(refund.amount)).sum::<i128>();
        i64::try_from(left).unwrap_or(0)
    }

    fn refund_state(&self, number: &str, now: i64) -> RefundState {
        let Some(refund) = self.refunds.iter().find(|refund| refund.number == number) else {
            return RefundState::NotFound;
        };
        refund.now(now).and_then(refund_state).unwrap_or(RefundState::Accepted)
    }

    /// Puts a plan's letters into the box.
    fn post(&mut self, plan: &Plan, number: &str) {
        for (place, due) in &plan.letters {
            let Some(step) = plan.steps.get(*place) else { continue };
            let about = match pay_state(step) {
                Some(state) => Some(About::Payment(state)),
                None => refund_state(step)
                    .map(About::Refund)
                    .or_else(|| payout_state(step).map(About::Payout))
                    .or_else(|| dispute_state(step).map(About::Dispute)),
            };
            let Some(about) = about else { continue };
            self.letters_made = self.letters_made.saturating_add(1);
            let report = Report { account: self.account.clone(), number: number.to_owned(), about };
            let letter = Letter { no: self.letters_made, happens_at: step.at, due: *due, tries: 0, report };
            self.letters.push(letter);
        }
    }
}

impl BankRefund {
    /// The last step that happened.
    pub fn now(&self, now: i64) -> Option<&Step> {
        self.steps.iter().rfind(|step| step.at <= now)
    }

    /// Whether its money is gone, or on its way.
    fn counts(&self, now: i64) -> bool {
        !matches!(self.now(now).map(|step| &step.truth), Some(Truth::RefundFailed { .. } | Truth::Returned { .. }))
    }
}

fn pay_state(step: &Step) -> Option<PayState> {
    Some(match &step.truth {
        Truth::Paid { amount, currency, channel_no } => {
            PayState::Paid { amount: *amount, currency: *currency, at: step.at, channel_no: channel_no.clone() }
        }
        Truth::Closed => PayState::Closed,
        Truth::Failed { code } => PayState::Failed { code: code.clone() },
        Truth::Refunded { .. }
        | Truth::RefundFailed { .. }
        | Truth::Returned { .. }
        | Truth::PaidOut { .. }
        | Truth::PayoutFailed { .. }
        | Truth::PayoutReturned { .. }
        | Truth::Disputed { .. }
        | Truth::DisputeWon { .. }
        | Truth::DisputeLost { .. } => return None,
    })
}

fn payout_state(step: &Step) -> Option<PayoutState> {
    let at = step.at;
    Some(match step.truth.clone() {
        Truth::PaidOut { amount, currency, channel_no } => PayoutState::PaidOut { amount, currency, at, channel_no },
        Truth::PayoutFailed { code } => PayoutState::Failed { code },
        Truth::PayoutReturned { amount, currency, code } => PayoutState::Returned { amount, currency, code, at },
        Truth::Paid { .. }
        | Truth::Closed
        | Truth::Failed { .. }
        | Truth::Refunded { .. }
        | Truth::RefundFailed { .. }
        | Truth::Returned { .. }
        | Truth::Disputed { .. }
        | Truth::DisputeWon { .. }
        | Truth::DisputeLost { .. } => return None,
    })
}

fn dispute_state(step: &Step) -> Option<DisputeState> {
    let at = step.at;
    Some(match step.truth.clone() {
        Truth::Disputed { dispute, amount, currency, reason, respond_by } => {
            DisputeState::Opened { dispute, amount, currency, reason, respond_by, at }
        }
        Truth::DisputeWon { dispute } => DisputeState::Won { dispute, at },
        Truth::DisputeLost { dispute, amount, currency } => DisputeState::Lost { dispute, amount, currency, at },
        Truth::Paid { .. }
        | Truth::Closed
        | Truth::Failed { .. }
        | Truth::Refunded { .. }
        | Truth::RefundFailed { .. }
        | Truth::Returned { .. }
        | Truth::PaidOut { .. }
        | Truth::PayoutFailed { .. }
        | Truth::PayoutReturned { .. } => return None,
    })
}

fn refund_state(step: &Step) -> Option<RefundState> {
    Some(match &step.truth {
        Truth::Refunded { amount, currency, channel_no } => {
            RefundState::Refunded { amount: *amount, currency: *currency, at: step.at, channel_no: channel_no.clone() }
        }
        Truth::RefundFailed { code, other_way } => RefundState::Failed { code: code.clone(), other_way: *other_way },
        Truth::Returned { code } => RefundState::Returned { code: code.clone(), at: step.at },
        Truth::Paid { .. }
        | Truth::Closed
        | Truth::Failed { .. }
        | Truth::PaidOut { .. }
        | Truth::PayoutFailed { .. }
        | Truth::PayoutReturned { .. }
        | Truth::Disputed { .. }
        | Truth::DisputeWon { .. }
        | Truth::DisputeLost { .. } => return None,
    })
}

/// Microseconds until a letter is sent again: two seconds, doubled each time, an hour at most.
fn pause(tries: u16) -> i64 {
    (SECOND_US << u32::from(tries.min(20))).min(60 * MINUTE_US)
}
