//! A small platform in memory that keeps the promises of the API on which the clients of this crate build, and checks
//! that they keep theirs: a bearer key, an idempotency key on every POST, parts that sum up, no unknown fields. It can
//! lose a request, lose an answer, and lose a cent.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test helper; each test uses a part of it"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const KEY: &str = "sk_test_fake";
const TRADE_FIELDS: [&str; 11] = [
    "merchant_id",
    "merchant_order_id",
    "type",
    "sub_type",
    "amount",
    "currency",
    "buyer",
    "subject",
    "splits",
    "pay",
    "metadata",
];

/// Everything the fake knows.
#[derive(Default)]
pub struct World {
    answers: BTreeMap<String, (String, Bytes, u16, Value)>,
    order_numbers: BTreeMap<String, String>,
    pub trades: BTreeMap<String, Value>,
    pub payments: BTreeMap<String, Value>,
    pub refunds: BTreeMap<String, Value>,
    pub coupons: BTreeMap<String, (i64, bool)>,
    /// subject → (debit, credit), per currency.
    pub ledger: BTreeMap<(String, String), (i64, i64)>,
    /// owner → balance.
    pub owners: BTreeMap<String, i64>,
    posts: u64,
    ids: u64,
    /// Every so many POSTs: 503 before anything is done.
    pub refuse_every: u64,
    /// Every so many POSTs: done, but the answer breaks off.
    pub lose_answer_every: u64,
    /// Every confirmation keeps a cent in escrow.
    pub lose_a_cent: bool,
}

type Shared = Arc<Mutex<World>>;
type Answer = Result<(u16, Value), (u16, &'static str)>;

/// A running fake; dropping it kills it, the world stays.
pub struct Fake {
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl Fake {
    pub async fn start(world: &Shared) -> Self {
        Self::start_at(world, "127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(world: &Shared, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/v1/payments/{id}", get(payment))
            .route("/v1/refunds/{id}", get(refund))
            .route("/v1/trades/{id}", get(trade))
            .route("/v1/accounts", get(accounts))
            .route("/v1/ledger/trial_balance", get(trial_balance))
            .route("/{*path}", post(any_post))
            .with_state(Arc::clone(world));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub fn world() -> Shared {
    Arc::new(Mutex::new(World::default()))
}

fn problem(status: u16, code: &str) -> Response {
    let body =
        json!({ "type": "about:blank", "title": code, "status": status, "code": code, "retryable": status == 503 });
    let status = StatusCode::from_u16(status).unwrap();
    let mut response = (status, body.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert("retry-after", "0".parse().unwrap());
    }
    response
}

fn ok(status: u16, value: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], value.to_string()).into_response()
}

fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == &format!("Bearer {KEY}"))
}

async fn any_post(State(world): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if !is_ours(&headers) {
        return problem(401, "unauthorized");
    }
    let Some(key) = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()) else {
        return problem(400, "idempotency_key_missing");
    };
    let mut world = world.lock().unwrap();
    world.posts += 1;
    let every = |n: u64| n > 0 && world.posts.is_multiple_of(n);
    let (refuse, lose) = (every(world.refuse_every), every(world.lose_answer_every));
    if refuse {
        return problem(503, "overloaded");
    }
    let path = uri.path().to_owned();
    if let Some((first_path, first_body, status, value)) = world.answers.get(&key) {
        if *first_path != path || first_body != &body {
            return problem(422, "idempotency_key_reused");
        }
        return ok(*status, value);
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match world.decide(&path, &request) {
        Err((status, code)) => problem(status, code),
        Ok((status, value)) => {
            world.answers.insert(key, (path, body, status, value.clone()));
            if lose {
                let pieces: [Result<&'static str, std::io::Error>; 2] =
                    [Ok("{"), Err(std::io::ErrorKind::BrokenPipe.into())];
                return Body::from_stream(futures::stream::iter(pieces)).into_response();
            }
            ok(status, &value)
        }
    }
}

impl World {
    fn id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{:08}", self.ids)
    }

    fn post(&mut self, currency: &Value, debit: &str, credit: &str, amount: i64) {
        assert!(amount >= 0);
        let currency = currency.as_str().unwrap();
        self.ledger.entry((currency.into(), debit.into())).or_default().0 += amount;
        self.ledger.entry((currency.into(), credit.into())).or_default().1 += amount;
    }

    fn decide(&mut self, path: &str, request: &Value) -> Answer {
        let parts: Vec<&str> = path.split('/').skip(2).collect();
        match parts.as_slice() {
            ["merchants"] => {
                let id = self.id("mch");
                Ok((201, json!({ "id": id })))
            }
            ["coupons"] => self.issue(request),
            ["sandbox", "fund"] => {
                let amount = request["amount"].as_i64().ok_or((400, "invalid_amount"))?;
                *self.owners.entry(request["owner"].as_str().unwrap().to_owned()).or_default() += amount;
                self.post(&request["currency"], "1011.sandbox.in", "2001", amount);
                Ok((201, json!({})))
            }
            ["trades"] => self.create(request),
            ["trades", id, "payments"] => self.pay(id, request),
            ["trades", id, "confirm"] => self.confirm(id, request),
            ["trades", id, "close"] => {
                let trade = self.trades.get_mut(*id).ok_or((404, "not_found"))?;
                trade["status"] = json!("closed");
                trade["closed_reason"] = json!("canceled");
                Ok((200, trade.clone()))
            }
            ["trades", id, "refunds"] => self.refund(id, request),
            _ => Err((404, "not_found")),
        }
    }

    fn issue(&mut self, request: &Value) -> Answer {
        let amount = request["amount"].as_i64().ok_or((400, "invalid_amount"))?;
        let owner = request["owner"].as_str().filter(|owner| owner.starts_with("user:"));
        owner.ok_or((400, "invalid_owner"))?;
        self.post(&request["currency"], "5002", "2031", amount);
        let id = self.id("cpn");
        self.coupons.insert(id.clone(), (amount, false));
        Ok((201, json!({ "id": id })))
    }

    fn create(&mut self, request: &Value) -> Answer {
        let fields = request.as_object().ok_or((400, "invalid_json"))?;
        if fields.keys().any(|field| !TRADE_FIELDS.contains(&field.as_str())) {
            return Err((400, "unknown_field"));
        }
        let amount = request["amount"].as_i64().ok_or((400, "invalid_amount"))?;
        let sum = |list: &Value| {
            list.as_array().map(|list| list.iter().map(|part| part["amount"].as_i64().unwrap()).sum::<i64>())
        };
        let tools = &request["pay"]["tools"];
        let pays = !request["pay"].is_null();
        if pays && sum(tools) != Some(amount) || sum(&request["splits"]).is_some_and(|splits| splits != amount) {
            return Err((422, "sum_mismatch"));
        }
        let number = format!("{}/{}", request["merchant_id"], request["merchant_order_id"]);
        if self.order_numbers.contains_key(&number) {
            return Err((409, "order_exists"));
        }
        let id = self.id("trd");
        self.order_numbers.insert(number, id.clone());
        let splits = match request["splits"].as_array() {
            Some(splits) => splits.clone(),
            None => vec![json!({ "receiver": "merchant", "amount": amount })],
        };
        self.trades.insert(
            id.clone(),
            json!({ "id": id, "status": "created", "type": request["type"], "currency": request["currency"],
                "buyer": request["buyer"], "amount": amount, "refunded_amount": 0, "splits": splits, "escrow": amount }),
        );
        let payment = if pays { Some(self.open_payment(&id, tools)) } else { None };
        let mut answer = self.trades[&id].clone();
        if let Some(payment) = payment {
            answer["payment"] = self.payments[&payment].clone();
        }
        Ok((201, answer))
    }

    fn pay(&mut self, trade: &str, request: &Value) -> Answer {
        if !self.trades.contains_key(trade) {
            return Err((404, "not_found"));
        }
        let payment = self.open_payment(trade, &request["tools"]);
        Ok((201, self.payments[&payment].clone()))
    }

    fn open_payment(&mut self, trade: &str, tools: &Value) -> String {
        let payment = self.id("pay");
        let mut parts: Vec<Value> = tools.as_array().unwrap().clone();
        parts.iter_mut().for_each(|part| part["status"] = json!("created"));
        self.payments.insert(
            payment.clone(),
            json!({ "id": payment, "trade_id": trade, "status": "processing", "instructions": parts, "failure": null }),
        );
        self.trades.get_mut(trade).unwrap()["parts"] = json!(parts);
        if parts.iter().all(|part| part["tool"] != "channel") {
            self.settle(&payment);
        }
        payment
    }

    /// Brings a payment to its end.
    fn settle(&mut self, id: &str) {
        let payment = self.payments[id].clone();
        let trade = self.trades[payment["trade_id"].as_str().unwrap()].clone();
        let currency = trade["currency"].clone();
        let buyer = format!("user:{}", trade["buyer"].as_str().unwrap());
        let parts = payment["instructions"].as_array().unwrap().clone();
        let outcome = parts.iter().find_map(|part| part["sandbox"].as_str()).unwrap_or("succeed");
        let short = parts
            .iter()
            .any(|part| part["tool"] == "balance" && part["amount"].as_i64() > self.owners.get(&buyer).copied());
        let (status, failure) = match outcome {
            _ if short => ("failed", json!({ "code": "insufficient_funds", "message": "" })),
            "decline" | "timeout_unpaid" => ("failed", json!({ "code": "declined", "message": "" })),
            "never" | "late_success" | "garbage" | "error_500" => return,
            "wrong_amount" | "wrong_currency" => ("review", Value::Null),
            _ => ("succeeded", Value::Null),
        };
        self.payments.get_mut(id).unwrap()["status"] = json!(status);
        self.payments.get_mut(id).unwrap()["failure"] = failure;
        if status != "succeeded" {
            return;
        }
        for (at, part) in parts.iter().enumerate() {
            let amount = part["amount"].as_i64().unwrap();
            match part["tool"].as_str().unwrap() {
                "coupon" => {
                    let coupon = self.coupons.get_mut(part["coupon"].as_str().unwrap()).unwrap();
                    assert_eq!((coupon.0, coupon.1), (amount, false), "a coupon is spent once, whole");
                    coupon.1 = true;
                    self.post(&currency, "2031", "2004", amount);
                }
                "balance" => {
                    *self.owners.get_mut(&buyer).unwrap() -= amount;
                    self.post(&currency, "2001", "2004", amount);
                }
                _ => self.post(&currency, "1011.sandbox.in", "2004", amount),
            }
            self.payments.get_mut(id).unwrap()["instructions"][at]["status"] = json!("succeeded");
        }
        let id = trade["id"].as_str().unwrap();
        let trade = self.trades.get_mut(id).unwrap();
        trade["status"] = json!("paid");
        if trade["type"] == "instant" {
            self.release(id);
        }
    }

    /// Releases all that is left in escrow.
    fn release(&mut self, id: &str) {
        let trade = self.trades[id].clone();
        let cent = i64::from(self.lose_a_cent);
        for (at, split) in trade["splits"].as_array().unwrap().iter().enumerate() {
            let left = split["amount"].as_i64().unwrap() - split["returned"].as_i64().unwrap_or(0);
            let amount = if at == 0 { left - cent } else { left };
            *self.owners.entry(split["receiver"].as_str().unwrap().to_owned()).or_default() += amount;
            self.post(&trade["currency"], "2004", "2003", amount);
        }
        self.trades.get_mut(id).unwrap()["status"] = json!("completed");
    }

    fn confirm(&mut self, id: &str, request: &Value) -> Answer {
        let trade = self.trades.get(id).ok_or((404, "not_found"))?;
        if trade["status"] != "paid" {
            return Err((409, "invalid_state"));
        }
        if request["amount"].is_null() {
            self.release(id);
        }
        Ok((200, self.trades[id].clone()))
    }

    fn refund(&mut self, id: &str, request: &Value) -> Answer {
        let trade = self.trades.get(id).ok_or((404, "not_found"))?.clone();
        let amount = request["amount"].as_i64().ok_or((400, "invalid_amount"))?;
        let left = trade["amount"].as_i64().unwrap() - trade["refunded_amount"].as_i64().unwrap();
        if amount > left || !(trade["status"] == "paid" || trade["status"] == "completed") {
            return Err((422, "refund_exceeds_paid"));
        }
        let released = trade["status"] == "completed";
        let taken = self.take_from_receivers(id, &trade, request, amount, released)?;
        if taken != amount {
            return Err((422, "sum_mismatch"));
        }
        self.give_back(id, &trade, amount);
        let trade = self.trades.get_mut(id).unwrap();
        let refunded = trade["refunded_amount"].as_i64().unwrap() + amount;
        trade["refunded_amount"] = json!(refunded);
        if !released && json!(refunded) == trade["amount"] {
            trade["status"] = json!("closed");
            trade["closed_reason"] = json!("refunded");
        }
        let refund = self.id("ref");
        let answer = json!({ "id": refund, "status": "pending", "trade": id, "amount": amount });
        self.refunds.insert(refund, answer.clone());
        Ok((201, answer))
    }

    fn take_from_receivers(
        &mut self,
        id: &str,
        trade: &Value,
        request: &Value,
        amount: i64,
        released: bool,
    ) -> Result<i64, (u16, &'static str)> {
        let splits = trade["splits"].as_array().unwrap();
        let mut taken = 0;
        for (at, split) in splits.iter().enumerate() {
            let left = split["amount"].as_i64().unwrap() - split["returned"].as_i64().unwrap_or(0);
            let named = request["splits"].as_array().map(|named| {
                let part = named.iter().find(|part| part["receiver"] == split["receiver"]);
                part.map_or(0, |part| part["amount"].as_i64().unwrap())
            });
            let part = named.unwrap_or_else(|| left.min(amount - taken));
            if part > left {
                return Err((422, "refund_exceeds_share"));
            }
            if released {
                *self.owners.get_mut(split["receiver"].as_str().unwrap()).unwrap() -= part;
                self.post(&trade["currency"], "2003", "2004", part);
            }
            self.trades.get_mut(id).unwrap()["splits"][at]["returned"] =
                json!(split["returned"].as_i64().unwrap_or(0) + part);
            taken += part;
        }
        Ok(taken)
    }

    /// Largest remainder over what is left of each tool, written again, in another way than the replay's.
    fn give_back(&mut self, id: &str, trade: &Value, amount: i64) {
        let parts = trade["parts"].as_array().unwrap();
        let left: Vec<i64> = parts
            .iter()
            .map(|part| part["amount"].as_i64().unwrap() - part["returned"].as_i64().unwrap_or(0))
            .collect();
        let total: i64 = left.iter().sum();
        let mut back: Vec<i64> = left.iter().map(|left| left * amount / total).collect();
        let mut order: Vec<usize> = (0..left.len()).rev().collect();
        order.sort_by_key(|at| -(left[*at] * amount % total));
        for at in order.into_iter().take((amount - back.iter().sum::<i64>()) as usize) {
            back[at] += 1;
        }
        for (at, part) in parts.iter().enumerate() {
            let subject = match part["tool"].as_str().unwrap() {
                "coupon" => "5002",
                "balance" => "2001",
                _ => "1011.sandbox.refund",
            };
            self.post(&trade["currency"], "2004", subject, back[at]);
            self.trades.get_mut(id).unwrap()["parts"][at]["returned"] =
                json!(part["returned"].as_i64().unwrap_or(0) + back[at]);
        }
    }
}

async fn payment(
    State(world): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let waits = query.get("wait").is_some_and(|wait| wait.parse::<u32>().is_ok());
    let mut world = world.lock().unwrap();
    if world.payments.get(&id).is_some_and(|payment| payment["status"] == "processing") && waits {
        world.settle(&id);
    }
    world.payments.get(&id).map_or_else(|| problem(404, "not_found"), |payment| ok(200, payment))
}

async fn refund(State(world): State<Shared>, Path(id): Path<String>) -> Response {
    let mut world = world.lock().unwrap();
    let Some(refund) = world.refunds.get_mut(&id) else { return problem(404, "not_found") };
    let answer = ok(200, refund);
    refund["status"] = json!("succeeded");
    answer
}

async fn trade(State(world): State<Shared>, Path(id): Path<String>) -> Response {
    world.lock().unwrap().trades.get(&id).map_or_else(|| problem(404, "not_found"), |trade| ok(200, trade))
}

async fn accounts(State(world): State<Shared>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let users = query["owner"].starts_with("user:");
    assert!(users || query["merchant_id"].starts_with("mch_"), "a platform key names the merchant");
    match world.lock().unwrap().owners.get(&query["owner"]) {
        Some(posted) => {
            ok(200, &json!({ "data": [{ "subject": "2003", "currency": "BRL", "posted": posted }], "has_more": false }))
        }
        None => ok(200, &json!({ "data": [], "has_more": false })),
    }
}

async fn trial_balance(State(world): State<Shared>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let world = world.lock().unwrap();
    let ours = world.ledger.iter().filter(|((currency, _), _)| *currency == query["currency"]);
    let rows: Vec<Value> = ours
        .map(|((_, subject), (debit, credit))| json!({ "subject": subject, "name": "", "debit": debit, "credit": credit, "balance": debit - credit }))
        .collect();
    let sum = |side: &str| rows.iter().map(|row| row[side].as_i64().unwrap()).sum::<i64>();
    let (debit, credit) = (sum("debit"), sum("credit"));
    ok(200, &json!({ "rows": rows, "debit_total": debit, "credit_total": credit, "balanced": debit == credit }))
}
