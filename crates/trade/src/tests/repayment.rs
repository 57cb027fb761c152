//! Repayments: money that makes less what a user owes.

use kernel::message::payment::{Command as PaymentCommand, Tool, ToolRequest};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::Create;
use kernel::{Code, CouponId, OrderType, Owner};

use super::fixture::*;
use crate::{Known, Message, Status, Trade};

fn repayment() -> Create {
    order(OrderType::Repayment)
}

#[test]
fn it_is_with_its_payer_when_it_is_paid() {
    let mut trade = created(OrderType::Repayment);
    let reaction = trade.handle(pay(10_000), &soon()).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!((pay.payer.clone(), pay.receivers[0].receiver.clone(), pay.receivers.len()), (buyer(), buyer(), 1));
    let trade = told(created(OrderType::Repayment), &[succeeded()]);
    assert_eq!((trade.status, trade.moved.released, trade.escrow_amount()), (Status::Completed, 10_000, 0));
}

#[test]
fn only_a_user_repays_and_nobody_shares() {
    for payer in [Owner::Merchant(merchant()), seller("a"), Owner::Platform] {
        let refusal = Trade::create(&Create { payer, ..repayment() }, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::payer_not_applicable, "payer"));
    }
    let split = Create { splits: vec![share("a", 10_000)], ..repayment() };
    let refusal = Trade::create(&split, &known(0)).unwrap_err();
    assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "splits[0].receiver"));
}

#[test]
fn its_money_comes_from_outside_or_is_the_payers_own() {
    for tools in [vec![card(10_000)], vec![balance(10_000)], vec![balance(4_000), card(6_000)]] {
        assert!(Trade::create(&Create { pay: Some(tools), ..repayment() }, &known(0)).is_ok());
    }
    let coupon = Tool::Coupon(CouponId(root(5)));
    for tool in [coupon, Tool::Points, Tool::Credit] {
        let told = pay_with(vec![ToolRequest { tool, amount: amount(10_000) }]);
        assert_eq!(refusal(&created(OrderType::Repayment), told), at(Code::tool_not_applicable, "tools[0].tool"));
    }
}

#[test]
fn it_is_not_given_back() {
    let repaid = told(created(OrderType::Repayment), &[succeeded()]);
    assert_eq!(refusal(&repaid, refund(4_000, &[])), (Code::not_refundable, None));
}

/// What a rule book says a fee is, of a repayment there is none.
#[test]
fn nothing_of_it_is_kept() {
    let (trade, _) = Trade::create(&repayment(), &Known { terms: TradeTerms::default(), ..known(0) }).unwrap();
    assert_eq!((trade.fee(), trade.splits.len(), trade.splits[0].amount), (0, 1, amount(10_000)));
}
