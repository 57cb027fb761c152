//! Dues: which is paid when, where its money waits, and what becomes of it where another is not paid.

use kernel::message::accounting::Verb;
use kernel::message::payment;
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, Create, DueRequest, LateSuccess, UnpaidDue};
use kernel::time::{DAY_US, HOUR_US, MINUTE_US};
use kernel::{Code, OrderType, limits};

use super::fixture::*;
use crate::{ClosedReason, DuePaid, Input, Known, Message, Moved, Reaction, Status, Stop, Timer, TimerKind, Trade};

const EXPIRE: Input = Input::Command(Command::Expire);

fn escrow() -> Create {
    in_dues(OrderType::Escrow, UnpaidDue::Return)
}

fn refused(create: &Create) -> (Code, Option<String>) {
    blame(Trade::create(create, &known(0)).unwrap_err())
}

fn due(minor: i64) -> DueRequest {
    DueRequest { amount: amount(minor), opens_at: None, expires_at: None }
}

/// Due 1 is paid.
fn first_paid(order_type: OrderType, unpaid_due: UnpaidDue) -> Trade {
    told(created_in_dues(order_type, unpaid_due), &[due_succeeded(1)])
}

#[test]
fn a_due_opens_with_the_one_before_it_and_lives_from_there() {
    let terms =
        TradeTerms { late_success: LateSuccess::Reopen, unpaid_due: UnpaidDue::Forfeit, ..TradeTerms::default() };
    let later = DueRequest { opens_at: Some(T0.plus(DAY_US)), ..due(3_000) };
    let dues = vec![due(1_000), later, due(6_000)];
    let create = Create { dues, unpaid_due: None, confirm_by: None, ..escrow() };
    let (trade, _) = Trade::create(&create, &Known { now: T0, terms, away: None }).unwrap();
    let times: Vec<_> =
        trade.dues.iter().map(|due| (due.no, due.opens_at.since(T0), due.expires_at.since(T0))).collect();
    let life = limits::DEFAULT_TRADE_LIFE_US;
    assert_eq!(times, [(1, 0, life), (2, DAY_US, DAY_US + life), (3, DAY_US, DAY_US + life)]);
    assert_eq!((trade.expires_at, trade.unpaid_due), (T0.plus(DAY_US + life), Some(UnpaidDue::Forfeit)));
    assert_eq!(trade.late_success, LateSuccess::Refund, "the others' money has gone where it goes by then");
    assert!(trade.same_content(&create, &terms));
    assert!(!trade.same_content(&create, &TradeTerms::default()), "by other terms it would have been another trade");
}

#[test]
fn what_a_request_with_dues_may_say() {
    let of = |dues: Vec<DueRequest>| Create { dues, ..escrow() };
    let from = |opens_at, expires_at, minor| DueRequest {
        amount: amount(minor),
        opens_at: Some(T0.plus(opens_at)),
        expires_at: Some(T0.plus(expires_at)),
    };
    assert_eq!(refused(&of(vec![due(3_000), due(6_999)])), at(Code::amount_sum_mismatch, "dues"));
    let huge = vec![due(limits::MAX_AMOUNT_MINOR), due(1)];
    assert_eq!(refused(&of(huge)), at(Code::amount_out_of_range, "dues"));
    assert_eq!(refused(&of(vec![due(1_000); 9])), at(Code::too_many_objects, "dues"));
    let backwards = vec![from(HOUR_US, DAY_US, 3_000), from(HOUR_US - 1, DAY_US, 7_000)];
    assert_eq!(refused(&of(backwards)), at(Code::opens_at_invalid, "dues[1].opens_at"));
    for (opens_at, expires_at, fits) in [
        (HOUR_US, HOUR_US + 2 * MINUTE_US, true),
        (HOUR_US, HOUR_US + 2 * MINUTE_US - 1, false),
        (-DAY_US, 2 * MINUTE_US, true),
        (-DAY_US, 2 * MINUTE_US - 1, false),
        (HOUR_US, 90 * DAY_US, true),
        (HOUR_US, 90 * DAY_US + 1, false),
    ] {
        let dues = vec![from(-DAY_US, DAY_US, 3_000), from(opens_at, expires_at, 7_000)];
        match Trade::create(&of(dues), &known(0)) {
            Ok(_) => assert!(fits, "{opens_at} {expires_at}"),
            Err(refusal) => {
                assert!(!fits, "{opens_at} {expires_at}");
                assert_eq!(blame(refusal), at(Code::expires_at_invalid, "dues[1].expires_at"));
            }
        }
    }
    let not = |field: &str| at(Code::field_not_applicable, field);
    assert_eq!(refused(&Create { expires_at: Some(T0.plus(HOUR_US)), ..escrow() }), not("expires_at"));
    assert_eq!(refused(&Create { late_success: Some(LateSuccess::Refund), ..escrow() }), not("late_success"));
    assert_eq!(refused(&Create { dues: Vec::new(), ..escrow() }), not("unpaid_due"));
    for order_type in [OrderType::Topup, OrderType::Transfer, OrderType::Payout] {
        assert_eq!(refused(&Create { dues: escrow().dues, ..order(order_type) }), not("dues"));
    }
}

#[test]
fn nothing_is_confirmed_before_the_last_due_opens() {
    let confirmed = |after| Create { confirm_by: Some(T0.plus(after)), ..escrow() };
    assert_eq!(refused(&confirmed(2 * HOUR_US)), at(Code::confirm_by_invalid, "confirm_by"));
    assert!(Trade::create(&confirmed(2 * HOUR_US + 1), &known(0)).is_ok());
}

#[test]
fn dues_are_content() {
    let trade = created_in_dues(OrderType::Escrow, UnpaidDue::Return);
    let same = |create: &Create| trade.same_content(create, &TradeTerms::default());
    assert!(same(&escrow()));
    assert!(same(&Create { unpaid_due: None, ..escrow() }), "that is the default");
    let mut other = escrow();
    other.dues[1].expires_at = None;
    for other in [
        other,
        Create { dues: vec![due(3_000), due(7_000)], ..escrow() },
        Create { dues: escrow().dues.into_iter().rev().collect(), ..escrow() },
        Create { unpaid_due: Some(UnpaidDue::Forfeit), ..escrow() },
        order(OrderType::Escrow),
    ] {
        assert!(!same(&other), "{other:?}");
    }
    assert!(!created(OrderType::Escrow).same_content(&escrow(), &TradeTerms::default()));
    let paid = told(trade.clone(), &[due_succeeded(1)]);
    assert!(paid.same_content(&escrow(), &TradeTerms::default()), "what was paid is not content");
}

#[test]
fn a_payment_is_ordered_for_one_due_within_its_time_and_waits_in_escrow() {
    for order_type in [OrderType::Escrow, OrderType::Instant] {
        let mut trade = created_in_dues(order_type, UnpaidDue::Return);
        let reaction = trade.handle(pay(3_000), &soon()).unwrap();
        let Message::Payment(payment::Command::Pay(ordered)) = only_message(&reaction) else { panic!("{reaction:?}") };
        assert_eq!((ordered.due, ordered.money.amount, ordered.expires_at), (1, amount(3_000), T0.plus(HOUR_US)));
        assert!(ordered.receivers.is_empty());
    }
}

#[test]
fn which_due_can_be_paid() {
    let open = created_in_dues(OrderType::Escrow, UnpaidDue::Return);
    let first = told(open.clone(), &[due_succeeded(1)]);
    let why = |trade: &Trade, input: Input, at_us: i64| {
        blame(trade.clone().handle(input, &known(at_us)).map(|reaction| panic!("{reaction:?}")).unwrap_err())
    };
    assert_eq!(why(&open, pay_due(2, 7_000), HOUR_US), at(Code::due_not_open, "due"));
    assert_eq!(why(&first, pay(7_000), 2 * HOUR_US - 1), at(Code::due_not_open, "due"), "it is the next one");
    assert!(first.clone().handle(pay(7_000), &known(2 * HOUR_US)).is_ok());
    assert!(first.clone().handle(pay_due(2, 7_000), &known(3 * HOUR_US - 1)).is_ok());
    assert_eq!(why(&first, pay_due(2, 7_000), 3 * HOUR_US), (Code::trade_not_payable, None));
    assert_eq!(why(&first, pay(7_000), 3 * HOUR_US), (Code::trade_not_payable, None));
    assert_eq!(why(&first, pay_due(1, 3_000), MINUTE_US), at(Code::trade_not_payable, "due"));
    assert_eq!(why(&open, pay_due(0, 3_000), MINUTE_US), at(Code::due_unknown, "due"));
    assert_eq!(why(&open, pay_due(3, 3_000), MINUTE_US), at(Code::due_unknown, "due"));
    assert_eq!(why(&open, pay(10_000), MINUTE_US), at(Code::amount_sum_mismatch, "tools"));
    assert!(created(OrderType::Escrow).handle(pay_due(1, 10_000), &soon()).is_ok(), "the one due of every other trade");
}

#[test]
fn a_trade_is_paid_when_every_due_is() {
    let mut escrow = created_in_dues(OrderType::Escrow, UnpaidDue::Return);
    let reaction = escrow.handle(due_succeeded(1), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.due_paid", 2)]);
    assert!(reaction.messages.is_empty());
    assert_eq!(escrow.handle(due_succeeded(1), &soon()), Ok(Reaction::default()), "told twice");
    assert_eq!((escrow.status, escrow.paid, escrow.escrow_amount()), (Status::Created, 3_000, 3_000));
    assert_eq!(escrow.refundable_amount(), 0, "not before all of it is paid");
    assert_eq!(escrow.dues[0].paid, Some(DuePaid { payment: 1, at: soon().now }));
    let mut instant = escrow.clone();
    let reaction = escrow.handle(due_succeeded(2), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.due_paid", 3), ("trade.paid", 4)]);
    assert_eq!((escrow.status, escrow.escrow_amount(), escrow.refundable_amount()), (Status::Paid, 10_000, 10_000));

    instant.context.order_type = OrderType::Instant;
    let reaction = instant.handle(due_succeeded(2), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.due_paid", 3), ("trade.paid", 4), ("trade.completed", 5)]);
    let Message::Post(post) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(post.verb, Verb::Confirm(vec![share("a", 6_000), share("b", 4_000)]), "out of escrow, all at once");
    assert_eq!((instant.status, instant.escrow_amount()), (Status::Completed, 0));
}

#[test]
fn dues_may_be_paid_in_any_order_in_which_they_are_open() {
    let create = Create { dues: vec![due(3_000), due(7_000)], ..escrow() };
    let (trade, _) = Trade::create(&create, &known(0)).unwrap();
    let trade = told(trade, &[due_succeeded(2)]);
    assert_eq!(
        (trade.status, trade.paid, trade.open_due(soon().now).map(|due| due.no)),
        (Status::Created, 7_000, Some(1))
    );
    assert_eq!(told(trade, &[due_succeeded(1)]).status, Status::Paid);
}

#[test]
fn the_timer_is_that_of_the_unpaid_due_that_ends_first() {
    let expire = |us| [Timer { kind: TimerKind::Expire, no: 0, due: T0.plus(us) }];
    let mut trade = created_in_dues(OrderType::Escrow, UnpaidDue::Return);
    assert_eq!(trade.timers(), expire(HOUR_US));
    assert_eq!(trade.handle(EXPIRE, &known(HOUR_US - 1)), Ok(Reaction::default()));
    let mut paid = told(trade.clone(), &[due_succeeded(1)]);
    trade.handle(EXPIRE, &known(HOUR_US)).unwrap();
    assert_eq!(trade.status, Status::Closing(Stop::Expired));
    assert_eq!(paid.timers(), expire(3 * HOUR_US));
    assert_eq!(paid.handle(EXPIRE, &known(HOUR_US)), Ok(Reaction::default()));
    let reaction = paid.handle(EXPIRE, &known(3 * HOUR_US)).unwrap();
    assert_eq!(only_message(&reaction), &Message::Payment(payment::Command::Stop { expired: true }));
    let confirm = Timer { kind: TimerKind::Confirm, no: 0, due: T0.plus(DAY_US) };
    let both = first_paid(OrderType::Escrow, UnpaidDue::Return);
    assert_eq!(told(both, &[due_succeeded(2)]).timers(), [confirm]);
}

#[test]
fn what_earlier_dues_brought_goes_back_once() {
    for order_type in [OrderType::Escrow, OrderType::Instant] {
        let mut trade = told(first_paid(order_type, UnpaidDue::Return), &[close()]);
        let reaction = trade.handle(quiet(), &soon()).unwrap();
        assert_eq!(kinds(&reaction), [("trade.closed", 3)]);
        let Message::Payment(payment::Command::Refund(open)) = only_message(&reaction) else { panic!("{reaction:?}") };
        assert_eq!((open.merchant_refund_id.as_deref(), open.money.amount), (None, amount(3_000)));
        assert_eq!(open.shares, [taken("a", 1_800, 0), taken("b", 1_200, 0)]);
        assert_eq!(trade.status, Status::Closed(ClosedReason::Canceled));
        assert_eq!((trade.escrow_amount(), trade.confirmable_amount(), trade.refundable_amount()), (3_000, 0, 0));
        assert_eq!(trade.handle(quiet(), &soon()), Ok(Reaction::default()), "told again");
        assert_eq!(refusal(&trade, refund(1, &[])), (Code::invalid_state, None));
        let through = refunded(&open.shares);
        assert_eq!(trade.handle(through.clone(), &soon()), Ok(Reaction::default()));
        assert_eq!((trade.escrow_amount(), trade.refunded_amount()), (0, 3_000));
        assert_eq!(trade.handle(through, &soon()), Ok(Reaction::default()));
        assert_eq!(trade.refunded_amount(), 3_000, "told twice");
    }
}

#[test]
fn what_earlier_dues_brought_is_forfeited_and_may_be_given_back_all_the_same() {
    let mut trade = told(first_paid(OrderType::Instant, UnpaidDue::Forfeit), &[close()]);
    let reaction = trade.handle(quiet(), &soon()).unwrap();
    assert_eq!(kinds(&reaction), [("trade.closed", 3)]);
    let Message::Post(post) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(post.verb, Verb::Confirm(vec![share("a", 1_800), share("b", 1_200)]));
    assert_eq!(trade.status, Status::Closed(ClosedReason::Forfeited));
    assert_eq!((trade.escrow_amount(), trade.refundable_amount()), (0, 3_000));
    assert_eq!(refusal(&trade, refund(3_001, &[])), at(Code::refund_exceeds_paid, "amount"));
    let mut trade = told(trade, &[refund(3_000, &[])]);
    let all = [taken("a", 0, 1_800), taken("b", 0, 1_200)];
    trade.handle(refunded(&all), &soon()).unwrap();
    assert_eq!(trade.moved, Moved { released: 3_000, returned_after: 3_000, ..Moved::default() });
    assert_eq!(trade.status, Status::Closed(ClosedReason::Forfeited));
}

#[test]
fn a_trade_that_nobody_paid_anything_of_just_closes() {
    for unpaid_due in UnpaidDue::ALL {
        let mut trade = told(created_in_dues(OrderType::Escrow, unpaid_due), &[close()]);
        let reaction = trade.handle(quiet(), &soon()).unwrap();
        assert_eq!((kinds(&reaction), reaction.messages.len()), (vec![("trade.closed", 2)], 0));
        assert_eq!(trade.status, Status::Closed(ClosedReason::Canceled));
    }
}

#[test]
fn a_success_while_closing_counts_and_ends_it_only_where_it_was_the_last() {
    let both = told(first_paid(OrderType::Escrow, UnpaidDue::Return), &[close(), due_succeeded(2), quiet()]);
    assert_eq!((both.status, both.paid), (Status::Paid, 10_000));
    let create = Create { dues: vec![due(1_000), due(2_000), due(7_000)], ..escrow() };
    let (trade, _) = Trade::create(&create, &known(0)).unwrap();
    let mut two = told(trade, &[due_succeeded(1), close(), due_succeeded(2)]);
    assert_eq!((two.status, two.paid), (Status::Closing(Stop::Canceled), 3_000));
    let reaction = two.handle(quiet(), &soon()).unwrap();
    let Message::Payment(payment::Command::Refund(open)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(open.money.amount, amount(3_000), "of both");
}
