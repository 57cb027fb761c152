//! The outside risk service: it passes, refuses, is slow, away or wrong; and what holds then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rules::in_use;
use crate::api::new_key;
use crate::host::{self, Host};
use crate::server::Settings;
use crate::shop::{Shop, balance, card, id, list, order};
use crate::store::Engine;

on_both!(
    what_the_service_says,
    what_holds_where_it_says_nothing,
    whatever_pays_itself_is_asked_about,
    the_breaker_opens_and_closes,
    asked_only_where_a_rule_says_so,
);

/// What is bought at a kiosk passes without an answer; everything else does not.
const BOOK: &str = r#"
book = "asked"
about = "Whom the risk service is asked about."

[[rule]]
name = "at-a-kiosk"
when = 'trade.sub_type == "shop.kiosk"'
ask_risk = { no_answer = "pass" }

[[rule]]
name = "elsewhere"
ask_risk = { no_answer = { pass_below = 100, currency = "CNY" }, degraded = "pass" }
"#;

const KIOSK: &str = "shop.kiosk";
const SHOP: &str = "shop.checkout";

/// What became of a payment of 100 with a card, with this device.
async fn paid(shop: &Shop, scene: &str, device: &str) -> Value {
    let pay = json!({"tools": [card(100)], "risk": {"device": device}});
    let trade = shop.open("escrow", 100, &json!({"sub_type": scene, "pay": pay})).await.ok(201);
    trade["payment"].clone()
}

#[track_caller]
fn is_refused(payment: &Value) -> bool {
    let refused = payment["status"] == "failed";
    if refused {
        let failure = json!({"code": "risk_refused", "message": "risk control has refused the payment"});
        assert_eq!(payment["failure"], failure, "{payment:#}");
    }
    refused
}

/// What was heard of the service about a payment.
async fn heard(shop: &Shop, payment: &Value) -> Value {
    let explained = shop.platform().get(&format!("/v1/payments/{}/explain", id(payment))).await.ok(200);
    explained["risk"].clone()
}

async fn what_the_service_says(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "asked", BOOK).await;
    let passed = paid(&shop, SHOP, "d-1").await;
    let word = heard(&shop, &passed).await;
    assert_eq!((&word["heard"], &word["code"]), (&json!("pass"), &Value::Null), "{word:#}");
    assert_eq!(word["attempt"], 1, "{word:#}");
    assert!(word["waited_ms"].as_u64().is_some_and(|waited| waited < 300), "{word:#}");
    shop.payment_is(&id(&passed), "succeeded").await;

    // Refused, the trade stays payable, and only the platform's people learn of it.
    let trade = shop.unpaid("escrow", 100, &json!({"sub_type": KIOSK})).await;
    let path = format!("/v1/trades/{trade}/payments");
    let body = json!({"tools": [card(100)], "risk": {"device": "risk_refuse"}});
    let key = new_key();
    let first = shop.post_under(&key, &path, &body).await;
    let refused = first.ok(201);
    assert!(is_refused(&refused));
    assert_eq!(heard(&shop, &refused).await["code"], "sandbox");
    let again = shop.post_under(&key, &path, &body).await;
    assert_eq!(
        (again.header("idempotent-replayed"), &again.body),
        ("true", &first.body),
        "the same bytes, nobody asked"
    );
    assert_eq!(host.metric("suanpan_risk_answers_total{outcome=\"refuse\"}").await, 1);
    let explained = shop.get(&format!("/v1/payments/{}/explain", id(&refused))).await.ok(200);
    assert!(explained.get("risk").is_none() && explained.get("switches").is_none(), "{explained:#}");
    let rules = list(&explained["rules"]).iter().map(|rule| rule["says"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(rules, ["ask_risk"]);
    assert_eq!(list(&shop.chain(&trade).await["channel_orders"]).len(), 0);
    assert_eq!(shop.trade(&trade).await["status"], "created");
    let through = shop.pay(&trade, &json!([card(100)])).await.ok(201);
    assert_eq!(shop.payment_is(&id(&through), "succeeded").await["failure"], Value::Null);
    for event in shop.all_events().await {
        let told = event.to_string();
        assert!(
            !["heard", "sandbox\",\"waited", "risk_refuse\"", "assessment"].iter().any(|it| told.contains(it)),
            "{told}"
        );
    }
}

async fn what_holds_where_it_says_nothing(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "asked", BOOK).await;
    for (device, word) in [
        ("risk_slow", "late"),
        ("risk_down", "unreachable"),
        ("risk_error_500", "wrong"),
        ("risk_garbage", "wrong"),
        ("risk_forged", "wrong"),
    ] {
        for (scene, refused) in [(KIOSK, false), (SHOP, true)] {
            let payment = paid(&shop, scene, device).await;
            assert_eq!(is_refused(&payment), refused, "{scene} {device}");
            assert_eq!(heard(&shop, &payment).await["heard"], word, "{scene} {device}");
            // So that the breaker stays closed.
            for _ in 0..2 {
                assert!(!is_refused(&paid(&shop, scene, "d-1").await));
            }
        }
    }
    // Below what the rule says it passes without an answer.
    let pay = json!({"tools": [card(99)], "risk": {"device": "risk_garbage"}});
    let small = shop.open("escrow", 99, &json!({"sub_type": SHOP, "pay": pay})).await.ok(201);
    assert!(!is_refused(&small["payment"]));
    assert_eq!(heard(&shop, &small["payment"]).await["heard"], "wrong");
}

/// Transfers and payouts pay themselves, and are asked about, too.
async fn whatever_pays_itself_is_asked_about(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "asked", BOOK).await;
    host.fund("user:42", 1_000, "CNY").await;
    let to = json!({"type": "bank_account", "account": "6222020200112233445", "name": "Zhang San"});
    for (kind, more) in [
        ("transfer", json!({"payer": "user:42", "payee": "user:43"})),
        ("payout", json!({"payer": "user:42", "destination": to})),
    ] {
        for (device, status) in [("risk_refuse", "closed"), ("d-1", "completed")] {
            let body = crate::shop::with(more.clone(), &json!({"risk": {"device": device}}));
            let trade = shop.open(kind, 100, &body).await.ok(201);
            let ended = shop.trade_is(&id(&trade), status).await;
            assert_eq!(is_refused(&ended["payment"]), status == "closed", "{ended:#}");
            let said = heard(&shop, &ended["payment"]).await;
            assert_eq!(said["heard"], if status == "closed" { "refuse" } else { "pass" });
        }
    }
    assert_eq!(host.balance("user:42", "2001").await, (800, 800));
}

async fn the_breaker_opens_and_closes(host: &Host) {
    let shop = host.shop().await;
    in_use(host, "asked", BOOK).await;
    for _ in 0..5 {
        assert_eq!(heard(&shop, &paid(&shop, KIOSK, "risk_down").await).await["heard"], "unreachable");
    }
    let open = host.metric("suanpan_risk_breaker").await;
    let kiosk = paid(&shop, KIOSK, "d-1").await;
    let elsewhere = paid(&shop, SHOP, "d-1").await;
    assert_eq!((open, is_refused(&kiosk), is_refused(&elsewhere)), (1, false, true));
    for payment in [&kiosk, &elsewhere] {
        let word = heard(&shop, payment).await;
        assert_eq!((&word["heard"], &word["waited_ms"]), (&json!("breaker_open"), &json!(0)));
    }
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(heard(&shop, &paid(&shop, KIOSK, "risk_down").await).await["heard"], "unreachable", "a probe");
    assert_eq!(heard(&shop, &paid(&shop, KIOSK, "d-1").await).await["heard"], "breaker_open");
    tokio::time::sleep(Duration::from_millis(10_200)).await;
    assert_eq!(heard(&shop, &paid(&shop, SHOP, "d-1").await).await["heard"], "pass", "another");
    assert_eq!(heard(&shop, &paid(&shop, SHOP, "d-1").await).await["heard"], "pass", "and it is closed");
    assert_eq!(host.metric("suanpan_risk_breaker").await, 0);
}

async fn asked_only_where_a_rule_says_so(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let payment = paid(&shop, SHOP, "risk_refuse").await;
    assert!(!is_refused(&payment));
    assert_eq!(heard(&shop, &payment).await, Value::Null);
    // A request that is wrong, or stopped anyway, is not asked about; nor is one that is only tried.
    in_use(host, "asked", BOOK).await;
    let trade = shop.unpaid("escrow", 100, &json!({})).await;
    shop.pay(&trade, &json!([card(99)])).await.refused(422, "amount_sum_mismatch");
    let block = json!({"kind": "device", "value": "d-9", "reason": "looked odd"});
    host.post("/v1/blocks", &block).await.ok(201);
    let stopped = paid(&shop, SHOP, "d-9").await;
    assert!(is_refused(&stopped));
    assert_eq!(heard(&shop, &stopped).await, Value::Null);
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    assert!(list(&offer["tools"]).iter().all(|tool| tool["usable"] == true), "{offer:#}");
    let pay = json!({"tools": [balance(100)], "risk": {"device": "risk_refuse"}});
    let tried = shop.post("/v1/trades/preview", &order("instant", 100, &json!({"pay": pay}))).await.ok(200);
    assert_eq!(tried["payment"]["status"], "succeeded", "{tried:#}");
    let all = host.get("/metrics").await.text();
    assert!(!all.contains("suanpan_risk_answers_total{"), "{all}");
}

/// What a service at an address of its own does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Pass,
    Refuse,
    Silence,
    Elsewhere,
    TooMuch,
    Unsigned,
    OtherQuestion,
    Stale,
    Unknown,
}

const SECRET: &str = "whsec_cmlzay1zZXJ2aWNlLW9mLWEtc3Rvcnk=";

/// A service of the platform's own, over HTTP.
#[derive(Clone)]
struct Service {
    url: String,
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Service {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ask", listener.local_addr().unwrap());
        let service = Self { url, does: Arc::new(Mutex::new(Does::Pass)), asked: Arc::default() };
        let router = Router::new().route("/ask", axum::routing::post(answer)).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        service
    }
}

fn sign(id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap());
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
}

async fn answer(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    assert_eq!(sign(&id, &timestamp, &body), signature, "as the specification says it");
    service.asked.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    let does = *service.does.lock().unwrap();
    let said = match does {
        Does::Silence => {
            tokio::time::sleep(Duration::from_secs(3)).await;
            json!({"verdict": "pass"}).to_string()
        }
        Does::Refuse => json!({"verdict": "refuse", "code": "R-17"}).to_string(),
        Does::TooMuch => format!("{}{{\"verdict\":\"pass\"}}", " ".repeat(5_000)),
        Does::Unknown => json!({"verdict": "review"}).to_string(),
        _ => json!({"verdict": "pass"}).to_string(),
    };
    let about = if does == Does::OtherQuestion { format!("{id}0") } else { id };
    let at = match does {
        Does::Stale => (timestamp.parse::<i64>().unwrap() - 600).to_string(),
        _ => timestamp,
    };
    let mut response = Response::builder().header("webhook-id", &about).header("webhook-timestamp", &at);
    if does != Does::Unsigned {
        response = response.header("webhook-signature", sign(&about, &at, said.as_bytes()));
    }
    if does == Does::Elsewhere {
        response = response.status(StatusCode::TEMPORARY_REDIRECT).header("location", &service.url);
        *service.does.lock().unwrap() = Does::Pass;
    }
    response.body(said.into()).unwrap()
}

#[test]
fn a_service_of_ones_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let service = Service::open().await;
        let address: &'static str = service.url.clone().leak();
        let settings: Settings =
            vec![("risk.url", address), ("risk.secret", SECRET), ("risk.timeout_ms", "500")].leak();
        let host = host::Host::start(Engine::Sqlite, settings).unwrap();
        over_http(&host, &service).await;
        host.end().await;
    });
}

async fn over_http(host: &Host, service: &Service) {
    let shop = host.shop().await;
    in_use(host, "asked", BOOK).await;
    for (does, word) in [
        (Does::Pass, "pass"),
        (Does::Refuse, "refuse"),
        (Does::Silence, "late"),
        (Does::Pass, "pass"),
        (Does::Elsewhere, "wrong"),
        (Does::TooMuch, "wrong"),
        (Does::Pass, "pass"),
        (Does::Unsigned, "wrong"),
        (Does::OtherQuestion, "wrong"),
        (Does::Pass, "pass"),
        (Does::Stale, "wrong"),
        (Does::Unknown, "wrong"),
        (Does::Refuse, "refuse"),
    ] {
        *service.does.lock().unwrap() = does;
        let before = service.asked.lock().unwrap().len();
        let payment = paid(&shop, SHOP, "d-1").await;
        assert_eq!(is_refused(&payment), word != "pass", "{does:?}");
        assert_eq!(heard(&shop, &payment).await["heard"], word, "{does:?}");
        assert_eq!(service.asked.lock().unwrap().len(), before + 1, "asked once, sent on to nobody: {does:?}");
    }
    // What it is told, and what not.
    *service.does.lock().unwrap() = Does::Pass;
    host.fund("user:42", 1_000, "CNY").await;
    let to = json!({"type": "bank_account", "account": "6222020200112233445", "name": "Zhang San"});
    let more = json!({"payer": "user:42", "destination": to, "risk": {"device": "d-2", "ip": "192.0.2.7"}});
    let payout = shop.open("payout", 100, &more).await.ok(201);
    let told = service.asked.lock().unwrap().last().cloned().unwrap();
    let wanted = json!({
        "merchant_id": shop.id, "order_type": "payout", "sub_type": "general",
        "merchant_order_id": payout["merchant_order_id"], "trade_id": payout["id"], "trade_amount": 100,
        "due": 1, "attempt": 1, "amount": 100, "currency": "CNY", "payer": "user:42", "receivers": [{"receiver": "user:42", "amount": 100}],
        "tools": [{"tool": "payout", "amount": 100}],
        "destination": {"type": "bank_account", "account": "****3445"},
        "risk": {"device": "d-2", "ip": "192.0.2.7"},
    });
    assert_eq!(told, wanted, "{told:#}");
}
