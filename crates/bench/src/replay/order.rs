//! One real order over HTTP: coupons, trade and payment in one call, wait until paid, then the plan's steps.
//!
//! Every POST carries an idempotency key made of the order's id and the step. So an order may be stopped anywhere — the
//! server killed, the replay killed, an answer lost — and played again from the start: what was done answers as it did,
//! what was not is done now, and nothing is done twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::expect::Planned;
use super::plan::{PlannedRefund, RefundKind, Step};
use crate::api::{Created, Payment, Refund, Trade};
use crate::client::Client;
use crate::error::Error;
use crate::olist::classify::Leg;
use crate::olist::{Payable, PaymentType};

/// The files' currency.
pub const CURRENCY: &str = "BRL";
const SUB_TYPE: &str = "shop.checkout";
/// Seconds the server may hold a read of a payment before it answers.
const WAIT_S: u32 = 10;
/// Shortest time between two looks at the same thing.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);
/// Longest.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Why an order did not come to its end.
#[derive(Debug)]
pub struct Stop {
    /// Stable word.
    pub reason: String,
    /// The particulars.
    pub detail: Option<String>,
    /// The trade, where there is one.
    pub trade: Option<String>,
}

impl Stop {
    fn at(trade: &str, reason: impl Into<String>, detail: Option<String>) -> Self {
        Self { reason: reason.into(), detail, trade: Some(trade.to_owned()) }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self { reason: error.word(), detail: Some(error.to_string()), trade: None }
    }
}

/// Plays orders of one merchant.
pub struct Player<'a> {
    /// A patient client.
    pub client: &'a Client,
    /// The merchant's id.
    pub merchant: &'a str,
    /// Bounds the calls under way; waiting for an institution takes no permit.
    pub permits: &'a Semaphore,
    /// Longest wait for a payment or refund to come to its end.
    pub patience: Duration,
}

impl Player<'_> {
    /// Plays one order to its end and returns its trade's id.
    pub async fn play(&self, planned: &Planned) -> Result<String, Stop> {
        let order = &planned.order;
        let tools = self.tools(order).await?;
        let trade = self.create(order, &tools).await?;
        let id = trade.id.clone();
        self.steps(planned, trade, &tools).await.map_err(|stop| Stop { trade: Some(id.clone()), ..stop })?;
        Ok(id)
    }

    async fn steps(&self, planned: &Planned, trade: Trade, tools: &[Value]) -> Result<(), Stop> {
        let order = &planned.order;
        let id = trade.id.clone();
        let payment = self.paid(order, trade, tools).await?;
        check_parts(&id, order, &payment)?;
        let mut refunds = 0_u32;
        for step in &planned.plan.steps {
            match step {
                Step::Confirm => self.confirm(order, &id).await?,
                Step::Refund(refund) => {
                    refunds += 1;
                    self.refund(order, &id, refund, refunds).await?;
                }
            }
        }
        match planned.plan.kind {
            RefundKind::None => Ok(()),
            kind => self.check_end(&id, kind, planned.plan.refunded_minor()).await,
        }
    }

    /// The tools in the order of the payments; a voucher is a coupon issued for it.
    async fn tools(&self, order: &Payable) -> Result<Vec<Value>, Stop> {
        let mut tools = Vec::with_capacity(order.legs.len());
        for leg in &order.legs {
            tools.push(match leg.payment_type {
                PaymentType::Voucher => self.coupon(order, leg).await?,
                _ => channel_tool(leg),
            });
        }
        Ok(tools)
    }

    async fn coupon(&self, order: &Payable, leg: &Leg) -> Result<Value, Stop> {
        let body = json!({
            "merchant_id": self.merchant,
            "amount": leg.amount_minor,
            "currency": CURRENCY,
            "owner": format!("user:{}", buyer(&order.id)),
        });
        let coupon: Created =
            self.post("/v1/coupons", &key(&order.id, &format!("coupon-{}", leg.sequential)), &body).await?;
        Ok(json!({ "tool": "coupon", "coupon": coupon.id, "amount": leg.amount_minor }))
    }

    async fn create(&self, order: &Payable, tools: &[Value]) -> Result<Trade, Stop> {
        let splits: Vec<Value> = order
            .shares
            .iter()
            .map(|share| json!({ "receiver": format!("seller:{}", share.seller), "amount": share.amount_minor }))
            .collect();
        let body = json!({
            "merchant_id": self.merchant,
            "merchant_order_id": order.id,
            "type": "escrow",
            "sub_type": SUB_TYPE,
            "amount": order.amount_minor,
            "currency": CURRENCY,
            "buyer": buyer(&order.id),
            "splits": splits,
            "pay": { "tools": tools },
        });
        Ok(self.post("/v1/trades", &key(&order.id, "create"), &body).await?)
    }

    /// Waits until the payment is over; anything but a success stops the order.
    async fn paid(&self, order: &Payable, trade: Trade, tools: &[Value]) -> Result<Payment, Stop> {
        let mut payment = match trade.payment {
            Some(payment) => payment,
            // An order that was there before answers without a payment of its own.
            None => {
                let path = format!("/v1/trades/{}/payments", trade.id);
                self.post(&path, &key(&order.id, "pay"), &json!({ "tools": tools })).await?
            }
        };
        let path = format!("/v1/payments/{}?wait={WAIT_S}", payment.id);
        let mut look = Look::new(self.patience);
        while !payment.is_over() {
            if !look.again().await {
                return Err(Stop::at(&trade.id, "payment_not_over", Some(payment.status)));
            }
            payment = self.client.get_json(&path).await?;
        }
        if payment.status == "succeeded" {
            return Ok(payment);
        }
        let reason = format!("payment_{}", payment.status);
        Err(Stop::at(&trade.id, reason, payment.failure.map(|failure| failure.code)))
    }

    async fn confirm(&self, order: &Payable, trade: &str) -> Result<(), Stop> {
        let path = format!("/v1/trades/{trade}/confirm");
        let trade: Trade = self.post(&path, &key(&order.id, "confirm"), &json!({})).await?;
        if trade.status == "completed" {
            return Ok(());
        }
        Err(Stop::at(&trade.id, "confirmed_but_not_completed", Some(trade.status)))
    }

    async fn refund(&self, order: &Payable, trade: &str, refund: &PlannedRefund, number: u32) -> Result<(), Stop> {
        let mut body = json!({
            "merchant_id": self.merchant,
            "merchant_refund_id": format!("r{number}"),
            "amount": refund.amount_minor,
            "reason": "returned goods",
        });
        if let (false, Some(fields)) = (refund.whole, body.as_object_mut()) {
            fields.insert("splits".to_owned(), splits_of(order, refund));
        }
        let path = format!("/v1/trades/{trade}/refunds");
        let mut refund: Refund = self.post(&path, &key(&order.id, &format!("refund-{number}")), &body).await?;
        let path = format!("/v1/refunds/{}", refund.id);
        let mut look = Look::new(self.patience);
        while refund.status == "pending" {
            if !look.again().await {
                return Err(Stop::at(trade, "refund_not_over", Some(refund.id)));
            }
            refund = self.get(&path).await?;
        }
        match refund.status.as_str() {
            "succeeded" => Ok(()),
            status => Err(Stop::at(trade, format!("refund_{status}"), Some(refund.id))),
        }
    }

    /// Whether a refunded trade ended as planned.
    async fn check_end(&self, trade: &str, kind: RefundKind, refunded_minor: i64) -> Result<(), Stop> {
        let wanted = if kind == RefundKind::WholeBefore { "closed" } else { "completed" };
        let path = format!("/v1/trades/{trade}");
        let mut look = Look::new(self.patience);
        loop {
            let end: Trade = self.get(&path).await?;
            if end.status == wanted && end.refunded_amount == refunded_minor {
                return Ok(());
            }
            if end.status == wanted || !look.again().await {
                let detail = format!("{}, refunded {} of {refunded_minor}", end.status, end.refunded_amount);
                return Err(Stop::at(trade, "ended_otherwise", Some(detail)));
            }
        }
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, path: &str, key: &str, body: &Value) -> Result<T, Error> {
        let _permit = self.permits.acquire().await.ok();
        self.client.post_json(path, key, body).await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let _permit = self.permits.acquire().await.ok();
        self.client.get_json(path).await
    }
}

/// Looks at the same thing again and again: at once the first time, then not sooner than an ever longer pause after the
/// look before, until patience is over.
struct Look {
    since: Instant,
    last: Option<Instant>,
    pause: Duration,
    patience: Duration,
}

impl Look {
    fn new(patience: Duration) -> Self {
        Self { since: Instant::now(), last: None, pause: SHORTEST_LOOK, patience }
    }

    /// Returns when it is time to look; false when patience is over.
    async fn again(&mut self) -> bool {
        if self.since.elapsed() > self.patience {
            return false;
        }
        if let Some(last) = self.last {
            tokio::time::sleep_until((last + self.pause).into()).await;
            self.pause = (self.pause * 3 / 2).min(LONGEST_LOOK);
        }
        self.last = Some(Instant::now());
        true
    }
}

/// The idempotency key of a step of an order.
pub fn key(order: &str, step: &str) -> String {
    format!("replay-{order}-{step}")
}

/// The buyer of an order: the files do not tell, so each order has its own, named after it.
pub fn buyer(order: &str) -> String {
    format!("b{}", order.chars().take(12).collect::<String>())
}

fn channel_tool(leg: &Leg) -> Value {
    let amount = leg.amount_minor;
    match leg.payment_type {
        PaymentType::Boleto => {
            json!({ "tool": "channel", "method": "boleto", "amount": amount, "sandbox": "succeed_later" })
        }
        PaymentType::DebitCard => json!({ "tool": "channel", "method": "debit", "amount": amount }),
        _ => json!({ "tool": "channel", "method": "card", "amount": amount }),
    }
}

fn splits_of(order: &Payable, refund: &PlannedRefund) -> Value {
    order
        .shares
        .iter()
        .zip(&refund.by_share)
        .filter(|(_, part)| **part > 0)
        .map(|(share, part)| json!({ "receiver": format!("seller:{}", share.seller), "amount": part }))
        .collect()
}

/// Whether the server paid with exactly the parts of the file: same tools, same amounts, all succeeded.
fn check_parts(trade: &str, order: &Payable, payment: &Payment) -> Result<(), Stop> {
    let mut parts: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for leg in &order.legs {
        let tool = if leg.payment_type == PaymentType::Voucher { "coupon" } else { "channel" };
        *parts.entry((tool, leg.amount_minor)).or_default() += 1;
    }
    for part in payment.instructions.iter().filter(|part| part.status == "succeeded") {
        *parts.entry((&part.tool, part.amount)).or_default() -= 1;
    }
    match parts.iter().find(|(_, count)| **count != 0) {
        None => Ok(()),
        Some(((tool, amount), count)) => {
            let word = if *count > 0 { "missing" } else { "not in the file" };
            Err(Stop::at(trade, "parts_differ", Some(format!("{tool} {amount} {word}"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Instruction;

    fn payment(parts: &[(&str, i64, &str)]) -> Payment {
        let instructions = parts.iter().map(|(tool, amount, status)| Instruction {
            tool: (*tool).to_owned(),
            amount: *amount,
            status: (*status).to_owned(),
        });
        Payment { id: "pay_1".into(), status: "succeeded".into(), instructions: instructions.collect(), failure: None }
    }

    #[test]
    fn parts_are_compared_as_a_bag() {
        let leg = |sequential, payment_type, amount_minor| Leg { sequential, payment_type, amount_minor };
        let order = Payable {
            id: "a".to_owned(),
            amount_minor: 30,
            legs: vec![
                leg(1, PaymentType::CreditCard, 10),
                leg(2, PaymentType::Voucher, 10),
                leg(3, PaymentType::Boleto, 10),
            ],
            shares: Vec::new(),
            dropped_zero_legs: 0,
        };
        let ok = [("coupon", 10, "succeeded"), ("channel", 10, "succeeded"), ("channel", 10, "succeeded")];
        assert!(check_parts("t", &order, &payment(&ok)).is_ok());
        assert!(check_parts("t", &order, &payment(&ok[..2])).is_err());
        assert!(check_parts("t", &order, &payment(&[ok[0], ok[1], ("channel", 10, "reversed")])).is_err());
        assert!(check_parts("t", &order, &payment(&[ok[0], ok[1], ok[2], ok[2]])).is_err());
    }

    #[test]
    fn keys_and_buyers_are_functions_of_the_order() {
        assert_eq!(key("00042b26cf59d7ce", "create"), "replay-00042b26cf59d7ce-create");
        assert_eq!(buyer("00042b26cf59d7ce69df"), "b00042b26cf59");
    }
}
