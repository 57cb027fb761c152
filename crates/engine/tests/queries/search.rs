//! One number, whatever it is.

use accounting::{AccountKey, Subject};
use channel::adapter::Answer;
use channel::order::{Source, Told};
use engine::query::Hits;
use engine::request::Command;
use futures::executor::block_on;
use kernel::message::channel::{DisputeOutcome, PayOutcome};
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::trade::{Command as TradeCommand, Refund};
use kernel::{Code, DisputeId, InstructionId, MerchantId, OrderId, Owner, PaymentId, RefundId, Time, TradeId, UserId};
use serde_json::{Value, json};

use crate::house::{House, SALT, card, cny, first, json as read};

fn hits(house: &House, number: &str, merchant: Option<MerchantId>) -> Vec<Value> {
    let hits = block_on(house.queries.search(number, merchant, 10, false)).unwrap();
    assert!(!hits.more && hits.as_of.is_none());
    hits.data.iter().map(|hit| read(hit)).collect()
}

fn hit(object: &str, id: impl ToString, trade: TradeId, merchant: MerchantId, found_as: &str) -> Value {
    json!({
        "object": object, "id": id.to_string(), "trade_id": trade.to_string(), "merchant_id": merchant.to_string(),
        "found_as": found_as,
    })
}

fn refund(house: &mut House, trade: TradeId, number: &str) {
    house.say(Command::Trade(
        trade,
        TradeCommand::Refund(Refund {
            merchant_refund_id: number.to_owned(),
            amount: cny(100).amount,
            reason: None,
            splits: Vec::new(),
            sandbox: None,
            users_debit: true,
        }),
    ));
}

/// The institution says that money came for a trade's first order, under this number.
fn paid(house: &mut House, trade: TradeId, channel_no: &str) {
    let outcome = PayOutcome::Paid {
        money: cny(3_000),
        at: engine::ports::Clock::now(&*house.clock),
        channel_no: channel_no.to_owned(),
    };
    let told =
        Told { order: OrderId::new(trade, 1), word: Answer::Pay(outcome), source: Source::Notify, digest: [1; 32] };
    house.say(Command::Word(told));
}

#[test]
fn every_number_of_a_trade_leads_to_it() {
    let mut house = House::new();
    let (merchant, other) = (house.merchant(), house.merchant());
    let (trade, _) = house.trade(merchant, "A1", card(), 3_000);
    paid(&mut house, trade, "BANK-7");
    refund(&mut house, trade, "R1");
    let at = engine::ports::Clock::now(&*house.clock);
    let (number, reason) = ("DSP-3".to_owned(), "fraudulent".to_owned());
    house.disputed(trade, DisputeOutcome::Opened { number, money: cny(500), reason, respond_by: at, at });
    house.project();

    let own = |object: &str, id: &dyn std::fmt::Display, as_what| hit(object, id, trade, merchant, as_what);
    let order = OrderId::new(trade, 1);
    let chain = read(&block_on(house.queries.chain(trade, true)).unwrap().unwrap().body);
    let event = chain["events"][0]["id"].as_str().unwrap().to_owned();
    let transfer = chain["vouchers"][0]["transfers"][0]["id"].as_str().unwrap().to_owned();
    let wanted = [
        (trade.to_string(), own("trade", &trade, "id")),
        (PaymentId::new(trade, 1).to_string(), own("payment", &PaymentId::new(trade, 1), "id")),
        (InstructionId::new(trade, 1).to_string(), own("instruction", &InstructionId::new(trade, 1), "id")),
        (RefundId::new(trade, 1).to_string(), own("refund", &RefundId::new(trade, 1), "id")),
        (DisputeId::new(trade, 1).to_string(), own("dispute", &DisputeId::new(trade, 1), "id")),
        (order.to_string(), own("channel_order", &order, "id")),
        (order.institution_number(), own("channel_order", &order, "number")),
        (event.clone(), own("event", &event, "id")),
        (transfer.clone(), own("transfer", &transfer, "id")),
        ("A1".to_owned(), own("trade", &trade, "merchant_order_id")),
        ("R1".to_owned(), own("refund", &RefundId::new(trade, 1), "merchant_refund_id")),
        ("BANK-7".to_owned(), own("channel_order", &order, "channel_no")),
    ];
    for (number, wanted) in wanted {
        assert_eq!(hits(&house, &number, None), std::slice::from_ref(&wanted), "{number}");
        assert_eq!(hits(&house, &number, Some(merchant)), [wanted], "{number}");
        assert_eq!(hits(&house, &number, Some(other)), Vec::<Value>::new(), "{number} is not for another");
    }
    let dispute = own("dispute", &DisputeId::new(trade, 1), "channel_no");
    assert_eq!(hits(&house, "DSP-3", Some(merchant)), [own("channel_order", &order, "channel_no"), dispute]);
    assert_eq!(hits(&house, "DSP-3", Some(other)), Vec::<Value>::new());
    let absent = [
        "A2".to_owned(),
        "a1".to_owned(),
        PaymentId::new(trade, 2).to_string(),
        InstructionId::new(trade, 2).to_string(),
        RefundId::new(trade, 2).to_string(),
        OrderId::new(trade, 9).to_string(),
        kernel::CaseId::new(trade, 9).to_string(),
        DisputeId::new(trade, 2).to_string(),
        TradeId(house.draw("user:42")).to_string(),
    ];
    for number in absent {
        assert_eq!(hits(&house, &number, None), Vec::<Value>::new(), "{number}");
    }
}

#[test]
fn a_number_may_be_several_things_and_many_merchants() {
    let mut house = House::new();
    let (mine, other) = (house.merchant(), house.merchant());
    let (trade, _) = house.trade(mine, "X", card(), 3_000);
    paid(&mut house, trade, "X");
    refund(&mut house, trade, "X");
    let (theirs, _) = house.trade(other, "X", None, 100);
    house.project();
    let found = hits(&house, "X", Some(mine));
    let as_what: Vec<&Value> = found.iter().map(|hit| &hit["found_as"]).collect();
    assert_eq!(as_what, ["channel_no", "merchant_refund_id", "merchant_order_id"]);
    assert_eq!(hits(&house, "X", Some(other)), [hit("trade", theirs, theirs, other, "merchant_order_id")]);
    assert_eq!(hits(&house, "X", None).len(), 4);
    let bounded = block_on(house.queries.search("X", None, 2, false)).unwrap();
    assert_eq!((bounded.data.len(), bounded.more), (2, true));
    // An id of ours may be somebody's own number as well.
    let (copy, _) = house.trade(other, &trade.to_string(), None, 100);
    house.project();
    assert_eq!(
        hits(&house, &trade.to_string(), None),
        [hit("trade", trade, trade, mine, "id"), hit("trade", copy, copy, other, "merchant_order_id")]
    );
}

/// The number of a movement that another order has already is in no claim of the second one; its case has it.
#[test]
fn a_number_that_an_institution_gave_twice_leads_to_both() {
    let mut house = House::new();
    let merchant = house.merchant();
    let (trade, _) = house.trade(merchant, "A1", card(), 3_000);
    let (second, _) = house.trade(merchant, "A2", card(), 3_000);
    paid(&mut house, trade, "BANK-7");
    paid(&mut house, second, "BANK-7");
    house.project();
    let case = kernel::CaseId::new(second, 1);
    assert_eq!(
        hits(&house, "BANK-7", Some(merchant)),
        [
            hit("channel_order", OrderId::new(trade, 1), trade, merchant, "channel_no"),
            hit("case", case, second, merchant, "channel_no"),
        ]
    );
    assert_eq!(hits(&house, &case.to_string(), None), [hit("case", case, second, merchant, "id")]);
}

#[test]
fn a_coupon_leads_to_the_trade_that_has_it() {
    let mut house = House::new();
    let (merchant, other) = (house.merchant(), house.merchant());
    let id = house.coupon("42", None, 100, None);
    house.project();
    let free = hits(&house, &id.to_string(), None);
    assert_eq!((&free[0]["trade_id"], &free[0]["merchant_id"]), (&Value::Null, &Value::Null));
    assert_eq!(hits(&house, &id.to_string(), Some(merchant)), Vec::<Value>::new(), "the platform's");

    let (trade, _) = house.trade(merchant, "A1", None, 100);
    let tool = ToolRequest { tool: Tool::Coupon(id), amount: cny(100).amount };
    house.say(Command::Trade(trade, TradeCommand::Pay { due: None, tools: vec![tool] }));
    house.project();
    assert_eq!(hits(&house, &id.to_string(), Some(merchant)), [hit("coupon", id, trade, merchant, "id")]);
    assert_eq!(hits(&house, &id.to_string(), Some(other)), Vec::<Value>::new());
}

#[test]
fn what_belongs_to_no_trade_is_the_platforms() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 500);
    house.project();
    let owner = Owner::User(UserId::parse("42").unwrap());
    let key = AccountKey { owner, subject: Subject::USER_BALANCE, currency: cny(1).currency };
    let page = block_on(house.queries.account_transfers(key.id(&SALT), first(1))).unwrap();
    let transfer = read(&page.data[0])["id"].as_str().unwrap().to_owned();
    let found = hits(&house, &transfer, None);
    assert_eq!((&found[0]["object"], &found[0]["trade_id"]), (&json!("transfer"), &Value::Null));
    assert_eq!(hits(&house, &transfer, Some(merchant)), Vec::<Value>::new());
}

#[test]
fn numbers_of_merchants_wait_for_the_projections_or_say_as_of_when() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.project();
    house.trade(merchant, "A1", None, 100);
    let problem = block_on(house.queries.search("A1", None, 10, false)).unwrap_err();
    assert_eq!(problem.code, Code::projection_behind);
    let Hits { data, more, as_of } = block_on(house.queries.search("A1", None, 10, true)).unwrap();
    assert!(data.is_empty() && !more && as_of.is_some_and(|time| time > Time::from_micros(0)));
    house.project();
    assert_eq!(block_on(house.queries.search("A1", None, 10, true)).unwrap().data.len(), 1);
}
