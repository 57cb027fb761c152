//! Objects by id, by order number, and the whole chain.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::news::Object;
use engine::request::Command;
use futures::executor::block_on;
use kernel::message::payment::Tool;
use kernel::message::trade::{Command as TradeCommand, Refund};
use kernel::{Bucket, CaseId, PaymentId, RefundId, RootId, Time, TradeId};

use crate::house::{House, card, cny, first, json};

/// A part of what was paid.
fn refund() -> Refund {
    Refund {
        merchant_refund_id: "R1".to_owned(),
        amount: cny(1_000).amount,
        reason: None,
        splits: Vec::new(),
        sandbox: None,
        users_debit: true,
    }
}

#[test]
fn a_read_shows_the_same_bytes_as_the_answer() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 5_000);
    let (trade, answered) = house.trade(merchant, "A1", Some(Tool::Balance), 3_000);
    let found = block_on(house.queries.object(Object::Trade(trade))).unwrap().unwrap();
    assert_eq!((found.merchant, found.body.as_str()), (Some(merchant), answered.as_str()));
    let payment = block_on(house.queries.object(Object::Payment(PaymentId::new(trade, 1)))).unwrap().unwrap();
    assert!(answered.contains(&payment.body), "the trade shows its payment");
    assert_eq!(payment.merchant, Some(merchant));

    let refunded = house.say(Command::Trade(trade, TradeCommand::Refund(refund())));
    let found = block_on(house.queries.object(Object::Refund(RefundId::new(trade, 1)))).unwrap().unwrap();
    assert_eq!(found.body, refunded);

    let told = house.told.lock().unwrap()[&trade].clone().expect("the line knows what it has changed");
    for object in
        [Object::Trade(trade), Object::Payment(PaymentId::new(trade, 1)), Object::Refund(RefundId::new(trade, 1))]
    {
        let read = block_on(house.elsewhere().object(object)).unwrap();
        assert_eq!(told.show(object), read, "told after the commit, and read from its rows");
        assert_eq!(block_on(house.queries.object(object)).unwrap(), read);
    }
    assert_eq!(told.show(Object::Refund(RefundId::new(trade, 2))), None);
}

#[test]
fn what_was_just_written_is_shown_without_its_rows_and_never_when_another_has_gone_on() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 5_000);
    let (trade, answered) = house.trade(merchant, "A1", Some(Tool::Balance), 3_000);
    let (object, tables) = (Object::Trade(trade), Arc::clone(&house.asked));
    let shown = |house: &House| block_on(house.queries.object(object)).unwrap().unwrap().body;
    assert_eq!((shown(&house), tables.load(Ordering::Relaxed)), (answered.clone(), 0), "known, and no row was read");

    house.by_another(|house| house.say(Command::Trade(trade, TradeCommand::Refund(refund()))));
    let refunded = shown(&house);
    assert_eq!(
        (&json(&refunded)["refunded_amount"], json(&answered)["refunded_amount"].as_i64()),
        (&1_000.into(), Some(0))
    );
    assert!(tables.load(Ordering::Relaxed) > 0, "read from the rows");

    // The next batch of ours comes after a gap: what was kept before it is not believed again.
    house.trade(merchant, "A2", None, 100);
    assert_eq!(shown(&house), refunded);
    house.say(Command::Trade(trade, TradeCommand::Confirm { amount: None, splits: Vec::new() }));
    let before = tables.load(Ordering::Relaxed);
    let confirmed = shown(&house);
    assert_eq!(tables.load(Ordering::Relaxed), before, "known again");
    let read = block_on(house.elsewhere().object(object)).unwrap().unwrap().body;
    assert_eq!(read, confirmed, "the rows say the same");
}

#[test]
fn what_is_not_there_is_none() {
    let house = House::new();
    let nobody = TradeId(RootId::new(Time::from_micros(1), Bucket::of("x"), 1));
    assert_eq!(block_on(house.queries.object(Object::Trade(nobody))).unwrap(), None);
    assert_eq!(block_on(house.queries.object(Object::Payment(PaymentId::new(nobody, 1)))).unwrap(), None);
    assert_eq!(block_on(house.queries.object(Object::Case(CaseId::new(nobody, 1)))).unwrap(), None);
    assert_eq!(block_on(house.queries.event("evt_nonsense")).unwrap(), None);
}

#[test]
fn an_order_number_is_its_merchants() {
    let mut house = House::new();
    let (mine, other) = (house.merchant(), house.merchant());
    let (trade, _) = house.trade(mine, "A1", None, 100);
    let (theirs, _) = house.trade(other, "A1", None, 100);
    let by_order = |merchant, number: &str| block_on(house.queries.trade_by_order(merchant, number)).unwrap();
    assert_eq!(json(&by_order(mine, "A1").unwrap().body)["id"], trade.to_string());
    assert_eq!(json(&by_order(other, "A1").unwrap().body)["id"], theirs.to_string());
    assert_eq!(by_order(mine, "A2"), None);
    assert_eq!(block_on(house.queries.trade_by_order(other, "a1")).unwrap(), None);
}

#[test]
fn the_chain_leads_from_the_order_to_the_ledger() {
    let mut house = House::new();
    let merchant = house.merchant();
    let (trade, _) = house.trade(merchant, "A1", card(), 3_000);
    house.trade(merchant, "A2", card(), 7_000);
    house.paid_outside(trade, 3_000);
    // Two requests for two trades in one batch: the chain shows its own only.
    let (second, create) = house.order(merchant, "A3", None, 500);
    let confirm = Command::Trade(trade, TradeCommand::Confirm { amount: None, splits: Vec::new() });
    let close = Command::Trade(second, TradeCommand::Close);
    assert!(house.ask(vec![create, confirm, close]).into_iter().all(|reply| !reply.unwrap().problem));
    house.project();

    let found = block_on(house.queries.chain(trade, true)).unwrap().unwrap();
    assert_eq!(found.merchant, Some(merchant));
    let chain = json(&found.body);
    assert_eq!(chain["trade"]["status"], "completed");
    assert_eq!(chain["payments"][0]["status"], "succeeded");
    let order = &chain["channel_orders"][0];
    assert_eq!((&order["status"], &order["receipts"]), (&"paid".into(), &1.into()));
    assert_eq!(order["evidence"][0]["digest"], "ab".repeat(32));
    let amounts: Vec<i64> = chain["vouchers"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|voucher| voucher["transfers"].as_array().unwrap())
        .map(|transfer| transfer["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(amounts, [3_000, 3_000], "into escrow, and to the receiver");
    let released = &chain["vouchers"][1]["transfers"][0];
    assert_eq!((&released["debit"]["subject"], &released["credit"]["subject"]), (&"2004".into(), &"2003".into()));
    assert_eq!(released["credit"]["owner"], "seller:s1");
    assert!(released["id"].as_str().unwrap().starts_with("trf_"));
    let kinds: Vec<&str> =
        chain["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let last = kinds.len() - 1;
    assert_eq!((kinds[0], kinds[last]), ("trade.created", "trade.completed"));
    assert!(kinds.contains(&"payment.succeeded") && !kinds.contains(&"trade.closed"), "{kinds:?}");

    let other = json(&block_on(house.queries.chain(second, true)).unwrap().unwrap().body);
    assert_eq!(other["trade"]["status"], "closed");
    assert_eq!(other["vouchers"].as_array().unwrap().len(), 0);
}

#[test]
fn an_event_is_found_by_its_id() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.trade(merchant, "A1", None, 100);
    house.project();
    let page = block_on(house.queries.events(Some(merchant), first(10))).unwrap();
    let id = json(&page.data[0])["id"].as_str().unwrap().to_owned();
    let found = block_on(house.queries.event(&id)).unwrap().unwrap();
    assert_eq!((found.merchant, &found.body), (Some(merchant), &page.data[0]));
}
