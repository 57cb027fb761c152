//! Three reads to one payment, as a shop's pages and a support desk read: a trade of a moment ago, its payment, and the
//! balance of a buyer.

use std::sync::{Mutex, PoisonError};

use super::answer::read;
use super::balance::Balance;
use super::{Mix, Target};
use crate::api::Trade;
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

/// One of so many things is a payment; the others read.
const PAYMENT_OF: u64 = 4;
/// Trades that are remembered to be read, the newest.
const REMEMBERED: usize = 10_000;

pub(in crate::pay) struct Mixed {
    balance: Balance,
    recent: Mutex<Recent>,
}

/// The newest trades with their payments, in a ring.
#[derive(Default)]
struct Recent {
    places: Vec<(String, String)>,
    next: usize,
}

impl Mixed {
    pub(in crate::pay) fn new(target: Target, mix: Mix) -> Self {
        Self { balance: Balance { target, mix }, recent: Mutex::default() }
    }

    fn remember(&self, trade: Trade) {
        let Some(payment) = trade.payment else { return };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (trade.id, payment.id);
        let next = recent.next;
        match recent.places.get_mut(next) {
            Some(old) => *old = place,
            None => recent.places.push(place),
        }
        recent.next = (next + 1) % REMEMBERED;
    }
}

impl Workload for Mixed {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        if self.kind(number) == Some("pay") {
            return self.balance.write(number, request);
        }
        let mut draw = self.balance.mix.draw(number);
        let target = &self.balance.target;
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match (number % PAYMENT_OF, draw.dice.pick(&recent.places)) {
            (1, Some((trade, _))) => target.get(format_args!("/v1/trades/{trade}"), request),
            (2, Some((_, payment))) => target.get(format_args!("/v1/payments/{payment}"), request),
            // Nothing was paid yet, or it is this one's turn.
            _ => target.get(format_args!("/v1/accounts?owner=user:{}", draw.buyer), request),
        }
        true
    }

    fn write_next(&self, number: u64, next: &Next, request: &mut Vec<u8>) {
        self.balance.write_next(number, next, request);
    }

    fn judge(&self, number: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        if self.kind(number) != Some("pay") {
            // Any object will do; that it is one is checked.
            return read::<serde::de::IgnoredAny>(answer).map_or_else(|judged| judged, |_| Judged::Done);
        }
        let judged = self.balance.judge(number, asked, answer);
        if judged == Judged::Done
            && let Ok(trade) = read::<Trade>(answer)
        {
            self.remember(trade);
        }
        judged
    }

    fn kind(&self, number: u64) -> Option<&'static str> {
        Some(if number.is_multiple_of(PAYMENT_OF) { "pay" } else { "read" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_four_read_what_was_paid() {
        let work = Mixed::new(Target::nowhere(), Mix::small(0));
        let first_line = |number| {
            let mut request = Vec::new();
            assert!(work.write(number, &mut request));
            String::from_utf8(request).unwrap().lines().next().unwrap().to_owned()
        };
        assert!(first_line(1).starts_with("GET /v1/accounts?owner=user:b0"), "nothing was paid yet");
        let paid = br#"{"id":"trd_1","status":"completed","payment":{"id":"pay_1","status":"succeeded"}}"#;
        assert_eq!(work.judge(0, None, &Answer { status: 201, body: paid }), Judged::Done);
        assert_eq!(first_line(0), "POST /v1/trades HTTP/1.1");
        assert_eq!(first_line(5), "GET /v1/trades/trd_1 HTTP/1.1");
        assert_eq!(first_line(6), "GET /v1/payments/pay_1 HTTP/1.1");
        assert!(first_line(7).starts_with("GET /v1/accounts?owner=user:b0"));
        let reads = (0..400).filter(|number| work.kind(*number) == Some("read")).count();
        assert_eq!(reads, 300);
        assert_eq!(
            work.judge(5, None, &Answer { status: 404, body: b"{\"code\":\"not_found\"}" }),
            Judged::Refused("not_found".into())
        );
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let work = Mixed::new(Target::nowhere(), Mix::small(0));
        for number in 0..REMEMBERED + 5 {
            let body =
                format!(r#"{{"id":"trd_{number}","status":"completed","payment":{{"id":"p","status":"succeeded"}}}}"#);
            work.judge(0, None, &Answer { status: 201, body: body.as_bytes() });
        }
        let recent = work.recent.lock().unwrap();
        assert_eq!(recent.places.len(), REMEMBERED);
        assert_eq!((recent.places[0].0.as_str(), recent.places[4].0.as_str()), ("trd_10000", "trd_10004"));
        assert_eq!(recent.places[5].0, "trd_5");
    }
}
