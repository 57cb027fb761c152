//! What the platform's answers mean to a workload.

use serde::de::DeserializeOwned;

use crate::api::{Payment, Refund, Trade};
use crate::error::Problem;
use crate::load::wire::Answer;
use crate::load::{Judged, Next};

/// The step that asks how a payment ended.
pub(super) const PAYMENT: &str = "payment";

/// The body of a success, or the code of the refusal.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer<'_>) -> Result<T, Judged> {
    match answer.status {
        200..300 => serde_json::from_slice(answer.body).map_err(|_| Judged::Refused("unexpected_answer".to_owned())),
        _ => Err(Judged::Refused(refusal(answer))),
    }
}

/// A trade that was to be paid in the same call.
pub(super) fn trade_with_payment(answer: &Answer<'_>) -> Judged {
    match read::<Trade>(answer) {
        Ok(Trade { id, payment: Some(payment), .. }) => payment_of(&id, payment),
        Ok(_) => Judged::Refused("not_paid".to_owned()),
        Err(judged) => judged,
    }
}

/// A payment: done when it succeeded, asked for again while it is under way.
pub(super) fn payment_of(trade: &str, payment: Payment) -> Judged {
    match payment.status.as_str() {
        "succeeded" => Judged::Done,
        _ if payment.is_over() => Judged::Refused(why(&payment)),
        _ => Judged::Next(Next { step: PAYMENT, thing: trade.to_owned(), part: payment.id }),
    }
}

/// A refund: done when it succeeded, asked for again under `step` while it is under way.
pub(super) fn refund_of(trade: &str, refund: Refund, step: &'static str) -> Judged {
    match refund.status.as_str() {
        "succeeded" => Judged::Done,
        "pending" => Judged::Next(Next { step, thing: trade.to_owned(), part: refund.id }),
        status => Judged::Refused(format!("refund_{status}")),
    }
}

/// Why a payment did not succeed.
pub(super) fn why(payment: &Payment) -> String {
    let code = payment.failure.as_ref().map_or("no_reason", |failure| failure.code.as_str());
    format!("payment_{}:{code}", payment.status)
}

fn refusal(answer: &Answer<'_>) -> String {
    let problem = Problem::read(answer.body);
    if problem.code.is_empty() { format!("http_{}", answer.status) } else { problem.code }
}
