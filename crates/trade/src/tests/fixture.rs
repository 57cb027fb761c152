//! Trades in every state, and short words for what they are told.

use std::collections::BTreeMap;

use kernel::message::payment::{Fact, LegShare, ParentPaid, RefundShare, Tool, ToolRequest};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, Create, DueRequest, OfParent, Refund, Share, UnpaidDue};
use kernel::time::{HOUR_US, MINUTE_US};
use kernel::{
    Amount, Bucket, Code, Context, Currency, Destination, DestinationType, DisputeId, MerchantId, Money, OrderType,
    Owner, PaymentId, Problem, RefundId, RootId, SubType, Time, TradeId, UserId,
};

use crate::{Input, Known, Message, Reaction, Refusal, Trade};

/// When every trade of these tests is opened.
pub(super) const T0: Time = Time::from_micros(1_795_392_000_000_000);

pub(super) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub(super) fn root(random: u128) -> RootId {
    RootId::new(T0, Bucket::of("user:42"), random)
}

pub(super) fn merchant() -> MerchantId {
    MerchantId(root(1))
}

pub(super) fn seller(name: &str) -> Owner {
    Owner::Seller(merchant(), name.to_owned())
}

pub(super) fn buyer() -> Owner {
    Owner::User(UserId::parse("42").unwrap())
}

pub(super) fn destination() -> Destination {
    Destination {
        kind: DestinationType::BankAccount,
        channel_account: None,
        account: "6222020200112233445".to_owned(),
        name: "Zhang San".to_owned(),
        sandbox: None,
    }
}

/// To whom is transferred.
pub(super) fn payee() -> Owner {
    Owner::User(UserId::parse("43").unwrap())
}

pub(super) fn share(name: &str, minor: i64) -> Share {
    Share { receiver: seller(name), amount: amount(minor) }
}

pub(super) fn known(after_us: i64) -> Known {
    Known { now: T0.plus(after_us), terms: TradeTerms::default(), away: None }
}

/// A minute after the trade was opened.
pub(super) fn soon() -> Known {
    known(MINUTE_US)
}

/// 100.00 CNY: 60.00 for seller a, 40.00 for seller b, confirmed by itself after a day where it is escrow; or onto a
/// balance, or to another one.
pub(super) fn order(order_type: OrderType) -> Create {
    Create {
        id: TradeId(root(2)),
        context: Context { merchant: merchant(), order_type, sub_type: SubType::general() },
        merchant_order_id: "A1001".to_owned(),
        money: Money { amount: amount(10_000), currency: Currency::parse("CNY").unwrap() },
        payer: buyer(),
        subject: Some("2 items".to_owned()),
        expires_at: None,
        confirm_by: (order_type == OrderType::Escrow).then(|| T0.plus(24 * HOUR_US)),
        return_url: None,
        metadata: BTreeMap::new(),
        splits: match order_type {
            OrderType::Instant | OrderType::Escrow => vec![share("a", 6_000), share("b", 4_000)],
            OrderType::Topup | OrderType::Payout | OrderType::Repayment | OrderType::Combined => Vec::new(),
            OrderType::Transfer => vec![Share { receiver: payee(), amount: amount(10_000) }],
        },
        late_success: None,
        dues: Vec::new(),
        unpaid_due: None,
        destination: (order_type == OrderType::Payout).then(destination),
        children: Vec::new(),
        parent: None,
        pay: None,
    }
}

/// One cart: 60.00 of one merchant at once, 40.00 of another in escrow.
pub(super) fn cart() -> Create {
    let whole = order(OrderType::Combined);
    let child = |no: u128, order_type, minor, confirm_by| Create {
        id: TradeId(root(10 + no)),
        context: Context { merchant: MerchantId(root(20 + no)), order_type, sub_type: SubType::general() },
        money: Money { amount: amount(minor), ..whole.money },
        confirm_by,
        splits: Vec::new(),
        parent: Some(whole.id),
        ..order(order_type)
    };
    let children = vec![
        child(1, OrderType::Instant, 6_000, None),
        child(2, OrderType::Escrow, 4_000, Some(T0.plus(24 * HOUR_US))),
    ];
    Create { children, ..whole }
}

/// Its child at this place.
pub(super) fn child_of_cart(place: usize) -> Trade {
    Trade::create(&cart().children[place], &known(0)).unwrap().0
}

/// What a child is told when its parent is paid.
pub(super) fn paid_by_parent(minor: i64) -> Input {
    let leg = LegShare {
        instruction: 1,
        tool: Tool::Balance,
        amount: amount(minor),
        channel_account: None,
        order: None,
        source: None,
        points: 0,
        credit_limit: None,
    };
    let payment = PaymentId::new(cart().id, 1);
    Input::Parent(OfParent::Paid(Box::new(ParentPaid { payment, rule_version: 1, legs: vec![leg] })))
}

pub(super) fn closed_by_parent(expired: bool) -> Input {
    Input::Parent(OfParent::Closed { expired })
}

pub(super) fn created(order_type: OrderType) -> Trade {
    Trade::create(&order(order_type), &known(0)).unwrap().0
}

pub(super) fn paid() -> Trade {
    told(created(OrderType::Escrow), &[succeeded()])
}

pub(super) fn completed() -> Trade {
    told(paid(), &[confirm(None, &[])])
}

/// The trade after it was told these things, a minute after it was opened.
pub(super) fn told(mut trade: Trade, inputs: &[Input]) -> Trade {
    for input in inputs {
        trade.handle(input.clone(), &soon()).unwrap();
    }
    trade
}

pub(super) fn card(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Channel { method: "card".to_owned(), sandbox: None }, amount: amount(minor) }
}

pub(super) fn balance(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Balance, amount: amount(minor) }
}

pub(super) fn pay(minor: i64) -> Input {
    pay_with(vec![card(minor)])
}

pub(super) fn pay_with(tools: Vec<ToolRequest>) -> Input {
    Input::Command(Command::Pay { due: None, tools })
}

pub(super) fn pay_due(no: u16, minor: i64) -> Input {
    Input::Command(Command::Pay { due: Some(no), tools: vec![card(minor)] })
}

pub(super) fn confirm(minor: Option<i64>, splits: &[Share]) -> Input {
    Input::Command(Command::Confirm { amount: minor.map(amount), splits: splits.to_vec() })
}

pub(super) fn refund(minor: i64, splits: &[Share]) -> Input {
    Input::Command(Command::Refund(Refund {
        merchant_refund_id: "R1".to_owned(),
        amount: amount(minor),
        reason: None,
        splits: splits.to_vec(),
        sandbox: None,
        users_debit: true,
    }))
}

pub(super) fn close() -> Input {
    Input::Command(Command::Close)
}

pub(super) fn succeeded() -> Input {
    due_succeeded(1)
}

/// The payment of the same number paid this due.
pub(super) fn due_succeeded(no: u16) -> Input {
    Input::Fact(Fact::Succeeded { payment: PaymentId::new(TradeId(root(2)), no), due: no })
}

/// The same order in two dues: 30.00 at once, for an hour; 70.00 from the second hour on, for an hour.
pub(super) fn in_dues(order_type: OrderType, unpaid_due: UnpaidDue) -> Create {
    let due = |minor, from, until| DueRequest {
        amount: amount(minor),
        opens_at: Some(T0.plus(from)),
        expires_at: Some(T0.plus(until)),
    };
    let dues = vec![due(3_000, 0, HOUR_US), due(7_000, 2 * HOUR_US, 3 * HOUR_US)];
    Create { dues, unpaid_due: Some(unpaid_due), ..order(order_type) }
}

pub(super) fn created_in_dues(order_type: OrderType, unpaid_due: UnpaidDue) -> Trade {
    Trade::create(&in_dues(order_type, unpaid_due), &known(0)).unwrap().0
}

pub(super) fn failed() -> Input {
    Input::Fact(Fact::Failed { payment: PaymentId::new(TradeId(root(2)), 1) })
}

pub(super) fn quiet() -> Input {
    Input::Fact(Fact::Quiet)
}

pub(super) fn taken(name: &str, before: i64, after: i64) -> RefundShare {
    RefundShare { receiver: seller(name), before, after }
}

pub(super) fn refunded(shares: &[RefundShare]) -> Input {
    Input::Fact(Fact::Refunded { refund: RefundId::new(TradeId(root(2)), 1), shares: shares.to_vec() })
}

pub(super) fn refund_failed(shares: &[RefundShare]) -> Input {
    Input::Fact(Fact::RefundFailed { refund: RefundId::new(TradeId(root(2)), 1), shares: shares.to_vec() })
}

fn dispute() -> DisputeId {
    DisputeId::new(TradeId(root(2)), 1)
}

pub(super) fn disputed(minor: i64) -> Input {
    Input::Fact(Fact::Disputed { dispute: dispute(), amount: amount(minor) })
}

pub(super) fn dispute_won(shares: &[RefundShare]) -> Input {
    Input::Fact(Fact::DisputeWon { dispute: dispute(), shares: shares.to_vec() })
}

pub(super) fn dispute_lost(lost: &[RefundShare], kept: &[RefundShare]) -> Input {
    Input::Fact(Fact::DisputeLost { dispute: dispute(), lost: lost.to_vec(), kept: kept.to_vec() })
}

/// The one message of a reaction.
pub(super) fn only_message(reaction: &Reaction) -> &Message {
    assert_eq!(reaction.messages.len(), 1, "{reaction:?}");
    &reaction.messages[0]
}

pub(super) fn kinds(reaction: &Reaction) -> Vec<(&'static str, i64)> {
    reaction.news.iter().map(|news| (news.kind, news.sequence)).collect()
}

/// The code and the field to blame; the trade must be as it was.
pub(super) fn refusal(trade: &Trade, input: Input) -> (Code, Option<String>) {
    let mut told = trade.clone();
    let refusal = told.handle(input, &soon()).unwrap_err();
    assert_eq!(&told, trade, "a refused command changes nothing");
    blame(refusal)
}

pub(super) fn blame(refusal: Refusal) -> (Code, Option<String>) {
    let problem = Problem::from(refusal);
    (problem.code, problem.param)
}

pub(super) fn at(code: Code, param: &str) -> (Code, Option<String>) {
    (code, Some(param.to_owned()))
}
