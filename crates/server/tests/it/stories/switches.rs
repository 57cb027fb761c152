//! Switches: what the platform's people take out of use for a while, and what goes on without it.

use serde_json::{Value, json};

use super::rules::in_use;
use crate::host::Host;
use crate::shop::{balance, card, coupon, id, list};

on_both!(without_the_risk_service, without_marketing, switches_survive);

async fn throw(host: &Host, name: &str, on: bool) -> Value {
    let body = json!({"on": on, "reason": if on { "it is slow" } else { "it is well" }});
    host.post(&format!("/v1/switches/{name}"), &body).await.ok(200)
}

const BOOK: &str = r#"
book = "asked"
about = "The risk service is asked; while it is switched off, small payments pass."

[[rule]]
name = "ask"
ask_risk = { no_answer = "refuse", degraded = { pass_below = 200, currency = "CNY" } }

[[rule]]
name = "small-balances-meanwhile"
when = '"risk" in switches'
limit = { tool = "balance", currency = "CNY", max = 50 }
"#;

async fn without_the_risk_service(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    in_use(host, "asked", BOOK).await;
    let pay = async |tools: Value| {
        let amount = list(&tools).iter().map(|tool| tool["amount"].as_i64().unwrap()).sum();
        let trade = shop.unpaid("instant", amount, &json!({})).await;
        let body = json!({"tools": tools, "risk": {"device": "risk_refuse"}});
        shop.post(&format!("/v1/trades/{trade}/payments"), &body).await
    };
    let refused = |payment: &Value| payment["failure"]["code"] == "risk_refused";
    assert!(refused(&pay(json!([card(100)])).await.ok(201)));
    let thrown = throw(host, "risk", true).await;
    assert_eq!((&thrown["object"], &thrown["name"], &thrown["on"]), (&json!("switch"), &json!("risk"), &json!(true)));
    assert_eq!(host.metric("suanpan_switch{name=\"risk\"}").await, 1);

    let small = pay(json!([card(199)])).await.ok(201);
    assert!(!refused(&small), "nobody is asked: {small:#}");
    let explained = host.get(&format!("/v1/payments/{}/explain", id(&small))).await.ok(200);
    let word = json!({"heard": "switched_off", "code": null, "attempt": null, "waited_ms": 0});
    assert_eq!((&explained["risk"], &explained["switches"]), (&word, &json!(["risk"])), "{explained:#}");
    assert!(refused(&pay(json!([card(200)])).await.ok(201)));
    let limited = pay(json!([balance(51)])).await.refused(422, "rule_refused");
    assert!(limited["detail"].as_str().unwrap().contains("small-balances-meanwhile"), "{limited:#}");
    assert_eq!(pay(json!([balance(50)])).await.ok(201)["status"], "succeeded");

    throw(host, "risk", false).await;
    assert!(refused(&pay(json!([balance(51)])).await.ok(201)), "it is asked again");
    // What was planned meanwhile says so still.
    let later = host.get(&format!("/v1/payments/{}/explain", id(&small))).await.ok(200);
    assert_eq!(later["risk"], word);
    let all = host.get("/v1/switches").await.ok(200);
    let names: Vec<&Value> = list(&all["data"]).iter().map(|switch| &switch["name"]).collect();
    assert_eq!(names, ["risk", "marketing"]);
    let throws = &host.get("/v1/switches/risk").await.ok(200)["throws"];
    assert_eq!((&throws[0]["reason"], &throws[1]["reason"]), (&json!("it is well"), &json!("it is slow")));
    assert!(throws[1]["by"].is_string() && throws[1]["at"].is_string(), "{throws:#}");
}

async fn without_marketing(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let gift = |tool: &str| json!({"merchant_id": shop.id, "tool": tool, "amount": 50, "currency": "CNY"});
    for tool in ["red_packet", "gift_card"] {
        let gift = id(&host.post("/v1/gifts", &gift(tool)).await.ok(201));
        host.post(&format!("/v1/gifts/{gift}/claims"), &json!({"owner": "user:42"})).await.ok(201);
    }
    let (cut, spent) = (shop.coupon("user:42", 100).await, shop.coupon("user:42", 100).await);
    let before = shop.paid("instant", 300, &json!({"pay": {"tools": [coupon(&spent, 100), balance(200)]}})).await;
    throw(host, "marketing", true).await;

    let trade = shop.unpaid("instant", 150, &json!({})).await;
    for (tools, param) in [
        (json!([coupon(&cut, 100), balance(50)]), "tools[0].tool"),
        (json!([balance(100), {"tool": "red_packet", "amount": 50}]), "tools[1].tool"),
    ] {
        assert_eq!(shop.pay(&trade, &tools).await.refused(422, "tool_switched_off")["param"], param);
    }
    let offer = shop.get(&format!("/v1/trades/{trade}/offer")).await.ok(200);
    for tool in list(&offer["tools"]) {
        let off = ["coupon", "red_packet"].contains(&tool["tool"].as_str().unwrap());
        assert_eq!(tool["reason"]["code"] == "tool_switched_off", off, "{offer:#}");
    }
    let suggested: Vec<&Value> = list(&offer["suggestion"]).iter().map(|tool| &tool["tool"]).collect();
    assert!(!suggested.is_empty() && !suggested.contains(&&json!("coupon")), "{offer:#}");
    let rest = json!([{"tool": "gift_card", "amount": 50}, balance(100)]);
    assert_eq!(shop.pay(&trade, &rest).await.ok(201)["status"], "succeeded", "a gift card was bought");
    // What a coupon has paid goes back as ever, and whoever has one keeps it.
    let refund = shop.refund(&before, 300, &json!({})).await.ok(201);
    assert_eq!(refund["parts"][0]["way"], "coupon_again", "{refund:#}");
    throw(host, "marketing", false).await;
    let again = json!({"pay": {"tools": [coupon(&cut, 100), balance(50)]}});
    assert_eq!(shop.open("instant", 150, &again).await.ok(201)["status"], "completed");
}

async fn switches_survive(host: &Host) {
    throw(host, "marketing", true).await;
    host.kill();
    host.restart();
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 100).await;
    let body = json!({"pay": {"tools": [coupon(&cut, 100)]}});
    shop.open("instant", 100, &body).await.refused(422, "tool_switched_off");
    assert_eq!(host.get("/v1/switches/marketing").await.ok(200)["on"], true);
    // Another process of the same database follows within two seconds.
    if let Ok(other) = host.another() {
        throw(host, "marketing", false).await;
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        let there = host.at(&other.address);
        assert_eq!(there.get("/v1/switches/marketing").await.ok(200)["on"], false);
        assert_eq!(other.stop().code(), Some(0));
    }
}
