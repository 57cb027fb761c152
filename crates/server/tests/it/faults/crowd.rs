//! Shoppers who go on whatever happens, and note what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::history::{History, Word};
use crate::host::Host;
use crate::orders::Dice;
use crate::shop::{Shop, balance, card, id};

/// What every shopper has at the beginning, in minor units.
pub(crate) const FUNDS: i64 = 1_000_000;
/// After an answer that leaves things open.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for somebody to be told something.
const PATIENCE: Duration = Duration::from_secs(40);

/// Shoppers under way.
pub(crate) struct Crowd {
    pub(crate) shop: Shop,
    pub(crate) history: Arc<History>,
    /// How many were told that something was done, and how many that it could not be said.
    pub(crate) done: Arc<AtomicUsize>,
    pub(crate) open: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    shoppers: Vec<JoinHandle<()>>,
}

/// A user of this number.
pub(crate) fn user(number: usize) -> String {
    format!("u{number}")
}

impl Crowd {
    /// So many users with money, at a shop.
    pub(crate) async fn gather(host: &Host, shoppers: usize) -> Self {
        let shop = host.shop().await;
        for number in 0..shoppers {
            host.fund(&format!("user:{}", user(number)), FUNDS, "CNY").await;
        }
        Self {
            shop,
            history: Arc::new(History::new(&host.store)),
            done: Arc::default(),
            open: Arc::default(),
            stop: Arc::default(),
            shoppers: Vec::new(),
        }
    }

    /// Lets shoppers of these numbers begin at a server; the same seed asks for the same things.
    pub(crate) fn begin(&mut self, at: &str, numbers: std::ops::Range<usize>, seed: u64) {
        for number in numbers {
            let shopper = Shopper {
                number,
                shop: self.shop.at_server(at),
                history: Arc::clone(&self.history),
                done: Arc::clone(&self.done),
                open: Arc::clone(&self.open),
                dice: Dice(seed.wrapping_mul(1_000).wrapping_add(number as u64)),
                asked: 0,
                paid: Vec::new(),
            };
            self.shoppers.push(tokio::spawn(shopper.run(Arc::clone(&self.stop))));
        }
    }

    /// Waits until so many more were told that something was done.
    pub(crate) async fn until_done(&self, more: usize) {
        self.until(&self.done, more, "nobody is told that something is done").await;
    }

    /// How many were left without an answer until now, or with one that says nothing.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until so many more than before were left without an answer. `before` was asked before the fault, which may
    /// have been noticed since.
    pub(crate) async fn until_open(&self, before: usize, more: usize) {
        Self::reach(&self.open, before + more, "nobody notices the fault").await;
    }

    async fn until(&self, count: &AtomicUsize, more: usize, complaint: &str) {
        Self::reach(count, count.load(Ordering::SeqCst) + more, complaint).await;
    }

    async fn reach(count: &AtomicUsize, goal: usize, complaint: &str) {
        let begun = Instant::now();
        while count.load(Ordering::SeqCst) < goal {
            assert!(begun.elapsed() < PATIENCE, "{complaint}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends everybody home, once they have the answers that they wait for.
    pub(crate) async fn end(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for shopper in self.shoppers.drain(..) {
            shopper.await.unwrap();
        }
    }
}

struct Shopper {
    number: usize,
    shop: Shop,
    history: Arc<History>,
    done: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    dice: Dice,
    asked: usize,
    /// Trades that were paid, and with how much.
    paid: Vec<(String, i64)>,
}

impl Shopper {
    async fn run(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::SeqCst) {
            let (path, body) = self.wish();
            self.asked += 1;
            let key = format!("{}-{}", self.number, self.asked);
            self.history.ask(&key, &path, &body);
            let mut word = self.send(&key, &path, &body).await;
            // Half of those who do not know ask again until they do; the others never learn.
            let stubborn = self.dice.below(2) == 0;
            while word == Word::Unknown && !stop.load(Ordering::SeqCst) {
                tokio::time::sleep(PAUSE).await;
                if !stubborn {
                    break;
                }
                word = self.send(&key, &path, &body).await;
            }
            if let (Word::Acknowledged(answer), "/v1/trades") = (&word, path.as_str()) {
                let trade: Value = serde_json::from_str(answer).unwrap();
                if trade["paid_amount"].as_i64() > Some(0) {
                    self.paid.push((id(&trade), trade["paid_amount"].as_i64().unwrap()));
                }
            }
        }
    }

    /// Mostly trades, by balance and by card; some refunds, of which some are of too much.
    fn wish(&mut self) -> (String, Value) {
        let number = format!("{}-{}", self.number, self.asked);
        let amount = 1 + self.dice.below(50);
        let thrown = self.dice.below(10);
        match self.paid.last().cloned() {
            Some((trade, paid)) if thrown < 3 => {
                let amount = if thrown == 0 { paid + amount } else { 1 + self.dice.below(paid) };
                let body = json!({"merchant_refund_id": format!("R{number}"), "amount": amount});
                (format!("/v1/trades/{trade}/refunds"), body)
            }
            _ => {
                let tool = if thrown < 5 { card(amount) } else { balance(amount) };
                let kind = if thrown % 2 == 0 { "instant" } else { "escrow" };
                let body = json!({
                    "merchant_order_id": format!("O{number}"), "type": kind, "amount": amount, "currency": "CNY",
                    "buyer": user(self.number), "pay": {"tools": [tool]},
                });
                ("/v1/trades".to_owned(), body)
            }
        }
    }

    async fn send(&self, key: &str, path: &str, body: &Value) -> Word {
        let reply = self.shop.send(Method::POST, path, Some(key), Bytes::from(body.to_string())).await.ok();
        let word = self.history.told(key, reply.as_ref());
        let count = if word == Word::Unknown { &self.open } else { &self.done };
        count.fetch_add(1, Ordering::SeqCst);
        word
    }
}
