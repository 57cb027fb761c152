//! Opening a trade, and what a repeated order number means.

use kernel::message::payment;
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, Create, LateSuccess, Share};
use kernel::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US};
use kernel::{Code, MerchantId, OrderType, Owner, Problem, TradeId, UserId, limits};

use super::fixture::*;
use crate::{Input, Known, Message, Refusal, Status, Trade};

fn escrow() -> Create {
    order(OrderType::Escrow)
}

fn refused(create: &Create) -> (Code, Option<String>) {
    blame(Trade::create(create, &known(0)).unwrap_err())
}

fn with_splits(splits: Vec<Share>) -> Create {
    Create { splits, ..escrow() }
}

#[test]
fn defaults_are_one_due_one_receiver_two_hours() {
    let (trade, reaction) = Trade::create(&with_splits(Vec::new()), &known(0)).unwrap();
    assert_eq!(trade.status, Status::Created);
    assert_eq!(trade.expires_at, T0.plus(2 * HOUR_US));
    assert_eq!(trade.splits.len(), 1);
    assert_eq!((&trade.splits[0].receiver, trade.splits[0].amount), (&Owner::Merchant(merchant()), amount(10_000)));
    assert_eq!((trade.dues.len(), trade.dues[0].no, trade.dues[0].amount), (1, 1, amount(10_000)));
    assert_eq!((trade.escrow_amount(), trade.refundable_amount()), (0, 0), "nothing is paid yet");
    assert_eq!(kinds(&reaction), [("trade.created", 1)]);
    assert!(reaction.messages.is_empty());
}

#[test]
fn pay_in_the_same_call_orders_a_payment_or_refuses_both() {
    let create = Create { pay: Some(vec![card(10_000)]), ..escrow() };
    let (_, reaction) = Trade::create(&create, &known(0)).unwrap();
    assert!(matches!(only_message(&reaction), Message::Payment(payment::Command::Pay(_))));
    assert_eq!(kinds(&reaction), [("trade.created", 1)]);

    let short = Create { pay: Some(vec![card(9_999)]), ..escrow() };
    assert_eq!(refused(&short), at(Code::amount_sum_mismatch, "pay.tools"));
}

#[test]
fn an_expiry_is_two_minutes_to_ninety_days_away() {
    for (life, fits) in [
        (2 * MINUTE_US - 1, false),
        (2 * MINUTE_US, true),
        (90 * DAY_US, true),
        (90 * DAY_US + 1, false),
        (-SECOND_US, false),
    ] {
        let result = Trade::create(&Create { expires_at: Some(T0.plus(life)), ..escrow() }, &known(0));
        match result {
            Ok((trade, _)) => assert!(fits && trade.dues[0].expires_at == T0.plus(life), "{life}"),
            Err(refusal) => assert!(!fits && refusal == Refusal::ExpiresAtInvalid, "{life}"),
        }
    }
    let past = Create { expires_at: Some(T0), ..escrow() };
    assert_eq!(refused(&past), at(Code::expires_at_invalid, "expires_at"));
}

#[test]
fn automatic_confirmation_needs_escrow_and_a_near_future() {
    for (create, fits) in [
        (Create { confirm_by: Some(T0.plus(1)), ..escrow() }, true),
        (Create { confirm_by: Some(T0.plus(365 * DAY_US)), ..escrow() }, true),
        (Create { confirm_by: None, ..escrow() }, true),
        (Create { confirm_by: Some(T0), ..escrow() }, false),
        (Create { confirm_by: Some(T0.plus(365 * DAY_US + 1)), ..escrow() }, false),
        (Create { confirm_by: Some(T0.plus(HOUR_US)), ..order(OrderType::Instant) }, false),
    ] {
        match Trade::create(&create, &known(0)) {
            Ok(_) => assert!(fits, "{create:?}"),
            Err(refusal) => {
                assert!(!fits && blame(refusal) == at(Code::confirm_by_invalid, "confirm_by"), "{create:?}")
            }
        }
    }
}

#[test]
fn splits_sum_to_the_amount() {
    let short = with_splits(vec![share("a", 6_000), share("b", 3_999)]);
    assert_eq!(refused(&short), at(Code::amount_sum_mismatch, "splits"));
    let huge = with_splits(vec![share("a", limits::MAX_AMOUNT_MINOR), share("b", limits::MAX_AMOUNT_MINOR)]);
    assert_eq!(refused(&huge), at(Code::amount_out_of_range, "splits"));
}

#[test]
fn receivers_are_distinct_few_and_the_merchants_own() {
    let twice = with_splits(vec![share("a", 6_000), share("b", 2_000), share("a", 2_000)]);
    assert_eq!(refused(&twice), at(Code::duplicate_receiver, "splits[2].receiver"));

    let many = (0..=limits::MAX_SPLITS).map(|n| share(&n.to_string(), 1)).collect();
    assert_eq!(refused(&with_splits(many)), at(Code::too_many_objects, "splits"));

    let to = |receiver: Owner| with_splits(vec![share("a", 6_000), Share { receiver, amount: amount(4_000) }]);
    let other = MerchantId(root(9));
    for foreign in [
        Owner::User(UserId::parse("42").unwrap()),
        Owner::Merchant(other),
        Owner::Seller(other, "b".to_owned()),
        Owner::Channel("sandbox".to_owned()),
    ] {
        assert_eq!(refused(&to(foreign)), at(Code::receiver_not_applicable, "splits[1].receiver"));
    }
    for own in [Owner::Merchant(merchant()), seller("b"), Owner::Platform] {
        assert!(Trade::create(&to(own), &known(0)).is_ok());
    }
}

/// By the terms that hold where no rule says anything.
fn same(trade: &Trade, create: &Create) -> bool {
    trade.same_content(create, &TradeTerms::default())
}

#[test]
fn terms_hold_where_the_request_says_nothing() {
    let terms = TradeTerms {
        life_us: HOUR_US,
        confirm_us: Some(DAY_US),
        late_success: LateSuccess::Reopen,
        ..TradeTerms::default()
    };
    let known = Known { now: T0, terms, away: None };
    let silent = Create { expires_at: None, confirm_by: None, late_success: None, ..escrow() };
    let (trade, _) = Trade::create(&silent, &known).unwrap();
    assert_eq!((trade.expires_at, trade.confirm_by), (T0.plus(HOUR_US), Some(T0.plus(DAY_US))));
    assert_eq!(trade.late_success, LateSuccess::Reopen);
    assert!(trade.same_content(&silent, &terms), "what was left out both times is the same");
    assert!(!same(&trade, &silent), "by other terms it would have been another trade");

    let instant = Create { confirm_by: None, ..order(OrderType::Instant) };
    assert_eq!(Trade::create(&instant, &known).unwrap().0.confirm_by, None, "nothing waits there");
    let late = Create { expires_at: Some(T0.plus(3 * DAY_US)), ..silent };
    let (trade, _) = Trade::create(&late, &known).unwrap();
    assert_eq!(trade.confirm_by, Some(T0.plus(3 * DAY_US)), "not while it can still be paid");
    let said = Create { confirm_by: Some(T0.plus(HOUR_US)), late_success: Some(LateSuccess::Refund), ..escrow() };
    let (trade, _) = Trade::create(&said, &known).unwrap();
    assert_eq!((trade.confirm_by, trade.late_success), (Some(T0.plus(HOUR_US)), LateSuccess::Refund));
}

#[test]
fn the_same_content_is_what_the_client_said() {
    let trade = created(OrderType::Escrow);
    let again = Create { id: TradeId(root(77)), pay: Some(vec![card(10_000)]), ..escrow() };
    assert!(same(&trade, &again), "id and pay are not content");

    for other in [
        Create { merchant_order_id: "A1002".to_owned(), ..escrow() },
        Create { money: kernel::Money { amount: amount(10_001), ..escrow().money }, ..escrow() },
        Create { payer: Owner::User(UserId::parse("43").unwrap()), ..escrow() },
        Create { subject: None, ..escrow() },
        Create { expires_at: Some(trade.expires_at), ..escrow() },
        Create { confirm_by: None, ..escrow() },
        Create { return_url: Some("https://shop.example/".to_owned()), ..escrow() },
        Create { metadata: [("k".to_owned(), "v".to_owned())].into(), ..escrow() },
        Create { late_success: Some(LateSuccess::Reopen), ..escrow() },
        with_splits(Vec::new()),
        with_splits(vec![share("b", 4_000), share("a", 6_000)]),
        order(OrderType::Instant),
    ] {
        assert!(!same(&trade, &other), "{other:?}");
    }
}

#[test]
fn a_given_expiry_is_content_and_a_named_default_receiver_is_not_other_content() {
    let given = Create { expires_at: Some(T0.plus(HOUR_US)), splits: Vec::new(), ..escrow() };
    let (trade, _) = Trade::create(&given, &known(0)).unwrap();
    let spelled = vec![Share { receiver: Owner::Merchant(merchant()), amount: amount(10_000) }];
    assert!(same(&trade, &Create { splits: spelled, ..given.clone() }));
    assert!(!same(&trade, &Create { expires_at: None, ..given.clone() }));
    assert!(!same(&trade, &Create { expires_at: Some(T0.plus(HOUR_US + 1)), ..given }));
}

#[test]
fn a_repeated_order_number_changes_nothing_or_names_the_first_trade() {
    let mut trade = paid();
    let before = trade.clone();
    let again = Input::Command(Command::Create(Box::new(escrow())));
    assert_eq!(trade.handle(again, &soon()), Ok(crate::Reaction::default()));
    assert_eq!(trade, before);

    let other = Create { subject: None, ..escrow() };
    let refusal = trade.handle(Input::Command(Command::Create(Box::new(other))), &soon()).unwrap_err();
    let problem = Problem::from(refusal);
    assert_eq!((problem.code, problem.object), (Code::order_exists, Some(trade.id.to_string())));
}
