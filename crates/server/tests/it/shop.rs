//! A merchant with a key, and the calls that its systems make.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Reply};

/// A merchant. As an [`Api`] it speaks with its own key, which may spend users' money.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) id: String,
    api: Api,
    platform: Api,
}

impl Deref for Shop {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Api {
    /// Opens a merchant with a key of all scopes.
    pub(crate) async fn shop(&self) -> Shop {
        let id = self.merchant().await;
        let key = self.merchant_key(&id, &["read", "write", "users:debit"]).await;
        Shop { id, api: self.with_key(&key), platform: self.clone() }
    }

    /// Opens a merchant; gives its id.
    pub(crate) async fn merchant(&self) -> String {
        let merchant = self.post("/v1/merchants", &json!({"name": "A shop"})).await.ok(201);
        merchant["id"].as_str().unwrap().to_owned()
    }

    /// Makes a merchant's key.
    pub(crate) async fn merchant_key(&self, merchant: &str, scopes: &[&str]) -> String {
        let key = self.post(&format!("/v1/merchants/{merchant}/keys"), &json!({"scopes": scopes})).await.ok(201);
        key["key"].as_str().unwrap().to_owned()
    }

    /// Puts money on an owner's balance.
    pub(crate) async fn fund(&self, owner: &str, amount: i64, currency: &str) {
        let body = json!({"owner": owner, "amount": amount, "currency": currency});
        self.post("/v1/sandbox/fund", &body).await.ok(201);
    }

    /// Pays a trade.
    pub(crate) async fn pay(&self, trade: &str, tools: &Value) -> Reply {
        self.post(&format!("/v1/trades/{trade}/payments"), &json!({"tools": tools})).await
    }

    /// Confirms; `body` says how much of it.
    pub(crate) async fn confirm(&self, trade: &str, body: &Value) -> Reply {
        self.post(&format!("/v1/trades/{trade}/confirm"), body).await
    }

    /// Asks for a refund under a number of its own.
    pub(crate) async fn refund(&self, trade: &str, amount: i64, more: &Value) -> Reply {
        let body = json!({"merchant_refund_id": number("R"), "amount": amount});
        self.post(&format!("/v1/trades/{trade}/refunds"), &with(body, more)).await
    }

    /// Waits for a payment to have this status.
    pub(crate) async fn payment_is(&self, id: &str, status: &str) -> Value {
        self.wait_for(&format!("/v1/payments/{id}"), status).await
    }

    /// Waits for a refund to have this status.
    pub(crate) async fn refund_is(&self, id: &str, status: &str) -> Value {
        self.wait_for(&format!("/v1/refunds/{id}"), status).await
    }

    /// Waits for a trade to have this status.
    pub(crate) async fn trade_is(&self, id: &str, status: &str) -> Value {
        self.wait_for(&format!("/v1/trades/{id}"), status).await
    }

    /// A trade as it is now.
    pub(crate) async fn trade(&self, id: &str) -> Value {
        self.get(&format!("/v1/trades/{id}")).await.ok(200)
    }

    /// Everything of a trade.
    pub(crate) async fn chain(&self, id: &str) -> Value {
        self.get(&format!("/v1/trades/{id}/chain")).await.ok(200)
    }

    /// Decides a case.
    pub(crate) async fn resolve(&self, case: &str, action: &str) -> Reply {
        self.post(&format!("/v1/cases/{case}/resolve"), &json!({"action": action, "note": "as agreed"})).await
    }

    /// The dispute of a trade, once the institution has decided it.
    pub(crate) async fn dispute_of(&self, trade: &str) -> Value {
        let over = |chain: &Value| list(&chain["disputes"]).iter().any(|dispute| dispute["status"] != "open");
        let chain = self.wait_until(&format!("/v1/trades/{trade}/chain"), over).await;
        chain["disputes"][0].clone()
    }

    /// The open case of a trade, once there is one; it is the only one.
    pub(crate) async fn open_case(&self, trade: &str, kind: &str) -> String {
        let is_open = |case: &&Value| case["status"] == "open";
        let chain = self
            .wait_until(&format!("/v1/trades/{trade}/chain"), |chain| {
                list(&chain["cases"]).iter().any(|case| is_open(&case))
            })
            .await;
        let open: Vec<_> = list(&chain["cases"]).iter().filter(is_open).collect();
        assert_eq!((open.len(), &open[0]["kind"]), (1, &json!(kind)), "{:#}", chain["cases"]);
        id(open[0])
    }
}

impl Shop {
    /// The platform's people, who decide cases.
    pub(crate) fn platform(&self) -> &Api {
        &self.platform
    }

    /// The same shop at another server of the same store.
    pub(crate) fn at_server(&self, address: &str) -> Self {
        Self { id: self.id.clone(), api: self.api.at(address), platform: self.platform.at(address) }
    }

    /// The same once its key is known there.
    pub(crate) async fn known_at(&self, address: &str) -> Self {
        let there = self.at_server(address);
        for _ in 0..200 {
            if there.get("/v1/trades").await.status == 200 {
                return there;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the key is never known at {address}");
    }

    /// The merchant as an owner of accounts.
    pub(crate) fn owner(&self) -> String {
        format!("merchant:{}", self.id)
    }

    /// One of its sellers as an owner of accounts.
    pub(crate) fn seller(&self, name: &str) -> String {
        format!("seller:{}:{name}", self.id)
    }

    /// Opens a trade of `amount` in CNY for buyer 42 under a number of its own; `more` is laid over that.
    pub(crate) async fn open(&self, kind: &str, amount: i64, more: &Value) -> Reply {
        self.post("/v1/trades", &order(kind, amount, more)).await
    }

    /// Opens an unpaid trade; gives its id.
    pub(crate) async fn unpaid(&self, kind: &str, amount: i64, more: &Value) -> String {
        let trade = self.open(kind, amount, more).await.ok(201);
        assert_eq!((&trade["status"], &trade["payment"]), (&json!("created"), &Value::Null), "{trade:#}");
        id(&trade)
    }

    /// Opens a trade and pays it whole by card; gives its id once it is paid.
    pub(crate) async fn paid(&self, kind: &str, amount: i64, more: &Value) -> String {
        let more = with(json!({"pay": {"tools": [card(amount)]}}), more);
        let trade = self.open(kind, amount, &more).await.ok(201);
        let status = if kind == "escrow" { "paid" } else { "completed" };
        id(&self.trade_is(&id(&trade), status).await)
    }

    /// Issues a coupon of the platform's own money for this merchant's trades; gives its id.
    pub(crate) async fn coupon(&self, user: &str, amount: i64) -> String {
        let body = json!({"merchant_id": self.id, "owner": user, "amount": amount, "currency": "CNY"});
        id(&self.platform.post("/v1/coupons", &body).await.ok(201))
    }
}

/// The body of an order; a sale's is for buyer 42.
pub(crate) fn order(kind: &str, amount: i64, more: &Value) -> Value {
    let body = json!({"merchant_order_id": number("A"), "type": kind, "amount": amount, "currency": "CNY"});
    let is_sale = ["instant", "escrow"].contains(&kind);
    with(if is_sale { with(body, &json!({"buyer": "42"})) } else { body }, more)
}

/// A channel tool of method `card`.
pub(crate) fn card(amount: i64) -> Value {
    json!({"tool": "channel", "method": "card", "amount": amount})
}

/// A channel tool of method `card` with an outcome.
pub(crate) fn card_that(word: &str, amount: i64) -> Value {
    json!({"tool": "channel", "method": "card", "amount": amount, "sandbox": word})
}

/// The balance tool.
pub(crate) fn balance(amount: i64) -> Value {
    json!({"tool": "balance", "amount": amount})
}

/// The coupon tool.
pub(crate) fn coupon(id: &str, amount: i64) -> Value {
    json!({"tool": "coupon", "coupon": id, "amount": amount})
}

/// An object with the fields of another laid over it.
pub(crate) fn with(mut object: Value, more: &Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    object
}

/// A number that was never used.
pub(crate) fn number(letter: &str) -> String {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    format!("{letter}{}", NUMBERS.fetch_add(1, Ordering::Relaxed))
}

/// An object's id.
#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object:#}")).to_owned()
}

/// A list.
#[track_caller]
pub(crate) fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value:#}"))
}
