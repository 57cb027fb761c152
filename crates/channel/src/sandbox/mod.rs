//! The sandbox: an adapter, and the simulated institution that it speaks to ([`bank`]).
//!
//! The adapter is written as for any institution: it signs its requests, believes only what is signed with the account's
//! key, fresh, about the order and the account it asked for, and within range; all else is [`Answer::Unknown`].

pub mod bank;
mod plan;
pub mod statement;
#[cfg(test)]
mod tests;
pub mod wire;
pub mod word;

use kernel::message::channel::{Credential, DisputeOutcome, PayOutcome, PayoutOutcome, RefundOutcome};
use kernel::{DestinationType, Time};

use self::wire::{About, DisputeState, PayState, PayoutState, RefundState, Report, Request, Shown};
use self::word::{PayWord, PayoutWord, RefundWord};
use crate::adapter::{
    self, Account, Acknowledgement, Adapter, Answer, Call, CannotEncode, Incoming, Notification, Outgoing, Refused,
    StatementError, StatementLine, Task,
};
use crate::profile::{Operation, Profile};
use crate::signature::{self, Role};

/// The adapter of the simulated institution.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox;

/// What the simulated institution can be paid with.
pub const METHODS: [&str; 12] = [
    "card",
    "credit_card",
    "debit",
    "debit_card",
    "boleto",
    "voucher",
    "bank_transfer",
    "alipay.qr",
    "alipay.page",
    "wechat.qr",
    "wechat.h5",
    "unionpay",
];

impl Adapter for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn profile(&self) -> Profile {
        Profile {
            operations: vec![
                Operation::Pay,
                Operation::Query,
                Operation::Close,
                Operation::Refund,
                Operation::QueryRefund,
                Operation::Payout,
                Operation::QueryPayout,
            ],
            methods: METHODS.map(str::to_owned).to_vec(),
            payouts: DestinationType::ALL.map(|kind| kind.as_str().to_owned()).to_vec(),
            currencies: Vec::new(),
            lifetime_s: 1_800,
            refund_lifetime_s: 1_800,
            grace_s: 60,
            call_timeout_ms: 3_000,
            first_query_ms: 1_000,
            max_query_ms: 60_000,
            silent_query_ms: 3_600_000,
        }
    }

    fn encode(&self, call: &Call, account: &Account, now: Time) -> Result<Outgoing, CannotEncode> {
        let key = account.keys.first().ok_or(CannotEncode::NoKey)?;
        let (path, request) = request(call, account);
        let body = wire::bytes(&request);
        let mut headers = signature::sign(key, Role::Request, now, &body);
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Ok(Outgoing { path: path.to_owned(), headers, body })
    }

    fn decode(&self, call: &Call, answer: &Incoming, account: &Account, now: Time) -> Answer {
        if answer.status != 200 || signature::verify(&account.keys, Role::Answer, now, answer).is_err() {
            return Answer::Unknown;
        }
        let Ok(report) = serde_json::from_slice::<Report>(&answer.body) else { return Answer::Unknown };
        let ours = report.account == account.name && report.number == call.order.institution_number();
        let fits = match &report.about {
            About::Payment(_) => !call.is_refund() && !call.is_payout(),
            About::Refund(_) => call.is_refund(),
            About::Payout(_) => call.is_payout(),
            // It is notified, never answered.
            About::Dispute(_) => false,
        };
        if ours && fits { understand(report.about) } else { Answer::Unknown }
    }

    fn notification(&self, message: &Incoming, account: &Account, now: Time) -> Result<Notification, Refused> {
        signature::verify(&account.keys, Role::Notification, now, message)?;
        let report: Report = serde_json::from_slice(&message.body).map_err(|_| unreadable(&message.body))?;
        if report.account != account.name {
            return Err(Refused::SignatureInvalid);
        }
        let order = wire::order(&report.number).ok_or(Refused::Malformed)?;
        match understand(report.about) {
            Answer::Unknown => Err(Refused::Malformed),
            Answer::NotFound => Err(Refused::EventTypeMismatch),
            word @ (Answer::Pay(_) | Answer::Refund(_) | Answer::Payout(_) | Answer::Dispute(_)) => {
                Ok(Notification { order, word, digest: signature::digest(&message.body) })
            }
        }
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement { status: 200, body: bank::ACKNOWLEDGED }
    }

    fn statement(&self, bytes: &[u8]) -> Result<Vec<StatementLine>, StatementError> {
        statement::parse(bytes)
    }
}

/// The kinds of [`About`].
const KINDS: [&str; 4] = ["payment", "refund", "payout", "dispute"];

/// A kind that we have no word for is told apart from a body that makes no sense.
fn unreadable(body: &[u8]) -> Refused {
    #[derive(serde::Deserialize)]
    struct Envelope {
        about: std::collections::BTreeMap<String, serde_json::Value>,
    }
    match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) if !envelope.about.keys().any(|kind| KINDS.contains(&kind.as_str())) => Refused::EventTypeMismatch,
        Ok(_) | Err(_) => Refused::Malformed,
    }
}

fn request(call: &Call, account: &Account) -> (&'static str, Request) {
    let number = call.order.institution_number();
    let account_name = account.name.clone();
    match &call.task {
        Task::Pay { method, money, expires_at, sandbox } => {
            let chosen = [sandbox.as_deref(), account.sandbox.as_deref()];
            let word = chosen.into_iter().flatten().find_map(PayWord::parse).unwrap_or(PayWord::Succeed);
            let request = Request::Pay {
                account: account_name,
                number,
                method: method.clone(),
                amount: money.amount.minor(),
                currency: money.currency,
                expires_at: expires_at.micros(),
                word,
            };
            ("/pay", request)
        }
        Task::Query => ("/query", Request::Query { account: account_name, number }),
        Task::Close => ("/close", Request::Close { account: account_name, number }),
        Task::Refund { of, money, sandbox } => {
            let chosen = [sandbox.as_deref(), account.sandbox.as_deref()];
            let word = chosen.into_iter().flatten().find_map(RefundWord::parse).unwrap_or(RefundWord::Succeed);
            let request = Request::Refund {
                account: account_name,
                number,
                of: of.institution_number(),
                amount: money.amount.minor(),
                currency: money.currency,
                word,
            };
            ("/refund", request)
        }
        Task::QueryRefund { of } => {
            ("/query_refund", Request::QueryRefund { account: account_name, number, of: of.institution_number() })
        }
        Task::Payout { to, money } => {
            let chosen = [to.sandbox.as_deref(), account.sandbox.as_deref()];
            let word = chosen.into_iter().flatten().find_map(PayoutWord::parse).unwrap_or(PayoutWord::Succeed);
            let request = Request::Payout {
                account: account_name,
                number,
                to_type: to.kind.as_str().to_owned(),
                to_account: to.account.clone(),
                to_name: to.name.clone(),
                amount: money.amount.minor(),
                currency: money.currency,
                word,
            };
            ("/payout", request)
        }
        Task::QueryPayout => ("/query_payout", Request::QueryPayout { account: account_name, number }),
    }
}

/// A report in the platform's words; [`Answer::Unknown`] where a figure is out of range.
fn understand(about: About) -> Answer {
    match about {
        About::Payment(state) => understand_payment(state),
        About::Refund(state) => understand_refund(state),
        About::Payout(state) => understand_payout(state),
        About::Dispute(state) => understand_dispute(state),
    }
    .unwrap_or(Answer::Unknown)
}

fn understand_payment(state: PayState) -> Option<Answer> {
    Some(Answer::Pay(match state {
        PayState::Accepted { credential } => PayOutcome::Accepted(adapter::credential(match credential {
            Shown::Redirect(url) => Credential::Redirect(url),
            Shown::QrCode(data) => Credential::QrCode(data),
        })?),
        PayState::Paying => PayOutcome::Paying,
        PayState::Paid { amount, currency, at, channel_no } => PayOutcome::Paid {
            money: adapter::money(amount, currency)?,
            at: Time::from_micros(at),
            channel_no: adapter::reference(channel_no)?,
        },
        PayState::Closed => PayOutcome::Closed,
        PayState::Failed { code } => PayOutcome::Failed { code: adapter::reference(code)? },
        PayState::NotFound => return Some(Answer::NotFound),
    }))
}

fn understand_refund(state: RefundState) -> Option<Answer> {
    Some(Answer::Refund(match state {
        RefundState::Accepted => RefundOutcome::Accepted,
        RefundState::Refunded { amount, currency, at, channel_no } => RefundOutcome::Refunded {
            money: adapter::money(amount, currency)?,
            at: Time::from_micros(at),
            channel_no: adapter::reference(channel_no)?,
        },
        RefundState::Failed { code, other_way } => RefundOutcome::Failed { code: adapter::reference(code)?, other_way },
        RefundState::Returned { code, at } => {
            RefundOutcome::Returned { code: adapter::reference(code)?, at: Time::from_micros(at) }
        }
        RefundState::NotFound => return Some(Answer::NotFound),
    }))
}

fn understand_payout(state: PayoutState) -> Option<Answer> {
    Some(Answer::Payout(match state {
        PayoutState::Accepted => PayoutOutcome::Accepted,
        PayoutState::PaidOut { amount, currency, at, channel_no } => PayoutOutcome::PaidOut {
            money: adapter::money(amount, currency)?,
            at: Time::from_micros(at),
            channel_no: adapter::reference(channel_no)?,
        },
        PayoutState::Failed { code } => PayoutOutcome::Failed { code: adapter::reference(code)? },
        PayoutState::Returned { amount, currency, code, at } => PayoutOutcome::Returned {
            money: adapter::money(amount, currency)?,
            at: Time::from_micros(at),
            code: adapter::reference(code)?,
        },
        PayoutState::NotFound => return Some(Answer::NotFound),
    }))
}

fn understand_dispute(state: DisputeState) -> Option<Answer> {
    Some(Answer::Dispute(match state {
        DisputeState::Opened { dispute, amount, currency, reason, respond_by, at } => DisputeOutcome::Opened {
            number: adapter::reference(dispute)?,
            money: adapter::money(amount, currency)?,
            reason: adapter::reference(reason)?,
            respond_by: Time::from_micros(respond_by),
            at: Time::from_micros(at),
        },
        DisputeState::Won { dispute, at } => {
            DisputeOutcome::Won { number: adapter::reference(dispute)?, at: Time::from_micros(at) }
        }
        DisputeState::Lost { dispute, amount, currency, at } => DisputeOutcome::Lost {
            number: adapter::reference(dispute)?,
            money: adapter::money(amount, currency)?,
            at: Time::from_micros(at),
        },
    }))
}
