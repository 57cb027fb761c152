//! A trade's states against the money that was booked in its name: what must lie where follows from the states alone.
//!
//! Escrow is what was paid and neither released nor returned; receivers have what was released to them and not returned;
//! both less what parts of unfinished refunds took already. Redeemed points are what payments took less what came back. Received and suspended money is what refund parts have yet to
//! give back, what earlier legs of open payments brought, and what open cases are about. Through institutions went what
//! parts that arrived that way say, and what lost disputes took. A hold has left what its instruction holds, or its line of a refund or a dispute waits for.

use std::collections::BTreeMap;

use accounting::Hold;
use accounting::chart::Entry;
use accounting::hold::HoldKey;
use channel::Orders;
use channel::order::{Job, Outcome};
use kernel::message::accounting::HoldNo;
use kernel::{Currency, InstructionId, OrderType, Owner, PaymentId, RefundId, TradeId};
use payment::case::CaseStatus;
use payment::payment::PaymentStatus;
use payment::{
    CaseKind, DisputeStatus, Instruction, InstructionStatus, Line, Part, PartSource, PartStatus, Payment, Payments,
    RefundStatus, Subject, Way,
};
use store::Row as _;
use store::tables::accounting::HoldRow;
use store::tables::channel::OrderRow;
use store::tables::payment::{PaymentRow, RefundRow};
use store::tables::trade::TradeRow;
use trade::Trade;

use super::Report;
use super::trail::{Spot, Trail, add};

/// Compares one trade.
pub(super) fn compare(
    trade: &Trade,
    payments: Option<&Payments>,
    orders: Option<&Orders>,
    holds: &BTreeMap<HoldKey, Hold>,
    trail: &Trail,
    report: &mut Report,
) {
    compare_left(trade, payments, trail, report);
    if let Some(payments) = payments {
        compare_effects(payments, trail, report);
        compare_refunds(payments, trail, report);
        compare_holds(payments, holds, report);
    }
    compare_receipts(trade.id, orders, trail, report);
}

fn compare_left(trade: &Trade, payments: Option<&Payments>, trail: &Trail, report: &mut Report) {
    let mut wanted = BTreeMap::new();
    let currency = trade.money.currency;
    let in_escrow = i128::from(trade.moved.in_escrow(trade.paid));
    add(&mut wanted, (Entry::Escrow, String::new(), currency), in_escrow);
    add(&mut wanted, (Entry::Combined, String::new(), currency), on_its_way(trade));
    let inside = trade.context.order_type != OrderType::Payout;
    for split in trade.splits.iter().filter(|_| inside) {
        let has = i128::from(split.moved.released) - i128::from(split.moved.returned_after);
        let spot = match split.receiver {
            // What has left for another shard is booked there, and here no more.
            Owner::User(_) | Owner::Merchant(_) if trade.away.is_some() => (Entry::Transit, String::new(), currency),
            _ => (Entry::Pending, split.receiver.to_string(), currency),
        };
        add(&mut wanted, spot, has);
    }
    for line in payments.into_iter().flat_map(gone_ahead) {
        let (entry, whose) =
            if line.released { (Entry::Pending, line.receiver.to_string()) } else { (Entry::Escrow, String::new()) };
        add(&mut wanted, (entry, whose, currency), -i128::from(line.amount.minor()));
    }
    if let Some(payments) = payments {
        add(&mut wanted, (Entry::PointsRedeemed, String::new(), Currency::POINTS), redeemed(payments));
        add(&mut wanted, (Entry::Credit, String::new(), currency), drawn(payments));
        for (spot, minor) in of_payments(payments) {
            add(&mut wanted, spot, minor);
        }
    }
    let spots = wanted.keys().chain(trail.left.keys());
    for spot in spots.collect::<std::collections::BTreeSet<_>>() {
        if wanted.get(spot) != trail.left.get(spot) {
            let (entry, whose, currency) = spot;
            let of = if whose.is_empty() { String::new() } else { format!(" of {whose}") };
            let what = format!("its states and its vouchers disagree on {}{of} in {}", entry.code(), currency.code());
            report.note("I09", TradeRow::TABLE, trade.id.to_string(), what);
        }
    }
}

/// What a parent brought and its children took, each in its own name; over all of a checkout it is nothing.
fn on_its_way(trade: &Trade) -> i128 {
    match (trade.is_combined(), trade.parent) {
        (true, _) => i128::from(trade.paid),
        (false, Some(_)) => -i128::from(trade.paid),
        (false, None) => 0,
    }
}

/// What parts of refunds took that the trade counts only when all of their refund is through.
fn gone_ahead(payments: &Payments) -> impl Iterator<Item = &Line> {
    let pending = payments.refunds.iter().filter(|refund| refund.status == RefundStatus::Pending);
    pending.flat_map(|refund| &refund.parts).filter(|part| has_arrived(part)).flat_map(|part| &part.lines)
}

/// Whether a part was once taken from whom it takes; what came back later is no receiver's any more.
fn has_arrived(part: &Part) -> bool {
    match part.status {
        PartStatus::Succeeded | PartStatus::Returned => true,
        PartStatus::Pending | PartStatus::Unknown | PartStatus::Failed => part.source == PartSource::Received,
    }
}

/// The money of a trade's payments that is neither a receiver's nor the buyer's.
fn of_payments(payments: &Payments) -> Vec<(Spot, i128)> {
    let mut money = Vec::new();
    for payment in payments.payments.iter().filter(|payment| payment.status.is_open()) {
        for leg in payment.instructions.iter().filter(|leg| leg.is_external()) {
            let entry = if leg.suspended { Entry::Suspense } else { Entry::Received };
            money.push(((entry, institution(leg), payment.money.currency), i128::from(leg.left())));
        }
    }
    for payment in &payments.payments {
        let Some(leg) = payment.payout() else { continue };
        // It comes back as a whole, its fee with it.
        let out = if leg.status == InstructionStatus::Succeeded { leg.amount.minor() - leg.returned } else { 0 };
        let fee = if out > 0 && leg.returned == 0 { payment.payout_fee() } else { 0 };
        let amount = out - fee;
        let currency = payment.money.currency;
        money.push(((Entry::ChannelOut, institution(leg), currency), i128::from(amount)));
        money.push(((Entry::Fees, String::new(), currency), i128::from(fee)));
    }
    for refund in &payments.refunds {
        for part in &refund.parts {
            let Some((_, leg)) = payments.leg(part.instruction) else { continue };
            if let Some(entry) = place_of(part) {
                money.push(((entry, institution(leg), refund.money.currency), i128::from(part.amount.minor())));
            }
        }
    }
    for dispute in &payments.disputes {
        if let Some((_, leg)) = payments.leg(dispute.instruction) {
            let spot = (Entry::ChannelDispute, institution(leg), dispute.money.currency);
            money.push((spot, i128::from(dispute.taken())));
        }
    }
    for case in &payments.cases {
        if let (CaseKind::AmountMismatch, CaseStatus::Open | CaseStatus::Proposed, Subject::Instruction(no)) =
            (case.kind, case.status, case.subject)
            && let Some((_, leg)) = payments.leg(no)
        {
            money.push((
                (Entry::Suspense, institution(leg), case.money.currency),
                i128::from(case.money.amount.minor()),
            ));
        }
    }
    money
}

/// The payments that took effect, but for shares: what these are of was drawn and redeemed by the parent's.
fn effective(payments: &Payments) -> impl Iterator<Item = &Payment> {
    let own = |payment: &&Payment| payment.status == PaymentStatus::Succeeded && payment.parent.is_none();
    payments.payments.iter().filter(own)
}

/// What effective payments have drawn on credit.
fn drawn(payments: &Payments) -> i128 {
    let legs = effective(payments).flat_map(|payment| &payment.instructions).filter(|leg| leg.credit_limit.is_some());
    legs.map(|leg| i128::from(leg.amount.minor())).sum()
}

/// The points that effective payments redeemed and refunds have not given back.
fn redeemed(payments: &Payments) -> i128 {
    let used = effective(payments).flat_map(|payment| &payment.instructions).filter_map(|leg| leg.points.as_ref());
    let back = payments.refunds.iter().flat_map(|refund| &refund.parts);
    let back = back.filter(|part| part.status == PartStatus::Succeeded).map(|part| i128::from(part.points));
    used.map(|used| i128::from(used.points)).sum::<i128>() - back.sum::<i128>()
}

/// On which line of the chart the money of a refund part is, where it is none of the receivers' or the buyer's.
fn place_of(part: &Part) -> Option<Entry> {
    match (part.status, part.source, part.way) {
        (PartStatus::Succeeded, _, Way::Channel) => Some(Entry::ChannelRefund),
        (
            PartStatus::Succeeded,
            _,
            Way::Balance | Way::CouponSource | Way::CouponAgain | Way::Stored | Way::Points | Way::Credit,
        ) => None,
        (_, PartSource::Received, _) => Some(Entry::Received),
        (_, PartSource::Suspense, _) => Some(Entry::Suspense),
        (_, PartSource::Receivers | PartSource::PaidOut, _) => None,
    }
}

fn institution(leg: &Instruction) -> String {
    leg.channel_account.clone().unwrap_or_default()
}

/// Each success has exactly one voucher, of its amount and currency; nothing else has one.
fn compare_effects(payments: &Payments, trail: &Trail, report: &mut Report) {
    let id = |no| PaymentId::new(payments.trade, no).to_string();
    for payment in &payments.payments {
        let booked: Vec<_> = trail.effects.iter().filter(|(of, ..)| *of == payment.no).collect();
        match (payment.status == PaymentStatus::Succeeded, booked.as_slice()) {
            (false, []) => {}
            (true, [(_, currency, minor)]) => {
                if (*currency, *minor) != (payment.money.currency, i128::from(payment.money.amount.minor())) {
                    report.note("I10", PaymentRow::TABLE, id(payment.no), "its voucher is of other money");
                }
            }
            (true, []) => report.note("I09", PaymentRow::TABLE, id(payment.no), "took effect without a voucher"),
            (true, _) => report.note("I09", PaymentRow::TABLE, id(payment.no), "has more than one voucher"),
            (false, _) => report.note("I09", PaymentRow::TABLE, id(payment.no), "has a voucher and took no effect"),
        }
    }
    for (no, ..) in trail.effects.iter().filter(|(no, ..)| payments.payment(*no).is_none()) {
        report.note("I09", PaymentRow::TABLE, id(*no), "is missing: a voucher names it");
    }
}

/// Vouchers of refunds took from receivers exactly what the parts say that arrived.
fn compare_refunds(payments: &Payments, trail: &Trail, report: &mut Report) {
    let id = |no| RefundId::new(payments.trade, no).to_string();
    for refund in &payments.refunds {
        let taken = refund.reason_code.is_of_dues();
        let parts = refund.parts.iter().filter(|part| taken && has_arrived(part));
        let wanted: i128 = parts.map(|part| i128::from(part.amount.minor())).sum();
        if wanted != trail.refunds.get(&refund.no).copied().unwrap_or_default() {
            report.note("I09", RefundRow::TABLE, id(refund.no), "its parts that arrived and its vouchers disagree");
        }
    }
    for no in trail.refunds.keys().filter(|no| payments.refund(**no).is_none()) {
        report.note("I09", RefundRow::TABLE, id(*no), "is missing: a voucher names it");
    }
}

/// What is left of holds is what instructions hold and refund lines wait for.
fn compare_holds(payments: &Payments, holds: &BTreeMap<HoldKey, Hold>, report: &mut Report) {
    let mut left: BTreeMap<HoldNo, i128> = BTreeMap::new();
    for (key, hold) in holds {
        *left.entry(key.no).or_default() += i128::from(hold.left());
    }
    let mut wanted: BTreeMap<HoldNo, i128> = BTreeMap::new();
    for leg in payments.payments.iter().flat_map(|payment| &payment.instructions) {
        if leg.status == InstructionStatus::Held || leg.is_payout() && leg.status.awaits_money() {
            let rest = leg.coupon.as_ref().map_or(0, |coupon| coupon.rest);
            let points = leg.points.as_ref().map_or(0, |used| used.points);
            let all = i128::from(leg.amount.minor()) + i128::from(rest) + i128::from(points);
            wanted.insert(HoldNo::Instruction(leg.no), all);
        }
    }
    for part in payments.refunds.iter().flat_map(|refund| &refund.parts) {
        let waits = matches!(part.status, PartStatus::Pending | PartStatus::Unknown | PartStatus::Failed);
        for line in part.lines.iter().filter(|_| waits && part.source == PartSource::Receivers) {
            wanted.insert(HoldNo::RefundLine(line.no), i128::from(line.amount.minor()));
        }
    }
    for dispute in payments.disputes.iter().filter(|dispute| dispute.status == DisputeStatus::Open) {
        for line in &dispute.lines {
            wanted.insert(HoldNo::DisputeLine(line.line.no), i128::from(line.line.amount.minor()));
        }
    }
    let numbers: std::collections::BTreeSet<HoldNo> = left.keys().chain(wanted.keys()).copied().collect();
    for no in numbers {
        if left.get(&no).copied().unwrap_or_default() != wanted.get(&no).copied().unwrap_or_default() {
            let key = match no {
                HoldNo::Instruction(no) => InstructionId::new(payments.trade, no).to_string(),
                HoldNo::DisputeLine(no) => format!("{} dispute line {no}", payments.trade),
                HoldNo::RefundLine(no) => format!("{} refund line {no}", payments.trade),
            };
            report.note("I09", HoldRow::TABLE, key, "what is left of it is not what its tree waits for");
        }
    }
}

/// Every receipt on evidence is one transfer from its institution, and the other way round.
fn compare_receipts(trade: TradeId, orders: Option<&Orders>, trail: &Trail, report: &mut Report) {
    let mut heard: Vec<(String, Currency, i64)> = Vec::new();
    for word in orders.iter().flat_map(|orders| &orders.evidence).filter(|word| word.outcome == Outcome::Paid) {
        let order = orders.and_then(|orders| orders.get(word.order));
        let pay = order.filter(|order| matches!(order.job, Job::Pay { .. }));
        if let (Some(order), Some(minor), Some(currency)) = (pay, word.amount, word.currency) {
            heard.push((order.channel_account.clone(), currency, minor));
        }
    }
    let mut booked = trail.receipts.clone();
    heard.sort();
    booked.sort();
    if heard != booked {
        let what = "what came from institutions is not what was booked for it, receipt by receipt";
        report.note("I09", OrderRow::TABLE, trade.to_string(), what);
    }
}
