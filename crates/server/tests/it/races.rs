//! A hundred requests at once, in one process and in two on one database. The numbers are those of the catalogue of
//! attacks.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::api::{Reply, new_key};
use crate::host::{Host, play};
use crate::server::Server;
use crate::shop::{Shop, balance, card, coupon, id, order};
use crate::store::Engine;

/// The doors of one shop: one per process.
struct Doors<'a> {
    host: &'a Host,
    shops: Vec<Shop>,
}

impl Doors<'_> {
    fn first(&self) -> &Shop {
        &self.shops[0]
    }

    /// Sends all of these at once, in turn to every process. What a process may answer while another is at it
    /// (`request_in_progress`) is asked again until it is answered.
    async fn at_once(&self, requests: Vec<(String, String, Value)>) -> Vec<Reply> {
        let send = async |place: usize, (key, path, body): (String, String, Value)| {
            let shop = &self.shops[place % self.shops.len()];
            loop {
                let reply = shop.post_under(&key, &path, &body).await;
                if reply.status != 409 || reply.json()["code"] != "request_in_progress" {
                    return reply;
                }
                assert!(!reply.header("retry-after").is_empty(), "{:?}", reply.headers);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        join_all(requests.into_iter().enumerate().map(|(place, request)| send(place, request))).await
    }

    /// The same request so many times, each under a key of its own.
    async fn each_for_itself(&self, times: usize, path: &str, body: impl Fn(usize) -> Value) -> Vec<Reply> {
        self.at_once((0..times).map(|place| (new_key(), path.to_owned(), body(place))).collect()).await
    }
}

/// How often each status came, with the code of a refusal behind it.
fn tally(replies: &[Reply]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        let code = reply.json()["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        *tally.entry(format!("{}{code}", reply.status)).or_default() += 1;
    }
    tally
}

#[track_caller]
fn assert_tally(replies: &[Reply], expected: &[(&str, usize)]) {
    let expected = expected.iter().filter(|(_, count)| *count > 0).map(|(name, count)| ((*name).to_owned(), *count));
    assert_eq!(tally(replies), expected.collect());
}

/// The ids of the objects in the answers that are not refusals, sorted, each once.
fn ids(replies: &[Reply]) -> Vec<String> {
    let mut ids: Vec<_> = replies.iter().filter(|reply| reply.status < 300).map(|reply| id(&reply.json())).collect();
    ids.sort();
    ids.dedup();
    ids
}

async fn k37_one_key(doors: &Doors<'_>) {
    let body = order("escrow", 100, &json!({"pay": {"tools": [card(100)]}}));
    let same = vec![("k37".to_owned(), "/v1/trades".to_owned(), body); 100];
    let replies = doors.at_once(same).await;
    assert_tally(&replies, &[("201", 100)]);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body), "the same bytes for all");
    let fresh = replies.iter().filter(|reply| reply.header("idempotent-replayed").is_empty()).count();
    assert_eq!(fresh, 1, "one ran, the others were told");
    let trade = doors.first().trade_is(&ids(&replies)[0], "paid").await;
    assert_eq!(trade["paid_amount"], 100);
    assert_eq!(doors.first().all("/v1/trades", 10).await.len(), 1);
    doors.host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("2004", 100)]);
}

async fn k41_one_order_number(doors: &Doors<'_>) {
    let (same, other) = (order("escrow", 100, &json!({})), order("escrow", 200, &json!({})));
    let replies = doors.each_for_itself(100, "/v1/trades", |_| same.clone()).await;
    assert_tally(&replies, &[("201", 1), ("200", 99)]);
    assert_eq!(ids(&replies).len(), 1);
    // Half of them ask for something else under the number: whoever is first has it.
    let changed = {
        let mut changed = other.clone();
        changed["amount"] = json!(201);
        changed
    };
    let body = |place: usize| if place % 4 < 2 { other.clone() } else { changed.clone() };
    let replies = doors.each_for_itself(100, "/v1/trades", body).await;
    assert_tally(&replies, &[("201", 1), ("200", 49), ("409 order_exists", 50)]);
    let trade = ids(&replies);
    assert_eq!(trade.len(), 1);
    for refusal in replies.iter().filter(|reply| reply.status == 409) {
        assert_eq!(refusal.json()["object"], trade[0].as_str());
    }
    assert_eq!(doors.first().all("/v1/trades", 10).await.len(), 2);
}

async fn k48_confirmed_twice(doors: &Doors<'_>) {
    let shop = doors.first();
    for _ in 0..5 {
        let trade = shop.paid("escrow", 100, &json!({})).await;
        let replies = doors.each_for_itself(20, &format!("/v1/trades/{trade}/confirm"), |_| json!({})).await;
        assert_tally(&replies, &[("200", 1), ("409 invalid_state", 19)]);
    }
    // In parts of sixty, only one fits.
    let trade = shop.paid("escrow", 100, &json!({})).await;
    let replies = doors.each_for_itself(20, &format!("/v1/trades/{trade}/confirm"), |_| json!({"amount": 60})).await;
    assert_tally(&replies, &[("200", 1), ("422 nothing_to_confirm", 19)]);
    doors.host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 600), ("2003", 560), ("2004", 40)]);
}

async fn k53_two_of_sixty_percent(doors: &Doors<'_>) {
    for _ in 0..10 {
        let trade = doors.first().paid("escrow", 100, &json!({})).await;
        let body = |place: usize| json!({"merchant_refund_id": format!("R{place}"), "amount": 60});
        let replies = doors.each_for_itself(2, &format!("/v1/trades/{trade}/refunds"), body).await;
        assert_tally(&replies, &[("201", 1), ("422 refund_exceeds_paid", 1)]);
        doors.first().refund_is(&ids(&replies)[0], "succeeded").await;
    }
    doors.host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.refund", 600),
        ("2004", 400),
    ]);
}

async fn k54_a_hundred_whole_refunds(doors: &Doors<'_>) {
    let trade = doors.first().paid("instant", 100, &json!({})).await;
    let body = |place: usize| json!({"merchant_refund_id": format!("R{place}"), "amount": 100});
    let replies = doors.each_for_itself(100, &format!("/v1/trades/{trade}/refunds"), body).await;
    assert_tally(&replies, &[("201", 1), ("422 refund_exceeds_paid", 99)]);
    doors.first().refund_is(&ids(&replies)[0], "succeeded").await;
    doors.host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 100), ("1011.sandbox.refund", 100)]);
}

/// Twenty trades of this amount.
async fn unpaid(shop: &Shop, amount: i64) -> Vec<String> {
    let open = async || shop.unpaid("instant", amount, &json!({})).await;
    join_all((0..20).map(|_| open())).await
}

async fn k60_more_than_the_balance(doors: &Doors<'_>) {
    let (host, shop) = (doors.host, doors.first());
    host.fund("user:42", 100, "CNY").await;
    let trades = unpaid(shop, 10).await;
    let pay = |trade: &String| (new_key(), format!("/v1/trades/{trade}/payments"), json!({"tools": [balance(10)]}));
    let replies = doors.at_once(trades.iter().map(pay).collect()).await;
    assert_tally(&replies, &[("201", 20)]);
    let ended = |status: &str| replies.iter().filter(|reply| reply.json()["status"] == status).count();
    assert_eq!((ended("succeeded"), ended("failed")), (10, 10));
    assert_eq!(host.balance("user:42", "2001").await, (0, 0));
    // Ten of them are still payable: what comes is spent to the last cent, by as many as it covers.
    host.fund("user:42", 35, "CNY").await;
    let open: Vec<_> = shop.all("/v1/trades?status=created", 100).await.iter().map(id).collect();
    assert_eq!(open.len(), 10);
    let replies = doors.at_once(open.iter().map(pay).collect()).await;
    let succeeded = replies.iter().filter(|reply| reply.json()["status"] == "succeeded").count();
    assert_eq!(succeeded, 3);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 135), ("2001", 5), ("2003", 130)]);
}

async fn k61_one_coupon(doors: &Doors<'_>) {
    let (host, shop) = (doors.host, doors.first());
    let cut = shop.coupon("user:42", 30).await;
    host.fund("user:42", 2_000, "CNY").await;
    let trades = unpaid(shop, 100).await;
    let tools = json!({"tools": [coupon(&cut, 30), balance(70)]});
    let pay = |trade: &String| (new_key(), format!("/v1/trades/{trade}/payments"), tools.clone());
    let replies = doors.at_once(trades.iter().map(pay).collect()).await;
    let succeeded = replies.iter().filter(|reply| reply.json()["status"] == "succeeded").count();
    assert_eq!(succeeded, 1, "{:?}", tally(&replies));
    for reply in &replies {
        let reply = reply.json();
        let code = reply["code"].as_str().or(reply["failure"]["code"].as_str()).unwrap_or("none");
        assert!(["none", "coupon_taken", "coupon_not_applicable"].contains(&code), "{reply:#}");
    }
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "spent");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 2_000),
        ("2001", 1_930),
        ("2003", 100),
        ("5002", 30),
    ]);
}

/// Runs a race in one process, or in two.
fn race(engine: Engine, processes: usize, race: impl AsyncFn(&Doors<'_>)) {
    play(engine, &[], async |host| {
        let others: Vec<Server> = (1..processes).map(|_| host.another().unwrap()).collect();
        let shop = host.shop().await;
        // Another process knows a new key within two seconds.
        let mut shops = vec![shop.clone()];
        for other in &others {
            let there = shop.at_server(&other.address);
            for _ in 0..100 {
                if there.get("/v1/trades").await.status == 200 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            shops.push(there);
        }
        race(&Doors { host, shops }).await;
        for other in others {
            assert_eq!(other.errors(), Vec::<String>::new(), "the other process logged errors");
            assert_eq!(other.stop().code(), Some(0));
        }
    });
}

macro_rules! races {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            use crate::store::Engine;

            #[test]
            fn sqlite() {
                super::race(Engine::Sqlite, 1, super::$name);
            }

            #[test]
            fn postgres() {
                super::race(Engine::Postgres, 1, super::$name);
            }

            #[test]
            fn two_processes() {
                super::race(Engine::Postgres, 2, super::$name);
            }
        })*
    };
}

races!(
    k37_one_key,
    k41_one_order_number,
    k48_confirmed_twice,
    k53_two_of_sixty_percent,
    k54_a_hundred_whole_refunds,
    k60_more_than_the_balance,
    k61_one_coupon,
);
