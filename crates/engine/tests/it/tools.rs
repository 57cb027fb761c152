//! Good data of tools that are no money: points, and what is owed, with its bills.

use channel::Answer;
use engine::request::{Command, CreditChange};
use kernel::message::channel::PayOutcome;
use kernel::message::payment::Tool;
use kernel::{Amount, BillId, Owner, PointsGrantId, Time, TradeId};
use payment::BillTerms;

use crate::stories::{accepted, confirm, paid, refund, refunded};
use crate::world::{Sale, World, card, cny, user};

/// Points: given and taken back; held, spent beside a card and at once, given back in parts; short, and let go.
pub(crate) fn points(world: &mut World) -> (TradeId, PointsGrantId) {
    world.rules(
        "book = \"points\"\nabout = \"Three points pay two.\"\norder_type = \"escrow\"\n\
         [[rule]]\nname = \"much\"\nwhen = 'payment.amount >= 400'\n\
         points = { currency = \"CNY\", points = 3, amount = 2, budget = true }\n\
         [[rule]]\nname = \"little\"\npoints = { currency = \"CNY\", points = 3, amount = 2 }\n",
    );
    world.fund_budget(Owner::Merchant(world.merchant), 150);
    let grant = world.grant("u1", 600);
    world.ok(Command::ReversePoints { grant, points: Amount::new(50).ok() });
    world.grant("u2", 100);
    let mixed = world.sell(Sale::escrow("u1", 400).paid(vec![(Tool::Points, 101), (card(), 299)]));
    world.word(mixed, 1, paid(cny(299), "PT1"));
    world.tell_trade(mixed, refund("r1", 100));
    world.word(mixed, 2, refunded(cny(75), "PT2"));
    world.tell_trade(mixed, confirm(None));
    let alone = world.sell(Sale::escrow("u1", 90).paid(vec![(Tool::Points, 90)]));
    world.tell_trade(alone, refund("r1", 30));
    world.tell_trade(alone, refund("r2", 60));
    let short = world.create(&Sale::escrow("u2", 100).paid(vec![(Tool::Points, 100)])).1;
    let short = world.ok(short);
    assert_eq!(short["payment"]["failure"]["code"], "insufficient_balance", "{short}");
    let declined = world.sell(Sale::escrow("u1", 80).paid(vec![(Tool::Points, 50), (card(), 30)]));
    world.word(declined, 1, Answer::Pay(PayOutcome::Failed { code: "do_not_honor".to_owned() }));
    let open = world.sell(Sale::escrow("u1", 80).paid(vec![(Tool::Points, 50), (card(), 30)]));
    world.word(open, 1, accepted());
    world.no_rules("points");
    (mixed, grant)
}

/// On credit: held, drawn beside a card and at once, beyond the limit, frozen, repaid, given back beyond what is owed.
pub(crate) fn credit(world: &mut World) -> TradeId {
    let line = world.lend("u1", 300);
    let mixed = world.sell(Sale::escrow("u1", 400).paid(vec![(Tool::Credit, 250), (card(), 150)]));
    world.word(mixed, 1, paid(cny(150), "CR1"));
    let beyond = world.create(&Sale::instant("u1", 51).paid(vec![(Tool::Credit, 51)])).1;
    assert_eq!(world.ok(beyond)["payment"]["failure"]["code"], "credit_exceeded");
    world.sell(Sale::repayment("u1", 200).paid(vec![(Tool::Balance, 200)]));
    world.tell_trade(mixed, refund("r1", 160));
    world.word(mixed, 2, refunded(cny(60), "CR2"));
    world.tell_trade(mixed, confirm(None));
    let alone = world.sell(Sale::instant("u1", 100).paid(vec![(Tool::Credit, 100)]));
    world.tell_trade(alone, refund("r1", 40));
    let declined = world.sell(Sale::escrow("u1", 80).paid(vec![(Tool::Credit, 50), (card(), 30)]));
    world.word(declined, 1, Answer::Pay(PayOutcome::Failed { code: "do_not_honor".to_owned() }));
    world.ok(Command::ChangeCredit { line, change: CreditChange::Freeze });
    let frozen = world.create(&Sale::instant("u1", 5).paid(vec![(Tool::Credit, 5)])).1;
    assert_eq!(world.ok(frozen)["payment"]["failure"]["code"], "credit_frozen");
    world.ok(Command::ChangeCredit { line, change: CreditChange::Unfreeze });
    let open = world.sell(Sale::escrow("u1", 80).paid(vec![(Tool::Credit, 50), (card(), 30)]));
    world.word(open, 1, accepted());
    world.ok(Command::ChangeCredit { line, change: CreditChange::Limit(Amount::new(10).unwrap()) });
    mixed
}

/// Four bills of a line: one was paid late, by a repayment and a refund; two by one repayment of more than is owed; one is open.
pub(crate) fn bills(world: &mut World) {
    let at = |text: &str| Time::parse(&format!("{text}T00:00:00Z")).unwrap();
    let until = |world: &World, day: &str| world.pass(at(day).since(world.now()));
    let buy = |minor: i64| Sale::instant("u6", minor).paid(vec![(Tool::Credit, minor)]);
    let line = world.lend_on("u6", 500, Some(BillTerms { day: 10, due_days: 5 }));
    let bill = |no: u16| BillId::new(line, no);
    let first = world.sell(buy(200));
    until(world, "2026-12-10");
    world.system(Command::BillCredit(line));
    // Once per period, whoever asks again.
    world.system(Command::BillCredit(line));
    world.system(Command::ExpireBill(bill(1)));
    world.sell(buy(50));
    until(world, "2026-12-15");
    let late = world.create(&buy(5)).1;
    assert_eq!(world.ok(late)["payment"]["failure"]["code"], "credit_overdue", "whether or not the timer has run");
    world.system(Command::ExpireBill(bill(1)));
    world.system(Command::ExpireBill(bill(1)));
    world.fund(user("u6"), 300);
    let beyond = world.create(&Sale::repayment("u6", 251).paid(vec![(Tool::Balance, 251)])).1;
    assert_eq!(world.ok(beyond)["payment"]["failure"]["code"], "repayment_exceeds_owed");
    // Some of it from outside, and the rest from the balance.
    let repaid = world.sell(Sale::repayment("u6", 199).paid(vec![(Tool::Balance, 100), (card(), 99)]));
    world.word(repaid, 1, paid(cny(99), "RP1"));
    let late = world.create(&buy(5)).1;
    assert_eq!(world.ok(late)["payment"]["failure"]["code"], "credit_overdue");
    world.tell_trade(first, refund("r1", 1));
    until(world, "2027-01-10");
    world.system(Command::BillCredit(line));
    let third = world.sell(buy(40));
    until(world, "2027-01-15");
    world.system(Command::ExpireBill(bill(2)));
    // On the next bill all the same; nothing was drawn in the period after that.
    world.ok(Command::ChangeCredit { line, change: CreditChange::Terms(BillTerms { day: 20, due_days: 60 }) });
    until(world, "2027-01-20");
    world.system(Command::BillCredit(line));
    world.tell_trade(third, refund("r1", 10));
    // More than is owed: the rest is on the balance.
    let repaid = world.sell(Sale::repayment("u6", 500).paid(vec![(card(), 500)]));
    world.word(repaid, 1, paid(cny(500), "RP2"));
    world.sell(buy(25));
    until(world, "2027-02-20");
    world.system(Command::BillCredit(line));
}
