//! One payment for several trades: what a parent tells its children, and what a child does with it.

use kernel::message::channel::Purpose;
use kernel::message::payment::{ChildPart, Command, LegShare, ParentPaid, Pay, Tool, ToolRequest};
use kernel::message::trade::LateSuccess;
use kernel::{Code, Context, OrderId, OrderType, Owner, PaymentId, Problem, SubType, TradeId};

use super::show;
use super::world::{World, amount, balance, buyer, card, coupon, coupon_id, merchant, money, root, trade};
use crate::{Input, PaymentStatus, Way};

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
        coupon_source: None,
    };
    let mut of_coupon = leg(4, Tool::Coupon(coupon_id(1)), 30, None);
    of_coupon.coupon_source = Some(kernel::message::accounting::CouponSource::Expense);
    let of_card = leg(6, Tool::Channel { method: "card".into(), sandbox: None }, 120, Some(3));
    ParentPaid { payment: parent(), rule_version: 1, legs: vec![of_coupon, leg(5, Tool::Balance, 50, None), of_card] }
}

fn take(world: &mut World) {
    let tool = |leg: &LegShare| ToolRequest { tool: leg.tool.clone(), amount: leg.amount };
    let pay = Pay {
        context: Context { merchant: merchant(), order_type: OrderType::Escrow, sub_type: SubType::general() },
        due: 1,
        money: money(200),
        payer: Owner::User(buyer()),
        expires_at: world.expires_at,
        receivers: Vec::new(),
        late_success: LateSuccess::Refund,
        tools: paid().legs.iter().map(tool).collect(),
        destination: None,
    };
    world.tell(Input::Command(Command::PaidByParent(Box::new(pay), Box::new(paid())))).unwrap();
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
    assert!(first.legs[0].coupon_source.is_some());
}

#[test]
fn a_child_has_its_shares_as_a_payment() {
    let mut world = paid_child();
    let payment = &world.state.payments[0];
    assert_eq!((payment.status, payment.parent), (PaymentStatus::Succeeded, Some(parent())));
    assert_eq!((world.ledger.at("2012", super::world::cny()), world.told_succeeded), (0, 1));
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
