//! The requests of each scenario, and what their answers mean.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use super::prepare::{Prepared, buyer_name};
use crate::api::{Payment, Trade};
use crate::echo;
use crate::error::{Error, Problem};
use crate::load::wire::Answer;
use crate::load::{Judged, Workload};
use crate::seed::Dice;

/// Minor units of a payment.
pub(super) const AMOUNT_MINOR: i64 = 100;
/// The part of it that a coupon pays.
pub(super) const COUPON_MINOR: i64 = 30;
const SUB_TYPE: &str = "bench.pay";

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    host: Arc<str>,
    key: Arc<str>,
}

impl Target {
    pub(super) async fn resolve(base_url: &str, key: &str) -> Result<Self, Error> {
        let fail = |reason: &str| Error::Setup(format!("{base_url}: {reason}"));
        let host = base_url.strip_prefix("http://").ok_or_else(|| fail("expected http://host:port"))?;
        let host = host.trim_end_matches('/');
        let address = tokio::net::lookup_host(host)
            .await
            .map_err(|error| fail(&error.to_string()))?
            .next()
            .ok_or_else(|| fail("no such host"))?;
        Ok(Self { address, host: host.into(), key: key.into() })
    }

    fn post(&self, path: &str, key: &str, body: &str, request: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = write!(
            request,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.key,
            body.len()
        );
    }

    fn get(&self, path: std::fmt::Arguments<'_>, request: &mut Vec<u8>) {
        let _ =
            write!(request, "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", self.host, self.key);
    }
}

/// Who pays whom under which numbers: a function of the seed and the request's number.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    pub(super) seed: u64,
    pub(super) hot_share_percent: u8,
    pub(super) prepared: Prepared,
}

/// The variable parts of one request.
pub(super) struct Draw<'a> {
    pub(super) merchant: &'a str,
    pub(super) buyer: String,
    key: String,
    order_number: String,
}

impl Mix {
    /// The parts of request `number`.
    pub(super) fn draw(&self, number: u64) -> Draw<'_> {
        let mut dice = Dice::new(self.seed, number);
        let merchant = if dice.chance(self.hot_share_percent.into()) {
            self.prepared.hot.as_str()
        } else {
            dice.pick(&self.prepared.spread).map_or(self.prepared.hot.as_str(), String::as_str)
        };
        let buyer = buyer_name(dice.roll() % self.prepared.buyers.max(1));
        Draw { merchant, buyer, key: uuid(&mut dice), order_number: order_number(&mut dice) }
    }
}

/// Looks like a UUID v4.
fn uuid(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(), dice.roll());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0x0fff,
        0x8000 | (b >> 48) & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// Letters between the groups, so that no run of digits looks like a card number.
fn order_number(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(), dice.roll());
    format!("b{:08x}n{:08x}n{:08x}", a >> 32, a & 0xffff_ffff, b >> 32)
}

fn trade_body(draw: &Draw<'_>, tools: std::fmt::Arguments<'_>) -> String {
    format!(
        r#"{{"merchant_id":"{}","merchant_order_id":"{}","type":"instant","sub_type":"{SUB_TYPE}","amount":{AMOUNT_MINOR},"currency":"CNY","buyer":"{}","pay":{{"tools":[{tools}]}}}}"#,
        draw.merchant, draw.order_number, draw.buyer
    )
}

fn balance_body(draw: &Draw<'_>) -> String {
    trade_body(draw, format_args!(r#"{{"tool":"balance","amount":{AMOUNT_MINOR}}}"#))
}

/// Create and pay by balance.
pub(super) struct Balance {
    pub(super) target: Target,
    pub(super) mix: Mix,
}

impl Workload for Balance {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post("/v1/trades", &draw.key, &balance_body(&draw), request);
        true
    }

    fn judge(&self, answer: &Answer<'_>) -> Judged {
        const COMPLETED: &[u8] = br#""status":"completed""#;
        if answer.status == 201 && answer.body.windows(COMPLETED.len()).any(|window| window == COMPLETED) {
            return Judged::Done;
        }
        match judge_trade(answer) {
            Ok(trade) if trade.status == "completed" => Judged::Done,
            Ok(trade) => Judged::Refused(trade.payment.map_or_else(|| "not_paid".to_owned(), |payment| why(&payment))),
            Err(code) => Judged::Refused(code),
        }
    }

    fn write_follow_up(&self, id: &str, request: &mut Vec<u8>) {
        self.target.get(format_args!("/v1/payments/{id}"), request);
    }

    fn judge_follow_up(&self, answer: &Answer<'_>) -> Judged {
        judge_payment(answer)
    }
}

/// Create and pay by coupon and channel, and wait until paid.
pub(super) struct CouponChannel {
    pub(super) target: Target,
    pub(super) mix: Mix,
    /// One per request, owned by its buyer.
    pub(super) coupons: Vec<String>,
}

impl Workload for CouponChannel {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let Some(coupon) = usize::try_from(number).ok().and_then(|at| self.coupons.get(at)) else { return false };
        let draw = self.mix.draw(number);
        let body = trade_body(
            &draw,
            format_args!(
                r#"{{"tool":"coupon","coupon":"{coupon}","amount":{COUPON_MINOR}}},{{"tool":"channel","method":"card","amount":{},"sandbox":"succeed"}}"#,
                AMOUNT_MINOR - COUPON_MINOR
            ),
        );
        self.target.post("/v1/trades", &draw.key, &body, request);
        true
    }

    fn judge(&self, answer: &Answer<'_>) -> Judged {
        match judge_trade(answer) {
            Ok(Trade { payment: Some(payment), .. }) => state(payment),
            Ok(_) => Judged::Refused("not_paid".to_owned()),
            Err(code) => Judged::Refused(code),
        }
    }

    fn write_follow_up(&self, id: &str, request: &mut Vec<u8>) {
        self.target.get(format_args!("/v1/payments/{id}?wait=10"), request);
    }

    fn judge_follow_up(&self, answer: &Answer<'_>) -> Judged {
        judge_payment(answer)
    }
}

/// The yardstick, with the body of [`Balance`].
pub(super) struct Echo {
    pub(super) target: Target,
    pub(super) mix: Mix,
}

impl Workload for Echo {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post(echo::PATH, &draw.key, &balance_body(&draw), request);
        true
    }

    fn judge(&self, answer: &Answer<'_>) -> Judged {
        match answer.status {
            201 => Judged::Done,
            status => Judged::Refused(format!("http_{status}")),
        }
    }

    fn write_follow_up(&self, _: &str, _: &mut Vec<u8>) {}

    fn judge_follow_up(&self, answer: &Answer<'_>) -> Judged {
        self.judge(answer)
    }
}

/// A trade, or the code of the refusal.
fn judge_trade(answer: &Answer<'_>) -> Result<Trade, String> {
    match answer.status {
        200..300 => serde_json::from_slice(answer.body).map_err(|_| "unexpected_answer".to_owned()),
        _ => Err(refusal(answer)),
    }
}

fn judge_payment(answer: &Answer<'_>) -> Judged {
    match answer.status {
        200 => {
            serde_json::from_slice(answer.body).map_or_else(|_| Judged::Refused("unexpected_answer".to_owned()), state)
        }
        _ => Judged::Refused(refusal(answer)),
    }
}

fn state(payment: Payment) -> Judged {
    match payment.status.as_str() {
        "succeeded" => Judged::Done,
        _ if payment.is_over() => Judged::Refused(why(&payment)),
        _ => Judged::Pending(payment.id),
    }
}

fn why(payment: &Payment) -> String {
    let code = payment.failure.as_ref().map_or("no_reason", |failure| failure.code.as_str());
    format!("payment_{}:{code}", payment.status)
}

fn refusal(answer: &Answer<'_>) -> String {
    let problem = Problem::read(answer.body);
    if problem.code.is_empty() { format!("http_{}", answer.status) } else { problem.code }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(hot_share_percent: u8) -> Mix {
        let prepared = Prepared { hot: "mch_hot".into(), spread: vec!["mch_a".into(), "mch_b".into()], buyers: 10 };
        Mix { seed: 1, hot_share_percent, prepared }
    }

    fn target() -> Target {
        Target { address: ([127, 0, 0, 1], 80).into(), host: "h".into(), key: "sk_test_1".into() }
    }

    #[test]
    fn the_hot_share_is_kept() {
        let count = |share| (0..10_000).filter(|n| mix(share).draw(*n).merchant == "mch_hot").count();
        assert_eq!((count(0), count(100)), (0, 10_000));
        assert!((4_700..5_300).contains(&count(50)));
    }

    #[test]
    fn keys_and_order_numbers_do_not_repeat() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..10_000 {
            let mix = mix(0);
            let draw = mix.draw(number);
            assert_eq!(draw.key.len(), 36);
            assert!(seen.insert(draw.key) && seen.insert(draw.order_number));
        }
    }

    #[test]
    fn a_request_is_whole_http_with_a_body_of_the_stated_length() {
        let mut request = Vec::new();
        assert!(Balance { target: target(), mix: mix(0) }.write(7, &mut request));
        let text = String::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(head.contains("Authorization: Bearer sk_test_1\r\n"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["amount"], body["pay"]["tools"][0]["amount"]);
        assert_eq!(body["type"], "instant");
    }

    #[test]
    fn coupons_end_the_load_and_parts_sum_up() {
        let work = CouponChannel { target: target(), mix: mix(0), coupons: vec!["cpn_1".into()] };
        let mut request = Vec::new();
        assert!(work.write(0, &mut request));
        assert!(!work.write(1, &mut Vec::new()));
        let text = String::from_utf8(request).unwrap();
        let body: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        let tools = &body["pay"]["tools"];
        assert_eq!(tools[0]["coupon"], "cpn_1");
        let parts = tools[0]["amount"].as_i64().unwrap() + tools[1]["amount"].as_i64().unwrap();
        assert_eq!(Some(parts), body["amount"].as_i64());
    }

    #[test]
    fn a_failed_payment_is_not_counted_as_done() {
        let work = Balance { target: target(), mix: mix(0) };
        let answer = |status, body: &'static str| Answer { status, body: body.as_bytes() };
        let paid = r#"{"id":"trd_1","status": "completed","payment":{"id":"pay_1","status":"succeeded"}}"#;
        assert_eq!(work.judge(&answer(201, paid)), Judged::Done);
        let short = r#"{"id":"trd_1","status":"created","payment":{"id":"pay_1","status":"failed","failure":{"code":"insufficient_funds"}}}"#;
        assert_eq!(work.judge(&answer(201, short)), Judged::Refused("payment_failed:insufficient_funds".into()));
        assert_eq!(work.judge(&answer(429, r#"{"code":"rate_limited"}"#)), Judged::Refused("rate_limited".into()));
        assert_eq!(work.judge(&answer(500, "oops")), Judged::Refused("http_500".into()));
        let pending = r#"{"id":"trd_1","status":"created","payment":{"id":"pay_1","status":"processing"}}"#;
        let coupon = CouponChannel { target: target(), mix: mix(0), coupons: Vec::new() };
        assert_eq!(coupon.judge(&answer(201, pending)), Judged::Pending("pay_1".into()));
    }
}
