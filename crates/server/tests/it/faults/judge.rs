//! Compares what clients were told with what is there: acknowledged is there once, refused is not there, unknown is
//! either, and nothing is there that nobody asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::crowd::{Crowd, FUNDS, user};
use super::history::{Told, Word};
use crate::host::Host;
use crate::shop::id;

/// How many acknowledged requests are asked again.
const ASKED_AGAIN: usize = 40;

/// Judges a crowd that has ended, at a server in good health; gives how many requests were acknowledged, refused and
/// left open.
pub(crate) async fn judge(host: &Host, crowd: &Crowd, shoppers: usize) -> [usize; 3] {
    let told = crowd.history.read();
    let events = crowd.shop.all_events().await;
    let findings = findings(&told, &events);
    assert!(findings.is_empty(), "{} findings, the first: {:#?}", findings.len(), &findings[..findings.len().min(5)]);
    assert_money(host, crowd, shoppers).await;
    let mut counts = [0; 3];
    for one in &told {
        let place = match one.word {
            Word::Acknowledged(_) => 0,
            Word::Refused(_) => 1,
            Word::Unknown => 2,
        };
        counts[place] += 1;
    }
    // Whoever asks again is told the same, in the same bytes.
    let again = told.iter().rev().filter(|one| one.object().is_some()).take(ASKED_AGAIN);
    for one in again {
        let reply = crowd.shop.post_under(&one.key, &one.path, &one.body).await;
        assert_eq!(Word::Acknowledged(reply.text()), one.word, "{} told differently", one.key);
        assert_eq!(reply.header("idempotent-replayed"), "true", "{}", one.key);
    }
    eprintln!("acknowledged, refused, unknown: {counts:?}");
    counts
}

/// What each user has is what it had, less what it paid, and what it got back.
async fn assert_money(host: &Host, crowd: &Crowd, shoppers: usize) {
    let trades = crowd.shop.all("/v1/trades", 100).await;
    let refunds = crowd.shop.all_events().await;
    let mut balances: BTreeMap<String, i64> = (0..shoppers).map(|number| (user(number), FUNDS)).collect();
    let mut buyers = BTreeMap::new();
    for trade in trades.iter().filter(|trade| trade["payment"]["instructions"][0]["tool"] == "balance") {
        let buyer = trade["buyer"].as_str().unwrap();
        *balances.get_mut(buyer).unwrap() -= trade["paid_amount"].as_i64().unwrap();
        buyers.insert(id(trade), buyer.to_owned());
    }
    for refund in refunds.iter().filter(|event| event["type"] == "refund.succeeded") {
        if let Some(buyer) = buyers.get(refund["data"]["trade_id"].as_str().unwrap()) {
            *balances.get_mut(buyer).unwrap() += refund["data"]["amount"].as_i64().unwrap();
        }
    }
    for (user, expected) in balances {
        let (posted, available) = host.balance(&format!("user:{user}"), "2001").await;
        assert_eq!((posted, available), (expected, expected), "of {user}");
    }
}

/// What is there and should not be, or is not there and should be.
fn findings(told: &[Told], events: &[Value]) -> Vec<String> {
    let mut there: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut effects: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in events {
        let (kind, object) = (event["type"].as_str().unwrap(), &event["data"]);
        match kind {
            "trade.created" => there.entry(text(&object["merchant_order_id"])).or_default().push(id(object)),
            "refund.created" => there.entry(text(&object["merchant_refund_id"])).or_default().push(id(object)),
            "trade.paid" | "trade.completed" | "payment.succeeded" | "refund.succeeded" => {
                *effects.entry((kind.to_owned(), id(object))).or_default() += 1;
            }
            _ => {}
        }
    }
    let twice = effects.iter().filter(|(_, count)| **count > 1);
    let mut findings: Vec<String> = twice.map(|((kind, id), count)| format!("{kind} {count} times: {id}")).collect();
    for one in told {
        let number = [&one.body["merchant_order_id"], &one.body["merchant_refund_id"]];
        let number = text(number.into_iter().find(|number| number.is_string()).unwrap());
        let found = there.remove(&number).unwrap_or_default();
        let good = match (&one.word, found.as_slice()) {
            (Word::Acknowledged(_), [only]) => *only == id(&one.object().unwrap()),
            (Word::Refused(_), []) | (Word::Unknown, [] | [_]) => true,
            (Word::Acknowledged(_) | Word::Refused(_) | Word::Unknown, _) => false,
        };
        if !good {
            findings.push(format!("{} {}: {:?}, and there is {found:?}", one.key, one.path, one.word));
        }
    }
    findings.extend(there.into_keys().map(|number| format!("{number}: nobody asked for it")));
    findings
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(number: &str, word: Word) -> Told {
        let body = json!({"merchant_order_id": number});
        Told { key: format!("k{number}"), path: "/v1/trades".to_owned(), body, word }
    }

    fn event(kind: &str, number: &str, id: &str) -> Value {
        json!({"type": kind, "data": {"id": id, "merchant_order_id": number}})
    }

    fn done(id: &str) -> Word {
        Word::Acknowledged(json!({"id": id}).to_string())
    }

    /// The judge finds each kind of lie, and nothing in the truth.
    #[test]
    fn the_judge_speaks_up() {
        let truth = [told("A", done("t1")), told("B", Word::Refused(422)), told("C", Word::Unknown)];
        let (a, c) = (event("trade.created", "A", "t1"), event("trade.created", "C", "t3"));
        let found = |events: &[&Value]| findings(&truth, &events.iter().copied().cloned().collect::<Vec<_>>()).len();
        assert_eq!((found(&[&a]), found(&[&a, &c])), (0, 0), "what is unknown may be there or not");
        assert_eq!(found(&[]), 1, "acknowledged, and lost");
        assert_eq!(found(&[&event("trade.created", "A", "t9")]), 1, "acknowledged as another");
        assert_eq!(found(&[&a, &event("trade.created", "A", "t2")]), 1, "twice");
        assert_eq!(found(&[&a, &c, &event("trade.created", "C", "t4")]), 1, "unknown, and twice");
        assert_eq!(found(&[&a, &event("trade.created", "B", "t2")]), 1, "refused, and done");
        assert_eq!(found(&[&a, &event("trade.created", "D", "t4")]), 1, "nobody asked");
        let paid = event("trade.paid", "A", "t1");
        assert_eq!((found(&[&a, &paid]), found(&[&a, &paid, &paid])), (0, 1), "paid twice");
    }
}
