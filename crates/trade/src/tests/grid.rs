//! Every state against every input: the machine as one page. A change of a rule is a change of the snapshot.

use std::fmt::Write as _;

use kernel::OrderType::{Escrow, Instant, Payout, Repayment, Topup, Transfer};
use kernel::message::payment::RefundShare;
use kernel::message::trade::{Command, Create, UnpaidDue};
use kernel::time::{DAY_US, HOUR_US};
use kernel::{OrderType, Owner};

use super::fixture::*;
use crate::{ClosedReason, Event, Input, Known, Status, Stop, Trade};

fn states() -> Vec<(&'static str, Trade)> {
    let all = || [taken("a", 6_000, 0), taken("b", 4_000, 0)];
    let stopped = |stop| Trade { status: Status::Closing(stop), ..created(Escrow) };
    vec![
        ("created", created(Escrow)),
        ("closing, canceled", told(created(Escrow), &[close()])),
        ("closing, expired", stopped(Stop::Expired)),
        ("paid", paid()),
        ("paid, a released", told(paid(), &[confirm(None, &[share("a", 6_000)])])),
        ("paid, a returning", told(paid(), &[refund(6_000, &[share("a", 6_000)])])),
        ("paid, all returning", told(paid(), &[refund(10_000, &[])])),
        ("paid, a returning, b released", told(paid(), &[refund(6_000, &[share("a", 6_000)]), confirm(None, &[])])),
        ("completed", completed()),
        ("completed, all returning", told(completed(), &[refund(10_000, &[])])),
        ("completed, instant", told(created(Instant), &[succeeded()])),
        ("closed, expired", told(stopped(Stop::Expired), &[quiet()])),
        ("closed, canceled", told(created(Escrow), &[close(), quiet()])),
        ("closed, refunded", told(paid(), &[refund(10_000, &[]), refunded(&all())])),
        ("closed, failed", Trade { status: Status::Closed(ClosedReason::Failed), ..created(Escrow) }),
    ]
}

fn inputs() -> Vec<(&'static str, Input, Known)> {
    let command = Input::Command;
    let repeated = |create| command(Command::Create(Box::new(create)));
    vec![
        ("create, the same", repeated(order(Escrow)), soon()),
        ("create, another", repeated(Create { subject: None, ..order(Escrow) }), soon()),
        ("pay", pay(10_000), soon()),
        ("pay, late", pay(10_000), known(DAY_US)),
        ("confirm", confirm(None, &[]), soon()),
        ("confirm 40.00", confirm(Some(4_000), &[]), soon()),
        ("confirm b", confirm(None, &[share("b", 4_000)]), soon()),
        ("confirm by time, early", command(Command::ConfirmByTime), soon()),
        ("confirm by time", command(Command::ConfirmByTime), known(DAY_US)),
        ("close", close(), soon()),
        ("expire, early", command(Command::Expire), soon()),
        ("expire", command(Command::Expire), known(DAY_US)),
        ("refund 40.00", refund(4_000, &[]), soon()),
        ("refund a", refund(6_000, &[share("a", 6_000)]), soon()),
        ("refund 100.00", refund(10_000, &[]), soon()),
        ("succeeded", succeeded(), soon()),
        ("failed", failed(), soon()),
        ("quiet", quiet(), soon()),
        ("refunded a, before release", refunded(&[taken("a", 6_000, 0)]), soon()),
        ("refunded a, after release", refunded(&[taken("a", 0, 6_000)]), soon()),
        ("refund of a failed, before release", refund_failed(&[taken("a", 6_000, 0)]), soon()),
        ("refund of a failed, after release", refund_failed(&[taken("a", 0, 6_000)]), soon()),
        ("disputed 40.00", disputed(4_000), soon()),
        ("disputed 200.00", disputed(20_000), soon()),
        ("dispute of a won, before release", dispute_won(&[taken("a", 6_000, 0)]), soon()),
        ("dispute of a lost, before release", dispute_lost(&[taken("a", 6_000, 0)], &[]), soon()),
        ("a third of it lost, after release", dispute_lost(&[taken("a", 0, 2_000)], &[taken("a", 0, 4_000)]), soon()),
    ]
}

fn outcome(mut trade: Trade, input: Input, known: &Known) -> String {
    let events = match trade.decide(&input, known) {
        Ok(events) => events,
        Err(refusal) => {
            let (code, param) = blame(refusal);
            return param.map_or_else(|| format!("! {code}"), |param| format!("! {code} {param}"));
        }
    };
    trade.handle(input, known).unwrap();
    if events.is_empty() {
        return "-".to_owned();
    }
    let names: Vec<String> = events.iter().map(brief).collect();
    format!("{} => {}", names.join(", "), trade.status)
}

fn brief(event: &Event) -> String {
    match event {
        Event::Released { shares } => format!("Released {:?}", shares.iter().map(|s| s.amount).collect::<Vec<_>>()),
        Event::RefundReserved { shares, .. } => {
            format!("RefundReserved {:?}", shares.iter().map(|s| (s.before, s.after)).collect::<Vec<_>>())
        }
        Event::PaymentOrdered { .. } => "PaymentOrdered".to_owned(),
        Event::ChildrenPaid { .. } => "ChildrenPaid".to_owned(),
        Event::PaidByParent(_) => "PaidByParent".to_owned(),
        Event::DuePaid { .. } => "DuePaid".to_owned(),
        Event::DisputeReserved { shares, .. } => {
            format!("DisputeReserved {:?}", shares.iter().map(|s| (s.before, s.after)).collect::<Vec<_>>())
        }
        Event::DuesReturned { shares, .. } => {
            format!("DuesReturned {:?}", shares.iter().map(|s| s.before).collect::<Vec<_>>())
        }
        Event::Refunded { .. } => "Refunded".to_owned(),
        Event::RefundFailed { .. } => "RefundFailed".to_owned(),
        plain => format!("{plain:?}"),
    }
}

/// The inputs that matter to a trade of two dues: 30.00 at once, 70.00 from the second hour on.
fn inputs_of_dues() -> Vec<(&'static str, Input, Known)> {
    let command = Input::Command;
    let repeated = |unpaid_due| command(Command::Create(Box::new(in_dues(Escrow, unpaid_due))));
    vec![
        ("create, the same", repeated(UnpaidDue::Return), soon()),
        ("create, to be forfeited", repeated(UnpaidDue::Forfeit), soon()),
        ("pay 30.00", pay(3_000), soon()),
        ("pay 70.00", pay(7_000), soon()),
        ("pay 70.00, later", pay(7_000), later()),
        ("pay due 1", pay_due(1, 3_000), soon()),
        ("pay due 1, later", pay_due(1, 3_000), later()),
        ("pay due 2", pay_due(2, 7_000), soon()),
        ("pay due 2, later", pay_due(2, 7_000), later()),
        ("pay due 3", pay_due(3, 7_000), later()),
        ("confirm", confirm(None, &[]), soon()),
        ("confirm by time", command(Command::ConfirmByTime), known(DAY_US)),
        ("close", close(), soon()),
        ("expire, early", command(Command::Expire), soon()),
        ("expire, after the first", command(Command::Expire), later()),
        ("expire, after the second", command(Command::Expire), known(3 * HOUR_US)),
        ("refund 10.00", refund(1_000, &[]), soon()),
        ("refund 30.00", refund(3_000, &[]), soon()),
        ("refund 30.01", refund(3_001, &[]), soon()),
        ("due 1 succeeded", due_succeeded(1), soon()),
        ("due 2 succeeded", due_succeeded(2), later()),
        ("quiet", quiet(), soon()),
        ("refunded 30.00 of escrow", refunded(&[taken("a", 1_800, 0), taken("b", 1_200, 0)]), soon()),
        ("refund of 30.00 failed", refund_failed(&[taken("a", 1_800, 0), taken("b", 1_200, 0)]), soon()),
        ("refunded 10.00 of receivers", refunded(&[taken("a", 0, 600), taken("b", 0, 400)]), soon()),
    ]
}

/// When the second due is open and the time of the first is over.
fn later() -> Known {
    known(2 * HOUR_US)
}

/// A page with every state against every input.
fn page(states: Vec<(&str, Trade)>, inputs: &[(&str, Input, Known)]) -> String {
    let mut page = String::new();
    for (state, trade) in states {
        writeln!(page, "{state}").unwrap();
        for (name, input, known) in inputs {
            writeln!(page, "  {name:<36}{}", outcome(trade.clone(), input.clone(), known)).unwrap();
        }
    }
    page
}

#[test]
fn grid() {
    insta::assert_snapshot!(page(states(), &inputs()));
}

/// The inputs that every type hears of, for a trade with this one receiver, who has the money at once.
fn inputs_at_once(order_type: OrderType) -> Vec<(&'static str, Input, Known)> {
    let command = Input::Command;
    let repeated = |create| command(Command::Create(Box::new(create)));
    let receiver = created(order_type).splits[0].receiver.clone();
    let taken = || vec![RefundShare { receiver: receiver.clone(), before: 0, after: 4_000 }];
    vec![
        ("create, the same", repeated(order(order_type)), soon()),
        ("create, another", repeated(Create { subject: None, ..order(order_type) }), soon()),
        ("pay", pay(10_000), soon()),
        ("pay, late", pay(10_000), known(DAY_US)),
        ("pay by balance", pay_with(vec![balance(10_000)]), soon()),
        ("confirm", confirm(None, &[]), soon()),
        ("confirm by time", command(Command::ConfirmByTime), known(DAY_US)),
        ("close", close(), soon()),
        ("expire, early", command(Command::Expire), soon()),
        ("expire", command(Command::Expire), known(DAY_US)),
        ("refund 40.00", refund(4_000, &[]), soon()),
        ("refund 100.00", refund(10_000, &[]), soon()),
        ("succeeded", succeeded(), soon()),
        ("failed", failed(), soon()),
        ("quiet", quiet(), soon()),
        ("refunded 40.00", refunded(&taken()), soon()),
        ("refund of 40.00 failed", refund_failed(&taken()), soon()),
    ]
}

#[test]
fn grid_of_dues() {
    let open = |unpaid_due| created_in_dues(Escrow, unpaid_due);
    let first = |unpaid_due| told(open(unpaid_due), &[due_succeeded(1)]);
    let closed = |unpaid_due| told(first(unpaid_due), &[close(), quiet()]);
    let gone = || refunded(&[taken("a", 1_800, 0), taken("b", 1_200, 0)]);
    let states = vec![
        ("created", open(UnpaidDue::Return)),
        ("closing", told(open(UnpaidDue::Return), &[close()])),
        ("closed", told(open(UnpaidDue::Return), &[close(), quiet()])),
        ("first paid", first(UnpaidDue::Return)),
        ("first paid, instant", told(created_in_dues(Instant, UnpaidDue::Return), &[due_succeeded(1)])),
        ("first paid, closing", told(first(UnpaidDue::Return), &[close()])),
        ("first paid, closing, to be forfeited", told(first(UnpaidDue::Forfeit), &[close()])),
        ("first on its way back", closed(UnpaidDue::Return)),
        ("first back", told(closed(UnpaidDue::Return), &[gone()])),
        ("first forfeited", closed(UnpaidDue::Forfeit)),
        ("first forfeited, 10.00 returning", told(closed(UnpaidDue::Forfeit), &[refund(1_000, &[])])),
        ("both paid", told(first(UnpaidDue::Return), &[due_succeeded(2)])),
    ];
    insta::assert_snapshot!(page(states, &inputs_of_dues()));
}

#[test]
fn grid_of_topups() {
    let topup = || created(Topup);
    let completed = || told(topup(), &[succeeded()]);
    let states = vec![
        ("created", topup()),
        ("closing, canceled", told(topup(), &[close()])),
        ("closing, expired", Trade { status: Status::Closing(Stop::Expired), ..topup() }),
        ("completed", completed()),
        ("completed, 40.00 returning", told(completed(), &[refund(4_000, &[])])),
        ("completed, all returning", told(completed(), &[refund(10_000, &[])])),
        ("closed, expired", Trade { status: Status::Closed(ClosedReason::Expired), ..topup() }),
        ("closed, canceled", told(topup(), &[close(), quiet()])),
    ];
    insta::assert_snapshot!(page(states, &inputs_at_once(Topup)));
}

#[test]
fn grid_of_repayments() {
    let repayment = || created(Repayment);
    let states = vec![
        ("created", repayment()),
        ("closing, canceled", told(repayment(), &[close()])),
        ("completed", told(repayment(), &[succeeded()])),
        ("closed, canceled", told(repayment(), &[close(), quiet()])),
    ];
    insta::assert_snapshot!(page(states, &inputs_at_once(Repayment)));
}

/// Every state of a trade that pays itself.
fn states_by_itself(order_type: OrderType) -> Vec<(&'static str, Trade)> {
    vec![
        ("created", created(order_type)),
        ("completed", told(created(order_type), &[succeeded()])),
        ("closed, failed", told(created(order_type), &[failed()])),
    ]
}

#[test]
fn grid_of_transfers() {
    insta::assert_snapshot!(page(states_by_itself(Transfer), &inputs_at_once(Transfer)));
}

#[test]
fn grid_of_payouts() {
    insta::assert_snapshot!(page(states_by_itself(Payout), &inputs_at_once(Payout)));
}

/// The inputs that a cart and its children hear of.
fn inputs_of_carts(repeated: &Create) -> Vec<(&'static str, Input, Known)> {
    let command = Input::Command;
    let merchant =
        || vec![RefundShare { receiver: Owner::Merchant(repeated.context.merchant), before: 4_000, after: 0 }];
    vec![
        ("create, the same", command(Command::Create(Box::new(repeated.clone()))), soon()),
        ("pay", pay(10_000), soon()),
        ("pay by balance", pay_with(vec![balance(10_000)]), soon()),
        ("confirm", confirm(None, &[]), soon()),
        ("confirm by time", command(Command::ConfirmByTime), known(DAY_US)),
        ("close", close(), soon()),
        ("expire", command(Command::Expire), known(DAY_US)),
        ("refund 40.00", refund(4_000, &[]), soon()),
        ("succeeded", succeeded(), soon()),
        ("quiet", quiet(), soon()),
        ("refunded 40.00", refunded(&merchant()), soon()),
        ("disputed 40.00", disputed(4_000), soon()),
        ("the parent paid it", paid_by_parent(4_000), soon()),
        ("the parent closed", closed_by_parent(false), soon()),
        ("the parent expired", closed_by_parent(true), soon()),
    ]
}

#[test]
fn grid_of_parents() {
    let open = || Trade::create(&cart(), &known(0)).unwrap().0;
    let states = vec![
        ("created", open()),
        ("closing", told(open(), &[close()])),
        ("completed", told(open(), &[succeeded()])),
        ("closed", told(open(), &[close(), quiet()])),
    ];
    insta::assert_snapshot!(page(states, &inputs_of_carts(&cart())));
}

#[test]
fn grid_of_children() {
    let open = || child_of_cart(1);
    let paid = || told(open(), &[paid_by_parent(4_000), succeeded()]);
    let states = vec![
        ("created", open()),
        ("paid", paid()),
        ("paid, all returning", told(paid(), &[refund(4_000, &[])])),
        ("completed", told(paid(), &[confirm(None, &[])])),
        ("closed", told(open(), &[closed_by_parent(false)])),
        ("instant, completed", told(child_of_cart(0), &[paid_by_parent(6_000), succeeded()])),
    ];
    let repeated = Create { expires_at: None, ..cart().children[1].clone() };
    insta::assert_snapshot!(page(states, &inputs_of_carts(&repeated)));
}
