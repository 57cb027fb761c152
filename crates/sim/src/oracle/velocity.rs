//! Limits within a time against the payments that there are, without looking at any counter.
//!
//! When a payment was opened nobody knew yet what would become of the others, so two bounds are held. Whoever was let through
//! fits beside all that were opened before it and took effect in the end. Whoever was refused does not fit beside all that
//! were opened before it, whatever became of them.

use std::collections::BTreeMap;

use engine::planning::facts;
use kernel::Time;
use kernel::message::trade::LateSuccess;
use payment::{FailureCode, Payment, PaymentStatus};
use rules::{Counting, PaymentFacts};
use trade::Trade;

use super::Scene;
use super::rows::Rows;

/// A payment as one limit sees it.
struct Counted {
    name: String,
    at: Time,
    until: Time,
    limit: Counting,
    /// It was refused for some limit, or a block.
    refused: bool,
    /// It was refused for this one.
    by_this: bool,
    /// From its opening on it never stopped to count.
    sure: bool,
}

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut by_counter: BTreeMap<(i64, String), Vec<Counted>> = BTreeMap::new();
    for tree in rows.trees.values() {
        let payments = tree.payments.iter().flat_map(|state| &state.payments);
        let own = payments.filter(|payment| payment.parent.is_none());
        for counted in own.flat_map(|payment| counted(scene, &tree.trade, payment)) {
            let shard = scene.shards.of(tree.trade.id.0.bucket());
            by_counter.entry((shard, counted.limit.identity.clone())).or_default().push(counted);
        }
    }
    by_counter.values().flat_map(|payments| judged(payments)).collect()
}

fn counted(scene: &Scene<'_>, trade: &Trade, payment: &Payment) -> Vec<Counted> {
    let Some(book) = scene.rules.version(payment.rule_version) else { return Vec::new() };
    let (tools, signals) = (payment.tools(), &payment.signals);
    let asked = PaymentFacts {
        amount: payment.money.amount.minor(),
        attempt: payment.no,
        due: payment.due,
        tools: &tools,
        signals,
        switches: &payment.switches,
    };
    let limits = book.velocity(payment.rule_version, &facts(trade, payment.created_at, Some(asked)));
    let of = |code| payment.failure.as_ref().filter(move |failure| failure.code == code);
    let (failure, blocked) = (of(FailureCode::VelocityExceeded), of(FailureCode::RiskRefused));
    let counted = |limit: Counting| Counted {
        name: format!("payment {} of {}", payment.no, trade.id),
        at: payment.created_at,
        until: limit.window.until(limit.window.slot(payment.created_at)),
        refused: failure.is_some() || blocked.is_some(),
        by_this: failure.is_some_and(|failure| failure.message.contains(&format!("`{}`", limit.refusal.rule))),
        sure: payment.status == PaymentStatus::Succeeded && payment.late_success == LateSuccess::Refund,
        limit,
    };
    limits.into_iter().map(counted).collect()
}

fn judged(payments: &[Counted]) -> Vec<String> {
    let breaks = |it: &Counted, others: &[&Counted]| {
        let count = others.len() as i64 + 1;
        let sum = others.iter().map(|other| other.limit.minor).sum::<i64>() + it.limit.minor;
        it.limit.count.is_some_and(|most| count > most) || it.limit.sum.is_some_and(|most| sum > most)
    };
    let mut found = Vec::new();
    for it in payments {
        let others = || payments.iter().filter(|other| !std::ptr::eq(*other, it) && other.until > it.at);
        let before: Vec<&Counted> = others().filter(|other| other.sure && other.at < it.at).collect();
        if !it.refused && breaks(it, &before) {
            found.push(format!("{} was let through beyond rule {}", it.name, it.limit.refusal.rule));
        }
        let possible: Vec<&Counted> = others().filter(|other| !other.refused && other.at <= it.at).collect();
        if it.by_this && !breaks(it, &possible) {
            found.push(format!("{} was refused by rule {} and fits", it.name, it.limit.refusal.rule));
        }
    }
    found
}
