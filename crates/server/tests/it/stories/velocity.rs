//! Limits within a time: how often and how much a user, a device or a card may pay.

use serde_json::{Value, json};

use super::rules::in_use;
use crate::host::Host;
use crate::shop::{Shop, balance, card, card_that, id, list};

on_both!(a_user_pays_so_often, what_fails_is_given_back, an_offer_counts_nothing, devices_and_cards, counters_survive);

async fn limit(host: &Host, velocity: &str) -> i64 {
    let book = format!(
        "book = \"limits\"\nabout = \"Limits within a time.\"\nutc_offset = \"+08:00\"\n\
         [[rule]]\nname = \"enough\"\nvelocity = {{ {velocity} }}\n"
    );
    in_use(host, "limits", &book).await
}

async fn pay(shop: &Shop, amount: i64, tool: Value, risk: Value) -> Value {
    let trade = shop.unpaid("instant", amount, &json!({})).await;
    shop.post(&format!("/v1/trades/{trade}/payments"), &json!({"tools": [tool], "risk": risk})).await.ok(201)
}

#[track_caller]
fn exceeded(payment: &Value) {
    assert_eq!((&payment["status"], &payment["failure"]["code"]), (&json!("failed"), &json!("velocity_exceeded")));
}

async fn a_user_pays_so_often(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    host.fund("user:42", 1_000, "CNY").await;
    let version =
        limit(host, "by = \"user\", window = \"1d\", currency = \"CNY\", sum = 500, tool = \"balance\"").await;
    assert_eq!(pay(&shop, 300, balance(300), Value::Null).await["status"], "succeeded");
    assert_eq!(pay(&other, 200, balance(200), Value::Null).await["status"], "succeeded");
    let trade = shop.unpaid("instant", 1, &json!({})).await;
    let payment = shop.pay(&trade, &json!([balance(1)])).await.ok(201);
    exceeded(&payment);
    let words = format!(
        "rule `enough` of book `limits`, version {version}: \
         one user pays with balance 500 minor units of CNY at most within 1d"
    );
    assert_eq!(payment["failure"]["message"], words);
    let explained = shop.get(&format!("/v1/payments/{}/explain", id(&payment))).await.ok(200);
    assert_eq!(
        (&explained["rules"][0]["says"], &explained["rules"][0]["rule"]),
        (&json!("velocity"), &json!("enough"))
    );
    assert_eq!(list(&shop.chain(&trade).await["channel_orders"]).len(), 0);
    // The trade stays payable, and what is not counted pays it.
    assert_eq!(shop.trade(&trade).await["status"], "created");
    let paid = id(&shop.pay(&trade, &json!([card(1)])).await.ok(201));
    shop.payment_is(&paid, "succeeded").await;
    // Another user is another user.
    host.fund("user:43", 500, "CNY").await;
    let of_another = json!({"buyer": "43", "pay": {"tools": [balance(500)]}});
    assert_eq!(shop.open("instant", 500, &of_another).await.ok(201)["status"], "completed");
    // A transfer pays itself, and is closed with its payment.
    let transfer = json!({"payer": "user:42", "payee": "user:43"});
    let transfer = shop.open("transfer", 1, &transfer).await.ok(201);
    assert_eq!((&transfer["status"], &transfer["closed_reason"]), (&json!("closed"), &json!("failed")));
    exceeded(&transfer["payment"]);
}

async fn what_fails_is_given_back(host: &Host) {
    let shop = host.shop().await;
    limit(host, "by = \"user\", window = \"day\", count = 1").await;
    let declined = pay(&shop, 100, card_that("decline", 100), Value::Null).await;
    shop.payment_is(&id(&declined), "failed").await;
    let slow = pay(&shop, 100, card_that("never", 100), Value::Null).await;
    let second = pay(&shop, 100, card(100), Value::Null).await;
    exceeded(&second);
    // The same asked again is answered with what was decided, also when it would be decided otherwise.
    let trade = shop.unpaid("instant", 7, &json!({})).await;
    let (path, body) = (format!("/v1/trades/{trade}/payments"), json!({"tools": [card(7)]}));
    let refused = shop.post_under("velocity-1", &path, &body).await.ok(201);
    exceeded(&refused);
    shop.post(&format!("/v1/payments/{}/cancel", id(&slow)), &json!({})).await.ok(200);
    shop.payment_is(&id(&slow), "canceled").await;
    assert_eq!(shop.post_under("velocity-1", &path, &body).await.ok(201), refused);
    let through = id(&shop.post_under("velocity-2", &path, &body).await.ok(201));
    shop.payment_is(&through, "succeeded").await;
    // What goes back later was paid all the same.
    let refund = id(&shop.refund(&trade, 7, &json!({})).await.ok(201));
    shop.refund_is(&refund, "succeeded").await;
    exceeded(&pay(&shop, 1, card(1), Value::Null).await);
}

async fn an_offer_counts_nothing(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    limit(host, "by = \"user\", window = \"1h\", count = 2, tool = \"balance\"").await;
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    let path = format!("/v1/trades/{trade}/offer");
    for _ in 0..3 {
        let offer = shop.get(&path).await.ok(200);
        assert_eq!(offer["suggestion"][0]["tool"], "balance", "{offer:#}");
    }
    for _ in 0..2 {
        assert_eq!(pay(&shop, 10, balance(10), Value::Null).await["status"], "succeeded");
    }
    let offer = shop.get(&path).await.ok(200);
    let of_balance = list(&offer["tools"]).iter().find(|tool| tool["tool"] == "balance").unwrap();
    assert_eq!(of_balance["reason"]["code"], "velocity_exceeded", "{offer:#}");
    assert_eq!((list(&offer["suggestion"]).len(), &offer["suggestion"][0]["tool"]), (1, &json!("channel")));
}

async fn devices_and_cards(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    limit(host, "by = \"card_fingerprint\", window = \"7m\", count = 1").await;
    let card_a = json!({"card_fingerprint": "fp-A", "device": "phone-1", "ip": "::ffff:192.0.2.7"});
    let first = pay(&shop, 10, balance(10), card_a.clone()).await;
    assert_eq!(first["status"], "succeeded");
    assert!(!first.to_string().contains("phone-1") && !first.to_string().contains("fp-A"), "{first:#}");
    exceeded(&pay(&shop, 10, balance(10), card_a.clone()).await);
    assert_eq!(pay(&shop, 10, balance(10), json!({"card_fingerprint": "fp-B"})).await["status"], "succeeded");
    assert_eq!(pay(&shop, 10, balance(10), json!({})).await["status"], "succeeded");
    let at_once = json!({"pay": {"tools": [balance(10)], "risk": card_a}});
    exceeded(&shop.open("instant", 10, &at_once).await.ok(201)["payment"]);
    // A condition may ask for what was said.
    let book = "book = \"limits\"\nabout = \"No card without a device, and one address is not served.\"\n\
                [[rule]]\nname = \"device\"\nwhen = 'risk.device == \"\"'\nrefuse = \"a device is named\"\n\
                [[rule]]\nname = \"address\"\nwhen = 'risk.ip == \"192.0.2.7\"'\nrefuse = \"not from there\"\n";
    in_use(host, "limits", book).await;
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    let path = format!("/v1/trades/{trade}/payments");
    for risk in [json!({}), json!({"device": "d", "ip": "192.0.2.7"}), json!({"device": "d", "ip": "::ffff:192.0.2.7"})]
    {
        let body = json!({"tools": [balance(10)], "risk": risk});
        shop.post(&path, &body).await.refused(422, "rule_refused");
    }
    let body = json!({"tools": [balance(10)], "risk": {"device": "d", "ip": "2001:db8::7"}});
    assert_eq!(shop.post(&path, &body).await.ok(201)["status"], "succeeded");
}

async fn counters_survive(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    limit(host, "by = \"merchant\", window = \"31d\", count = 2").await;
    for _ in 0..2 {
        assert_eq!(pay(&shop, 10, balance(10), Value::Null).await["status"], "succeeded");
    }
    host.kill();
    host.restart();
    exceeded(&pay(&shop, 10, balance(10), Value::Null).await);
    let other = host.shop().await;
    assert_eq!(pay(&other, 10, balance(10), Value::Null).await["status"], "succeeded");
}
