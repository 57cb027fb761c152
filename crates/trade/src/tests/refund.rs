//! Refunds: what they reserve from whom, and how they end.

use kernel::message::payment::{self, RefundShare};
use kernel::{Code, OrderType, limits};

use super::fixture::*;
use crate::{ClosedReason, Input, Message, Moved, Reaction, Status, Trade};

fn reserved(trade: &mut Trade, input: Input) -> Vec<RefundShare> {
    let reaction = trade.handle(input, &soon()).unwrap();
    let Message::Payment(payment::Command::Refund(open)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(open.merchant_refund_id.as_deref(), Some("R1"));
    let sum: i64 = open.shares.iter().map(|share| share.before + share.after).sum();
    assert_eq!(sum, open.money.amount.minor());
    open.shares.clone()
}

#[test]
fn a_refund_is_spread_over_what_is_left_and_takes_escrow_first() {
    let mut trade = told(paid(), &[confirm(None, &[share("a", 5_000)])]);
    let shares = reserved(&mut trade, refund(5_000, &[]));
    assert_eq!(shares, [taken("a", 1_000, 2_000), taken("b", 2_000, 0)]);
    assert_eq!(trade.refundable_amount(), 5_000);
    let moved = Moved { released: 5_000, returning_before: 3_000, returning_after: 2_000, ..Moved::default() };
    assert_eq!(trade.moved, moved);
}

#[test]
fn a_refund_by_receivers_takes_from_them_alone() {
    let mut trade = paid();
    assert_eq!(reserved(&mut trade, refund(4_000, &[share("b", 4_000)])), [taken("b", 4_000, 0)]);
    for (input, blamed) in [
        (refund(1, &[share("b", 1)]), at(Code::refund_exceeds_paid, "splits[0].amount")),
        (refund(6_001, &[]), at(Code::refund_exceeds_paid, "amount")),
        (refund(2, &[share("a", 1)]), at(Code::amount_sum_mismatch, "splits")),
        (refund(2, &[share("a", 1), share("a", 1)]), at(Code::duplicate_receiver, "splits[1].receiver")),
        (refund(1, &[share("c", 1)]), at(Code::receiver_unknown, "splits[0].receiver")),
        (refund(1, &[share("a", limits::MAX_AMOUNT_MINOR), share("b", 1)]), at(Code::amount_out_of_range, "splits")),
    ] {
        assert_eq!(refusal(&trade, input), blamed);
    }
}

#[test]
fn two_refunds_of_sixty_percent_do_not_both_fit() {
    let trade = told(paid(), &[refund(6_000, &[])]);
    assert_eq!(refusal(&trade, refund(6_000, &[])), at(Code::refund_exceeds_paid, "amount"));
}

#[test]
fn unpaid_is_not_refundable_and_all_refunded_has_nothing_left() {
    let closed = told(created(OrderType::Escrow), &[close(), quiet()]);
    for trade in [created(OrderType::Escrow), told(created(OrderType::Escrow), &[close()]), closed] {
        assert_eq!(refusal(&trade, refund(1, &[])), (Code::invalid_state, None));
    }
    let all = [taken("a", 6_000, 0), taken("b", 4_000, 0)];
    let trade = told(paid(), &[refund(10_000, &[]), refunded(&all)]);
    assert_eq!((trade.status, trade.refunded_amount()), (Status::Closed(ClosedReason::Refunded), 10_000));
    assert_eq!(refusal(&trade, refund(1, &[])), at(Code::refund_exceeds_paid, "amount"));
}

#[test]
fn a_refund_may_end_share_by_share() {
    let mut trade = told(paid(), &[refund(10_000, &[])]);
    assert_eq!(trade.handle(refunded(&[taken("a", 6_000, 0)]), &soon()), Ok(Reaction::default()));
    assert_eq!((trade.refunded_amount(), trade.escrow_amount(), trade.status), (6_000, 4_000, Status::Paid));
    trade.handle(refund_failed(&[taken("b", 4_000, 0)]), &soon()).unwrap();
    assert_eq!((trade.refundable_amount(), trade.status), (4_000, Status::Paid));
}

#[test]
fn a_completed_trade_stays_completed() {
    let mut trade = told(completed(), &[refund(10_000, &[])]);
    let reaction = trade.handle(refunded(&[taken("a", 0, 6_000), taken("b", 0, 4_000)]), &soon()).unwrap();
    assert!(reaction.news.is_empty());
    assert_eq!((trade.status, trade.refunded_amount(), trade.refundable_amount()), (Status::Completed, 10_000, 0));
}

#[test]
fn a_fact_about_money_that_no_refund_reserved_changes_nothing() {
    let mut trade = told(paid(), &[refund(1_000, &[share("a", 1_000)])]);
    let before = trade.clone();
    for shares in [
        vec![taken("a", 1_001, 0)],
        vec![taken("a", 999, 1)],
        vec![taken("b", 1, 0)],
        vec![taken("c", 0, 0)],
        vec![taken("a", 600, 0), taken("a", 600, 0)],
        vec![taken("a", -1, 0)],
        vec![taken("a", i64::MAX, i64::MAX), taken("a", i64::MAX, i64::MAX)],
        Vec::new(),
    ] {
        assert_eq!(trade.handle(refunded(&shares), &soon()), Ok(Reaction::default()));
        assert_eq!(trade.handle(refund_failed(&shares), &soon()), Ok(Reaction::default()));
        assert_eq!(trade, before, "{shares:?}");
    }
}
