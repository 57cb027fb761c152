//! Bills of credit lines: made on their day, overdue, paid; on a server whose clock is set.

use serde_json::{Value, json};

use crate::faults::clock::Hands;
use crate::host::Host;
use crate::shop::{Shop, card_that, id, list};
use crate::store::{Engine, Store};

const DAY: i64 = 24;

/// Buys something on credit.
async fn buy(shop: &Shop, amount: i64) -> Value {
    let pay = json!({"pay": {"tools": [{"tool": "credit", "amount": amount}]}});
    shop.open("instant", amount, &pay).await.ok(201)
}

/// The bills of a line, once they are so; newest first.
async fn bills(host: &Host, path: &str, are: &[(&str, i64, i64)]) -> Vec<Value> {
    let as_said = |page: &Value| {
        let bill = |bill: &Value| {
            (bill["status"].as_str().unwrap().to_owned(), bill["amount"].as_i64(), bill["paid_amount"].as_i64())
        };
        let are = are.iter().map(|(status, amount, paid)| ((*status).to_owned(), Some(*amount), Some(*paid)));
        list(&page["data"]).iter().map(bill).eq(are)
    };
    let page = host.wait_until(&format!("{path}/bills"), as_said).await;
    list(&page["data"]).clone()
}

fn play(engine: Engine) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(mut store) = Store::new(engine) else { return };
        let hands = Hands::of(&mut store);
        let host = Host::on(store, &[]);
        billed_overdue_and_paid(&host, &hands).await;
        host.end().await;
    });
}

async fn billed_overdue_and_paid(host: &Host, hands: &Hands) {
    let shop = host.shop().await;
    let body = json!({"owner": "user:42", "currency": "CNY", "limit": 1_000, "bill_day": 10, "due_days": 3});
    let opened = host.post("/v1/credit_lines", &body).await.ok(201);
    let (line, path) = (id(&opened), format!("/v1/credit_lines/{}", id(&opened)));
    assert_eq!((&opened["billing"]["bill_day"], &opened["billing"]["unbilled_amount"]), (&json!(10), &json!(0)));
    let first = id(&buy(&shop, 500).await);
    assert_eq!(host.get(&path).await.ok(200)["billing"]["unbilled_amount"], 500);
    assert_eq!(list(&host.get(&format!("{path}/bills")).await.ok(200)["data"]).len(), 0);

    // A month and some days later it is billed, and then overdue.
    hands.set(31 * DAY);
    let made = bills(host, &path, &[("open", 500, 0)]).await.remove(0);
    assert_eq!((&made["credit_line_id"], &made["owner"]), (&json!(line), &json!("user:42")));
    assert!(made["due_at"].as_str() > made["created_at"].as_str(), "{made:#}");
    hands.set(35 * DAY);
    let bill = format!("/v1/bills/{}", id(&bills(host, &path, &[("overdue", 500, 0)]).await[0]));
    let stopped = host.get(&path).await.ok(200);
    assert_eq!((&stopped["status"], &stopped["available_amount"]), (&json!("overdue"), &json!(0)), "{stopped:#}");
    let failed = buy(&shop, 10).await;
    assert_eq!(failed["payment"]["failure"]["code"], "credit_overdue", "{failed:#}");
    let offered = shop.unpaid("instant", 10, &json!({})).await;
    let offer = shop.get(&format!("/v1/trades/{offered}/offer")).await.ok(200);
    let choice = list(&offer["tools"]).iter().find(|tool| tool["tool"] == "credit").unwrap();
    assert_eq!((&choice["usable"], &choice["reason"]["code"]), (&json!(false), &json!("credit_overdue")), "{offer:#}");

    // Repaid in part, and the last of it comes back with a refund.
    let repayment = json!({"payer": "user:42", "pay": {"tools": [card_that("succeed_later", 400)]}});
    let repaid = shop.post("/v1/trades", &crate::shop::order("repayment", 400, &repayment)).await.ok(201);
    shop.trade_is(&id(&repaid), "completed").await;
    assert_eq!(host.get(&bill).await.ok(200)["paid_amount"], 400);
    shop.refund(&first, 100, &json!({})).await.ok(201);
    let paid = host.get(&bill).await.ok(200);
    assert_eq!((&paid["status"], &paid["paid_amount"]), (&json!("paid"), &json!(500)), "{paid:#}");
    assert!(paid["overdue_at"].is_string() && paid["paid_at"].is_string());
    assert_eq!(buy(&shop, 10).await["status"], "completed");

    // On the next day of the terms that hold then, with days enough to pay.
    host.post(&format!("{path}/terms"), &json!({"bill_day": 20, "due_days": 60})).await.ok(200);
    hands.set(70 * DAY);
    let both = bills(host, &path, &[("open", 10, 0), ("paid", 500, 500)]).await;
    let page = host.get(&format!("{path}/bills?limit=1")).await.ok(200);
    assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&both[0]["id"], &json!(true)));
    let next = page["next_cursor"].as_str().unwrap();
    let rest = host.get(&format!("{path}/bills?limit=1&cursor={next}")).await.ok(200);
    assert_eq!((&rest["data"][0]["id"], &rest["has_more"]), (&both[1]["id"], &json!(false)));

    // The platform hears of each once; nobody else does.
    let kinds = |events: Vec<Value>| -> Vec<String> {
        let of_bills =
            events.iter().filter_map(|event| event["type"].as_str()).filter(|kind| kind.starts_with("bill."));
        of_bills.map(str::to_owned).collect()
    };
    assert_eq!(kinds(host.all_events().await), ["bill.issued", "bill.overdue", "bill.paid", "bill.issued"]);
    let theirs = shop.get("/v1/events?limit=100").await.ok(200);
    assert_eq!(kinds(list(&theirs["data"]).clone()), Vec::<String>::new());
    for path in [&bill, &format!("{path}/bills")] {
        shop.get(path).await.refused(403, "scope_required");
    }
}

#[test]
fn billed_overdue_and_paid_on_sqlite() {
    play(Engine::Sqlite);
}

#[test]
fn billed_overdue_and_paid_on_postgres() {
    play(Engine::Postgres);
}
