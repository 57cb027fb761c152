//! Gift cards, red packets and other stored value: issued, claimed, spent, given back.

use std::path::Path;

use futures::future::join_all;
use serde_json::{Value, json};

use super::rules::in_use;
use crate::host::Host;
use crate::shop::{Shop, card, card_that, id, list};

on_both!(
    a_gift_card_pays_and_is_refilled,
    a_red_packet_is_shared_to_the_cent,
    what_nobody_claims_goes_back,
    who_may_claim,
    what_is_no_gift,
    the_guide_to_tools_is_true["tools.stored" = r#"["meal_card"]"#],
);

fn gift(tool: &str, amount: i64, more: &Value) -> Value {
    crate::shop::with(json!({"tool": tool, "amount": amount, "currency": "CNY"}), more)
}

fn claim(user: &str) -> Value {
    json!({"owner": format!("user:{user}")})
}

fn stored(tool: &str, amount: i64) -> Value {
    json!({"tool": tool, "amount": amount})
}

async fn a_gift_card_pays_and_is_refilled(host: &Host) {
    let shop = host.shop().await;
    let made = host.post_under("card-1", "/v1/gifts", &gift("gift_card", 500, &json!({"code": true}))).await.ok(201);
    let code = made["code"].as_str().unwrap().to_owned();
    let again = host.post_under("card-1", "/v1/gifts", &gift("gift_card", 500, &json!({"code": true}))).await.ok(201);
    assert_eq!((id(&again), &again["code"]), (id(&made), &Value::Null), "the code is shown once");
    host.trial_balance("CNY").await.assert_is(&[("2035", 500), ("5002", 500)]);

    let path = format!("/v1/gifts/{}/claims", id(&made));
    let with_code = |code: &str| json!({"owner": "user:42", "code": code});
    let typed = code.to_uppercase().replace('-', "");
    let claimed = shop.post(&path, &with_code(&typed)).await.ok(201);
    assert_eq!(
        (&claimed["amount"], &claimed["tool"], &claimed["owner"]),
        (&json!(500), &json!("gift_card"), &json!("user:42"))
    );
    assert_eq!(shop.post(&path, &with_code(&code)).await.ok(200), claimed, "the same user has the same share");
    shop.post(&path, &json!({"owner": "user:43", "code": code})).await.refused(422, "gift_not_claimable");
    assert_eq!(host.get(&format!("/v1/gifts/{}", id(&made))).await.ok(200)["status"], "claimed");
    assert_eq!(host.balance("user:42", "2033.gift_card").await, (500, 500));

    // Held beside a card, spent when the card has paid.
    let tools = json!({"pay": {"tools": [stored("gift_card", 300), card_that("succeed_later", 700)]}});
    let trade = shop.open("escrow", 1_000, &tools).await.ok(201);
    let payment = id(&trade["payment"]);
    assert_eq!(host.balance("user:42", "2033.gift_card").await, (500, 200));
    let paid = shop.payment_is(&payment, "succeeded").await;
    assert_eq!(list(&paid["instructions"])[0]["tool"], "gift_card");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 700),
        ("2004", 1_000),
        ("2033.gift_card", 200),
        ("5002", 500),
    ]);
    // More than is left fails the payment and moves nothing.
    let short = shop.open("instant", 201, &json!({"pay": {"tools": [stored("gift_card", 201)]}})).await.ok(201);
    assert_eq!(short["payment"]["failure"]["code"], "insufficient_balance", "{short:#}");

    let refund = shop.refund(&id(&trade), 500, &json!({})).await.ok(201);
    let refund = shop.refund_is(&id(&refund), "succeeded").await;
    let ways: Vec<_> = list(&refund["parts"]).iter().map(|part| (&part["way"], &part["amount"])).collect();
    assert_eq!(ways, [(&json!("stored"), &json!(150)), (&json!("channel"), &json!(350))]);
    assert_eq!(host.balance("user:42", "2033.gift_card").await, (350, 350));
    let explained = shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200);
    assert!(explained.to_string().contains("gift_card"), "{explained:#}");
}

async fn a_red_packet_is_shared_to_the_cent(host: &Host) {
    let shop = host.shop().await;
    for (split, minor) in [("lucky", 1_000), ("equal", 1_000), ("lucky", 7)] {
        let more = json!({"shares": 7, "split": split});
        let packet = id(&host.post("/v1/gifts", &gift("red_packet", minor, &more)).await.ok(201));
        let path = format!("/v1/gifts/{packet}/claims");
        let bodies: Vec<_> = (0..20).map(|n| claim(&format!("c{}", n % 10))).collect();
        let replies = join_all(bodies.iter().map(|body| host.post(&path, body))).await;
        let shares: Vec<i64> = replies
            .iter()
            .filter(|reply| reply.status == 201)
            .map(|reply| reply.json()["amount"].as_i64().unwrap())
            .collect();
        assert_eq!((shares.len(), shares.iter().sum::<i64>()), (7, minor), "{split}: {shares:?}");
        if split == "equal" {
            assert!(shares.iter().all(|share| (142..=143).contains(share)), "{shares:?}");
        }
        let late = replies.iter().filter(|reply| reply.status == 422);
        late.for_each(|reply| drop(reply.refused(422, "gift_not_claimable")));
        let shown = host.get(&format!("/v1/gifts/{packet}")).await.ok(200);
        assert_eq!((&shown["status"], &shown["unclaimed_amount"]), (&json!("claimed"), &json!(0)));
        let owners: std::collections::BTreeSet<_> =
            list(&shown["claims"]).iter().map(|claim| claim["owner"].as_str().unwrap()).collect();
        assert_eq!(owners.len(), 7, "each user once: {shown:#}");
    }
    let trial = host.trial_balance("CNY").await;
    trial.assert_is(&[("2033.red_packet", 2_007), ("5002", 2_007)]);
    let (had, _) = host.balance("user:c0", "2033.red_packet").await;
    if had > 0 {
        let more = json!({"buyer": "c0", "pay": {"tools": [stored("red_packet", had)]}});
        let trade = shop.open("instant", had, &more).await.ok(201);
        assert_eq!(trade["status"], "completed", "{trade:#}");
    }
}

async fn what_nobody_claims_goes_back(host: &Host) {
    let shop = host.shop().await;
    host.fund(&format!("merchant:{}", shop.id), 1_000, "CNY").await;
    let budget = json!({"merchant_id": shop.id, "amount": 900, "currency": "CNY"});
    host.post("/v1/coupons/budgets", &budget).await.ok(201);
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2)).to_string();
    let more = json!({"shares": 3, "expires_at": soon});
    let packet = id(&shop.post("/v1/gifts", &gift("red_packet", 600, &more)).await.ok(201));
    shop.post(&format!("/v1/gifts/{packet}/claims"), &claim("42")).await.ok(201);
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("2002", 100),
        ("2032", 300),
        ("2033.red_packet", 200),
        ("2035", 400),
    ]);
    let over = shop.wait_until(&format!("/v1/gifts/{packet}"), |gift| gift["status"] == "expired").await;
    assert_eq!(over["unclaimed_amount"], 400);
    shop.post(&format!("/v1/gifts/{packet}/claims"), &claim("43")).await.refused(422, "gift_not_claimable");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("2002", 100),
        ("2032", 700),
        ("2033.red_packet", 200),
    ]);
    let beyond = gift("red_packet", 701, &json!({}));
    shop.post("/v1/gifts", &beyond).await.refused(422, "budget_exhausted");
}

async fn who_may_claim(host: &Host) {
    let (shop, other) = (host.shop().await, host.shop().await);
    let open = id(&host.post("/v1/gifts", &gift("red_packet", 10, &json!({"shares": 2}))).await.ok(201));
    let made = host.post("/v1/gifts", &gift("gift_card", 10, &json!({"code": true}))).await.ok(201);
    let (card, code) = (id(&made), made["code"].as_str().unwrap().to_owned());
    // Another's gift is not there, unless one knows its code; with a wrong one it is not there either.
    for (shop, gift, body) in [
        (&shop, &open, claim("42")),
        (&shop, &card, claim("42")),
        (&other, &card, json!({"owner": "user:42", "code": "0000-0000-0000-0000"})),
    ] {
        shop.post(&format!("/v1/gifts/{gift}/claims"), &body).await.refused(404, "not_found");
        shop.get(&format!("/v1/gifts/{gift}")).await.refused(404, "not_found");
    }
    let path = format!("/v1/gifts/{card}/claims");
    let wrong = host.post(&path, &json!({"owner": "user:42", "code": "0000-0000-0000-0000"})).await;
    assert_eq!(wrong.refused(422, "gift_code_invalid")["param"], "code");
    host.post(&path, &claim("42")).await.refused(422, "gift_code_invalid");
    other.post(&path, &json!({"owner": "user:42", "code": code})).await.ok(201);
    // What is the user's own is spent with consent only.
    let key = host.merchant_key(&shop.id, &["read", "write"]).await;
    let without = host.with_key(&key);
    let trade = shop.unpaid("instant", 10, &json!({})).await;
    let refused = without.pay(&trade, &json!([stored("gift_card", 10)])).await;
    assert_eq!(refused.refused(403, "payer_consent_required")["param"], "tools[0].tool");
    shop.pay(&trade, &json!([stored("gift_card", 10)])).await.ok(201);
}

async fn what_is_no_gift(host: &Host) {
    let shop = host.shop().await;
    for (more, param) in [
        (json!({"tool": "coupon"}), "tool"),
        (json!({"tool": "meal_card"}), "tool"),
        (json!({"shares": 0}), "shares"),
        (json!({"shares": 11}), "shares"),
        (json!({"shares": 501, "amount": 1_000}), "shares"),
        (json!({"split": "fair"}), "split"),
    ] {
        let body = crate::shop::with(gift("red_packet", 10, &json!({})), &more);
        assert_eq!(host.post("/v1/gifts", &body).await.refused(400, "invalid_value")["param"], param, "{more}");
    }
    let past = gift("red_packet", 10, &json!({"expires_at": "2020-01-01T00:00:00Z"}));
    assert_eq!(host.post("/v1/gifts", &past).await.refused(422, "expires_at_invalid")["param"], "expires_at");
    let free = gift("red_packet", 10, &json!({"budget": false}));
    assert_eq!(shop.post("/v1/gifts", &free).await.refused(403, "scope_required")["param"], "budget");
    let packet = id(&host.post("/v1/gifts", &gift("red_packet", 10, &json!({}))).await.ok(201));
    let of_seller = json!({"owner": format!("merchant:{}", shop.id)});
    let path = format!("/v1/gifts/{packet}/claims");
    assert_eq!(host.post(&path, &of_seller).await.refused(400, "invalid_value")["param"], "owner");
    // A top-up brings money from outside, and a kind that the deployment does not have is no tool.
    let topup = json!({"merchant_order_id": "t1", "type": "topup", "amount": 10, "currency": "CNY", "payee": "user:42",
        "pay": {"tools": [stored("red_packet", 10)]}});
    shop.post("/v1/trades", &topup).await.refused(422, "tool_not_applicable");
    let unknown = json!({"pay": {"tools": [stored("meal_card", 10)]}});
    assert_eq!(shop.open("instant", 10, &unknown).await.refused(400, "invalid_value")["param"], "pay.tools[0].tool");
    host.trial_balance("CNY").await.assert_is(&[("2035", 10), ("5002", 10)]);
}

/// Every call of the guide's walkthrough is made as it stands there, and answered as it says; its rule book is uploaded,
/// released, and holds.
async fn the_guide_to_tools_is_true(host: &Host) {
    let shop = host.shop().await;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/tools.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = |kind: &str| -> Vec<String> {
        let fence = format!("```{kind}\n");
        page.split(&fence).skip(1).map(|part| part.split("```").next().unwrap().to_owned()).collect()
    };
    let [configuration, book] = &blocks("toml")[..] else { panic!("the guide has other samples") };
    assert!(configuration.contains(r#"stored = ["meal_card"]"#), "what this story is played with: {configuration}");
    let calls = blocks("http").concat();
    let mut gift_id = String::new();
    for call in calls.split("\n\n") {
        let mut lines = call.lines();
        let asked = lines.next().unwrap().replace("{merchant}", &shop.id).replace("{gift}", &gift_id);
        let (path, body) = asked.strip_prefix("POST ").unwrap().split_once(' ').unwrap();
        let (status, shown) = lines.next().unwrap().split_once(' ').unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let answer = host.post(path, &body).await.ok(status.parse().unwrap());
        let shown: Value = serde_json::from_str(shown).unwrap();
        for (name, value) in shown.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{name} of {answer:#}");
        }
        if answer["object"] == "gift" {
            gift_id = id(&answer);
        }
    }
    let trades = shop.get("/v1/trades?merchant_order_id=lunch-1").await.ok(200);
    let trade = list(&trades["data"])[0].clone();
    shop.trade_is(&id(&trade), "completed").await;
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("2003", 3_500),
        ("2033.meal_card", 500),
        ("5002", 3_000),
    ]);
    lunch_only(host, &shop, book).await;
}

/// The guide's rule book, for other hours than this one, and for this one.
async fn lunch_only(host: &Host, shop: &Shop, book: &str) {
    let hour =
        (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(8)).to_string()[11..13].parse::<u32>().unwrap();
    let [before, after] = [(hour + 22) % 24, (hour + 2) % 24];
    // The hour may end while this runs.
    let now = format!("[{hour}, {}]", (hour + 1) % 24);
    for (hours, refused) in [(format!("[{before}, {after}]"), true), (now, false)] {
        in_use(host, "canteen", &book.replace("[11, 12, 13]", &hours)).await;
        let tools = json!({"pay": {"tools": [stored("meal_card", 10), card(10)]}});
        let reply = shop.open("instant", 20, &tools).await;
        if refused {
            let problem = reply.refused(422, "rule_refused");
            assert!(problem["detail"].as_str().unwrap().contains("from eleven to two"), "{problem:#}");
        } else {
            reply.ok(201);
        }
    }
}
