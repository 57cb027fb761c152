//! One shopper's visit: fill the purse, order and pay in one call, wait a little, then what the cart says.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Summary;
use super::cart::{After, Cart, Part, cart};
use crate::api::{Created, Payment, Refund, Trade};
use crate::client::Client;
use crate::error::Error;

const CURRENCY: &str = "CNY";
/// Seconds the server may hold a read of a payment.
const WAIT_S: u32 = 2;
/// How long a shopper waits for a payment or a refund before leaving.
const PATIENCE: Duration = Duration::from_secs(4);
/// Shortest time between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// A visit under way.
pub(super) struct Visit<'a> {
    client: &'a Client,
    merchant: &'a str,
    cart: Cart,
    key: String,
    summary: Summary,
}

impl<'a> Visit<'a> {
    /// Makes the visit of a number and tells what became of it.
    pub(super) async fn make(client: &'a Client, merchants: &'a [String], seed: u64, number: u64) -> Summary {
        let cart = cart(seed, number);
        let merchant = merchants.get(cart.merchant).map_or("", String::as_str);
        // The point keeps seed and number apart: a long run of digits in an order number may look like a card number.
        let key = format!("shop-{seed}.{number}");
        let mut visit = Self { client, merchant, cart, key, summary: Summary { orders: 1, ..Summary::default() } };
        if let Err(error) = visit.run().await {
            Summary::count(&mut visit.summary.refused, error.word());
        }
        visit.summary
    }

    async fn run(&mut self) -> Result<(), Error> {
        let tools = self.tools().await?;
        let trade = self.order(&tools).await?;
        let outcome = self.go_on(&trade).await;
        let end: Trade = self.client.get_json(&format!("/v1/trades/{}", trade.id)).await?;
        let status = match end.closed_reason {
            Some(reason) => format!("{}:{reason}", end.status),
            None => end.status,
        };
        Summary::count(&mut self.summary.trades, status);
        outcome
    }

    async fn tools(&self) -> Result<Vec<Value>, Error> {
        let mut tools = Vec::with_capacity(self.cart.parts.len());
        let owner = format!("user:{}", self.cart.buyer);
        for part in &self.cart.parts {
            tools.push(match part {
                Part::Balance { amount_minor, funded } => {
                    if *funded {
                        let body = json!({ "owner": owner, "amount": amount_minor, "currency": CURRENCY });
                        self.client.post("/v1/sandbox/fund", &self.step("fund"), body.to_string()).await?;
                    }
                    json!({ "tool": "balance", "amount": amount_minor })
                }
                Part::Coupon { amount_minor } => {
                    let body = json!({
                        "merchant_id": self.merchant, "amount": amount_minor, "currency": CURRENCY, "owner": owner,
                    });
                    let coupon: Created = self.post("/v1/coupons", "coupon", &body).await?;
                    json!({ "tool": "coupon", "coupon": coupon.id, "amount": amount_minor })
                }
                Part::Channel { method, amount_minor, outcome } => {
                    json!({ "tool": "channel", "method": method, "amount": amount_minor, "sandbox": outcome })
                }
            });
        }
        Ok(tools)
    }

    async fn order(&self, tools: &[Value]) -> Result<Trade, Error> {
        let mut body = json!({
            "merchant_id": self.merchant,
            "merchant_order_id": self.key,
            "type": if self.cart.escrow { "escrow" } else { "instant" },
            "sub_type": self.cart.sub_type,
            "amount": self.cart.amount_minor,
            "currency": CURRENCY,
            "buyer": self.cart.buyer,
            "subject": format!("{} item(s)", self.cart.receivers.len().max(1)),
            "pay": { "tools": tools },
        });
        if let (false, Some(fields)) = (self.cart.receivers.is_empty(), body.as_object_mut()) {
            let splits =
                self.cart.receivers.iter().map(|(receiver, amount)| json!({ "receiver": receiver, "amount": amount }));
            fields.insert("splits".to_owned(), splits.collect());
        }
        self.post("/v1/trades", "create", &body).await
    }

    /// Waits for the payment, then confirms, refunds or closes.
    async fn go_on(&mut self, trade: &Trade) -> Result<(), Error> {
        let paid = match trade.payment.clone() {
            Some(payment) => self.wait_for_payment(payment).await?,
            None => false,
        };
        if paid {
            for (number, after) in self.cart.after.clone().iter().enumerate() {
                self.after(&trade.id, after, number).await?;
            }
        } else if self.cart.close_unpaid {
            let _: Trade = self.post(&format!("/v1/trades/{}/close", trade.id), "close", &json!({})).await?;
        }
        Ok(())
    }

    /// Whether it succeeded while the shopper waited.
    async fn wait_for_payment(&mut self, mut payment: Payment) -> Result<bool, Error> {
        let path = format!("/v1/payments/{}?wait={WAIT_S}", payment.id);
        let since = Instant::now();
        while !payment.is_over() && since.elapsed() < PATIENCE {
            let look = Instant::now();
            payment = self.client.get_json(&path).await?;
            if !payment.is_over() {
                tokio::time::sleep(LOOK.saturating_sub(look.elapsed())).await;
            }
        }
        let word = match &payment.failure {
            Some(failure) => format!("{}:{}", payment.status, failure.code),
            None => payment.status.clone(),
        };
        Summary::count(&mut self.summary.payments, word);
        Ok(payment.status == "succeeded")
    }

    async fn after(&mut self, trade: &str, after: &After, number: usize) -> Result<(), Error> {
        match after {
            After::Confirm(amount) => {
                let body = amount.map_or_else(|| json!({}), |amount| json!({ "amount": amount }));
                let path = format!("/v1/trades/{trade}/confirm");
                let _: Trade = self.post(&path, &format!("confirm-{number}"), &body).await?;
            }
            After::Refund(amount, outcome) => {
                let body = json!({
                    "merchant_refund_id": format!("{}-r{number}", self.key),
                    "amount": amount,
                    "reason": "changed my mind",
                    "sandbox": outcome,
                });
                let path = format!("/v1/trades/{trade}/refunds");
                let refund: Refund = self.post(&path, &format!("refund-{number}"), &body).await?;
                let refund = self.wait_for_refund(refund).await?;
                Summary::count(&mut self.summary.refunds, refund.status);
            }
        }
        Ok(())
    }

    async fn wait_for_refund(&self, mut refund: Refund) -> Result<Refund, Error> {
        let path = format!("/v1/refunds/{}", refund.id);
        let since = Instant::now();
        while refund.status == "pending" && since.elapsed() < PATIENCE {
            tokio::time::sleep(LOOK).await;
            refund = self.client.get_json(&path).await?;
        }
        Ok(refund)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, step: &str, body: &Value) -> Result<T, Error> {
        self.client.post_json(path, &self.step(step), body).await
    }

    fn step(&self, step: &str) -> String {
        format!("{}-{step}", self.key)
    }
}
