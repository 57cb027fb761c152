//! The institution's own truth against what we have on record of it, both ways: no word that it never said, and no money
//! of its that we do not know.

use std::collections::BTreeMap;

use channel::order::{Evidence, Outcome};
use channel::sandbox::bank::{BankOrder, BankRefund, Truth};
use channel::{Job, Order};
use kernel::{DisputeId, OrderId};
use payment::{Dispute, DisputeStatus, PaymentStatus};
use trade::Due;

use super::Scene;
use super::rows::Rows;

/// What differs.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let records: BTreeMap<&str, &BankOrder> =
        scene.institution.iter().map(|record| (record.number.as_str(), record)).collect();
    // What we know of money that moved, by our number of the order and the institution's of the movement.
    let mut known = Vec::new();
    for orders in rows.trees.values().filter_map(|tree| tree.orders.as_ref()) {
        for evidence in &orders.evidence {
            let Some(order) = orders.get(evidence.order) else { continue };
            let id = OrderId::new(orders.trade, order.no);
            if !was_said(&records, id, order, evidence) {
                found.push(format!("{id}: the institution never said {}", evidence.outcome.as_str()));
            }
            known.push((id.institution_number(), evidence.outcome));
        }
    }
    for record in &scene.institution {
        found.extend(unknown(record, &known, scene.now.micros()));
    }
    found.extend(disputes(scene, rows));
    found
}

fn was_said(records: &BTreeMap<&str, &BankOrder>, id: OrderId, order: &Order, evidence: &Evidence) -> bool {
    let (about, refund) = match order.job {
        Job::Pay { .. } | Job::Payout { .. } => (id, None),
        Job::Refund { of, .. } => (of, Some(id.institution_number())),
    };
    let number = about.institution_number();
    let record = records.get(number.as_str()).copied();
    let by_then = evidence.at.micros();
    let steps = |record: &'_ BankOrder| match &refund {
        None => record.steps.clone(),
        Some(number) => of_refund(record, number).map(|refund| refund.steps.clone()).unwrap_or_default(),
    };
    let said = |fits: &dyn Fn(&Truth) -> bool| {
        record.is_some_and(|record| steps(record).iter().any(|step| step.at <= by_then && fits(&step.truth)))
    };
    match evidence.outcome {
        Outcome::Paid => said(&|truth| match truth {
            Truth::Paid { amount, currency, channel_no } => {
                Some(*amount) == evidence.amount
                    && Some(*currency) == evidence.currency
                    && Some(channel_no.as_str()) == evidence.channel_no.as_deref()
            }
            _ => false,
        }),
        Outcome::Refunded => said(&|truth| match truth {
            Truth::Refunded { amount, currency, .. } => {
                Some(*amount) == evidence.amount && Some(*currency) == evidence.currency
            }
            _ => false,
        }),
        Outcome::PaidOut => said(&|truth| match truth {
            Truth::PaidOut { amount, currency, .. } => {
                Some(*amount) == evidence.amount && Some(*currency) == evidence.currency
            }
            _ => false,
        }),
        Outcome::Disputed => said(&|truth| match truth {
            Truth::Disputed { dispute, amount, currency, .. } => {
                (evidence.channel_no.as_deref(), evidence.amount, evidence.currency)
                    == (Some(dispute.as_str()), Some(*amount), Some(*currency))
            }
            _ => false,
        }),
        Outcome::DisputeWon => said(&|truth| match truth {
            Truth::DisputeWon { dispute } => evidence.channel_no.as_deref() == Some(dispute.as_str()),
            _ => false,
        }),
        Outcome::DisputeLost => said(&|truth| match truth {
            Truth::DisputeLost { dispute, amount, currency } => {
                (evidence.channel_no.as_deref(), evidence.amount, evidence.currency)
                    == (Some(dispute.as_str()), Some(*amount), Some(*currency))
            }
            _ => false,
        }),
        Outcome::Returned => said(&|truth| matches!(truth, Truth::Returned { .. } | Truth::PayoutReturned { .. })),
        Outcome::Closed => {
            let over = record.is_some_and(|record| record.expires_at <= by_then);
            over || said(&|truth| matches!(truth, Truth::Closed))
        }
        Outcome::Failed if refund.is_none() => {
            said(&|truth| matches!(truth, Truth::Failed { .. } | Truth::PayoutFailed { .. }))
        }
        // It may refuse a refund that it does not take in at all.
        Outcome::Failed => !said(&|truth| matches!(truth, Truth::Refunded { .. })),
        Outcome::Accepted | Outcome::Paying => record.is_some(),
        Outcome::NotFound | Outcome::Suspect => true,
    }
}

fn of_refund<'r>(record: &'r BankOrder, number: &str) -> Option<&'r BankRefund> {
    record.refunds.iter().find(|refund| refund.number == number)
}

/// The word that tells of a dispute's truth.
const fn of_dispute(truth: &Truth) -> Option<Outcome> {
    match truth {
        Truth::Disputed { .. } => Some(Outcome::Disputed),
        Truth::DisputeWon { .. } => Some(Outcome::DisputeWon),
        Truth::DisputeLost { .. } => Some(Outcome::DisputeLost),
        _ => None,
    }
}

/// Every dispute has come to its end as the institution decided it; what it took of receivers is what it took in all, or all
/// that refunds and other disputes had left of the leg.
fn disputes(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let trees = rows.trees.values().filter_map(|tree| Some((&tree.trade, tree.payments.as_deref()?)));
    for (trade, state) in trees {
        for dispute in &state.disputes {
            let id = DisputeId::new(state.trade, dispute.no);
            let truth =
                scene.institution.iter().flat_map(|record| &record.steps).filter(|step| step.at <= scene.now.micros());
            let mut ended = truth.filter_map(|step| match &step.truth {
                Truth::DisputeWon { dispute: number } if *number == dispute.channel_no => Some((DisputeStatus::Won, 0)),
                Truth::DisputeLost { dispute: number, amount, .. } if *number == dispute.channel_no => {
                    Some((DisputeStatus::Lost, *amount))
                }
                _ => None,
            });
            // A share ends with the parent's dispute: see `carts.rs`.
            let own = dispute.parent.is_none();
            if own && ended.next_back().unwrap_or((DisputeStatus::Open, 0)) != (dispute.status, dispute.lost) {
                found.push(format!("{id} did not end as the institution decided it"));
            }
            let Some((payment, leg)) = state.leg(dispute.instruction) else { continue };
            // What takes effect only with another leg, or when people accept it, may do so after it was disputed.
            let alone = payment.instructions.iter().filter(|leg| leg.is_external()).count() == 1 && !leg.suspended;
            // Nor is what waits for the other dues of its trade anybody's, and what paid a cart is its children's.
            let paid_before = |due: &Due| due.paid.is_some_and(|paid| paid.at < dispute.opened_at);
            let whole = !trade.is_combined() && (!trade.has_dues() || trade.dues.iter().all(paid_before));
            let counts = payment.status == PaymentStatus::Succeeded && !leg.surplus && alone && whole;
            let parts = state.refunds.iter().flat_map(|refund| &refund.parts);
            let refunded: i64 = parts.filter(|part| part.instruction == leg.no).map(|part| part.amount.minor()).sum();
            let others = state.disputes.iter().filter(|it| it.no != dispute.no && it.instruction == leg.no);
            let disputed: i64 = others.map(Dispute::set_aside).sum();
            let left = if counts { leg.received - refunded - disputed } else { 0 };
            if dispute.set_aside() < left.min(dispute.money.amount.minor()) {
                found.push(format!("{id} set aside less than was left"));
            }
            if dispute.taken() != dispute.lost.min(dispute.set_aside()) {
                found.push(format!("{id} took something else than the institution"));
            }
            if leg.returned + leg.returning > leg.received {
                found.push(format!("{id}: more went back than came"));
            }
        }
    }
    found
}

/// Money that the institution moved and that we have no word of.
fn unknown(record: &BankOrder, known: &[(String, Outcome)], now: i64) -> Vec<String> {
    let mut found = Vec::new();
    let count = |number: &str, outcomes: &[Outcome]| {
        known.iter().filter(|(of, outcome)| of == number && outcomes.contains(outcome)).count()
    };
    let happened = |steps: &[channel::sandbox::bank::Step], fits: fn(&Truth) -> bool| {
        steps.iter().filter(|step| step.at <= now && fits(&step.truth)).count()
    };
    let paid = happened(&record.steps, |truth| matches!(truth, Truth::Paid { .. }));
    if count(&record.number, &[Outcome::Paid, Outcome::Suspect]) < paid {
        found.push(format!("the institution was paid for {} and we do not know it", record.number));
    }
    let out = happened(&record.steps, |truth| matches!(truth, Truth::PaidOut { .. }));
    let returned = happened(&record.steps, |truth| matches!(truth, Truth::PayoutReturned { .. }));
    if count(&record.number, &[Outcome::PaidOut, Outcome::Returned, Outcome::Suspect]) < out
        || count(&record.number, &[Outcome::Returned]) < returned
    {
        found.push(format!("the institution paid out {} and we do not know it", record.number));
    }
    for outcome in [Outcome::Disputed, Outcome::DisputeWon, Outcome::DisputeLost] {
        let decided = record.steps.iter().filter(|step| step.at <= now && of_dispute(&step.truth) == Some(outcome));
        if count(&record.number, &[outcome]) < decided.count() {
            found.push(format!("the institution said {} of {} and we do not know it", outcome.as_str(), record.number));
        }
    }
    for refund in &record.refunds {
        let back = happened(&refund.steps, |truth| matches!(truth, Truth::Refunded { .. }));
        let returned = happened(&refund.steps, |truth| matches!(truth, Truth::Returned { .. }));
        // A return whose refund was never told stands for both.
        if count(&refund.number, &[Outcome::Refunded, Outcome::Returned, Outcome::Suspect]) < back
            || count(&refund.number, &[Outcome::Returned]) < returned
        {
            found.push(format!("the institution gave back {} and we do not know it", refund.number));
        }
    }
    found
}
