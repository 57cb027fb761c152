//! Transfers: from one balance to another, at once.

use kernel::message::accounting::{Verb, Way};
use kernel::message::payment::{Command as PaymentCommand, Tool};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Create, Share};
use kernel::{Code, MerchantId, OrderType, Owner};

use super::fixture::*;
use crate::{ClosedReason, Crossing, Input, Known, Message, Status, Trade};

fn transfer() -> Create {
    order(OrderType::Transfer)
}

fn to(receiver: Owner, minor: i64) -> Create {
    Create { splits: vec![Share { receiver, amount: amount(minor) }], ..transfer() }
}

#[test]
fn it_orders_its_own_payment_and_ends_with_it() {
    let (trade, reaction) = Trade::create(&transfer(), &known(0)).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!((pay.tools.len(), &pay.tools[0].tool, pay.tools[0].amount), (1, &Tool::Balance, amount(10_000)));
    assert_eq!((&pay.payer, &pay.receivers[0].receiver), (&buyer(), &payee()));
    assert_eq!(trade.timers(), [], "nobody is waited for");

    assert_eq!(told(trade.clone(), &[succeeded()]).status, Status::Completed);
    let mut short = trade;
    let reaction = short.handle(failed(), &soon()).unwrap();
    assert_eq!((short.status, kinds(&reaction)), (Status::Closed(ClosedReason::Failed), vec![("trade.closed", 2)]));
}

#[test]
fn a_sale_that_was_not_paid_stays_payable() {
    let sale = told(created(OrderType::Instant), &[failed()]);
    assert_eq!(sale.status, Status::Created);
    assert_eq!(created(OrderType::Topup), told(created(OrderType::Topup), &[failed()]));
}

#[test]
fn it_leaves_a_users_balance_or_the_trades_own_merchants() {
    let own = Create { payer: Owner::Merchant(merchant()), ..transfer() };
    assert!(Trade::create(&own, &known(0)).is_ok());
    let other = MerchantId(root(9));
    for payer in [Owner::Merchant(other), seller("a"), Owner::Platform, Owner::Channel("sandbox".to_owned())] {
        let refusal = Trade::create(&Create { payer, ..transfer() }, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::payer_not_applicable, "payer"));
    }
}

#[test]
fn it_goes_whole_to_one_other_balance() {
    let other = MerchantId(root(9));
    for payee in [payee(), Owner::Merchant(merchant()), Owner::Merchant(other)] {
        assert!(Trade::create(&to(payee, 10_000), &known(0)).is_ok());
    }
    let halves = Create {
        splits: vec![
            Share { receiver: payee(), amount: amount(4_000) },
            Share { receiver: Owner::Merchant(merchant()), amount: amount(6_000) },
        ],
        ..transfer()
    };
    let nobody = Create { splits: Vec::new(), ..transfer() };
    for create in [to(buyer(), 10_000), to(seller("a"), 10_000), to(Owner::Platform, 10_000), halves, nobody] {
        let refusal = Trade::create(&create, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "payee"), "{create:?}");
    }
    let refusal = Trade::create(&to(payee(), 9_999), &known(0)).unwrap_err();
    assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "payee"), "not a part of it");
}

#[test]
fn another_payer_or_payee_is_another_content() {
    let trade = created(OrderType::Transfer);
    assert!(trade.same_content(&transfer(), &TradeTerms::default()));
    assert!(!trade.same_content(&to(Owner::Merchant(merchant()), 10_000), &TradeTerms::default()));
    assert!(!trade.same_content(&Create { payer: Owner::Merchant(merchant()), ..transfer() }, &TradeTerms::default()));
}

#[test]
fn it_is_not_refunded() {
    let trade = told(created(OrderType::Transfer), &[succeeded()]);
    assert_eq!(refusal(&trade, refund(1, &[])), (Code::not_refundable, None));
}

fn away() -> Trade {
    let way = Some(Way { from: 0, to: 3 });
    let terms = TradeTerms { fee: 100, ..TradeTerms::default() };
    Trade::create(&transfer(), &Known { away: way, terms, ..known(0) }).unwrap().0
}

/// To another shard it is paid when it has left, and completed when the payee has it.
#[test]
fn away_it_is_completed_when_it_has_arrived() {
    let mut trade = away();
    let reaction = trade.handle(succeeded(), &soon()).unwrap();
    let Message::Send { post, payee: to, money, way } = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(post.verb, Verb::SendTransfer { money: *money, fee: 100, way: *way });
    assert_eq!((to, money.amount, way.to), (&payee(), amount(9_900), 3));
    assert_eq!((trade.status, trade.escrow_amount(), trade.refundable_amount()), (Status::Paid, 0, 0));
    for input in [close(), confirm(None, &[]), refund(1, &[]), pay(10_000)] {
        assert!(trade.decide(&input, &soon()).is_err(), "{input:?}");
    }
    let there = told(trade.clone(), &[Input::Crossing(Crossing::Arrived), Input::Crossing(Crossing::CameBack)]);
    assert_eq!((there.status, there.moved.released, there.moved.returned_after), (Status::Completed, 10_000, 0));
    let back = told(trade, &[Input::Crossing(Crossing::CameBack), Input::Crossing(Crossing::Arrived)]);
    assert_eq!(back.status, Status::Closed(ClosedReason::Failed));
    assert_eq!((back.moved.released, back.moved.returned_after), (10_000, 10_000), "its fee, too");
    assert_eq!(back.splits.iter().map(|split| split.moved.returned_after).collect::<Vec<_>>(), [9_900, 100]);
}

/// Its payment pays the trade's escrow, from where it leaves.
#[test]
fn away_its_payment_pays_nobody() {
    let (_, reaction) = Trade::create(&transfer(), &Known { away: Some(Way { from: 0, to: 3 }), ..known(0) }).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(pay.receivers, []);
}

/// A word from another shard means nothing to a trade that sent nothing there.
#[test]
fn what_never_left_does_not_arrive() {
    let here = [created(OrderType::Transfer), told(created(OrderType::Transfer), &[succeeded()]), away(), paid()];
    for trade in here {
        for crossing in [Crossing::Arrived, Crossing::CameBack] {
            assert_eq!(trade.decide(&Input::Crossing(crossing), &soon()), Ok(Vec::new()), "{:?}", trade.status);
        }
    }
}
