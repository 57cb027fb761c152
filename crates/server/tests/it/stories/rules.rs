//! Rule books: uploaded, refused, approved by a second person, obeyed, explained, taken back.

use serde_json::{Value, json};

use crate::api::Api;
use crate::host::Host;
use crate::shop::{Shop, balance, card, coupon, id, list, order, with};
use crate::store::{program, text};

on_both!(
    from_draft_to_rollback,
    order_limits_and_lives,
    the_order_of_refunds,
    terms_of_a_trade,
    what_is_refused,
    payouts,
    a_restart_keeps_them,
    the_books_that_come_along,
    what_a_text_would_have_changed,
);

const NO_COUPON_WITH_CARD: &str = r#"
book = "checkout"
about = "Checkout: no coupon together with a card."
sub_type = "shop.checkout"

[[rule]]
name = "no-coupon-with-card"
when = '"coupon" in tools.names && "card" in tools.methods'
refuse = "coupons are not combined with cards"
"#;

fn lines(source: &str) -> Value {
    json!({"lines": source.lines().collect::<Vec<_>>()})
}

/// The platform's second person.
async fn second(host: &Host) -> Api {
    let key = host.post("/v1/keys", &json!({})).await.ok(201);
    assert_eq!(key["merchant_id"], Value::Null);
    host.with_key(key["key"].as_str().unwrap())
}

/// Uploads a book and brings it into use; gives its version.
pub(super) async fn in_use(host: &Host, book: &str, source: &str) -> i64 {
    let version = host.post(&format!("/v1/rules/{book}"), &lines(source)).await.ok(201)["version"].as_i64().unwrap();
    let approved = second(host).await.post(&format!("/v1/rules/{book}/approve"), &json!({"version": version})).await;
    assert_eq!(approved.ok(200)["current_version"], version);
    version
}

fn words(explanation: &Value) -> Vec<String> {
    let rules = list(&explanation["rules"]).iter().map(|rule| rule["words"].as_str().unwrap().to_owned());
    rules.chain(list(&explanation["plan"]).iter().map(|step| step["words"].as_str().unwrap().to_owned())).collect()
}

async fn from_draft_to_rollback(host: &Host) {
    let shop = host.shop().await;
    let cut = shop.coupon("user:42", 100).await;
    let scene = json!({"sub_type": "shop.checkout"});
    let trade = shop.unpaid("escrow", 1_000, &scene).await;
    let both = json!([coupon(&cut, 100), card(900)]);

    // A draft is checked, kept, and holds for nothing.
    let checked = host.post("/v1/rules/checkout/check", &lines("book = \"checkout\"\n")).await.ok(200);
    assert_eq!((&checked["valid"], &checked["findings"][0]["line"]), (&json!(false), &json!(1)), "{checked:#}");
    assert_eq!(host.get("/v1/rules/checkout").await.status, 404, "a check keeps nothing");
    let draft = host.post("/v1/rules/checkout", &lines(NO_COUPON_WITH_CARD)).await.ok(201);
    assert_eq!((&draft["version"], &draft["status"]), (&json!(2), &json!("draft")));
    let before = id(&shop.pay(&trade, &both).await.ok(201));
    assert_eq!(shop.payment_is(&before, "succeeded").await["rule_version"], 1);

    // Its author cannot approve it; somebody else can.
    let approve = json!({"version": 2});
    host.post("/v1/rules/checkout/approve", &approve).await.refused(403, "second_person_required");
    let book = second(host).await.post("/v1/rules/checkout/approve", &approve).await.ok(200);
    assert_eq!((&book["current_version"], &book["versions"][0]["status"]), (&json!(2), &json!("current")));
    assert_ne!(book["releases"][0]["by"], book["versions"][0]["uploaded_by"]);

    // Now it holds, and says so. The trade stays payable.
    let cut = shop.coupon("user:42", 100).await;
    let trade = shop.unpaid("escrow", 1_000, &scene).await;
    let refused = shop.pay(&trade, &json!([coupon(&cut, 100), card(900)])).await.refused(422, "rule_refused");
    assert_eq!(refused["param"], "tools");
    let said = "rule `no-coupon-with-card` of book `checkout`, version 2: coupons are not combined with cards";
    assert_eq!(refused["detail"], said);
    assert_eq!(shop.trade(&trade).await["status"], "created");
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "usable");
    let whole = shop.open("escrow", 1_000, &json!({"sub_type": "shop.checkout", "pay": {"tools": both}})).await;
    whole.refused(422, "rule_refused");
    let payment = id(&shop.pay(&trade, &json!([card(1_000)])).await.ok(201));
    assert_eq!(shop.payment_is(&payment, "succeeded").await["rule_version"], 2);
    let other = shop.open("escrow", 10, &json!({"pay": {"tools": [card(10)]}})).await.ok(201);
    assert_eq!(other["payment"]["rule_version"], 1, "another scene, another book");

    // Back to what was before, by one person and at once. What was planned keeps its version, and its reasons.
    let back = host.post("/v1/rules/checkout/rollback", &json!({"version": 1})).await.ok(200);
    assert_eq!((&back["current_version"], list(&back["releases"]).len()), (&json!(1), 2));
    let trade = shop.unpaid("escrow", 1_000, &scene).await;
    let after = id(&shop.pay(&trade, &json!([coupon(&cut, 100), card(900)])).await.ok(201));
    assert_eq!(shop.payment_is(&after, "succeeded").await["rule_version"], 1);
    assert_eq!(shop.get(&format!("/v1/payments/{payment}")).await.ok(200)["rule_version"], 2);
    let explained = shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200);
    assert_eq!((&explained["rule_book"], &explained["rule_version"]), (&json!("checkout"), &json!(2)));
    host.post("/v1/rules/checkout/rollback", &json!({"version": 2})).await.ok(200);
    assert_eq!(host.get("/v1/rules/checkout").await.ok(200)["current_version"], 2);
}

async fn order_limits_and_lives(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let book = r#"
book = "ours-first"
about = "What is ours first, cards up to 500, quickly."

[[rule]]
name = "ours-first"
order = ["coupon", "balance", "channel"]

[[rule]]
name = "small-cards"
when = '"card" in tools.methods'
limit = { tool = "channel:card", currency = "CNY", max = 500 }
order_life = "10m"
"#;
    let version = in_use(host, "ours-first", book).await;
    let trade = shop.unpaid("escrow", 1_000, &json!({})).await;
    let refused = shop.pay(&trade, &json!([balance(499), card(501)])).await.refused(422, "rule_refused");
    assert_eq!(refused["param"], "tools[1]");
    let cut = shop.coupon("user:42", 100).await;
    let payment = shop.pay(&trade, &json!([card(500), balance(400), coupon(&cut, 100)])).await.ok(201);
    let tools: Vec<&Value> = list(&payment["instructions"]).iter().map(|leg| &leg["tool"]).collect();
    assert_eq!(tools, ["coupon", "balance", "channel"]);
    assert_eq!(payment["rule_version"], version);
    shop.payment_is(&id(&payment), "succeeded").await;

    let explained = shop.get(&format!("/v1/payments/{}/explain", id(&payment))).await.ok(200);
    assert_eq!(
        words(&explained),
        [
            "tools are used in this order: coupon, balance, channel",
            "an order at an institution lives for 10m at most",
            "what channel:card pays lies between 0 and 500 minor units of CNY",
            "100 minor units of CNY of coupon are held until all other tools have paid",
            "400 minor units of CNY of balance are held until all other tools have paid",
            "500 minor units of CNY are asked for by card at sandbox, the first channel account that serves it",
        ]
    );
    assert_eq!(explained["rules"][1]["when"], "\"card\" in tools.methods");
    host.shop().await.get(&format!("/v1/payments/{}/explain", id(&payment))).await.refused(404, "not_found");
    let order = &list(&shop.chain(&id(&json!({"id": trade}))).await["channel_orders"])[0].clone();
    let (from, until) = (time(&payment["created_at"]), time(&order["lifetime_until"]));
    assert_eq!(until.since(from), 600_000_000, "{order:#}");
}

fn time(value: &Value) -> kernel::Time {
    kernel::Time::parse(value.as_str().unwrap_or_else(|| panic!("no time: {value}"))).unwrap()
}

/// What pays itself goes by rules, too; without a book for it nothing stands against it.
async fn payouts(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 1_000, "CNY").await;
    let destination = json!({"type": "bank_account", "account": "6222020200112233445", "name": "Zhang San"});
    let body = json!({"payer": "user:42", "destination": destination});
    let out = |amount| shop.open("payout", amount, &body);
    let before = id(&out(400).await.ok(201));
    assert_eq!(shop.trade_is(&before, "completed").await["payment"]["rule_version"], 1);
    let book = r#"
book = "payouts"
about = "Payouts of up to 300 at once."
order_type = "payout"

[[rule]]
name = "small-ones"
limit = { tool = "payout", currency = "CNY", max = 300 }
"#;
    let version = in_use(host, "payouts", book).await;
    let refused = out(301).await.refused(422, "rule_refused");
    assert_eq!(refused["param"], "type", "{refused:#}");
    assert_eq!(host.balance("user:42", "2001").await, (600, 600), "nothing was held");
    let trade = shop.trade_is(&id(&out(300).await.ok(201)), "completed").await;
    assert_eq!(trade["payment"]["rule_version"], version);
    let payment = id(&trade["payment"]);
    let said = words(&shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200));
    assert!(said.iter().any(|words| words.contains("held until sandbox has paid them out")), "{said:#?}");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("1011.sandbox.out", 700), ("2001", 300)]);
}

/// Money first, the coupon last; by the version that planned the payment, also when another has come since.
async fn the_order_of_refunds(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 400, "CNY").await;
    let scene = json!({"sub_type": "shop.money.first"});
    let text = "book = \"money-first\"\nabout = \"Money first.\"\nsub_type = \"shop.money.first\"\n[[rule]]\n\
                name = \"money-first\"\nrefund_order = [\"channel\", \"balance\", \"coupon\"]\n";
    in_use(host, "money-first", text).await;
    let cut = shop.coupon("user:42", 100).await;
    let trade = shop.unpaid("escrow", 1_000, &scene).await;
    let payment = id(&shop.pay(&trade, &json!([coupon(&cut, 100), balance(400), card(500)])).await.ok(201));
    shop.payment_is(&payment, "succeeded").await;
    let refunded = |amount| {
        let (shop, trade) = (&shop, &trade);
        async move {
            let refund = id(&shop.refund(trade, amount, &json!({})).await.ok(201));
            let refund = shop.refund_is(&refund, "succeeded").await;
            let part = |part: &Value| (part["tool"].as_str().unwrap().to_owned(), part["amount"].as_i64().unwrap());
            list(&refund["parts"]).iter().map(part).collect::<Vec<_>>()
        }
    };
    assert_eq!(refunded(450).await, [("channel".to_owned(), 450)]);
    in_use(host, "money-first", &text.replace("\"channel\", \"balance\", \"coupon\"", "\"coupon\"")).await;
    assert_eq!(refunded(300).await, [("balance".to_owned(), 250), ("channel".to_owned(), 50)]);
    assert_eq!(shop.get(&format!("/v1/coupons/{cut}")).await.ok(200)["status"], "spent");
    let explained = shop.get(&format!("/v1/payments/{payment}/explain")).await.ok(200);
    assert_eq!(words(&explained)[0], "refunds are taken from the tools in this order: channel, balance, coupon");
    assert_eq!(refunded(250).await, [("coupon".to_owned(), 100), ("balance".to_owned(), 150)]);
}

async fn terms_of_a_trade(host: &Host) {
    let shop = host.shop().await;
    let book = r#"
book = "market"
about = "A market: half an hour to pay, ten days to complain."
order_type = "escrow"

[[rule]]
name = "terms"
expires_after = "30m"
confirm_after = "10d"
late_success = "reopen"
"#;
    let unruled = order("escrow", 100, &json!({}));
    let first = shop.post("/v1/trades", &unruled).await.ok(201);
    in_use(host, "market", book).await;
    let body = order("escrow", 100, &json!({}));
    let trade = shop.post("/v1/trades", &body).await.ok(201);
    let created = time(&trade["created_at"]);
    assert_eq!(time(&trade["expires_at"]).since(created), 1_800_000_000);
    assert_eq!(time(&trade["confirm_by"]).since(created), 864_000_000_000);
    assert_eq!(trade["late_success"], "reopen");
    let instant = shop.open("instant", 100, &json!({})).await.ok(201);
    assert_eq!((&instant["confirm_by"], &instant["late_success"]), (&Value::Null, &json!("refund")));

    // A repeated number is the same trade by the terms of its opening, whatever holds now.
    for (body, trade) in [(&body, &trade), (&unruled, &first)] {
        assert_eq!(shop.post("/v1/trades", body).await.ok(200)["id"], trade["id"]);
    }
    host.post("/v1/rules/market/rollback", &json!({"version": 1})).await.ok(200);
    assert_eq!(shop.post("/v1/trades", &body).await.ok(200)["id"], trade["id"]);
    let said = crate::shop::with(body.clone(), &json!({"late_success": "reopen"}));
    assert_eq!(shop.post("/v1/trades", &said).await.ok(200)["id"], trade["id"], "that is what it is");
    let other = crate::shop::with(body, &json!({"late_success": "refund"}));
    shop.post("/v1/trades", &other).await.refused(409, "order_exists");
}

async fn what_is_refused(host: &Host) {
    let shop = host.shop().await;
    let upload = lines(NO_COUPON_WITH_CARD);
    for path in ["/v1/rules", "/v1/rules/general"] {
        shop.get(path).await.refused(403, "scope_required");
    }
    shop.post("/v1/rules/checkout", &upload).await.refused(403, "scope_required");
    shop.post("/v1/keys", &json!({})).await.refused(403, "scope_required");
    let built_in = host.get("/v1/rules/general?version=1").await.ok(200);
    assert_eq!((&built_in["status"], &built_in["uploaded_by"]), (&json!("current"), &Value::Null));
    assert!(list(&built_in["lines"]).contains(&json!("book = \"general\"")));

    let faulty =
        lines("book = \"checkout\"\nabout = \"x\"\n[[rule]]\nname = \"r\"\nwhen = 'trade.amont > 1'\nrefuse = \"n\"\n");
    let refused = host.post("/v1/rules/checkout", &faulty).await.refused(422, "rule_book_invalid");
    assert_eq!(refused["detail"], "line 5, column 14: there is no name `trade.amont`; did you mean `trade.amount`?");
    host.post("/v1/rules/other", &upload).await.refused(422, "rule_book_invalid");
    host.post("/v1/rules/Shop", &upload).await.refused(404, "not_found");
    host.get("/v1/rules/checkout").await.refused(404, "not_found");
    host.post("/v1/rules/checkout/approve", &json!({"version": 2})).await.refused(404, "not_found");
    host.post("/v1/rules/checkout/rollback", &json!({"version": 1})).await.refused(404, "not_found");

    host.post("/v1/rules/checkout", &upload).await.ok(201);
    let two = second(host).await;
    two.post("/v1/rules/checkout/rollback", &json!({"version": 2})).await.refused(409, "invalid_state");
    let past = json!({"version": 2, "from": "2020-01-01T00:00:00Z"});
    two.post("/v1/rules/checkout/approve", &past).await.refused(400, "invalid_value");
    let later = json!({"version": 2, "from": "2100-01-01T00:00:00Z"});
    let book = two.post("/v1/rules/checkout/approve", &later).await.ok(200);
    assert_eq!((&book["current_version"], &book["versions"][0]["status"]), (&Value::Null, &json!("released")));
    two.post("/v1/rules/checkout/approve", &later).await.refused(409, "rule_books_overlap");
    let twin = NO_COUPON_WITH_CARD.replace("\"checkout\"", "\"twin\"");
    host.post("/v1/rules/twin", &lines(&twin)).await.ok(201);
    let refused = two.post("/v1/rules/twin/approve", &json!({"version": 3})).await.refused(409, "rule_books_overlap");
    assert_eq!(refused["detail"], "book checkout is for exactly the same trades");
    let names: Vec<Value> =
        list(&host.get("/v1/rules").await.ok(200)["data"]).iter().map(|b| b["book"].clone()).collect();
    assert_eq!(names, ["checkout", "general", "twin"]);
}

async fn a_restart_keeps_them(host: &Host) {
    let version = in_use(host, "checkout", NO_COUPON_WITH_CARD).await;
    let before = host.get("/v1/rules/checkout").await.ok(200);
    host.kill();
    host.restart();
    assert_eq!(host.get("/v1/rules/checkout").await.ok(200), before);
    let shop = host.shop().await;
    let trade = shop.open("instant", 10, &json!({"sub_type": "shop.checkout", "pay": {"tools": [card(10)]}})).await;
    assert_eq!(trade.ok(201)["payment"]["rule_version"], version);
}

/// Each book that the program prints is uploaded as it is, gives a trade of its scene its terms, refuses what it is there
/// to refuse, and lets the rest be paid.
async fn the_books_that_come_along(host: &Host) {
    let shop = host.shop().await;
    host.fund("user:42", 10_000, "CNY").await;
    let said = text(&program().args(["rules", "sample"]).output().unwrap());
    let names: Vec<&str> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let cut = async || coupon(&shop.coupon("user:42", 60).await, 60);
    let books = [
        ("shop.checkout", "instant", "shop.web", 30, json!([cut().await, card(40)]), "coupons-pay-half-at-most"),
        (
            "marketplace.escrow",
            "escrow",
            "marketplace.order",
            1_440,
            json!([balance(50), with(card(50), &json!({"method": "boleto"}))]),
            "what-may-be-combined",
        ),
        ("membership", "instant", "membership.month", 15, json!([balance(50), card(50)]), "one-way-of-paying"),
        ("group.buying", "escrow", "group.tea", 1_440, json!([cut().await, card(40)]), "the-price-is-the-groups"),
        ("offline.scan", "instant", "offline.till", 2, json!([card(50), card(50)]), "one-code"),
        ("wallet.topup", "topup", "general", 60, json!([card(50), card(50)]), "one-way-in"),
    ];
    let mut told: Vec<&str> = books.iter().map(|(name, ..)| *name).chain(["wallet.payout"]).collect();
    told.insert(4, "presale");
    assert_eq!(names, told, "a story for each");
    for (name, kind, scene, minutes, refused, rule) in books {
        let source = text(&program().args(["rules", "sample", name]).output().unwrap());
        let version = in_use(host, name, &source).await;
        let mut body = order(kind, 100, &json!({"sub_type": scene}));
        if kind == "topup" {
            let fields = body.as_object_mut().unwrap();
            fields.remove("buyer");
            fields.insert("payee".to_owned(), "user:42".into());
        }
        let trade = shop.post("/v1/trades", &body).await.ok(201);
        let life = time(&trade["expires_at"]).since(time(&trade["created_at"]));
        assert_eq!(life, minutes * 60_000_000, "{name}: {trade:#}");
        let problem = shop.pay(&id(&trade), &refused).await.refused(422, "rule_refused");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("`{rule}` of book `{name}`")), "{problem:#}");
        let payment = shop.pay(&id(&trade), &json!([card(100)])).await.ok(201);
        assert_eq!(payment["rule_version"], version, "{name}");
        shop.payment_is(&id(&payment), "succeeded").await;
    }
    presale(host, &shop).await;
    // A payout pays itself, so its book speaks when it is opened.
    let source = text(&program().args(["rules", "sample", "wallet.payout"]).output().unwrap());
    let version = in_use(host, "wallet.payout", &source).await;
    let payout = |amount: i64| {
        json!({"merchant_order_id": format!("W{amount}"), "type": "payout", "amount": amount, "currency": "CNY",
            "payer": "user:42", "destination": {"type": "bank_account", "account": "6222", "name": "A Name"}})
    };
    let problem = shop.post("/v1/trades", &payout(999)).await.refused(422, "rule_refused");
    assert!(problem["detail"].as_str().unwrap().contains("`from-10-to-50000` of book `wallet.payout`"), "{problem:#}");
    let trade = shop.post("/v1/trades", &payout(1_000)).await.ok(201);
    assert_eq!((&trade["payment"]["rule_version"], &trade["fee_amount"]), (&json!(version), &json!(10)));
    shop.trade_is(&id(&trade), "completed").await;
}

async fn what_a_text_would_have_changed(host: &Host) {
    let shop = host.shop().await;
    let scene = json!({"sub_type": "dry.run"});
    let book = |rules: &str| {
        format!("book = \"dry\"\nabout = \"Tried first.\"\nsub_type = \"dry.run\"\nutc_offset = \"+08:00\"\n{rules}")
    };
    host.fund("user:42", 1_000, "CNY").await;
    let small = shop.unpaid("escrow", 100, &scene).await;
    let small_payment = id(&shop.pay(&small, &json!([card(60), balance(40)])).await.ok(201));
    shop.payment_is(&small_payment, "succeeded").await;
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5)).to_string();
    let large = shop.unpaid("escrow", 900, &with(scene.clone(), &json!({"expires_at": later}))).await;
    let large_payment = id(&shop.pay(&large, &json!([card(900)])).await.ok(201));
    shop.payment_is(&large_payment, "succeeded").await;
    shop.open("escrow", 900, &json!({"pay": {"tools": [card(900)]}})).await.ok(201);

    let text = book(
        r#"
[[rule]]
name = "small-cards"
limit = { tool = "channel:card", currency = "CNY", max = 500 }

[[rule]]
name = "ours-first"
order = ["balance", "channel"]
order_life = "10m"

[[rule]]
name = "an-hour"
expires_after = "1h"
confirm_after = "10d"
"#,
    );
    let run = |body: Value| async move { host.post("/v1/rules/dry/dry_run", &body).await.ok(200) };
    let tried = run(lines(&text)).await;
    let told: Vec<(&str, &str, Value, Value)> = list(&tried["changes"])
        .iter()
        .map(|it| {
            let about = it["payment_id"].as_str().unwrap_or(it["trade_id"].as_str().unwrap());
            (about, it["change"].as_str().unwrap(), it["was"].clone(), it["would"].clone())
        })
        .collect();
    let why = "rule `small-cards`: what channel:card pays lies between 0 and 500 minor units of CNY";
    assert_eq!(
        told,
        [
            // Its request named the expiry.
            (&*large, "confirm_after", json!(null), json!("10d")),
            (&*large_payment, "refused", json!(null), json!(why)),
            (&*small, "expires_after", json!("2h"), json!("1h")),
            (&*small, "confirm_after", json!(null), json!("10d")),
            (&*small_payment, "order", json!("channel:card, balance"), json!("balance, channel:card")),
            (&*small_payment, "order_life", json!(null), json!("10m")),
        ]
    );
    assert_eq!((&tried["concerned"], &tried["refused"]), (&json!(4), &json!(1)));
    assert!(tried["trades"].as_i64().unwrap() >= 3, "others are looked at, too");
    assert_eq!(host.get("/v1/rules/dry").await.status, 404, "nothing is kept");

    // Trade by trade, the same is found.
    let (mut found, mut body) = (0, with(lines(&text), &json!({"limit": 1})));
    loop {
        let page = run(body.clone()).await;
        assert_eq!(page["trades"], 1);
        found += list(&page["changes"]).len();
        if page["has_more"] == false {
            break;
        }
        body = with(body, &json!({"cursor": page["next_cursor"]}));
    }
    assert_eq!(found, told.len());

    // In use from now on, it has changed nothing of what was before; taken back, it would not have.
    in_use(host, "dry", &text).await;
    assert_eq!(run(lines(&text)).await["refused"], 1);
    let other = shop.unpaid("escrow", 400, &scene).await;
    let paid = id(&shop.pay(&other, &json!([card(400)])).await.ok(201));
    let tried = run(lines(&book(""))).await;
    let of_it: Vec<&Value> =
        list(&tried["changes"]).iter().filter(|it| it["payment_id"] == paid || it["trade_id"] == other).collect();
    let changes: Vec<&Value> = of_it.iter().map(|it| &it["change"]).collect();
    assert_eq!(changes, ["expires_after", "confirm_after", "order_life"]);
    assert_eq!((&of_it[2]["was"], &of_it[2]["would"]), (&json!("10m"), &json!(null)));
}

/// A deposit, without coupons and small, and a balance; the deposit is lost with the balance.
async fn presale(host: &Host, shop: &Shop) {
    let source = text(&program().args(["rules", "sample", "presale"]).output().unwrap());
    let version = in_use(host, "presale", &source).await;
    let scene = json!({"sub_type": "presale.tea"});
    let whole = shop.unpaid("escrow", 100, &scene).await;
    let says = |problem: Value, rule: &str| {
        assert!(problem["detail"].as_str().unwrap().contains(&format!("`{rule}` of book `presale`")), "{problem:#}");
    };
    says(shop.pay(&whole, &json!([card(100)])).await.refused(422, "rule_refused"), "deposit-and-balance");
    let dues = |first: i64| with(scene.clone(), &json!({"dues": [{"amount": first}, {"amount": 100 - first}]}));
    let large = shop.unpaid("escrow", 100, &dues(21)).await;
    says(shop.pay(&large, &json!([card(21)])).await.refused(422, "rule_refused"), "a-deposit-is-a-fifth-at-most");
    let trade = shop.open("escrow", 100, &dues(20)).await.ok(201);
    assert_eq!(trade["unpaid_due"], "forfeit");
    let (created, first) = (time(&trade["created_at"]), time(&trade["dues"][0]["expires_at"]));
    assert_eq!(first.since(created), 86_400_000_000, "a day for each");
    let trade = id(&trade);
    let (small, cut) = (shop.coupon("user:42", 5).await, shop.coupon("user:42", 30).await);
    let by_coupon = json!([coupon(&small, 5), card(15)]);
    says(shop.pay(&trade, &by_coupon).await.refused(422, "rule_refused"), "coupons-count-towards-the-balance");
    assert_eq!(shop.pay(&trade, &json!([balance(20)])).await.ok(201)["rule_version"], version);
    shop.pay(&trade, &json!([coupon(&cut, 30), balance(50)])).await.ok(201);
    assert_eq!(shop.trade(&trade).await["status"], "paid");

    let lost = shop.open("escrow", 100, &with(dues(20), &json!({"pay": {"tools": [balance(20)]}}))).await.ok(201);
    shop.post(&format!("/v1/trades/{}/close", id(&lost)), &json!({})).await.ok(200);
    assert_eq!(shop.trade_is(&id(&lost), "closed").await["closed_reason"], "forfeited");
}
