//! Confirmation (确认收货): whole, in parts, by receiver, by time; beside refunds under way.

use kernel::message::accounting::Verb;
use kernel::message::trade::{Command, Share};
use kernel::time::HOUR_US;
use kernel::{Code, OrderType};

use super::fixture::*;
use crate::{Input, Message, Reaction, Status, Timer, TimerKind, Trade};

const BY_TIME: Input = Input::Command(Command::ConfirmByTime);

fn released(trade: &mut Trade, input: Input) -> (Vec<Share>, Status) {
    let reaction = trade.handle(input, &soon()).unwrap();
    let Message::Post(post) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(post.object, trade.id.to_string());
    let Verb::Confirm(shares) = &post.verb else { panic!("{post:?}") };
    (shares.clone(), trade.status)
}

#[test]
fn the_whole_completes_and_a_second_time_is_refused() {
    let mut trade = paid();
    assert_eq!(
        released(&mut trade, confirm(None, &[])),
        (vec![share("a", 6_000), share("b", 4_000)], Status::Completed)
    );
    assert_eq!((trade.escrow_amount(), trade.moved.released, trade.sequence), (0, 10_000, 3));
    assert_eq!(refusal(&trade, confirm(None, &[])), (Code::invalid_state, None));
}

#[test]
fn a_part_is_spread_over_what_is_left_of_each() {
    let mut trade = paid();
    assert_eq!(
        released(&mut trade, confirm(Some(5_000), &[share("a", 5_000)])),
        (vec![share("a", 5_000)], Status::Paid)
    );
    // 1,000 and 4,000 are left: a fifth of it for a.
    assert_eq!(released(&mut trade, confirm(Some(1), &[])), (vec![share("b", 1)], Status::Paid));
    assert_eq!(
        released(&mut trade, confirm(Some(2_500), &[])),
        (vec![share("a", 500), share("b", 2_000)], Status::Paid)
    );
    assert_eq!(released(&mut trade, confirm(None, &[])), (vec![share("a", 500), share("b", 1_999)], Status::Completed));
}

#[test]
fn parts_by_receiver_are_checked() {
    let trade = paid();
    for (input, blamed) in [
        (confirm(Some(10_001), &[]), at(Code::nothing_to_confirm, "amount")),
        (confirm(None, &[share("a", 1), share("b", 4_001)]), at(Code::nothing_to_confirm, "splits[1].amount")),
        (confirm(Some(2), &[share("a", 1)]), at(Code::amount_sum_mismatch, "splits")),
        (confirm(None, &[share("a", 1), share("a", 1)]), at(Code::duplicate_receiver, "splits[1].receiver")),
        (confirm(None, &[share("c", 1)]), at(Code::receiver_unknown, "splits[0].receiver")),
    ] {
        assert_eq!(refusal(&trade, input), blamed);
    }
}

#[test]
fn before_it_is_paid_and_for_instant_there_is_nothing_to_confirm() {
    let instant = told(created(OrderType::Instant), &[succeeded()]);
    for trade in [created(OrderType::Escrow), instant] {
        assert_eq!(refusal(&trade, confirm(None, &[])), (Code::invalid_state, None));
    }
}

#[test]
fn what_refunds_reserved_is_not_released() {
    let mut trade = told(paid(), &[refund(3_000, &[share("b", 3_000)])]);
    assert_eq!(refusal(&trade, confirm(None, &[share("b", 1_001)])), at(Code::nothing_to_confirm, "splits[0].amount"));
    assert_eq!(released(&mut trade, confirm(None, &[])), (vec![share("a", 6_000), share("b", 1_000)], Status::Paid));
    assert_eq!(trade.escrow_amount(), 3_000, "reserved money still is in escrow");
    assert_eq!(refusal(&trade, confirm(None, &[])), at(Code::nothing_to_confirm, "amount"));

    let mut failed = told(trade.clone(), &[refund_failed(&[taken("b", 3_000, 0)])]);
    assert_eq!(released(&mut failed, confirm(None, &[])), (vec![share("b", 3_000)], Status::Completed));

    let reaction = trade.handle(refunded(&[taken("b", 3_000, 0)]), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.completed", 3)], "the last of the escrow went back");
}

#[test]
fn time_releases_what_is_free_and_stays_silent_where_nothing_is() {
    let due = 24 * HOUR_US;
    let timer = Timer { kind: TimerKind::Confirm, no: 0, due: T0.plus(due) };
    let mut trade = told(paid(), &[refund(10_000, &[])]);
    assert!(trade.timers().is_empty(), "all is reserved");
    assert_eq!(trade.handle(BY_TIME, &known(due)), Ok(Reaction::default()));

    trade.handle(refund_failed(&[taken("a", 6_000, 0)]), &known(due)).unwrap();
    assert_eq!(trade.timers(), [timer], "overdue, and there is something again");
    assert_eq!(trade.handle(BY_TIME, &known(due - 1)), Ok(Reaction::default()), "too early");
    let reaction = trade.handle(BY_TIME, &known(due)).unwrap();
    assert!(
        matches!(only_message(&reaction), Message::Post(post) if post.verb == Verb::Confirm(vec![share("a", 6_000)]))
    );
    assert_eq!(trade.status, Status::Paid);
    assert!(trade.timers().is_empty(), "or it would fire for ever");

    let never = Trade { confirm_by: None, ..paid() };
    assert!(never.timers().is_empty());
    assert_eq!(never.decide(&BY_TIME, &known(i64::MAX / 2)), Ok(Vec::new()));
}
