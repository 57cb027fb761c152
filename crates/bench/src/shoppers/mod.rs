//! The demo's shoppers: varied orders through the public API, meeting every outcome that the sandbox can produce.
//!
//! [`play`] places a number of orders and tells what became of them; [`trickle`] goes on placing one every few seconds
//! until it is stopped, so that a console has something to show. What they do is a function of the seed ([`cart`]);
//! every call has an idempotency key made of seed, order and step, so playing again doubles nothing. A refusal is part
//! of the play: it is counted under its code and the shopper goes on with the next order.

pub mod cart;
mod visit;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use serde_json::json;

use crate::api::Created;
use crate::client::Client;
use crate::error::Error;
use cart::MERCHANTS;
use visit::Visit;

/// Orders under way at a time.
const CONCURRENCY: usize = 8;
/// Shortest time between two orders of a trickle.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// How long a call is repeated while the server is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who shops where.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://host:port`
    pub base_url: String,
    /// A platform key of the test environment.
    pub key: String,
    /// Orders that [`play`] places.
    pub orders: u64,
    /// What they are.
    pub seed: u64,
}

/// What became of the orders: counts by status as they were when the shopper left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Orders placed.
    pub orders: u64,
    /// By the trade's status, with the reason for closing after a colon.
    pub trades: BTreeMap<String, u64>,
    /// By the payment's status, with the reason for failing after a colon.
    pub payments: BTreeMap<String, u64>,
    /// By the refund's status.
    pub refunds: BTreeMap<String, u64>,
    /// Calls that were refused, by code.
    pub refused: BTreeMap<String, u64>,
}

impl Summary {
    fn count(kind: &mut BTreeMap<String, u64>, word: impl Into<String>) {
        *kind.entry(word.into()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.orders += other.orders;
        let pairs = [
            (&mut self.trades, other.trades),
            (&mut self.payments, other.payments),
            (&mut self.refunds, other.refunds),
            (&mut self.refused, other.refused),
        ];
        for (mine, theirs) in pairs {
            for (word, count) in theirs {
                *mine.entry(word).or_default() += count;
            }
        }
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        writeln!(out, "{} orders", self.orders)?;
        let kinds = [
            ("trades", &self.trades),
            ("payments", &self.payments),
            ("refunds", &self.refunds),
            ("refused", &self.refused),
        ];
        for (kind, counts) in kinds {
            let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            if !words.is_empty() {
                writeln!(out, "  {kind}: {}", words.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Places `options.orders` orders, prints what became of them, and returns it. Fails only where nothing can be bought:
/// the server stays away, or the key may not make merchants.
pub async fn play(options: &Options, out: &mut (dyn Write + Send)) -> Result<Summary, Error> {
    let shops = Shops::open(options).await?;
    let mut visits = futures::stream::iter(0..options.orders)
        .map(|number| Visit::make(&shops.client, &shops.merchants, options.seed, number))
        .buffer_unordered(CONCURRENCY);
    let mut summary = Summary::default();
    while let Some(visit) = visits.next().await {
        summary.add(visit);
    }
    summary.print(out)?;
    Ok(summary)
}

/// Places one order every `every` until `stop` is ready; numbers go on from the present second, so that a restart does
/// not repeat old orders. Orders still under way when it stops are left and not counted.
pub async fn trickle(
    options: &Options,
    every: Duration,
    stop: impl Future<Output = ()>,
    out: &mut (dyn Write + Send),
) -> Result<Summary, Error> {
    let shops = Shops::open(options).await?;
    let mut number = jiff::Timestamp::now().as_second().unsigned_abs();
    let mut summary = Summary::default();
    let mut visits = FuturesUnordered::new();
    let mut ticks = tokio::time::interval(every.max(SHORTEST_PAUSE));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = ticks.tick(), if visits.len() < CONCURRENCY => {
                visits.push(Visit::make(&shops.client, &shops.merchants, options.seed, number));
                number += 1;
            }
            Some(visit) = visits.next() => summary.add(visit),
        }
    }
    summary.print(out)?;
    Ok(summary)
}

/// The merchants of the demo, made once per store.
struct Shops {
    client: Client,
    merchants: Vec<String>,
}

impl Shops {
    async fn open(options: &Options) -> Result<Self, Error> {
        let client = Client::new(&options.base_url, &options.key)?.patient(PATIENCE);
        let mut merchants = Vec::with_capacity(MERCHANTS.len());
        for name in MERCHANTS {
            let key = format!("shop-merchant-{}", name.replace(' ', "-"));
            let made: Created = client.post_json("/v1/merchants", &key, &json!({ "name": name })).await?;
            merchants.push(made.id);
        }
        Ok(Self { client, merchants })
    }
}
