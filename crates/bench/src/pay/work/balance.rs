//! Create and pay by balance, in one call.

use super::answer::{PAYMENT, payment_of, read, why};
use super::{Mix, Target};
use crate::api::Trade;
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

pub(in crate::pay) struct Balance {
    pub(in crate::pay) target: Target,
    pub(in crate::pay) mix: Mix,
}

impl Workload for Balance {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post(format_args!("/v1/trades"), &draw.key, &draw.paid_by_balance(), request);
        true
    }

    fn write_next(&self, _: u64, next: &Next, request: &mut Vec<u8>) {
        self.target.get(format_args!("/v1/payments/{}?wait=10", next.part), request);
    }

    fn judge(&self, _: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        match asked {
            None => completed(answer),
            Some(next) => read(answer).map_or_else(|judged| judged, |payment| payment_of(&next.thing, payment)),
        }
    }
}

/// A trade that is completed when it is answered; the usual answer is not parsed.
pub(super) fn completed(answer: &Answer<'_>) -> Judged {
    const COMPLETED: &[u8] = br#""status":"completed""#;
    if answer.status == 201 && answer.body.windows(COMPLETED.len()).any(|window| window == COMPLETED) {
        return Judged::Done;
    }
    match read::<Trade>(answer) {
        Ok(trade) if trade.status == "completed" => Judged::Done,
        Ok(Trade { id, payment: Some(payment), .. }) if !payment.is_over() => {
            Judged::Next(Next { step: PAYMENT, thing: id, part: payment.id })
        }
        Ok(trade) => Judged::Refused(trade.payment.map_or_else(|| "not_paid".to_owned(), |payment| why(&payment))),
        Err(judged) => judged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_http_with_a_body_of_the_stated_length() {
        let mut request = Vec::new();
        assert!(Balance { target: Target::nowhere(), mix: Mix::small(0) }.write(7, &mut request));
        let text = String::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(head.contains("Authorization: Bearer sk_test_1\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["amount"], body["pay"]["tools"][0]["amount"]);
        assert_eq!(body["type"], "instant");
    }

    #[test]
    fn a_failed_payment_is_not_counted_as_done() {
        let work = Balance { target: Target::nowhere(), mix: Mix::small(0) };
        let judge = |status, body: &'static str| work.judge(0, None, &Answer { status, body: body.as_bytes() });
        let paid = r#"{"id":"trd_1","status": "completed","payment":{"id":"pay_1","status":"succeeded"}}"#;
        assert_eq!(judge(201, paid), Judged::Done);
        let short = r#"{"id":"trd_1","status":"created","payment":{"id":"pay_1","status":"failed","failure":{"code":"insufficient_funds"}}}"#;
        assert_eq!(judge(201, short), Judged::Refused("payment_failed:insufficient_funds".into()));
        assert_eq!(judge(429, r#"{"code":"rate_limited"}"#), Judged::Refused("rate_limited".into()));
        assert_eq!(judge(500, "oops"), Judged::Refused("http_500".into()));
        let pending = r#"{"id":"trd_1","status":"created","payment":{"id":"pay_1","status":"processing"}}"#;
        let next = Next { step: PAYMENT, thing: "trd_1".into(), part: "pay_1".into() };
        assert_eq!(judge(201, pending), Judged::Next(next));
    }
}
