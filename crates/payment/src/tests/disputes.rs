//! Disputes: what is set aside beside refunds, how they end, and what people must look at.

use kernel::message::payment::Resolution;
use kernel::message::trade::Share;
use kernel::{OrderType, Owner};

use super::world::{World, amount, balance, card, merchant, money};
use crate::case::{CaseKind, CaseStatus};
use crate::{DisputeStatus, Refusal};

/// 300 by card and 100 of balance, in escrow.
fn paid() -> World {
    let mut world = World::new();
    world.pay(vec![balance(100), card(300)]).unwrap();
    world.paid_exactly(1);
    world.log.clear();
    world
}

/// In escrow, set aside, and disputed away.
fn books(world: &World) -> (i64, i64, i64) {
    let held = world.ledger.holds.values().flatten().map(|(_, minor)| minor).sum();
    (world.ledger.at("2004", money(1).currency), held, world.ledger.at("1011.dispute", money(1).currency))
}

/// Received, on its way back, back.
fn leg(world: &World) -> (i64, i64, i64) {
    let leg = &world.state.payments[0].instructions[1];
    (leg.received, leg.returning, leg.returned)
}

fn cases(world: &World) -> Vec<(CaseKind, i64, CaseStatus)> {
    world.state.cases.iter().map(|case| (case.kind, case.money.amount.minor(), case.status)).collect()
}

#[test]
fn a_dispute_in_every_way() {
    let mut pages = Vec::new();
    let mut world = paid();
    world.disputed(1, "d1", 120);
    assert_eq!((books(&world), leg(&world)), ((400, 120, 0), (300, 120, 0)));
    pages.push(world.story("disputed in part"));
    let mut won = world.clone();
    won.dispute_won(1, "d1");
    assert_eq!((books(&won), leg(&won)), ((400, 0, 0), (300, 0, 0)));
    pages.push(won.story("won"));
    world.dispute_lost(1, "d1", 50);
    assert_eq!((books(&world), leg(&world)), ((350, 0, 50), (300, 0, 50)));
    pages.push(world.story("lost in part"));
    world.disputed(1, "d2", 250);
    world.dispute_lost(1, "d2", 250);
    assert_eq!((books(&world), leg(&world)), ((100, 0, 300), (300, 0, 300)));
    pages.push(world.story("the rest is disputed and lost"));
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn told_again_or_about_nothing_changes_nothing() {
    let mut world = paid();
    world.dispute_lost(1, "d1", 10);
    world.dispute_won(1, "d1");
    assert_eq!(world.state.disputes, []);
    world.disputed(1, "d1", 100);
    let open = world.state.clone();
    world.disputed(1, "d1", 100);
    world.disputed(1, "d1", 90);
    assert_eq!(world.state, open);
    world.dispute_won(1, "d1");
    let over = (world.state.clone(), books(&world));
    world.dispute_lost(1, "d1", 100);
    world.disputed(1, "d1", 100);
    assert_eq!((world.state.clone(), books(&world)), over);
}

#[test]
fn refunds_and_disputes_never_take_more_than_came() {
    let mut world = paid();
    // Of 200, 150 go back by card and 50 to the balance.
    world.refund("r1", 200).unwrap();
    world.disputed(1, "d1", 300);
    assert_eq!(leg(&world), (300, 300, 0));
    assert_eq!(world.state.disputes[0].set_aside(), 150);
    let uncovered = (CaseKind::DisputeUncovered, 150, CaseStatus::Open);
    assert_eq!(cases(&world), [(CaseKind::Disputed, 300, CaseStatus::Open), uncovered]);
    assert!(matches!(world.refund("r2", 51), Err(Refusal::RefundExceedsPaid { left: 50 })));
    world.refunded(2);
    world.dispute_lost(1, "d1", 300);
    assert_eq!((leg(&world), books(&world).2), ((300, 0, 300), 150));
    assert_eq!(
        cases(&world),
        [(CaseKind::Disputed, 300, CaseStatus::Closed), uncovered],
        "people must look at the rest"
    );
    assert_eq!(world.resolve(1, Resolution::Accept), Err(Refusal::CaseClosed));
    world.resolve(2, Resolution::Accept).unwrap();
}

#[test]
fn nobody_decides_in_place_of_the_institution() {
    let mut world = paid();
    world.disputed(1, "d1", 300);
    for resolution in [Resolution::Accept, Resolution::Refund, Resolution::Retry, Resolution::OtherWay] {
        assert!(matches!(world.resolve(1, resolution), Err(Refusal::ActionNotApplicable(_))));
    }
    world.dispute_won(1, "d1");
    assert_eq!(cases(&world), [(CaseKind::Disputed, 300, CaseStatus::Closed)]);
}

#[test]
fn of_all_that_went_back_already_nothing_is_taken() {
    let mut world = paid();
    world.refund("r1", 400).unwrap();
    world.refunded(2);
    let before = books(&world);
    world.disputed(1, "d1", 300);
    world.dispute_lost(1, "d1", 300);
    assert_eq!(books(&world), before);
    assert_eq!((world.state.disputes[0].lost, world.state.disputes[0].taken()), (300, 0));
    assert_eq!(cases(&world)[1], (CaseKind::DisputeUncovered, 300, CaseStatus::Open));
}

#[test]
fn money_that_counts_for_nothing_is_no_receivers() {
    let mut world = World::new();
    world.pay(vec![card(300)]).unwrap();
    world.refused(1);
    world.paid_exactly(1);
    world.disputed(1, "d1", 300);
    assert_eq!(world.state.disputes[0].lines, []);
    world.dispute_lost(1, "d1", 300);
    assert_eq!(books(&world), (0, 0, 0));
}

#[test]
fn who_has_not_so_much_owes_it() {
    let receiver = Owner::Seller(merchant(), "s1".into());
    let mut world = World { receivers: vec![Share { receiver, amount: amount(400) }], ..World::new() };
    world.order_type = OrderType::Instant;
    world.pay(vec![balance(100), card(300)]).unwrap();
    world.paid_exactly(1);
    let place = format!("2003:{}", world.receivers[0].receiver);
    world.ledger.frozen = Some(place.clone());
    world.disputed(1, "d1", 300);
    assert_eq!(cases(&world)[1], (CaseKind::DisputeShort, 300, CaseStatus::Open));
    assert_eq!(world.state.disputes[0].status, DisputeStatus::Open);
    world.dispute_lost(1, "d1", 200);
    let debt = place.replace("2003", "1062");
    assert_eq!((world.ledger.at(&debt, money(1).currency), world.ledger.at(&place, money(1).currency)), (-200, 400));
    assert_eq!(cases(&world)[1].2, CaseStatus::Open, "until it has paid");
}
