//! What may pay a trade: whatever is offered is accepted, and what is not has the reason that a payment would be told.

use std::sync::Arc;

use engine::query::Asker;
use engine::request::{Caller, Command, ControlCommand};
use futures::executor::block_on;
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::Command as TradeCommand;
use kernel::time::SECOND_US;
use kernel::{Amount, Code, CouponId, KeyId, MerchantId, RootId, TradeId};
use proptest::prelude::*;
use rules::RuleBook;
use serde_json::{Value, json};

use crate::house::{House, card, json as read};

/// Somebody of the platform.
fn platform() -> Asker {
    Asker { caller: Caller::Platform, users_debit: true }
}

fn offer(house: &House, trade: TradeId, asker: &Asker) -> Value {
    read(&block_on(house.queries.offer(trade, asker)).unwrap().unwrap().body)
}

/// The tools as an offer names them, with the code of the reason of each that cannot be used.
fn tools(offer: &Value) -> Vec<(String, i64, String)> {
    let name = |tool: &Value| {
        let which = tool.get("coupon").or_else(|| tool.get("method")).unwrap_or(&tool["tool"]);
        let reason = tool["reason"]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!(tool["usable"], reason.is_empty(), "{tool:#}");
        (which.as_str().unwrap().to_owned(), tool["amount"].as_i64().unwrap(), reason)
    };
    offer["tools"].as_array().unwrap().iter().map(name).collect()
}

/// Tools as a payment takes them.
fn wanted(tools: &Value) -> Vec<ToolRequest> {
    let tool = |tool: &Value| ToolRequest {
        tool: match tool["tool"].as_str().unwrap() {
            "balance" => Tool::Balance,
            "coupon" => Tool::Coupon(CouponId::parse(tool["coupon"].as_str().unwrap()).unwrap()),
            _ => Tool::Channel { method: tool["method"].as_str().unwrap().to_owned(), sandbox: None },
        },
        amount: Amount::new(tool["amount"].as_i64().unwrap()).unwrap(),
    };
    tools.as_array().unwrap().iter().map(tool).collect()
}

/// What a payment is answered: its object, or the problem.
fn pay(house: &mut House, trade: TradeId, tools: Vec<ToolRequest>) -> Value {
    let reply = house.ask(vec![Command::Trade(trade, TradeCommand::Pay { due: None, tools })]).remove(0).unwrap();
    read(&reply.body)
}

fn in_use(house: &mut House, source: &str) {
    let key = |who| KeyId(RootId::from_bytes([who; 16]));
    let book = Arc::new(RuleBook::load(source).unwrap());
    let name = book.name.clone();
    let upload = ControlCommand::UploadRules { source: source.to_owned(), book, by: key(1) };
    let version = read(&house.say(Command::Control(upload)))["version"].as_i64().unwrap();
    let release = ControlCommand::ReleaseRules { book: name, version, from: None, again: false, by: key(2) };
    house.say(Command::Control(release));
}

fn rule(says: &str) -> String {
    format!("book = \"shop\"\nabout = \"x\"\n[[rule]]\nname = \"the-rule\"\n{says}\n")
}

fn unpaid(house: &mut House, merchant: MerchantId, amount: i64) -> TradeId {
    let (trade, _) = house.trade(merchant, &format!("N{amount}"), None, amount);
    trade
}

#[test]
fn every_tool_with_its_reason() {
    let mut house = House::new();
    let (merchant, other) = (house.merchant(), house.merchant());
    house.fund("42", 300);
    let soon = engine::ports::Clock::now(&*house.clock).plus(60 * SECOND_US);
    let good = house.coupon("42", Some(merchant), 200, None);
    let shared = house.coupon("42", None, 150, None);
    let expired = house.coupon("42", Some(merchant), 140, Some(soon));
    let foreign = house.coupon("42", Some(other), 130, None);
    let held = house.coupon("42", None, 120, None);
    let spent = house.coupon("42", None, 110, None);
    let theirs = house.coupon("43", None, 100, None);
    let busy = unpaid(&mut house, merchant, 500);
    let amount = |minor| Amount::new(minor).unwrap();
    let tool = |tool, minor| ToolRequest { tool, amount: amount(minor) };
    let (coupon, rest) = (tool(Tool::Coupon(held), 120), tool(card().unwrap(), 380));
    assert_eq!(pay(&mut house, busy, vec![coupon, rest])["status"], "processing");
    let small = unpaid(&mut house, merchant, 110);
    assert_eq!(pay(&mut house, small, vec![tool(Tool::Coupon(spent), 110)])["status"], "succeeded");
    house.clock.pass(61 * SECOND_US);
    let trade = unpaid(&mut house, merchant, 1_000);
    house.project();

    let seen = offer(&house, trade, &platform());
    assert_eq!((&seen["due"], &seen["amount"], &seen["currency"]), (&json!(1), &json!(1_000), &json!("CNY")));
    let none = String::new;
    let said = |code: &str| code.to_owned();
    let expected = [
        ("card".to_owned(), 1_000, none()),
        ("balance".to_owned(), 300, none()),
        (good.to_string(), 200, none()),
        (shared.to_string(), 150, none()),
        (expired.to_string(), 140, said("coupon_not_applicable")),
        (foreign.to_string(), 130, said("coupon_not_applicable")),
        (held.to_string(), 120, said("coupon_taken")),
    ];
    assert_eq!(tools(&seen), expected, "{seen:#}");
    let words = |place: usize| seen["tools"][place]["reason"]["message"].as_str().unwrap();
    assert_eq!((words(4), words(5)), ("the coupon has expired", "the coupon is for another merchant"));
    assert!(!seen.to_string().contains(&theirs.to_string()) && !seen.to_string().contains(&spent.to_string()));
    let suggested = json!([
        {"tool": "coupon", "coupon": good.to_string(), "amount": 200},
        {"tool": "coupon", "coupon": shared.to_string(), "amount": 150},
        {"tool": "balance", "amount": 300},
        {"tool": "channel", "method": "card", "amount": 350},
    ]);
    assert_eq!(seen["suggestion"], suggested);

    // A merchant sees what is its own, and of the buyer's what the buyer lets it spend.
    let own = Asker { caller: Caller::Merchant(merchant), users_debit: true };
    let names = |seen: &Value| tools(seen).into_iter().map(|tool| tool.0).collect::<Vec<_>>();
    let own_seen = offer(&house, trade, &own);
    assert!(!names(&own_seen).contains(&foreign.to_string()), "another merchant's coupon");
    assert_eq!(own_seen["suggestion"], suggested);
    let plain = offer(&house, trade, &Asker { users_debit: false, ..own });
    assert_eq!(names(&plain), ["card".to_owned(), "balance".to_owned(), good.to_string(), expired.to_string()]);
    let balance = &plain["tools"][1];
    assert_eq!((&balance["available"], &balance["amount"]), (&Value::Null, &json!(0)), "{balance:#}");
    assert_eq!(balance["reason"]["code"], "payer_consent_required");
    assert!(plain["suggestion"].as_array().unwrap().iter().all(|tool| tool["tool"] != "balance"));
    let stranger = Asker { caller: Caller::Merchant(other), users_debit: true };
    assert_eq!(block_on(house.queries.offer(trade, &stranger)).unwrap(), None);

    let paid = pay(&mut house, trade, wanted(&suggested));
    assert_eq!(paid["status"], "processing", "{paid:#}");
}

#[test]
fn rules_say_what_may_pay_and_in_which_order() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 600);
    house.coupon("42", None, 100, None);
    let trade = unpaid(&mut house, merchant, 1_000);
    house.project();
    in_use(&mut house, &rule("order = [\"balance\", \"channel\", \"coupon\"]"));
    let names = |seen: &Value| -> Vec<String> {
        let tools = seen["suggestion"].as_array().unwrap().iter();
        tools.map(|tool| tool["tool"].as_str().unwrap().to_owned()).collect()
    };
    house.project();
    assert_eq!(names(&offer(&house, trade, &platform())), ["balance", "channel", "coupon"]);

    let limit = "limit = { tool = \"balance\", currency = \"CNY\", min = 1, max = 500 }";
    in_use(&mut house, &rule(limit));
    house.project();
    let seen = offer(&house, trade, &platform());
    let balance = seen["tools"].as_array().unwrap().iter().find(|tool| tool["tool"] == "balance").unwrap();
    assert_eq!(balance["reason"]["code"], "rule_refused", "{seen:#}");
    assert!(balance["reason"]["message"].as_str().unwrap().contains("the-rule"), "{balance:#}");
    assert_eq!(names(&seen), ["coupon", "channel"]);

    in_use(&mut house, &rule("refuse = \"not today\""));
    house.project();
    let seen = offer(&house, trade, &platform());
    assert_eq!(seen["suggestion"], Value::Null);
    assert!(tools(&seen).iter().all(|tool| tool.2 == "rule_refused"), "{seen:#}");
}

#[test]
fn a_method_that_cannot_pay_all_of_it_pays_what_a_coupon_leaves() {
    let mut house = House::new();
    let merchant = house.merchant();
    let coupon = house.coupon("42", None, 100, None);
    let trade = unpaid(&mut house, merchant, 1_000);
    in_use(&mut house, &rule("limit = { tool = \"channel:card\", currency = \"CNY\", min = 1, max = 900 }"));
    house.project();
    let seen = offer(&house, trade, &platform());
    let card = ("card".to_owned(), 900, String::new());
    let balance = ("balance".to_owned(), 0, "insufficient_balance".to_owned());
    assert_eq!(tools(&seen), [card, balance, (coupon.to_string(), 100, String::new())], "{seen:#}");
    assert_eq!(seen["suggestion"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_not_to_be_paid_has_no_offer() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 600);
    let paid = unpaid(&mut house, merchant, 100);
    pay(&mut house, paid, vec![ToolRequest { tool: Tool::Balance, amount: Amount::new(100).unwrap() }]);
    let closed = unpaid(&mut house, merchant, 200);
    house.say(Command::Trade(closed, TradeCommand::Close));
    let over = unpaid(&mut house, merchant, 300);
    house.project();
    house.clock.pass(3 * kernel::time::HOUR_US);
    for trade in [paid, closed, over] {
        let problem = block_on(house.queries.offer(trade, &platform())).unwrap_err();
        assert_eq!(problem.code, Code::trade_not_payable, "{trade}");
    }
    let closing = unpaid(&mut house, merchant, 400);
    let sent = vec![ToolRequest { tool: card().unwrap(), amount: Amount::new(400).unwrap() }];
    pay(&mut house, closing, sent);
    house.say(Command::Trade(closing, TradeCommand::Close));
    house.project();
    let plain = Asker { caller: Caller::Merchant(merchant), users_debit: false };
    let problem = block_on(house.queries.offer(closing, &plain)).unwrap_err();
    assert_eq!(problem.code, Code::trade_not_payable, "whatever the key may not see");
    let nobody = TradeId(house.draw("user:42"));
    assert_eq!(block_on(house.queries.offer(nobody, &platform())).unwrap(), None);
}

const BOOKS: [&str; 7] = [
    "",
    "order = [\"channel\", \"coupon\", \"balance\"]",
    "limit = { tool = \"balance\", currency = \"CNY\", min = 50, max = 300 }",
    "limit = { tool = \"channel:card\", currency = \"CNY\", min = 100, max = 400 }",
    "combine = [[\"coupon\", \"balance\"], [\"channel\"]]",
    "tools = [\"coupon\", \"channel\"]",
    "when = 'tools.coupon * 2 > payment.amount'\nrefuse = \"a coupon pays half at most\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_offered_is_accepted(
        due in 1i64..1_000,
        balance in 0i64..800,
        faces in prop::collection::vec(1i64..700, 0..4),
        book in 0..BOOKS.len(),
        earlier in prop::option::of(any::<bool>()),
    ) {
        let mut house = House::new();
        let merchant = house.merchant();
        if balance > 0 {
            house.fund("42", balance);
        }
        let coupons: Vec<CouponId> = faces.iter().map(|face| house.coupon("42", None, *face, None)).collect();
        if !BOOKS[book].is_empty() {
            in_use(&mut house, &rule(BOOKS[book]));
        }
        let trade = unpaid(&mut house, merchant, due);
        // An earlier attempt of this trade, or of another one, has something of it.
        if let (Some(of_this), Some(coupon)) = (earlier, coupons.first().filter(|_| due > faces[0])) {
            let attempted = if of_this { trade } else { house.trade(merchant, "other", None, due).0 };
            let tools = json!([
                {"tool": "coupon", "coupon": coupon.to_string(), "amount": faces[0]},
                {"tool": "channel", "method": "card", "amount": due - faces[0]},
            ]);
            pay(&mut house, attempted, wanted(&tools));
            house.accepted(attempted);
        }
        house.project();
        let seen = offer(&house, trade, &platform());
        for tool in seen["tools"].as_array().unwrap() {
            if tool["amount"] == due && tool["usable"] == false {
                let told = pay(&mut house, trade, wanted(&json!([tool])));
                let code = told.get("code").unwrap_or(&told["failure"]["code"]);
                prop_assert_eq!(code, &tool["reason"]["code"], "{:#}", told);
            }
        }
        if let Value::Array(suggestion) = &seen["suggestion"] {
            let sum: i64 = suggestion.iter().map(|tool| tool["amount"].as_i64().unwrap()).sum();
            prop_assert_eq!(sum, due);
            let paid = pay(&mut house, trade, wanted(&seen["suggestion"]));
            prop_assert!(paid["object"] == "payment" && paid["status"] != "failed", "{:#}", paid);
            let ran = paid["instructions"].as_array().unwrap().iter();
            let ran: Vec<_> = ran.map(|leg| (leg["tool"].clone(), leg["amount"].clone())).collect();
            let offered: Vec<_> = suggestion.iter().map(|it| (it["tool"].clone(), it["amount"].clone())).collect();
            prop_assert_eq!(ran, offered, "in the order in which they run");
        } else {
            let alone = json!([{"tool": "channel", "method": "card", "amount": due}]);
            let told = pay(&mut house, trade, wanted(&alone));
            prop_assert!(told["object"] != "payment" || told["status"] == "failed", "{:#}", told);
        }
    }
}
