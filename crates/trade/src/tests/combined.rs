//! Trades that pay others, and trades that are paid by one.

use kernel::message::payment::{ChildPart, Command as PaymentCommand};
use kernel::message::trade::{Create, LateSuccess, OfParent};
use kernel::{Amount, Code, MerchantId, OrderType, Owner, UserId};

use super::fixture::*;
use crate::{ClosedReason, Message, Status, Trade};

fn refused(create: &Create) -> (Code, Option<String>) {
    blame(Trade::create(create, &known(0)).unwrap_err())
}

#[test]
fn a_parent_has_no_receivers() {
    let (parent, reaction) = Trade::create(&cart(), &known(0)).unwrap();
    assert_eq!((parent.splits.len(), parent.children.len()), (0, 2));
    assert_eq!(parent.children[1].merchant, MerchantId(root(22)));
    assert_eq!((reaction.messages.len(), kinds(&reaction)), (0, vec![("trade.created", 1)]));
    assert_eq!(parent.timers().len(), 1, "its time ends");
    assert_eq!(child_of_cart(0).timers(), [], "a child's ends with it");
}

#[test]
fn paid_it_pays_its_children_and_is_done() {
    let (mut parent, _) = Trade::create(&cart(), &known(0)).unwrap();
    let reaction = parent.handle(succeeded(), &soon()).unwrap();
    assert_eq!(parent.status, Status::Completed);
    assert_eq!((parent.escrow_amount(), parent.refundable_amount()), (0, 0));
    let Message::Payment(PaymentCommand::PayChildren { payment, children }) = only_message(&reaction) else {
        panic!("{reaction:?}")
    };
    let part = |no, minor| ChildPart { trade: kernel::TradeId(root(no)), amount: amount(minor) };
    assert_eq!((payment.no, children.as_slice()), (1, [part(11, 6_000), part(12, 4_000)].as_slice()));
    assert_eq!(kinds(&reaction), [("trade.paid", 2), ("trade.completed", 3)]);
}

#[test]
fn a_child_takes_its_shares_as_a_payment() {
    for (place, minor, receivers) in [(0, 6_000, 1), (1, 4_000, 0)] {
        let mut child = child_of_cart(place);
        let reaction = child.handle(paid_by_parent(minor), &soon()).unwrap();
        assert_eq!((child.status, kinds(&reaction)), (Status::Created, Vec::new()), "the books have the next word");
        let Message::Payment(PaymentCommand::PaidByParent(pay, paid)) = only_message(&reaction) else {
            panic!("{reaction:?}")
        };
        assert_eq!((pay.money.amount, pay.receivers.len(), pay.tools.len()), (amount(minor), receivers, 1));
        assert_eq!((paid.legs.len(), pay.context.merchant), (1, child.context.merchant));
    }
}

#[test]
fn children_close_with_it() {
    for (expired, reason) in [(false, ClosedReason::Canceled), (true, ClosedReason::Expired)] {
        let (mut parent, _) = Trade::create(&cart(), &known(0)).unwrap();
        let stop = if expired { crate::Stop::Expired } else { crate::Stop::Canceled };
        parent.status = Status::Closing(stop);
        let reaction = parent.handle(quiet(), &soon()).unwrap();
        let told: Vec<_> =
            parent.children.iter().map(|it| Message::Child(it.trade, OfParent::Closed { expired })).collect();
        assert_eq!(reaction.messages, told);
        let mut child = child_of_cart(1);
        let reaction = child.handle(closed_by_parent(expired), &soon()).unwrap();
        assert_eq!((child.status, kinds(&reaction)), (Status::Closed(reason), vec![("trade.closed", 2)]));
    }
}

#[test]
fn late_money_opens_nothing_again() {
    let reopen = kernel::message::rules::TradeTerms { late_success: LateSuccess::Reopen, ..known(0).terms };
    let known = crate::Known { terms: reopen, ..known(0) };
    let (parent, _) = Trade::create(&cart(), &known).unwrap();
    let (child, _) = Trade::create(&cart().children[0], &known).unwrap();
    assert_eq!((parent.late_success, child.late_success), (LateSuccess::Refund, LateSuccess::Refund));
}

#[test]
fn what_is_no_cart_is_refused() {
    let changed = |place: usize, change: &dyn Fn(&mut Create)| {
        let mut cart = cart();
        change(&mut cart.children[place]);
        cart
    };
    let not = |place: usize| at(Code::field_not_applicable, &format!("children[{place}]"));
    let other = Owner::User(UserId::parse("43").unwrap());
    assert_eq!(refused(&changed(1, &|it| it.payer = other.clone())), not(1), "another buyer");
    assert_eq!(refused(&changed(0, &|it| it.context.order_type = OrderType::Topup)), not(0));
    assert_eq!(refused(&changed(0, &|it| it.parent = None)), not(0));
    assert_eq!(refused(&changed(0, &|it| it.pay = Some(vec![card(6_000)]))), not(0));
    assert_eq!(refused(&changed(0, &|it| it.money.currency = kernel::Currency::parse("USD").unwrap())), not(0));
    assert_eq!(refused(&changed(1, &|it| it.money.amount = amount(4_001))), at(Code::amount_sum_mismatch, "children"),);
    let huge = changed(1, &|it| it.money.amount = Amount::new(kernel::limits::MAX_AMOUNT_MINOR).unwrap());
    assert_eq!(refused(&huge), at(Code::amount_out_of_range, "children"));
    let many = Create { children: vec![cart().children[0].clone(); 31], ..cart() };
    assert_eq!(refused(&many), at(Code::too_many_objects, "children"));
    assert_eq!(refused(&Create { children: Vec::new(), ..cart() }), at(Code::field_not_applicable, "children"));
    let sale = Create { children: cart().children, ..order(OrderType::Escrow) };
    assert_eq!(refused(&sale), at(Code::field_not_applicable, "children"));
    let late = Create { late_success: Some(LateSuccess::Reopen), ..cart() };
    assert_eq!(refused(&late), at(Code::field_not_applicable, "late_success"));
}

#[test]
fn the_same_cart() {
    let (trade, _) = Trade::create(&cart(), &known(0)).unwrap();
    assert!(trade.same_content(&cart(), &known(0).terms));
    let mut other = cart();
    other.children[1].context.merchant = MerchantId(root(23));
    assert!(!trade.same_content(&other, &known(0).terms));
    other.children.pop();
    assert!(!trade.same_content(&other, &known(0).terms));
    let alone = Create { parent: None, ..cart().children[0].clone() };
    assert!(!child_of_cart(0).same_content(&alone, &known(0).terms), "its number is that of a child");
}
