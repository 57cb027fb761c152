//! Top-ups: money from outside onto a balance.

use kernel::message::payment::{Command as PaymentCommand, Tool, ToolRequest};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, Create, Refund};
use kernel::{Code, CouponId, MerchantId, OrderType, Owner, UserId};

use super::fixture::*;
use crate::{Input, Known, Message, Status, Trade};

fn topup() -> Create {
    order(OrderType::Topup)
}

fn of(payer: Owner) -> Create {
    Create { payer, ..topup() }
}

#[test]
fn it_is_with_its_payee_when_it_is_paid() {
    let trade = told(created(OrderType::Topup), &[succeeded()]);
    assert_eq!((trade.status, trade.moved.released, trade.escrow_amount()), (Status::Completed, 10_000, 0));
    let [split] = trade.splits.as_slice() else { panic!("{:?}", trade.splits) };
    assert_eq!((&split.receiver, split.amount), (&buyer(), amount(10_000)));
}

/// Escrow's receivers are told later; a top-up's payee gets it by the payment itself.
#[test]
fn its_payment_names_the_payee() {
    let mut trade = created(OrderType::Topup);
    let reaction = trade.handle(pay(10_000), &soon()).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!((pay.payer.clone(), pay.receivers[0].receiver.clone(), pay.receivers.len()), (buyer(), buyer(), 1));
}

#[test]
fn a_balance_is_a_users_or_the_trades_own_merchants() {
    let user = Owner::User(UserId::parse("7").unwrap());
    for payee in [user, Owner::Merchant(merchant())] {
        assert!(Trade::create(&of(payee), &known(0)).is_ok());
    }
    let other = MerchantId(root(9));
    for payee in [Owner::Merchant(other), seller("a"), Owner::Platform, Owner::Channel("sandbox".to_owned())] {
        let refusal = Trade::create(&of(payee), &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "payee"));
    }
    let split = Create { splits: vec![share("a", 10_000)], ..topup() };
    let refusal = Trade::create(&split, &known(0)).unwrap_err();
    assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "splits[0].receiver"));
}

#[test]
fn only_a_user_buys() {
    for order_type in [OrderType::Instant, OrderType::Escrow] {
        let create = Create { payer: Owner::Merchant(merchant()), ..order(order_type) };
        let refusal = Trade::create(&create, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::payer_not_applicable, "buyer"));
    }
}

#[test]
fn its_money_comes_from_outside() {
    let coupon = ToolRequest { tool: Tool::Coupon(CouponId(root(5))), amount: amount(4_000) };
    for tools in [vec![balance(10_000)], vec![balance(6_000), card(4_000)], vec![coupon.clone(), card(6_000)]] {
        let told = pay_with(tools.clone());
        assert_eq!(refusal(&created(OrderType::Topup), told), at(Code::tool_not_applicable, "tools[0].tool"));
        let create = Create { pay: Some(tools), ..topup() };
        let refusal = Trade::create(&create, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::tool_not_applicable, "pay.tools[0].tool"));
    }
    let second = pay_with(vec![card(6_000), coupon]);
    assert_eq!(refusal(&created(OrderType::Topup), second), at(Code::tool_not_applicable, "tools[1].tool"));
}

#[test]
fn what_a_user_has_is_taken_back_by_who_may_spend_it() {
    let without = |users_debit| {
        let Input::Command(Command::Refund(refund)) = refund(4_000, &[]) else { panic!("no refund") };
        Input::Command(Command::Refund(Refund { users_debit, ..refund }))
    };
    let users = told(created(OrderType::Topup), &[succeeded()]);
    assert_eq!(refusal(&users, without(false)), (Code::payer_consent_required, None));
    assert!(users.clone().handle(without(true), &soon()).is_ok());

    let merchants = Trade::create(&of(Owner::Merchant(merchant())), &known(0)).unwrap().0;
    assert!(told(merchants, &[succeeded()]).handle(without(false), &soon()).is_ok(), "its own money");
    let sale = told(created(OrderType::Instant), &[succeeded()]);
    assert!(sale.clone().handle(without(false), &soon()).is_ok(), "no user has it");
}

#[test]
fn another_payee_is_another_content() {
    let trade = created(OrderType::Topup);
    let other = of(Owner::User(UserId::parse("43").unwrap()));
    assert!(
        trade.same_content(&topup(), &TradeTerms::default()) && !trade.same_content(&other, &TradeTerms::default())
    );
}

/// The platform's fee is a part of what is paid: the payee has the rest, and what goes back goes back of both.
#[test]
fn a_fee_is_the_platforms_part() {
    let terms = TradeTerms { fee: 60, ..TradeTerms::default() };
    for order_type in [OrderType::Topup, OrderType::Transfer, OrderType::Payout] {
        let create = order(order_type);
        let (trade, _) = Trade::create(&create, &Known { terms, ..known(0) }).unwrap();
        let parts: Vec<_> = trade.splits.iter().map(|split| (split.receiver.clone(), split.amount.minor())).collect();
        let payee = create.splits.first().map_or(buyer(), |share| share.receiver.clone());
        assert_eq!(parts, [(payee, 9_940), (Owner::Platform, 60)], "{order_type:?}");
        assert_eq!((trade.fee(), trade.receivers()), (60, 1));
        assert!(trade.same_content(&create, &terms));
        assert!(!trade.same_content(&create, &TradeTerms::default()));
    }
    let (mut trade, _) = Trade::create(&topup(), &Known { terms, ..known(0) }).unwrap();
    trade = told(trade, &[succeeded()]);
    assert_eq!(trade.splits[1].moved.released, 60, "with its payee and the platform at once");
}

/// Nothing would be left of it.
#[test]
fn an_amount_covers_its_fee() {
    for fee in [10_000, 10_001] {
        let terms = TradeTerms { fee, ..TradeTerms::default() };
        let refusal = Trade::create(&topup(), &Known { terms, ..known(0) }).unwrap_err();
        assert_eq!(blame(refusal), at(Code::amount_out_of_range, "amount"));
    }
    let terms = TradeTerms { fee: 9_999, ..TradeTerms::default() };
    assert_eq!(Trade::create(&topup(), &Known { terms, ..known(0) }).unwrap().0.splits[0].amount, amount(1));
}
