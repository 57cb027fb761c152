//! Payouts: from a balance to an account outside.

use kernel::message::payment::{Command as PaymentCommand, Tool};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Create, Share};
use kernel::{Code, Destination, DestinationType, MerchantId, OrderType, Owner};

use super::fixture::*;
use crate::{ClosedReason, Known, Message, Status, Trade};

fn payout() -> Create {
    order(OrderType::Payout)
}

#[test]
fn it_orders_its_own_payment_and_ends_with_it() {
    let sandbox = Some("payout_fail".to_owned());
    let create = Create { destination: Some(Destination { sandbox: sandbox.clone(), ..destination() }), ..payout() };
    let (trade, reaction) = Trade::create(&create, &known(0)).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(pay.tools.len(), 1);
    assert_eq!(pay.tools[0].tool, Tool::Payout { to: DestinationType::BankAccount, sandbox });
    assert_eq!((&pay.payer, pay.receivers.len(), &pay.destination), (&buyer(), 0, &create.destination));
    assert_eq!((trade.timers(), trade.refundable_amount()), (Vec::new(), 0), "nobody is waited for");

    let paid = told(trade.clone(), &[succeeded()]);
    assert_eq!((paid.status, paid.refundable_amount()), (Status::Completed, 0));
    assert_eq!(told(trade, &[failed()]).status, Status::Closed(ClosedReason::Failed));
}

/// The payment hears what the platform keeps, and nobody else receives anything of it.
#[test]
fn its_payment_names_the_fee() {
    let terms = TradeTerms { fee: 25, ..TradeTerms::default() };
    let (_, reaction) = Trade::create(&payout(), &Known { terms, ..known(0) }).unwrap();
    let Message::Payment(PaymentCommand::Pay(pay)) = only_message(&reaction) else { panic!("{reaction:?}") };
    assert_eq!(pay.receivers, [Share { receiver: Owner::Platform, amount: amount(25) }]);
    assert_eq!(pay.tools[0].amount, amount(10_000));
}

#[test]
fn it_leaves_a_users_balance_or_the_trades_own_merchants() {
    let own = Create { payer: Owner::Merchant(merchant()), ..payout() };
    assert!(Trade::create(&own, &known(0)).is_ok());
    for payer in [Owner::Merchant(MerchantId(root(9))), seller("a"), Owner::Platform] {
        let refusal = Trade::create(&Create { payer, ..payout() }, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::payer_not_applicable, "payer"));
    }
}

#[test]
fn it_has_a_destination_and_nothing_else_has() {
    let nowhere = Create { destination: None, ..payout() };
    let sale = Create { destination: Some(destination()), ..order(OrderType::Instant) };
    for create in [nowhere, sale] {
        let refusal = Trade::create(&create, &known(0)).unwrap_err();
        assert_eq!(blame(refusal), at(Code::field_not_applicable, "destination"));
    }
    let split = Create { splits: vec![Share { receiver: buyer(), amount: amount(10_000) }], ..payout() };
    let refusal = Trade::create(&split, &known(0)).unwrap_err();
    assert_eq!(blame(refusal), at(Code::receiver_not_applicable, "splits[0].receiver"));
}

#[test]
fn another_destination_is_another_content() {
    let trade = created(OrderType::Payout);
    assert!(trade.same_content(&payout(), &TradeTerms::default()));
    for other in [
        Destination { account: "6222020200112233446".to_owned(), ..destination() },
        Destination { name: "Li Si".to_owned(), ..destination() },
        Destination { kind: DestinationType::Wallet, ..destination() },
        Destination { channel_account: Some("sandbox".to_owned()), ..destination() },
    ] {
        let create = Create { destination: Some(other), ..payout() };
        assert!(!trade.same_content(&create, &TradeTerms::default()));
    }
}
