//! The whole life of an order, one request after the other as a merchant sends them: create, pay by a channel, wait for
//! the institution's word, confirm, and for five of a hundred refund the whole and wait until it is back.

use super::answer::{PAYMENT, payment_of, read, refund_of};
use super::mix::AMOUNT_MINOR;
use super::{Mix, Target};
use crate::api::{Payment, Refund, Trade};
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

/// How many of 100 orders are refunded.
const REFUNDED_PERCENT: u64 = 5;
const PAY: &str = "pay";
const CONFIRM: &str = "confirm";
const REFUND: &str = "refund";
const REFUNDED: &str = "refunded";

pub(in crate::pay) struct Full {
    pub(in crate::pay) target: Target,
    pub(in crate::pay) mix: Mix,
}

impl Full {
    fn is_refunded(&self, number: u64) -> bool {
        self.mix.draw(number).dice.chance(REFUNDED_PERCENT)
    }

    fn step(step: &'static str, thing: &str) -> Judged {
        Judged::Next(Next { step, thing: thing.to_owned(), part: thing.to_owned() })
    }

    fn paid(trade: &str, payment: Payment) -> Judged {
        match payment_of(trade, payment) {
            Judged::Done => Self::step(CONFIRM, trade),
            other => other,
        }
    }

    fn confirmed(&self, number: u64, trade: &Trade) -> Judged {
        match trade.status.as_str() {
            "completed" if self.is_refunded(number) => Self::step(REFUND, &trade.id),
            "completed" => Judged::Done,
            status => Judged::Refused(format!("confirmed_but_{status}")),
        }
    }
}

impl Workload for Full {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post(format_args!("/v1/trades"), &draw.key, &draw.trade("escrow", format_args!("")), request);
        true
    }

    fn write_next(&self, number: u64, next: &Next, request: &mut Vec<u8>) {
        let draw = self.mix.draw(number);
        let Next { step, thing, part } = next;
        let key = draw.key_of(step);
        match *step {
            PAY => {
                let tool = r#"{"tool":"channel","method":"card","sandbox":"succeed","amount":"#;
                let body = format!(r#"{{"tools":[{tool}{AMOUNT_MINOR}}}]}}"#);
                self.target.post(format_args!("/v1/trades/{thing}/payments"), &key, &body, request);
            }
            CONFIRM => self.target.post(format_args!("/v1/trades/{thing}/confirm"), &key, "{}", request),
            REFUND => {
                let merchant = draw.merchant;
                let body = format!(
                    r#"{{"merchant_id":"{merchant}","merchant_refund_id":"r1","amount":{AMOUNT_MINOR},"reason":"returned"}}"#
                );
                self.target.post(format_args!("/v1/trades/{thing}/refunds"), &key, &body, request);
            }
            REFUNDED => self.target.get(format_args!("/v1/refunds/{part}?wait=10"), request),
            _ => self.target.get(format_args!("/v1/payments/{part}?wait=10"), request),
        }
    }

    fn judge(&self, number: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        let Some(Next { step, thing, .. }) = asked else {
            return read::<Trade>(answer).map_or_else(|judged| judged, |trade| Self::step(PAY, &trade.id));
        };
        let judged = match *step {
            PAY | PAYMENT => read(answer).map(|payment| Self::paid(thing, payment)),
            CONFIRM => read(answer).map(|trade| self.confirmed(number, &trade)),
            _ => read::<Refund>(answer).map(|refund| refund_of(thing, refund, REFUNDED)),
        };
        judged.unwrap_or_else(|refused| refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_goes_its_whole_way_and_five_of_a_hundred_come_back() {
        let work = Full { target: Target::nowhere(), mix: Mix::small(0) };
        let answers = [
            (PAY, "POST /v1/trades/trd_1/payments ", 201, r#"{"id":"pay_1","status":"processing"}"#),
            (PAYMENT, "GET /v1/payments/pay_1?wait=10 ", 200, r#"{"id":"pay_1","status":"succeeded"}"#),
            (CONFIRM, "POST /v1/trades/trd_1/confirm ", 200, r#"{"id":"trd_1","status":"completed"}"#),
            (REFUND, "POST /v1/trades/trd_1/refunds ", 201, r#"{"id":"ref_1","status":"pending"}"#),
            (REFUNDED, "GET /v1/refunds/ref_1?wait=10 ", 200, r#"{"id":"ref_1","status":"succeeded"}"#),
        ];
        let mut refunded = 0;
        for number in 0..2_000 {
            let mut asked = None;
            let mut judged =
                work.judge(number, None, &Answer { status: 201, body: br#"{"id":"trd_1","status":"created"}"# });
            for (step, begin, status, body) in answers {
                let Judged::Next(next) = judged else { break };
                assert_eq!(next.step, step);
                let mut request = Vec::new();
                work.write_next(number, &next, &mut request);
                assert!(request.starts_with(begin.as_bytes()), "{step}: {}", String::from_utf8_lossy(&request));
                judged = work.judge(number, Some(&next), &Answer { status, body: body.as_bytes() });
                asked = Some(step);
            }
            assert_eq!(judged, Judged::Done);
            refunded += usize::from(asked == Some(REFUNDED));
        }
        assert!((60..140).contains(&refunded), "{refunded}");
    }
}
