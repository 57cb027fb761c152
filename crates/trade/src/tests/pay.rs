//! Paying: what is ordered, and what a success means.

use kernel::message::payment::{self, Fact};
use kernel::time::HOUR_US;
use kernel::{Code, OrderType, PaymentId, limits};

use super::fixture::*;
use crate::{ClosedReason, DuePaid, Input, Message, Moved, Reaction, Status, Stop};

fn ordered(order_type: OrderType) -> payment::Pay {
    let reaction = created(order_type).handle(pay(10_000), &soon()).unwrap();
    let Message::Payment(payment::Command::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    pay.as_ref().clone()
}

#[test]
fn a_payment_is_ordered_for_the_whole_due() {
    let pay = ordered(OrderType::Escrow);
    assert_eq!((pay.due, pay.money.amount, pay.expires_at), (1, amount(10_000), T0.plus(2 * HOUR_US)));
    assert!(pay.receivers.is_empty(), "escrow money waits");
    assert_eq!(ordered(OrderType::Instant).receivers, [share("a", 6_000), share("b", 4_000)]);
}

#[test]
fn tools_sum_to_the_due() {
    let trade = created(OrderType::Escrow);
    assert_eq!(refusal(&trade, pay(9_999)), at(Code::amount_sum_mismatch, "tools"));
    assert_eq!(refusal(&trade, pay_with(Vec::new())), at(Code::amount_sum_mismatch, "tools"));
    let huge = vec![card(limits::MAX_AMOUNT_MINOR), card(1)];
    assert_eq!(refusal(&trade, pay_with(huge)), at(Code::amount_out_of_range, "tools"));
}

#[test]
fn nothing_is_paid_at_or_after_the_expiry() {
    let mut trade = created(OrderType::Escrow);
    assert!(trade.handle(pay(10_000), &known(2 * HOUR_US - 1)).is_ok());
    let late = trade.handle(pay(10_000), &known(2 * HOUR_US)).unwrap_err();
    assert_eq!(blame(late), (Code::trade_not_payable, None));
}

#[test]
fn escrow_waits_and_instant_is_over_at_once() {
    let mut escrow = created(OrderType::Escrow);
    let reaction = escrow.handle(succeeded(), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.paid", 2)]);
    assert_eq!((escrow.status, escrow.paid, escrow.escrow_amount()), (Status::Paid, 10_000, 10_000));
    assert_eq!(escrow.dues[0].paid, Some(DuePaid { payment: 1, at: soon().now }));

    let mut instant = created(OrderType::Instant);
    let reaction = instant.handle(succeeded(), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.paid", 2), ("trade.completed", 3)]);
    assert!(reaction.messages.is_empty(), "the payment's voucher released it");
    assert_eq!((instant.status, instant.escrow_amount(), instant.refundable_amount()), (Status::Completed, 0, 10_000));
    assert_eq!(instant.splits[1].moved, Moved { released: 4_000, ..Moved::default() });
}

#[test]
fn a_success_told_twice_or_of_no_due_of_ours_changes_nothing() {
    let mut trade = paid();
    assert_eq!(trade.handle(succeeded(), &soon()), Ok(Reaction::default()));
    let mut open = created(OrderType::Escrow);
    let stray = Input::Fact(Fact::Succeeded { payment: PaymentId::new(open.id, 1), due: 2 });
    assert_eq!(open.handle(stray, &soon()), Ok(Reaction::default()));
    assert_eq!((trade, open), (paid(), created(OrderType::Escrow)));
}

#[test]
fn a_success_ends_closing() {
    let mut trade = told(created(OrderType::Escrow), &[close()]);
    assert_eq!(trade.status, Status::Closing(Stop::Canceled));
    assert_eq!(kinds(&trade.handle(succeeded(), &soon()).unwrap()), [("trade.paid", 2)]);
    assert_eq!(trade.handle(quiet(), &soon()), Ok(Reaction::default()), "the other legs' end is no news");
    assert_eq!(trade.status, Status::Paid);
}

#[test]
fn late_money_reopens_a_closed_trade_when_the_payment_core_says_so() {
    let mut escrow = told(created(OrderType::Escrow), &[close(), quiet()]);
    assert_eq!(escrow.status, Status::Closed(ClosedReason::Canceled));
    assert_eq!(kinds(&escrow.handle(succeeded(), &soon()).unwrap()), [("trade.paid", 3)]);
    assert_eq!((escrow.status, escrow.escrow_amount()), (Status::Paid, 10_000));

    let mut instant = told(created(OrderType::Instant), &[close(), quiet()]);
    let reaction = instant.handle(succeeded(), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.paid", 3), ("trade.completed", 4)]);
}
