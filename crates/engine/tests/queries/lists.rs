//! Lists: their order, their pages, whose they are, and that they show what was written before they were asked.

use engine::query::{Filter, Page, Part};
use engine::request::Command;
use futures::FutureExt as _;
use futures::executor::block_on;
use kernel::message::channel::DisputeOutcome;
use kernel::message::payment::{CaseAct, Resolution};
use kernel::message::trade::Command as TradeCommand;
use kernel::{Code, DisputeId, KeyId, MerchantId, RootId, Time, TradeId};

use crate::house::{House, card, cny, first, json};

fn ids(page: &Page) -> Vec<String> {
    page.data.iter().map(|object| json(object)["id"].as_str().unwrap().to_owned()).collect()
}

fn texts(trades: &[TradeId]) -> Vec<String> {
    trades.iter().map(TradeId::to_string).collect()
}

/// Ten trades of two merchants, every third one closed; newest first.
fn ten(house: &mut House) -> (Vec<(MerchantId, TradeId, &'static str)>, [MerchantId; 2]) {
    let merchants = [house.merchant(), house.merchant()];
    let mut trades = Vec::new();
    for no in 0..10_usize {
        let merchant = merchants[no % 2];
        let (trade, _) = house.trade(merchant, &format!("A{no}"), None, 100);
        if no % 3 == 0 {
            house.say(Command::Trade(trade, TradeCommand::Close));
        }
        trades.push((merchant, trade, if no % 3 == 0 { "closed" } else { "created" }));
    }
    trades.reverse();
    (trades, merchants)
}

#[test]
fn trades_by_merchant_and_status_page_by_page() {
    let mut house = House::new();
    let (trades, merchants) = ten(&mut house);
    house.project();
    for merchant in [None, Some(merchants[0]), Some(merchants[1])] {
        for status in [None, Some("closed"), Some("created"), Some("paid")] {
            let wanted: Vec<TradeId> = trades
                .iter()
                .filter(|trade| {
                    merchant.is_none_or(|merchant| trade.0 == merchant) && status.is_none_or(|status| trade.2 == status)
                })
                .map(|trade| trade.1)
                .collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let part = Part { limit: 2, after, stale: false };
                let page = block_on(house.queries.trades(Filter { merchant, status }, part)).unwrap();
                assert!(page.data.len() <= 2 && page.as_of.is_none());
                seen.extend(ids(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, texts(&wanted), "{merchant:?} {status:?}");
        }
    }
    let nonsense = Part { limit: 2, after: Some("x".to_owned()), stale: false };
    let problem = block_on(house.queries.trades(Filter::default(), nonsense)).unwrap_err();
    assert_eq!(problem.code, Code::cursor_invalid);
}

#[test]
fn a_list_waits_for_what_was_written_before_it_was_asked() {
    let mut house = House::new();
    let merchant = house.merchant();
    house.project();
    let (trade, _) = house.trade(merchant, "A1", None, 100);
    let queries = house.queries.clone();

    let stale = Part { stale: true, ..first(10) };
    let page = block_on(queries.trades(Filter::default(), stale)).unwrap();
    assert!(page.data.is_empty() && page.as_of.is_some(), "it says as of when");

    let mut list = Box::pin(queries.trades(Filter::default(), first(10)));
    // The clock of this test runs to every alarm at once, so the list gives up in its first poll.
    let behind = (&mut list).now_or_never().unwrap().unwrap_err();
    assert_eq!(behind.code, Code::projection_behind);

    house.project();
    assert_eq!(ids(&block_on(queries.trades(Filter::default(), first(10))).unwrap()), texts(&[trade]));
}

#[test]
fn a_list_sees_what_another_process_projected() {
    let mut house = House::new();
    let merchant = house.merchant();
    let (trade, _) = house.trade(merchant, "A1", None, 100);
    let side = house.store.side(store::Place::Derived).unwrap();
    let mut other = engine::work::projections::Projections::new(0, house.store.reader(), side, Default::default());
    while block_on(other.tick(100)).unwrap().more {}
    assert_eq!(ids(&block_on(house.queries.trades(Filter::default(), first(10))).unwrap()), texts(&[trade]));
}

#[test]
fn cases_open_and_close() {
    let mut house = House::new();
    let merchant = house.merchant();
    let (trade, _) = house.trade(merchant, "A1", card(), 3_000);
    house.paid_outside(trade, 2_000);
    house.project();
    let list = |house: &House, status| {
        ids(&block_on(house.queries.cases(Filter { merchant: Some(merchant), status }, first(10))).unwrap())
    };
    let open = list(&house, Some("open"));
    assert_eq!(open.len(), 1, "other money than asked came");
    assert!(list(&house, Some("closed")).is_empty());
    let case = kernel::CaseId::parse(&open[0]).unwrap();
    let key = |who| KeyId(RootId::from_bytes([who; 16]));
    let act = |house: &mut House, who, act| house.say(Command::Case { case, by: key(who), act });
    let note = || "back".to_owned();
    act(&mut house, 1, CaseAct::Comment { text: note(), attachment: None });
    act(&mut house, 1, CaseAct::Propose { resolution: Resolution::Refund, note: note() });
    act(&mut house, 1, CaseAct::Assign { to: note() });
    house.project();
    assert_eq!(list(&house, Some("proposed")), open, "remarks leave it where it is");
    assert!(list(&house, Some("open")).is_empty());
    act(&mut house, 2, CaseAct::Reject { note: note() });
    house.project();
    assert_eq!(list(&house, Some("open")), open);
    act(&mut house, 2, CaseAct::Resolve { resolution: Resolution::Refund, note: note() });
    house.project();
    assert_eq!(list(&house, Some("closed")), open);
    assert!(list(&house, Some("open")).is_empty());
    assert_eq!(ids(&block_on(house.queries.cases(Filter::default(), first(10))).unwrap()), open);
}

#[test]
fn events_are_walked_without_gaps_and_by_their_merchant_only() {
    let mut house = House::new();
    let (_, merchants) = ten(&mut house);
    house.project();
    let walk = |merchant: Option<MerchantId>, limit| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = block_on(house.queries.events(merchant, Part { limit, after, stale: false })).unwrap();
            after = page.next;
            assert!(after.is_some(), "there is always a place to go on from");
            if page.data.is_empty() {
                return (seen, after);
            }
            seen.extend(page.data);
        }
    };
    let (all, _) = walk(None, 3);
    assert_eq!(all.len(), 14, "ten opened, four closed");
    assert_eq!(walk(None, 100).0, all);
    for merchant in merchants {
        let own: Vec<String> =
            all.iter().filter(|event| json(event)["merchant_id"] == merchant.to_string()).cloned().collect();
        assert_eq!(walk(Some(merchant), 1).0, own);
        assert_eq!(walk(Some(merchant), 100).0, own);
    }
    let ends = merchants.map(|merchant| walk(Some(merchant), 100).1);
    let batch = [("B1", 1), ("B2", 0), ("B3", 1)];
    let commands = batch.map(|(number, whose)| house.order(merchants[whose], number, None, 100).1);
    house.ask(commands.into());
    house.project();
    for (whose, wanted) in [(0, vec!["B2"]), (1, vec!["B1", "B3"])] {
        let (mut after, mut seen) = (ends[whose].clone(), Vec::new());
        for _ in 0..3 {
            let part = Part { limit: 1, after, stale: false };
            let page = block_on(house.queries.events(Some(merchants[whose]), part)).unwrap();
            seen.extend(page.data.iter().map(|event| json(event)["data"]["merchant_order_id"].clone()));
            after = page.next;
        }
        assert_eq!(seen, wanted, "one batch, told to two merchants in turn");
    }
}

#[test]
fn disputes_are_listed_by_merchant_and_status_newest_first() {
    let mut house = House::new();
    let merchants = [house.merchant(), house.merchant()];
    let at = Time::from_micros(1);
    let mut wanted = Vec::new();
    for no in 0..6_usize {
        let (trade, _) = house.trade(merchants[no % 2], &format!("A{no}"), card(), 300);
        house.paid_outside(trade, 300);
        let (number, reason) = (format!("D{no}"), "fraudulent".to_owned());
        let opened = DisputeOutcome::Opened { number: number.clone(), money: cny(100), reason, respond_by: at, at };
        house.disputed(trade, opened);
        house.project();
        let status = ["open", "won", "lost"][no % 3];
        match status {
            "won" => house.disputed(trade, DisputeOutcome::Won { number, at }),
            "lost" => house.disputed(trade, DisputeOutcome::Lost { number, money: cny(100), at }),
            _ => {}
        }
        wanted.push((merchants[no % 2], DisputeId::new(trade, 1).to_string(), status));
    }
    wanted.reverse();
    house.project();
    for merchant in [None, Some(merchants[0])] {
        for status in [None, Some("open"), Some("won"), Some("lost")] {
            let fits = |it: &&(MerchantId, String, &str)| {
                merchant.is_none_or(|merchant| it.0 == merchant) && status.is_none_or(|status| it.2 == status)
            };
            let wanted: Vec<String> = wanted.iter().filter(fits).map(|it| it.1.clone()).collect();
            let page = block_on(house.queries.disputes(Filter { merchant, status }, first(10))).unwrap();
            assert_eq!(ids(&page), wanted, "{merchant:?} {status:?}");
        }
    }
}
