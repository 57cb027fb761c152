//! What must be there before the load: merchants, buyers with money, coupons.

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::Options;
use super::work::{COUPON_MINOR, Mix};
use crate::api::Created;
use crate::client::Client;
use crate::error::Error;

/// Calls under way at a time.
const CONCURRENCY: usize = 64;
/// What each buyer gets: enough for a million payments.
const FUND_MINOR: i64 = 100_000_000;

/// Merchants and buyers.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// The merchant that the hot share goes to.
    pub(super) hot: String,
    /// The others.
    pub(super) spread: Vec<String>,
    /// How many buyers there are; their names are numbers.
    pub(super) buyers: u64,
}

impl Prepared {
    /// Nobody real, for bodies of the same size that no platform reads.
    pub(super) fn nobody() -> Self {
        Self { hot: "mch_00000000000000000000000000".to_owned(), spread: Vec::new(), buyers: 1_000 }
    }
}

/// The user id of buyer `number`.
pub(super) fn buyer_name(number: u64) -> String {
    format!("b{number:06}")
}

/// Makes merchants and puts balance on the buyers' accounts.
pub(super) async fn merchants_and_buyers(client: &Client, options: &Options, seed: u64) -> Result<Prepared, Error> {
    let merchants = (0..=options.merchants).map(|number| {
        let name = if number == 0 { "bench hot".to_owned() } else { format!("bench {number}") };
        (format!("bench-{seed:x}-merchant-{number}"), json!({ "name": name }))
    });
    let mut spread = created(client, "/v1/merchants", merchants).await?;
    let hot = if spread.is_empty() { String::new() } else { spread.remove(0) };
    let buyers = u64::from(options.buyers.max(1));
    let funds = (0..buyers).map(|number| {
        let owner = format!("user:{}", buyer_name(number));
        (format!("bench-{seed:x}-fund-{number}"), json!({ "owner": owner, "amount": FUND_MINOR, "currency": "CNY" }))
    });
    futures::stream::iter(funds)
        .map(|(key, body)| async move { client.post("/v1/sandbox/fund", &key, body.to_string()).await.map(drop) })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(Prepared { hot, spread, buyers })
}

/// Issues the coupons of the first `count` requests of a mix, in their order.
pub(super) async fn coupons(client: &Client, mix: &Mix, count: u64) -> Result<Vec<String>, Error> {
    let bodies = (0..count).map(|number| {
        let draw = mix.draw(number);
        let body = json!({
            "merchant_id": draw.merchant,
            "amount": COUPON_MINOR,
            "currency": "CNY",
            "owner": format!("user:{}", draw.buyer),
        });
        (format!("bench-{:x}-coupon-{number}", mix.seed), body)
    });
    created(client, "/v1/coupons", bodies).await
}

async fn created(
    client: &Client,
    path: &'static str,
    bodies: impl Iterator<Item = (String, Value)>,
) -> Result<Vec<String>, Error> {
    futures::stream::iter(bodies)
        .map(|(key, body)| async move { client.post_json::<Created>(path, &key, &body).await.map(|made| made.id) })
        .buffered(CONCURRENCY)
        .try_collect()
        .await
}
