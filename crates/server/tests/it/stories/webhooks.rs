//! Events at a merchant's own door.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{card, id};

on_both!(signed_and_in_full, repeated_until_taken, sent_again_when_asked, only_to_whom_they_concern, after_a_kill);

/// Something that came.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    id: String,
    pub(crate) timestamp: i64,
    signature: String,
    body: String,
}

impl Letter {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// As the specification says it.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        let Some(tag) = self.signature.strip_prefix("v1,") else { return false };
        let tag = STANDARD.decode(tag).unwrap();
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).is_ok()
    }
}

/// A merchant's door: takes what comes, after refusing the first few.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) url: String,
    came: Arc<Mutex<Vec<Letter>>>,
    refusals: Arc<Mutex<usize>>,
}

impl Door {
    /// Opens one that answers 500 to the first `refusals`.
    pub(crate) async fn open(refusals: usize) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let door = Self { url, came: Arc::default(), refusals: Arc::new(Mutex::new(refusals)) };
        let router = Router::new().route("/hooks", axum::routing::post(take)).with_state(door.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        door
    }

    pub(crate) fn came(&self) -> Vec<Letter> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until so many came.
    async fn wait_for(&self, count: usize) -> Vec<Letter> {
        for _ in 0..400 {
            if self.came().len() >= count {
                return self.came();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{count} should have come, and did not: {:#?}", self.came());
    }
}

async fn take(State(door): State<Door>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    door.came.lock().unwrap().push(Letter { id, timestamp: timestamp.parse().unwrap(), signature, body });
    let mut refusals = door.refusals.lock().unwrap();
    if *refusals == 0 {
        return StatusCode::NO_CONTENT;
    }
    *refusals -= 1;
    StatusCode::INTERNAL_SERVER_ERROR
}

fn to(door: &Door) -> Value {
    json!({"url": door.url})
}

async fn signed_and_in_full(host: &Host) {
    let shop = host.shop().await;
    let door = Door::open(0).await;
    let endpoint = shop.post("/v1/webhook_endpoints", &to(&door)).await.ok(201);
    let secret = endpoint["secret"].as_str().unwrap();
    let shown = shop.get(&format!("/v1/webhook_endpoints/{}", id(&endpoint))).await.ok(200);
    assert_eq!(shown["secret"], Value::Null, "shown once");
    shop.paid("instant", 100, &json!({"sub_type": "shop.checkout"})).await;
    let events = shop.all_events().await;
    let letters = door.wait_for(events.len()).await;
    for letter in &letters {
        assert!(letter.is_signed_with(secret), "{letter:#?}");
        assert!((Timestamp::now().as_second() - letter.timestamp).abs() <= 30, "{letter:#?}");
        let event = events.iter().find(|event| id(event) == letter.id).expect("an event of this id");
        let expected = json!({
            "type": event["type"], "timestamp": event["created_at"], "data": event["data"],
            "sequence": event["sequence"], "context": event["context"],
        });
        assert_eq!(letter.json(), expected);
    }
    let other = format!("whsec_{}", STANDARD.encode([7; 32]));
    assert!(!letters[0].is_signed_with(&other), "the check can fail");
    assert_eq!(letters.len(), events.len(), "none twice");
}

async fn repeated_until_taken(host: &Host) {
    let shop = host.shop().await;
    let door = Door::open(2).await;
    let only = json!({"url": door.url, "types": ["trade.paid"]});
    shop.post("/v1/webhook_endpoints", &only).await.ok(201);
    shop.paid("escrow", 100, &json!({})).await;
    let letters = door.wait_for(3).await;
    assert!(letters.iter().all(|letter| letter.id == letters[0].id && letter.body == letters[0].body), "{letters:#?}");
    assert!(letters[2].timestamp > letters[0].timestamp, "signed anew");
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert_eq!(door.came().len(), 3, "what was taken is not sent again");
}

/// After the schedule is used up nothing comes any more, until somebody asks.
async fn sent_again_when_asked(host: &Host) {
    let shop = host.shop().await;
    let door = Door::open(4).await;
    shop.post("/v1/webhook_endpoints", &json!({"url": door.url, "types": ["trade.paid"]})).await.ok(201);
    shop.paid("escrow", 100, &json!({})).await;
    let first = door.wait_for(4).await[0].id.clone();
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(door.came().len(), 4, "three pauses, four attempts");
    let resent = shop.post(&format!("/v1/events/{first}/resend"), &json!({})).await.ok(202);
    assert_eq!(id(&resent), first);
    let letters = door.wait_for(5).await;
    assert_eq!(letters[4].id, first);
    host.shop().await.post(&format!("/v1/events/{first}/resend"), &json!({})).await.refused(404, "not_found");
}

async fn only_to_whom_they_concern(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let (mine, of_platform, disabled) = (Door::open(0).await, Door::open(0).await, Door::open(0).await);
    let typed = json!({"url": mine.url, "types": ["trade.created"]});
    shop.post("/v1/webhook_endpoints", &typed).await.ok(201);
    host.post("/v1/webhook_endpoints", &json!({"url": of_platform.url, "types": ["trade.created"]})).await.ok(201);
    let off = id(&shop.post("/v1/webhook_endpoints", &to(&disabled)).await.ok(201));
    shop.post(&format!("/v1/webhook_endpoints/{off}/disable"), &json!({})).await.ok(200);
    for url in ["http://10.0.0.1/", "file:///etc/passwd", "http://169.254.169.254/latest"] {
        shop.post("/v1/webhook_endpoints", &json!({"url": url})).await.refused(422, "url_not_allowed");
    }
    let own = shop.unpaid("escrow", 100, &json!({})).await;
    let foreign = other.unpaid("escrow", 100, &json!({})).await;
    let of = |letters: Vec<Letter>| {
        let mut ids: Vec<_> = letters.iter().map(|letter| id(&letter.json()["data"])).collect();
        ids.sort();
        ids
    };
    let mut both = vec![own.clone(), foreign];
    both.sort();
    assert_eq!(of(of_platform.wait_for(2).await), both);
    assert_eq!(of(mine.wait_for(1).await), [own]);
    assert!(mine.came().iter().all(|letter| letter.kind() == "trade.created"));
    assert_eq!(disabled.came().len(), 0);
}

/// What was to be delivered when the process died is delivered by the next one.
async fn after_a_kill(host: &Host) {
    let shop = host.shop().await;
    let door = Door::open(usize::MAX).await;
    let typed = json!({"url": door.url, "types": ["trade.paid"]});
    shop.post("/v1/webhook_endpoints", &typed).await.ok(201);
    shop.post("/v1/trades", &crate::shop::order("escrow", 100, &json!({"pay": {"tools": [card(100)]}}))).await.ok(201);
    let first = door.wait_for(1).await[0].clone();
    host.kill();
    *door.refusals.lock().unwrap() = 0;
    let before = door.came().len();
    host.restart();
    let letters = door.wait_for(before + 1).await;
    assert_eq!(letters.last().map(|letter| &letter.id), Some(&first.id));
}
