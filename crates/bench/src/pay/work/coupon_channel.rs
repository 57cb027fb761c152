//! Create and pay by coupon and channel, and wait until paid.

use super::answer::{payment_of, read, trade_with_payment};
use super::mix::{AMOUNT_MINOR, COUPON_MINOR};
use super::{Mix, Target};
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

pub(in crate::pay) struct CouponChannel {
    pub(in crate::pay) target: Target,
    pub(in crate::pay) mix: Mix,
    /// One per trade, owned by its buyer.
    pub(in crate::pay) coupons: Vec<String>,
}

impl Workload for CouponChannel {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let Some(coupon) = usize::try_from(number).ok().and_then(|at| self.coupons.get(at)) else { return false };
        let draw = self.mix.draw(number);
        let body = draw.trade(
            "instant",
            format_args!(
                r#","pay":{{"tools":[{{"tool":"coupon","coupon":"{coupon}","amount":{COUPON_MINOR}}},{{"tool":"channel","method":"card","amount":{},"sandbox":"succeed"}}]}}"#,
                AMOUNT_MINOR - COUPON_MINOR
            ),
        );
        self.target.post(format_args!("/v1/trades"), &draw.key, &body, request);
        true
    }

    fn write_next(&self, _: u64, next: &Next, request: &mut Vec<u8>) {
        self.target.get(format_args!("/v1/payments/{}?wait=10", next.part), request);
    }

    fn judge(&self, _: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        match asked {
            None => trade_with_payment(answer),
            Some(next) => read(answer).map_or_else(|judged| judged, |payment| payment_of(&next.thing, payment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coupons_end_the_load_and_parts_sum_up() {
        let work = CouponChannel { target: Target::nowhere(), mix: Mix::small(0), coupons: vec!["cpn_1".into()] };
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
    fn a_payment_under_way_is_asked_for_until_it_is_over() {
        let work = CouponChannel { target: Target::nowhere(), mix: Mix::small(0), coupons: Vec::new() };
        let judge = |asked: Option<&Next>, status, body: &'static str| {
            work.judge(0, asked, &Answer { status, body: body.as_bytes() })
        };
        let pending = r#"{"id":"trd_1","status":"created","payment":{"id":"pay_1","status":"processing"}}"#;
        let Judged::Next(next) = judge(None, 201, pending) else { panic!("it is under way") };
        assert_eq!((next.thing.as_str(), next.part.as_str()), ("trd_1", "pay_1"));
        let mut request = Vec::new();
        work.write_next(0, &next, &mut request);
        assert!(request.starts_with(b"GET /v1/payments/pay_1?wait=10 "));
        assert_eq!(judge(Some(&next), 200, r#"{"id":"pay_1","status":"processing"}"#), Judged::Next(next.clone()));
        assert_eq!(judge(Some(&next), 200, r#"{"id":"pay_1","status":"succeeded"}"#), Judged::Done);
        assert_eq!(
            judge(Some(&next), 200, r#"{"id":"pay_1","status":"expired"}"#),
            Judged::Refused("payment_expired:no_reason".into())
        );
    }
}
