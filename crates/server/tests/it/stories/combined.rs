//! Combined checkouts: one cart, several merchants, one payment.

use serde_json::{Value, json};

use super::rules::in_use;
use crate::api::{Api, Reply};
use crate::host::Host;
use crate::shop::{Shop, balance, card, card_that, id, list, number, order, with};

on_both!(
    paid_at_once,
    paid_by_a_bank,
    paid_with_points_and_on_credit,
    refunded_child_by_child,
    closed_unpaid,
    late_money_goes_back,
    that_are_refused,
    the_same_cart_again,
    nobody_sees_another_merchants,
    disputed_and_lost,
    disputed_in_part,
    disputed_and_won,
    disputed_in_its_shard["shards" = "4"],
);

/// A platform's cart of an instant trade of one merchant and an escrow trade of another, 600 and 400.
struct Cart {
    house: Shop,
    one: Shop,
    two: Shop,
}

impl Cart {
    async fn new(host: &Host) -> Self {
        Self { house: host.shop().await, one: host.shop().await, two: host.shop().await }
    }

    fn api(&self) -> &Api {
        self.house.platform()
    }

    fn children(&self) -> Value {
        json!([
            {"merchant_id": self.one.id, "merchant_order_id": number("C"), "type": "instant", "amount": 600},
            {"merchant_id": self.two.id, "merchant_order_id": number("C"), "type": "escrow", "amount": 400,
                "splits": [{"receiver": "seller:s1", "amount": 100}, {"receiver": self.two.owner(), "amount": 300}]},
        ])
    }

    fn body(&self, more: &Value) -> Value {
        let cart = json!({"merchant_id": self.house.id, "buyer": "42", "children": self.children()});
        with(order("combined", 1_000, &cart), more)
    }

    async fn open(&self, more: &Value) -> Reply {
        self.api().post("/v1/trades", &self.body(more)).await
    }

    /// The parent and its children.
    async fn opened(&self, more: &Value) -> (String, [String; 2]) {
        let parent = self.open(more).await.ok(201);
        (id(&parent), children_of(&parent))
    }

    /// Opened, and paid with these tools.
    async fn paid(&self, tools: &Value) -> (String, [String; 2]) {
        let (parent, children) = self.opened(&json!({"pay": {"tools": tools}})).await;
        self.api().trade_is(&parent, "completed").await;
        (parent, children)
    }
}

fn children_of(parent: &Value) -> [String; 2] {
    let child = |place: usize| parent["children"][place]["trade"].as_str().unwrap().to_owned();
    [child(0), child(1)]
}

/// The tools and amounts of a trade's payment.
fn shares(trade: &Value) -> Vec<(&str, i64)> {
    let legs = list(&trade["payment"]["instructions"]);
    legs.iter().map(|leg| (leg["tool"].as_str().unwrap(), leg["amount"].as_i64().unwrap())).collect()
}

async fn paid_at_once(host: &Host) {
    let cart = Cart::new(host).await;
    host.fund("user:42", 1_000, "CNY").await;
    let opened = cart.open(&json!({"pay": {"tools": [balance(1_000)]}})).await.ok(201);
    let [first, second] = children_of(&opened);
    assert_eq!((&opened["type"], &opened["status"]), (&json!("combined"), &json!("completed")), "{opened:#}");
    assert_eq!((&opened["paid_amount"], &opened["escrow_amount"]), (&json!(1_000), &json!(0)));
    assert_eq!((&opened["refundable_amount"], &opened["splits"]), (&json!(0), &json!([])));
    let merchants: Vec<_> = list(&opened["children"]).iter().map(|child| child["merchant_id"].as_str()).collect();
    assert_eq!(merchants, [Some(cart.one.id.as_str()), Some(cart.two.id.as_str())]);

    let (instant, escrow) = (cart.one.trade(&first).await, cart.two.trade(&second).await);
    assert_eq!((&instant["status"], &instant["parent"]), (&json!("completed"), &opened["id"]), "{instant:#}");
    assert_eq!((&escrow["status"], &escrow["escrow_amount"]), (&json!("paid"), &json!(400)), "{escrow:#}");
    assert_eq!(instant["expires_at"], opened["expires_at"], "the parent's time is theirs");
    assert_eq!((shares(&instant), shares(&escrow)), (vec![("balance", 600)], vec![("balance", 400)]));
    assert_eq!(instant["payment"]["parent"], opened["payment"]["id"]);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2003", 600), ("2004", 400)]);
    cart.two.confirm(&second, &json!({})).await.ok(200);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("2003", 1_000)]);
    assert_eq!(host.balance(&cart.two.seller("s1"), "2003").await, (100, 100));

    // Each merchant hears of its own.
    let (events, _) = cart.one.events_from(None, 100).await;
    let told: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(told, ["trade.created", "payment.succeeded", "trade.paid", "trade.completed"]);
    assert!(events.iter().all(|event| event["data"]["merchant_id"] != json!(cart.two.id)));
    let chain = cart.one.chain(&first).await;
    assert_eq!((list(&chain["payments"]).len(), list(&chain["vouchers"]).len()), (1, 1), "{chain:#}");
    let all = cart.api().chain(&id(&opened)).await;
    let of_children: Vec<_> = list(&all["children"]).iter().map(|chain| id(&chain["trade"])).collect();
    assert_eq!(of_children, [first, second], "one look-up shows all of it");
    assert_eq!(list(&all["children"][1]["vouchers"]).len(), 2);
}

/// A balance and a card: every child has its share of both, and both are exact.
async fn paid_by_a_bank(host: &Host) {
    let cart = Cart::new(host).await;
    host.fund("user:42", 333, "CNY").await;
    let (parent, [first, second]) = cart.opened(&json!({})).await;
    let offer = cart.api().get(&format!("/v1/trades/{parent}/offer")).await.ok(200);
    assert_eq!(offer["amount"], 1_000, "{offer:#}");
    cart.api().pay(&parent, &json!([balance(333), card(667)])).await.ok(201);
    cart.api().trade_is(&parent, "completed").await;
    let (instant, escrow) = (cart.one.trade(&first).await, cart.two.trade(&second).await);
    assert_eq!(shares(&instant), [("balance", 200), ("channel", 400)]);
    assert_eq!(shares(&escrow), [("balance", 133), ("channel", 267)]);
    assert_eq!((&instant["status"], &escrow["status"]), (&json!("completed"), &json!("paid")));
    cart.two.confirm(&second, &json!({"amount": 100})).await.ok(200);
}

/// Points, credit and a card: each child has its own of all three, and gives back its own.
async fn paid_with_points_and_on_credit(host: &Host) {
    let cart = Cart::new(host).await;
    let book = "book = \"carts\"\nabout = \"Points of carts.\"\norder_type = \"combined\"\n\
        [[rule]]\nname = \"members\"\nwhen = 'trade.sub_type == \"members\"'\n\
        points = { currency = \"CNY\", points = 3, amount = 1, budget = true }\n\
        [[rule]]\nname = \"all\"\npoints = { currency = \"CNY\", points = 7, amount = 3 }\n";
    in_use(host, "carts", book).await;
    host.post("/v1/points", &json!({"owner": "user:42", "points": 1_000})).await.ok(201);
    let lent = json!({"owner": "user:42", "currency": "CNY", "limit": 500});
    let line = format!("/v1/credit_lines/{}", id(&host.post("/v1/credit_lines", &lent).await.ok(201)));
    let tool = |tool: &str, amount: i64| json!({"tool": tool, "amount": amount});
    let tools = json!([tool("points", 100), tool("credit", 200), card(700)]);
    let preview = cart.api().post("/v1/trades/preview", &cart.body(&json!({"pay": {"tools": tools}}))).await.ok(200);
    assert_eq!(preview["payment"]["status"], "processing", "{preview:#}");
    let (offered, _) = cart.opened(&json!({})).await;
    let offer = cart.api().get(&format!("/v1/trades/{offered}/offer")).await.ok(200);
    for name in ["points", "credit"] {
        let choice = list(&offer["tools"]).iter().find(|choice| choice["tool"] == name).unwrap();
        assert_eq!(choice["usable"], true, "{offer:#}");
    }

    let (_, [first, second]) = cart.paid(&tools).await;
    let (instant, escrow) = (cart.one.trade(&first).await, cart.two.trade(&second).await);
    assert_eq!(shares(&instant), [("points", 60), ("credit", 120), ("channel", 420)]);
    assert_eq!(shares(&escrow), [("points", 40), ("credit", 80), ("channel", 280)]);
    let points = |trade: &Value| trade["payment"]["instructions"][0]["points"].as_i64().unwrap();
    assert_eq!((points(&instant), points(&escrow)), (140, 94), "to the point");
    host.trial_balance("PTS").await.assert_is(&[("2034", 766), ("2034.redeemed", 234), ("5003", 1_000)]);
    assert_eq!(host.balance(&cart.one.owner(), "2034.redeemed").await, (140, 140));

    // Of what is left by what is left, and in the end all; no more than its own.
    let half = cart.one.refund(&first, 300, &json!({})).await.ok(201);
    let half = cart.one.refund_is(&id(&half), "succeeded").await;
    let part =
        |part: &Value| (part["way"].as_str().unwrap().to_owned(), part["amount"].as_i64(), part["points"].as_i64());
    let parts: Vec<_> = list(&half["parts"]).iter().map(part).collect();
    let of = |way: &str, minor, points| (way.to_owned(), Some(minor), points);
    assert_eq!(parts, [of("points", 30, Some(70)), of("credit", 60, None), of("channel", 210, None)]);
    assert_eq!(host.balance("user:42", "2034").await, (836, 836));
    assert_eq!(host.get(&line).await.ok(200)["owed_amount"], 140);
    for (shop, child, amount) in [(&cart.one, &first, 300), (&cart.two, &second, 400)] {
        let rest = shop.refund(child, amount, &json!({})).await.ok(201);
        shop.refund_is(&id(&rest), "succeeded").await;
    }
    assert_eq!(host.balance("user:42", "2034").await, (1_000, 1_000));
    assert_eq!(host.get(&line).await.ok(200)["owed_amount"], 0);
    host.trial_balance("PTS").await.assert_is(&[("2034", 1_000), ("5003", 1_000)]);

    // A merchant's budget does not pay what others sell.
    let tools = json!([tool("points", 100), card(900)]);
    let members = json!({"sub_type": "members", "pay": {"tools": tools}});
    assert_eq!(cart.open(&members).await.refused(422, "tool_not_applicable")["param"], "pay.tools[0].tool");
}

async fn refunded_child_by_child(host: &Host) {
    let cart = Cart::new(host).await;
    host.fund("user:42", 500, "CNY").await;
    let (parent, [first, second]) = cart.paid(&json!([balance(500), card(500)])).await;
    let part = cart.one.refund(&first, 200, &json!({})).await.ok(201);
    cart.one.refund_is(&id(&part), "succeeded").await;
    assert_eq!(host.balance("user:42", "2001").await, (100, 100), "half of what the balance gave");
    assert_eq!(cart.one.refund(&first, 401, &json!({})).await.refused(422, "refund_exceeds_paid")["param"], "amount");
    let rest = cart.one.refund(&first, 400, &json!({})).await.ok(201);
    cart.one.refund_is(&id(&rest), "succeeded").await;
    assert_eq!(host.balance("user:42", "2001").await, (300, 300), "never more than its share");
    // The other child has all of its own.
    let other = cart.two.refund(&second, 400, &json!({})).await.ok(201);
    cart.two.refund_is(&id(&other), "succeeded").await;
    let escrow = cart.two.trade(&second).await;
    assert_eq!((&escrow["status"], &escrow["closed_reason"]), (&json!("closed"), &json!("refunded")));
    assert_eq!(cart.api().trade(&parent).await["status"], "completed");
    host.trial_balance("CNY").await.assert_is(&[
        ("1011.sandbox.in", 1_000),
        ("1011.sandbox.refund", 500),
        ("2001", 500),
    ]);
    let order = &cart.one.chain(&first).await["channel_orders"][0];
    let pay = &cart.api().chain(&parent).await["channel_orders"][0];
    assert_eq!((&order["purpose"], &order["refund_of"]), (&json!("refund"), &pay["id"]), "{order:#}");
}

async fn closed_unpaid(host: &Host) {
    let cart = Cart::new(host).await;
    let (parent, [first, second]) = cart.opened(&json!({})).await;
    cart.one.post(&format!("/v1/trades/{first}/close"), &json!({})).await.refused(409, "combined_trade");
    cart.api().post(&format!("/v1/trades/{parent}/close"), &json!({})).await.ok(200);
    for (shop, child) in [(&cart.one, &first), (&cart.two, &second)] {
        let closed = shop.trade(child).await;
        assert_eq!((&closed["status"], &closed["closed_reason"]), (&json!("closed"), &json!("canceled")));
        shop.post(&format!("/v1/trades/{child}/close"), &json!({})).await.ok(200);
    }
    cart.api().pay(&parent, &json!([card(1_000)])).await.refused(409, "trade_not_payable");
}

/// What comes when the checkout is closed belongs to the parent, and touches no child.
async fn late_money_goes_back(host: &Host) {
    let cart = Cart::new(host).await;
    let (parent, [first, _]) = cart.opened(&json!({"pay": {"tools": [card_that("late_success", 1_000)]}})).await;
    let payment = id(&cart.api().trade(&parent).await["payment"]);
    let path = format!("/v1/payments/{payment}");
    cart.api().wait_until(&path, |now| now["instructions"][0]["status"] == "pending").await;
    cart.api().post(&format!("/v1/trades/{parent}/close"), &json!({})).await.ok(200);
    let back = |chain: &Value| list(&chain["refunds"]).iter().any(|refund| refund["status"] == "succeeded");
    let chain = cart.api().wait_until(&format!("/v1/trades/{parent}/chain"), back).await;
    assert_eq!(chain["refunds"][0]["reason_code"], "late", "{chain:#}");
    let child = cart.one.trade(&first).await;
    assert_eq!((&child["status"], &child["payment"]), (&json!("closed"), &Value::Null));
}

async fn that_are_refused(host: &Host) {
    let cart = Cart::new(host).await;
    let with_children = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut children = list(&cart.children()).clone();
        change(&mut children);
        json!({"children": children})
    };
    let lay =
        |place: usize, more: Value| with_children(&|children| children[place] = with(children[place].clone(), &more));
    let nobody = "mch_00000000000000000000000000";
    let refusals = [
        (json!({"amount": 1_001}), 422, "amount_sum_mismatch", "children"),
        (json!({"children": []}), 400, "invalid_value", "children"),
        (json!({"splits": [{"receiver": "platform", "amount": 1_000}]}), 422, "field_not_applicable", "splits"),
        (json!({"late_success": "reopen"}), 422, "field_not_applicable", "late_success"),
        (json!({"dues": [{"amount": 500}, {"amount": 500}]}), 422, "field_not_applicable", "dues"),
        (lay(0, json!({"merchant_id": nobody})), 404, "not_found", "children[0].merchant_id"),
        (lay(1, json!({"type": "topup"})), 400, "invalid_value", "children[1].type"),
        (lay(1, json!({"type": "combined"})), 400, "invalid_value", "children[1].type"),
        (lay(1, json!({"buyer": "43"})), 400, "unknown_field", "children[1].buyer"),
        (lay(1, json!({"currency": "USD"})), 400, "unknown_field", "children[1].currency"),
        (lay(0, json!({"pay": {"tools": [card(600)]}})), 400, "unknown_field", "children[0].pay"),
        (lay(0, json!({"confirm_by": "2000-01-01T00:00:00Z"})), 422, "confirm_by_invalid", "children[0].confirm_by"),
        (
            lay(0, json!({"splits": [{"receiver": cart.two.owner(), "amount": 600}]})),
            422,
            "receiver_not_applicable",
            "children[0].splits[0].receiver",
        ),
        (
            lay(0, json!({"splits": [{"receiver": "platform", "amount": 599}]})),
            422,
            "amount_sum_mismatch",
            "children[0].splits",
        ),
        (
            with_children(&|children| children[1] = with(children[0].clone(), &json!({"amount": 400}))),
            409,
            "order_exists",
            "children[1].merchant_order_id",
        ),
        (with_children(&|children| *children = vec![children[0].clone(); 31]), 400, "invalid_value", "children"),
    ];
    for (more, status, code, param) in refusals {
        let problem = cart.open(&more).await.refused(status, code);
        assert_eq!(problem["param"], param, "{more:#}");
    }
    // Others have no children, and a number that is taken stays taken.
    let sale =
        with(order("instant", 1_000, &json!({"merchant_id": cart.house.id})), &json!({"children": cart.children()}));
    assert_eq!(cart.api().post("/v1/trades", &sale).await.refused(422, "field_not_applicable")["param"], "children");
    let taken = cart.one.open("instant", 600, &json!({})).await.ok(201);
    let again = lay(0, json!({"merchant_order_id": taken["merchant_order_id"]}));
    assert_eq!(cart.open(&again).await.refused(409, "order_exists")["param"], "children[0].merchant_order_id");
    // A merchant's key opens its own only.
    let mine = cart.body(&json!({}));
    assert_eq!(
        cart.house.post("/v1/trades", &mine).await.refused(403, "merchant_mismatch")["param"],
        "children[0].merchant_id"
    );

    // A child is not paid, a parent not confirmed or refunded.
    let (parent, [first, _]) = cart.paid(&json!([card(1_000)])).await;
    cart.api().confirm(&parent, &json!({})).await.refused(409, "combined_trade");
    cart.api().refund(&parent, 1, &json!({})).await.refused(409, "combined_trade");
    let (_, [open, _]) = cart.opened(&json!({})).await;
    cart.one.pay(&open, &json!([card(600)])).await.refused(409, "combined_trade");
    cart.one.get(&format!("/v1/trades/{open}/offer")).await.refused(409, "combined_trade");
    cart.one.pay(&first, &json!([card(600)])).await.refused(409, "trade_not_payable");
    // A merchant's coupon does not pay for others.
    let coupon = cart.house.coupon("user:42", 100).await;
    let tools = json!([{"tool": "coupon", "coupon": coupon, "amount": 100}, card(900)]);
    cart.open(&json!({"pay": {"tools": tools}})).await.refused(422, "coupon_not_applicable");
}

async fn the_same_cart_again(host: &Host) {
    let cart = Cart::new(host).await;
    let body = cart.body(&json!({}));
    let first = cart.api().post("/v1/trades", &body).await.ok(201);
    let again = cart.api().post("/v1/trades", &body).await.ok(200);
    assert_eq!((&again["id"], &again["children"]), (&first["id"], &first["children"]));
    let mut other = body.clone();
    other["children"][1]["subject"] = json!("something else");
    assert_eq!(cart.api().post("/v1/trades", &other).await.refused(409, "order_exists")["param"], "merchant_order_id");
    let preview =
        cart.api().post("/v1/trades/preview", &cart.body(&json!({"pay": {"tools": [card(1_000)]}}))).await.ok(200);
    assert_eq!((&preview["type"], &preview["exists"]), (&json!("combined"), &json!(false)), "{preview:#}");
    // The child's own number is found, and asks for nothing else.
    let child = cart.one.trade(first["children"][0]["trade"].as_str().unwrap()).await;
    let alone = order("instant", 600, &json!({"merchant_order_id": child["merchant_order_id"]}));
    cart.one.post("/v1/trades", &alone).await.refused(409, "order_exists");
    let found =
        cart.one.get(&format!("/v1/search?number={}", child["merchant_order_id"].as_str().unwrap())).await.ok(200);
    assert!(found.to_string().contains(child["id"].as_str().unwrap()), "{found:#}");
}

async fn nobody_sees_another_merchants(host: &Host) {
    let cart = Cart::new(host).await;
    let (parent, [first, second]) = cart.paid(&json!([card(1_000)])).await;
    for path in ["", "/chain"] {
        for trade in [&parent, &second] {
            cart.one.get(&format!("/v1/trades/{trade}{path}")).await.refused(404, "not_found");
        }
        let own = cart.one.get(&format!("/v1/trades/{first}{path}")).await.text();
        assert!(own.contains(&parent) && !own.contains(&second) && !own.contains(&cart.two.id), "{own}");
    }
    let chain = cart.house.chain(&parent).await;
    assert_eq!(chain.get("children"), None, "a merchant sees whom it paid, and no more: {chain:#}");
    cart.one.refund(&second, 1, &json!({})).await.refused(404, "not_found");
    cart.house.refund(&first, 1, &json!({})).await.refused(404, "not_found");
}

/// The figures of a dispute: disputed, set aside, lost, and what of that was taken.
fn figures(dispute: &Value) -> [i64; 4] {
    ["amount", "set_aside_amount", "lost_amount", "taken_amount"].map(|field| dispute[field].as_i64().unwrap())
}

/// What an institution takes back of such a payment is taken of every child, by a dispute of its own.
async fn disputed_and_lost(host: &Host) {
    let cart = Cart::new(host).await;
    let (parent, [first, second]) = cart.paid(&json!([card_that("dispute_lost", 1_000)])).await;
    let of_parent = cart.house.dispute_of(&parent).await;
    assert_eq!((figures(&of_parent), &of_parent["status"]), ([1_000, 1_000, 1_000, 1_000], &json!("lost")));
    assert_eq!((&of_parent["splits"], of_parent.get("parent")), (&json!([]), None), "{of_parent:#}");
    let (one, two) = (cart.one.dispute_of(&first).await, cart.two.dispute_of(&second).await);
    assert_eq!((figures(&one), figures(&two)), ([600; 4], [400; 4]));
    for own in [&one, &two] {
        assert_eq!((&own["parent"], &own["channel_no"]), (&of_parent["id"], &of_parent["channel_no"]), "{own:#}");
        assert_eq!((&own["reason"], &own["respond_by"]), (&of_parent["reason"], &of_parent["respond_by"]));
    }
    assert_eq!(list(&two["splits"]).len(), 2, "of the receivers of the child: {two:#}");
    let (instant, escrow) = (cart.one.trade(&first).await, cart.two.trade(&second).await);
    assert_eq!((&instant["refundable_amount"], &instant["disputed_amount"]), (&json!(0), &json!(600)));
    assert_eq!((&escrow["status"], &escrow["closed_reason"]), (&json!("closed"), &json!("refunded")), "{escrow:#}");
    assert_eq!(cart.api().trade(&parent).await["disputed_amount"], 1_000);
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 1_000), ("1011.sandbox.dispute", 1_000)]);

    // Each merchant hears of its own, and of nothing else; people have one case, of the parent.
    let (events, _) = cart.one.events_from(None, 100).await;
    let told: Vec<_> = events.iter().filter(|event| event["data"]["object"] == "dispute").collect();
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["dispute.opened", "dispute.lost"]);
    assert!(told.iter().all(|event| event["data"]["id"] == one["id"]), "{told:#?}");
    for foreign in [&of_parent, &two] {
        cart.one.get(&format!("/v1/disputes/{}", id(foreign))).await.refused(404, "not_found");
    }
    let mine = cart.one.get("/v1/disputes").await.ok(200);
    assert_eq!((list(&mine["data"]).len(), &mine["data"][0]), (1, &one), "{mine:#}");
    let number = one["channel_no"].as_str().unwrap();
    let found = cart.one.get(&format!("/v1/search?number={number}")).await.ok(200);
    assert_eq!((list(&found["data"]).len(), &found["data"][0]["id"]), (1, &one["id"]), "{found:#}");
    let chain = cart.api().chain(&parent).await;
    assert_eq!(list(&chain["cases"]).len(), 1, "{chain:#}");
    let nested: Vec<_> = list(&chain["children"]).iter().map(|child| &child["disputes"][0]).collect();
    assert_eq!(nested, [&one, &two], "one look-up shows all of it");
    assert!(list(&chain["children"]).iter().all(|child| child["cases"] == json!([])), "{chain:#}");
}

/// Beside a refund of one child: of each by what it has left, and together never more than its share.
async fn disputed_in_part(host: &Host) {
    let cart = Cart::new(host).await;
    let (parent, [first, second]) = cart.paid(&json!([card_that("dispute_part", 1_000)])).await;
    let refund = cart.one.refund(&first, 200, &json!({})).await.ok(201);
    cart.one.refund_is(&id(&refund), "succeeded").await;
    cart.two.confirm(&second, &json!({"amount": 300})).await.ok(200);
    let of_parent = cart.house.dispute_of(&parent).await;
    assert_eq!(figures(&of_parent), [1_000, 800, 500, 500]);
    let (one, two) = (cart.one.dispute_of(&first).await, cart.two.dispute_of(&second).await);
    assert_eq!((figures(&one), figures(&two)), ([400, 400, 250, 250], [400, 400, 250, 250]));
    let amounts = |trade: &Value| {
        ["refunded_amount", "refundable_amount", "disputed_amount"].map(|field| trade[field].as_i64().unwrap())
    };
    assert_eq!(amounts(&cart.one.trade(&first).await), [200, 150, 250]);
    assert_eq!(amounts(&cart.two.trade(&second).await), [0, 150, 250]);
    cart.one.refund(&first, 151, &json!({})).await.refused(422, "refund_exceeds_paid");
    let rest = cart.one.refund(&first, 150, &json!({})).await.ok(201);
    cart.one.refund_is(&id(&rest), "succeeded").await;
    // No more was lost than was set aside: what a refund had given back already needs nobody.
    let chain = cart.api().chain(&parent).await;
    let cases: Vec<_> = list(&chain["cases"]).iter().map(|case| (&case["kind"], &case["status"])).collect();
    let closed = json!("closed");
    assert_eq!(cases, [(&json!("disputed"), &closed), (&json!("dispute_uncovered"), &closed)]);
}

async fn disputed_and_won(host: &Host) {
    let cart = Cart::new(host).await;
    host.fund("user:42", 500, "CNY").await;
    let (parent, [first, second]) = cart.paid(&json!([balance(500), card_that("dispute_won", 500)])).await;
    let of_parent = cart.house.dispute_of(&parent).await;
    assert_eq!((figures(&of_parent), &of_parent["status"]), ([500, 500, 0, 0], &json!("won")));
    for (shop, child, share) in [(&cart.one, &first, 300), (&cart.two, &second, 200)] {
        let own = shop.dispute_of(child).await;
        assert_eq!((figures(&own), &own["status"]), ([share, share, 0, 0], &json!("won")));
        assert_eq!(shop.trade(child).await["refundable_amount"], 2 * share, "all of it is free again");
    }
}

async fn disputed_in_its_shard(host: &Host) {
    disputed_and_lost(host).await;
}
