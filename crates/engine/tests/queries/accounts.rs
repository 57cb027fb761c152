//! Accounts now and as of a moment, statements of account, the trial balance.

use engine::ports::Clock as _;
use engine::query::Part;
use engine::request::Command;
use futures::executor::block_on;
use kernel::message::payment::Tool;
use kernel::message::trade::Command as TradeCommand;
use kernel::time::{DAY_US, HOUR_US, SECOND_US};
use kernel::{Owner, Time};
use serde_json::Value;

use crate::house::{House, balance_of, card, cny, first, json, user};

fn posted(house: &House, at: Option<Time>) -> Value {
    let found = block_on(house.queries.account(balance_of("42"), at)).unwrap().unwrap();
    assert_eq!(found.merchant, None, "a user's account is no merchant's");
    json(&found.body)["posted"].clone()
}

#[test]
fn an_account_as_of_a_moment() {
    let mut house = House::new();
    assert_eq!(block_on(house.queries.account(balance_of("42"), None)).unwrap(), None);
    let before = house.clock.now();
    let mut moments = Vec::new();
    for no in 1..=9 {
        house.clock.pass(HOUR_US);
        house.fund("42", 100);
        moments.push((house.clock.now().plus(SECOND_US), no * 100));
    }
    house.project();
    assert_eq!(posted(&house, None), 900);
    assert_eq!(posted(&house, Some(before)), 0);
    for (at, amount) in moments {
        assert_eq!(posted(&house, Some(at)), amount, "{at}");
    }
    let page = block_on(house.queries.account_transfers(balance_of("42"), first(9))).unwrap();
    for line in page.data.iter().map(String::as_str).map(json) {
        let at = Time::parse(line["created_at"].as_str().unwrap()).unwrap();
        assert_eq!(posted(&house, Some(at)), line["posted"], "at its own moment it is in");
        assert_ne!(posted(&house, Some(at.plus(-1))), line["posted"], "and before it is not");
    }
}

#[test]
fn a_statement_is_complete_and_ends_at_the_balance() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 1_000);
    for no in 0..4 {
        house.trade(merchant, &format!("A{no}"), Some(Tool::Balance), 100 + no);
    }
    house.project();
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let part = Part { limit: 2, after, stale: false };
        let page = block_on(house.queries.account_transfers(balance_of("42"), part)).unwrap();
        lines.extend(page.data.iter().map(String::as_str).map(json));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut balance = 0;
    for line in lines.iter().rev() {
        let amount = line["amount"].as_i64().unwrap();
        balance += if line["side"] == "credit" { amount } else { -amount };
        assert_eq!(line["posted"], balance, "{line}");
    }
    assert_eq!(lines.len(), 5);
    assert_eq!(posted(&house, None), balance);
    assert_eq!(lines[0]["template"], "pay", "newest first: {}", lines[0]);
    let unique: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(unique.len(), 5);
}

#[test]
fn an_owners_accounts() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 1_000);
    let (trade, _) = house.trade(merchant, "A1", Some(Tool::Balance), 600);
    house.say(Command::Trade(trade, TradeCommand::Confirm { amount: None, splits: Vec::new() }));
    house.project();
    let of = |owner: &Owner| -> Vec<(Value, Value)> {
        let accounts = block_on(house.queries.accounts(owner)).unwrap();
        accounts
            .iter()
            .map(String::as_str)
            .map(json)
            .map(|account| (account["subject"].clone(), account["available"].clone()))
            .collect()
    };
    assert_eq!(of(&user("42")), [("2001".into(), 400.into())]);
    assert_eq!(of(&Owner::Seller(merchant, "s1".to_owned())), [("2003".into(), 600.into())]);
    assert!(of(&user("43")).is_empty());
}

#[test]
fn the_trial_balance_now_and_by_date() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.fund("42", 1_000);
    house.clock.pass(DAY_US);
    house.trade(merchant, "A1", Some(Tool::Balance), 600);
    let (held, _) = house.trade(merchant, "A2", card(), 300);
    house.clock.pass(DAY_US);
    house.paid_outside(held, 300);
    house.project();

    let trial = |date| json(&block_on(house.queries.trial_balance(cny(1).currency, date)).unwrap());
    let balance = |trial: &Value, subject: &str| {
        let rows = trial["rows"].as_array().unwrap();
        rows.iter().find(|row| row["subject"] == subject).map_or(0, |row| row["balance"].as_i64().unwrap())
    };
    let rows = |trial: Value| trial["rows"].clone();
    let now = trial(None);
    assert_eq!(now["balanced"], true);
    assert_eq!([balance(&now, "2001"), balance(&now, "2004"), balance(&now, "1011.sandbox.in")], [400, 900, 1_300]);
    let days = [20_261_123, 20_261_124, 20_261_125].map(|day| trial(Some(day)));
    for (day, wanted) in days.iter().zip([[1_000, 0, 1_000], [400, 600, 1_000], [400, 900, 1_300]]) {
        assert_eq!(day["balanced"], true);
        assert_eq!(["2001", "2004", "1011.sandbox.in"].map(|subject| balance(day, subject)), wanted, "{day}");
    }
    assert_eq!(rows(now), rows(trial(Some(20_261_231))), "the day sums come out at the accounts");
    assert_eq!(trial(Some(20_261_122))["rows"].as_array().unwrap().len(), 0);
    assert_eq!(trial(Some(20_261_122))["balanced"], true);
    assert_eq!(block_on(house.queries.account_transfers(balance_of("42"), first(1))).unwrap().data.len(), 1);
}
