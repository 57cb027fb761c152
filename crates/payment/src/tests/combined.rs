//! One payment for several trades: what a parent tells its children, and what a child does with it.

use std::sync::Arc;

use kernel::message::accounting::CouponSource;
use kernel::message::channel::Purpose;
use kernel::message::payment::{ChildPart, Command, LegShare, ParentPaid, Pay, ShareDisputed, Tool, ToolRequest};
use kernel::message::rules::PointsWorth;
use kernel::message::trade::LateSuccess;
use kernel::{
    Code, Context, Currency, DisputeId, Money, OrderId, OrderType, Owner, PaymentId, Problem, SubType, TradeId,
};

use super::show;
use super::world::{World, amount, balance, buyer, card, cny, coupon, coupon_id, merchant, money, points, root, trade};
use crate::{DisputeStatus, Input, PaymentStatus, Payments, Way};

fn child(no: u128) -> TradeId {
    TradeId(root(50 + no))
}

fn parent() -> PaymentId {
    PaymentId::new(TradeId(root(60)), 2)
}

/// The shares of what a parent paid: 30 by coupon, 50 of balance, 120 by card; that of its instructions 4 to 6.
fn paid() -> ParentPaid {
    let leg = |instruction, tool, minor, order: Option<u16>| LegShare {
        instruction,
        tool,
        amount: amount(minor),
        channel_account: order.map(|_| "sandbox".to_owned()),
        order,
        source: None,
        points: 0,
        credit_limit: None,
    };
    let mut of_coupon = leg(4, Tool::Coupon(coupon_id(1)), 30, None);
    of_coupon.source = Some(CouponSource::Expense);
    let of_card = leg(6, Tool::Channel { method: "card".into(), sandbox: None }, 120, Some(3));
    ParentPaid { payment: parent(), rule_version: 1, legs: vec![of_coupon, leg(5, Tool::Balance, 50, None), of_card] }
}

fn take(world: &mut World) {
    take_shares(world, paid());
}

fn take_shares(world: &mut World, paid: ParentPaid) {
    let tool = |leg: &LegShare| ToolRequest { tool: leg.tool.clone(), amount: leg.amount };
    let pay = Pay {
        context: Context { merchant: merchant(), order_type: OrderType::Escrow, sub_type: SubType::general() },
        due: 1,
        money: money(200),
        payer: Owner::User(buyer()),
        expires_at: world.expires_at,
        receivers: Vec::new(),
        late_success: LateSuccess::Refund,
        tools: paid.legs.iter().map(tool).collect(),
        destination: None,
    };
    world.tell(Input::Command(Command::PaidByParent(Box::new(pay), Box::new(paid)))).unwrap();
}

/// A child that its parent paid.
fn paid_child() -> World {
    let mut world = World { most: Some((1, 1)), ..World::new() };
    world.ledger.fund("2012", money(200));
    take(&mut world);
    world
}

#[test]
fn a_parent_tells_each_child_its_shares() {
    let mut world = World { order_type: OrderType::Combined, ..World::new() };
    world.pay(vec![coupon(1, 100), balance(233), card(667)]).unwrap();
    world.paid_exactly(1);
    world.log.clear();
    let part = |no, minor| ChildPart { trade: child(no), amount: amount(minor) };
    let command = |payment| Command::PayChildren {
        payment: PaymentId::new(trade(), payment),
        children: vec![part(1, 600), part(2, 399), part(3, 1)],
    };
    world.tell(Input::Command(command(2))).unwrap();
    assert_eq!(world.told_children, [], "there is no such payment");
    world.tell(Input::Command(command(1))).unwrap();
    let shares: Vec<(TradeId, Vec<(u16, i64)>)> = world
        .told_children
        .iter()
        .map(|(trade, paid)| (*trade, paid.legs.iter().map(|leg| (leg.instruction, leg.amount.minor())).collect()))
        .collect();
    let of = |no, shares: &[(u16, i64)]| (child(no), shares.to_vec());
    assert_eq!(
        shares,
        [of(1, &[(1, 60), (2, 140), (3, 400)]), of(2, &[(1, 40), (2, 93), (3, 266)]), of(3, &[(3, 1)])],
        "both margins are exact, and what is nothing is left out",
    );
    let (_, first) = &world.told_children[0];
    assert_eq!((first.legs[2].order, first.legs[2].channel_account.as_deref()), (Some(1), Some("sandbox")));
    assert!(first.legs[0].source.is_some());
}

#[test]
fn a_child_has_its_shares_as_a_payment() {
    let mut world = paid_child();
    let payment = &world.state.payments[0];
    assert_eq!((payment.status, payment.parent), (PaymentStatus::Succeeded, Some(parent())));
    assert_eq!((world.ledger.at("2012", cny()), world.told_succeeded), (0, 1));
    assert!(world.counters.is_empty(), "it counts where the parent's counts");
    take(&mut world);
    assert_eq!(world.state.payments.len(), 1, "told twice, nothing happens");
}

#[test]
fn a_child_gives_back_no_more_than_its_shares() {
    let mut world = paid_child();
    world.log.clear();
    world.refund("r1", 100).unwrap();
    let mut out = world.story("half of it");
    let place = world.orders.values().next_back().unwrap().clone();
    assert!(matches!(place.purpose, Purpose::Refund { of, .. } if of == OrderId::new(parent().trade, 3)));
    assert_eq!(place.order.trade, trade(), "in its own name, of what the parent paid");
    world.refunded(4);
    out += &world.story("the institution gave it back");
    assert_eq!(Problem::from(world.refund("r2", 101).unwrap_err()).code, Code::refund_exceeds_paid);
    world.refund("r2", 100).unwrap();
    world.refunded(5);
    out += &world.story("all of it");
    let ways: Vec<Way> = world.state.parts().filter(|part| part.instruction == 4).map(|part| part.way).collect();
    assert_eq!(ways, [Way::CouponSource, Way::CouponSource], "a coupon that paid a cart is spent");
    insta::assert_snapshot!(out + &show::state(&world.state));
}

/// Told that so much of its share of instruction 6 is disputed.
fn share_disputed(world: &mut World, parent: u16, minor: i64) {
    let told = ShareDisputed::Opened {
        instruction: 6,
        channel_no: format!("d{parent}"),
        money: money(minor),
        reason: Some("fraudulent".into()),
        respond_by: Some(world.now.plus(1)),
    };
    tell_share(world, parent, told);
}

fn tell_share(world: &mut World, parent: u16, told: ShareDisputed) {
    let parent = DisputeId::new(self::parent().trade, parent);
    world.tell(Input::Command(Command::ShareDisputed { parent, told: Box::new(told) })).unwrap();
}

/// Received, on its way back, back: of the share of the card.
fn of_card(world: &World) -> (i64, i64, i64) {
    let leg = &world.state.payments[0].instructions[2];
    (leg.received, leg.returning, leg.returned)
}

#[test]
fn a_child_has_its_part_of_a_dispute() {
    let mut world = paid_child();
    world.log.clear();
    share_disputed(&mut world, 1, 120);
    share_disputed(&mut world, 1, 120);
    assert_eq!((world.state.disputes.len(), of_card(&world)), (1, (120, 120, 0)), "told twice, nothing happens");
    assert_eq!(world.state.cases, [], "people have one case, of the parent's");
    // What it lost is gone, what is left can be disputed or refunded, and no more.
    tell_share(&mut world, 1, ShareDisputed::Ended { lost: 41 });
    tell_share(&mut world, 1, ShareDisputed::Ended { lost: 120 });
    let dispute = &world.state.disputes[0];
    assert_eq!((dispute.status, dispute.lost, dispute.taken()), (DisputeStatus::Lost, 41, 41));
    assert_eq!((of_card(&world), world.ledger.at("1011.dispute", cny())), ((120, 0, 41), 41));
    share_disputed(&mut world, 2, 79);
    assert_eq!(of_card(&world), (120, 79, 41));
    tell_share(&mut world, 3, ShareDisputed::Ended { lost: 79 });
    tell_share(&mut world, 2, ShareDisputed::Ended { lost: 0 });
    assert_eq!((world.state.disputes[1].status, of_card(&world)), (DisputeStatus::Won, (120, 0, 41)));
    assert_eq!(Problem::from(world.refund("r1", 160).unwrap_err()).code, Code::refund_exceeds_paid);
    world.refund("r1", 159).unwrap();
}

/// A child whose share of the parent's card is so much, and of which nothing went back.
fn with_share(no: u128, minor: i64) -> Payments {
    let mut state = paid_child().state;
    state.trade = child(no);
    for leg in &mut state.payments[0].instructions {
        leg.no -= 3;
    }
    let leg = &mut state.payments[0].instructions[2];
    (leg.received, leg.returning, leg.returned) = (minor, 0, 0);
    state
}

/// A parent that was paid 1,000 by card, by its one instruction, and how much its children have left of that.
fn parent_with(left: &[i64]) -> World {
    let mut world = World { order_type: OrderType::Combined, ..World::new() };
    world.pay(vec![coupon(1, 100), balance(233), card(667)]).unwrap();
    world.paid_exactly(1);
    world.children = (1..).zip(left).map(|(no, left)| Arc::new(with_share(no, *left))).collect();
    world
}

/// How much of which child.
type Parts = Vec<(TradeId, i64)>;

/// What the children were told since, in their order: what is disputed, and what is lost.
fn told(world: &mut World) -> (Parts, Parts) {
    let (mut opened, mut ended) = (Vec::new(), Vec::new());
    for (child, parent, told) in std::mem::take(&mut world.told_shares) {
        assert_eq!(parent.trade, trade());
        match told {
            ShareDisputed::Opened { money, instruction, .. } => {
                assert_eq!(instruction, 3);
                opened.push((child, money.amount.minor()));
            }
            ShareDisputed::Ended { lost } => ended.push((child, lost)),
        }
    }
    (opened, ended)
}

/// Keeps what the children did with what they were told.
fn keep(world: &mut World, opened: &[(TradeId, i64)]) {
    let template = {
        let mut world = paid_child();
        share_disputed(&mut world, 1, 1);
        world.state.disputes.remove(0)
    };
    let no = world.state.disputes.len() as u16;
    for (trade, minor) in opened {
        let place = world.children.iter().position(|child| child.trade == *trade).unwrap();
        let child = Arc::make_mut(&mut world.children[place]);
        let parent = Some(DisputeId::new(super::world::trade(), no));
        child.disputes.push(crate::Dispute { no, parent, money: money(*minor), instruction: 3, ..template.clone() });
        child.payments[0].instructions[2].returning += minor;
    }
}

#[test]
fn a_dispute_of_a_parent_is_its_childrens() {
    let mut world = parent_with(&[400, 266, 1]);
    world.disputed(1, "d1", 667);
    let (opened, _) = told(&mut world);
    assert_eq!(opened, [(child(1), 400), (child(2), 266), (child(3), 1)], "all of it is all of each");
    keep(&mut world, &opened);
    assert_eq!((world.state.disputes[0].covered(), world.state.disputes[0].set_aside()), (667, 0));
    assert_eq!(world.state.cases.len(), 1);
    // Nothing is left for a second one.
    world.disputed(1, "d2", 10);
    assert_eq!(told(&mut world), (vec![], vec![]));
    assert_eq!((world.state.disputes[1].covered(), world.state.cases.len()), (0, 3));
    world.dispute_lost(1, "d1", 100);
    let (_, lost) = told(&mut world);
    assert_eq!(lost, [(child(1), 60), (child(2), 40), (child(3), 0)], "and of whom nothing is taken, it has won");
    assert_eq!(world.state.disputes[0].lost_of_covered(), 100);
    let leg = &world.state.payments[0].instructions[2];
    assert_eq!((leg.returning, leg.returned), (0, 0), "a parent's figures are not its children's");
    world.dispute_lost(1, "d2", 10);
    assert_eq!(told(&mut world), (vec![], vec![]));
}

#[test]
fn a_part_is_disputed_of_all_by_what_they_have_left() {
    let mut world = parent_with(&[40, 0, 20]);
    world.disputed(1, "d1", 30);
    let (opened, _) = told(&mut world);
    assert_eq!(opened, [(child(1), 20), (child(3), 10)], "who has given back all of it is not asked again");
    keep(&mut world, &opened);
    world.dispute_won(1, "d1");
    assert_eq!(told(&mut world).1, [(child(1), 0), (child(3), 0)]);
    // More than the children have left: what is beyond is for people.
    let mut world = parent_with(&[40, 0, 20]);
    world.disputed(1, "d1", 667);
    let (opened, _) = told(&mut world);
    keep(&mut world, &opened);
    assert_eq!(world.state.disputes[0].covered(), 60);
    assert_eq!(world.state.cases[1].money, money(607));
    world.dispute_lost(1, "d1", 667);
    assert_eq!(told(&mut world).1, [(child(1), 40), (child(3), 20)]);
}

#[test]
fn a_childs_points_and_its_debt_are_its_own() {
    let mut world = World::new();
    world.ledger.fund("2012", money(200));
    let points = Money { amount: amount(400), currency: Currency::POINTS };
    world.ledger.fund("2034.shared", points);
    let share = |instruction, tool, minor| LegShare {
        instruction,
        tool,
        amount: amount(minor),
        channel_account: None,
        order: None,
        source: None,
        points: 0,
        credit_limit: None,
    };
    let mut by_points = share(1, Tool::Points, 120);
    (by_points.source, by_points.points) = (Some(CouponSource::Expense), 400);
    let mut on_credit = share(2, Tool::Credit, 80);
    on_credit.credit_limit = Some(500);
    take_shares(&mut world, ParentPaid { payment: parent(), rule_version: 1, legs: vec![by_points, on_credit] });
    assert_eq!(world.state.payments[0].status, PaymentStatus::Succeeded);
    assert_eq!((world.ledger.at("2034.shared", Currency::POINTS), world.ledger.at("2012", cny())), (0, 0));
    // A quarter of what is left of each, and in the end all.
    world.refund("r1", 50).unwrap();
    assert_eq!(world.ledger.at("2034:42", Currency::POINTS), 1_100);
    world.refund("r2", 150).unwrap();
    assert_eq!(world.ledger.at("2034:42", Currency::POINTS), 1_400);
    let ways: Vec<_> = world.state.parts().map(|part| (part.way, part.amount.minor(), part.points)).collect();
    let expected = [(Way::Points, 30, 100), (Way::Credit, 20, 0), (Way::Points, 90, 300), (Way::Credit, 60, 0)];
    assert_eq!(ways, expected);
}

#[test]
fn a_merchants_budget_pays_for_no_cart() {
    let mut world = World { order_type: OrderType::Combined, ..World::new() };
    world.terms.points = Some(PointsWorth { points: 3, minor: 2, budget: true });
    let problem = Problem::from(world.pay(vec![points(100)]).unwrap_err());
    assert_eq!((problem.code, problem.param.as_deref()), (Code::tool_not_applicable, Some("tools[0].tool")));
}
