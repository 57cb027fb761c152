//! Disputes: what they set aside of whom, beside refunds, and how they end.

use kernel::message::payment::{Command, RefundShare};

use super::fixture::*;
use crate::{ClosedReason, Input, Message, Moved, Status, Trade};

fn set_aside(trade: &mut Trade, input: Input) -> Vec<RefundShare> {
    let reaction = trade.handle(input, &soon()).unwrap();
    let Message::Payment(Command::Dispute { shares, .. }) = only_message(&reaction) else { panic!("{reaction:?}") };
    shares.clone()
}

#[test]
fn a_dispute_takes_what_refunds_have_left_and_no_more() {
    let mut trade = told(paid(), &[confirm(None, &[share("a", 6_000)]), refund(2_000, &[share("b", 2_000)])]);
    assert_eq!(set_aside(&mut trade, disputed(20_000)), [taken("a", 0, 6_000), taken("b", 2_000, 0)]);
    assert_eq!((trade.status, trade.refundable_amount()), (Status::Paid, 0));
    assert_eq!(refusal(&trade, refund(1, &[])), at(kernel::Code::refund_exceeds_paid, "amount"));
    assert_eq!(set_aside(&mut trade, disputed(1)), []);
}

#[test]
fn won_it_is_free_again() {
    let before = told(paid(), &[confirm(None, &[share("a", 6_000)])]);
    let mut trade = before.clone();
    let shares = set_aside(&mut trade, disputed(5_000));
    assert_ne!(trade, before);
    assert_eq!(told(trade, &[dispute_won(&shares)]), before);
}

#[test]
fn lost_in_part_that_is_gone_and_the_rest_is_free() {
    let trade = told(
        paid(),
        &[disputed(4_000), dispute_lost(&[taken("a", 1_000, 0)], &[taken("a", 1_400, 0), taken("b", 1_600, 0)])],
    );
    let moved = Moved { returned_before: 1_000, ..Moved::default() };
    assert_eq!((trade.status, trade.moved, trade.refundable_amount()), (Status::Paid, moved, 9_000));
    // Told again, nothing is reserved that could be taken.
    assert_eq!(told(trade.clone(), &[dispute_lost(&[taken("a", 1_000, 0)], &[])]), trade);
}

#[test]
fn the_last_of_escrow_ends_the_trade_whoever_takes_it() {
    let all = [taken("a", 6_000, 0), taken("b", 4_000, 0)];
    let trade = told(paid(), &[disputed(10_000), dispute_lost(&all, &[])]);
    assert_eq!(trade.status, Status::Closed(ClosedReason::Refunded));
    let trade = told(
        paid(),
        &[disputed(5_000), confirm(None, &[]), dispute_lost(&[taken("a", 3_000, 0), taken("b", 2_000, 0)], &[])],
    );
    assert_eq!((trade.status, trade.moved.released), (Status::Completed, 5_000));
}

#[test]
fn what_nobody_paid_is_not_disputed() {
    for trade in [created(kernel::OrderType::Escrow), told(created(kernel::OrderType::Escrow), &[close(), quiet()])] {
        assert_eq!(told(trade.clone(), &[disputed(1)]), trade);
    }
}
