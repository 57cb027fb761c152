//! A refund that the institution refuses for good goes to the balance of the user who paid where the institution says so, or
//! the rules that planned the payment do; else people decide.

use channel::sandbox::bank::Truth;
use engine::planning::{self, facts};
use kernel::OrderId;
use kernel::message::payment::{Resolution, Tool};
use kernel::message::rules::RefundFailed;
use payment::case::{CaseKind, Subject};
use payment::refund::{PartStatus, Way};
use payment::{Case, Part, Payment, Payments};
use trade::Trade;

use super::Scene;
use super::rows::Rows;

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let trees = rows.trees.values().filter_map(|tree| Some((&*tree.trade, tree.payments.as_deref()?)));
    let parts = trees.flat_map(|(trade, state)| {
        let parts = state.refunds.iter().flat_map(|refund| &refund.parts);
        parts.map(move |part| (trade, state, part))
    });
    parts.filter_map(|(trade, state, part)| astray(scene, trade, state, part)).collect()
}

fn astray(scene: &Scene<'_>, trade: &Trade, state: &Payments, part: &Part) -> Option<String> {
    let (payment, leg) = state.leg(part.instruction)?;
    if !matches!(leg.tool, Tool::Channel { .. }) {
        return None;
    }
    let cases = || state.cases.iter().filter(|case| case.subject == Subject::Part(part.no));
    let name = format!("part {} of {}", part.no, trade.id);
    if goes_to_balance(scene, trade, payment) {
        let asked = cases().any(|case| case.kind == CaseKind::RefundFailed);
        return (asked || part.status == PartStatus::Failed)
            .then(|| format!("{name} was refused and its rules send it to the balance, where it did not go"));
    }
    let by_people = |case: &Case| case.resolution == Some(Resolution::OtherWay);
    let astray = part.way == Way::Balance && !other_way(scene, state, part) && !cases().any(by_people);
    astray.then(|| format!("{name} went to the balance, and nobody had said so"))
}

fn goes_to_balance(scene: &Scene<'_>, trade: &Trade, payment: &Payment) -> bool {
    let tools = payment.tools();
    let asked = planning::asked(payment, &tools);
    let Some(book) = scene.rules.version(payment.rule_version) else { return false };
    let terms = book.payment_terms(payment.rule_version, &facts(trade, payment.created_at, Some(asked)));
    payment.payer.user().is_some() && terms.is_ok_and(|terms| terms.refund_failed == RefundFailed::Balance)
}

/// Whether the institution said that another way is right.
fn other_way(scene: &Scene<'_>, state: &Payments, part: &Part) -> bool {
    let number = part.order.map(|order| OrderId::new(state.trade, order).institution_number());
    let refunds = scene.institution.iter().flat_map(|record| &record.refunds);
    let of_part = refunds.filter(|refund| Some(&refund.number) == number.as_ref());
    of_part
        .flat_map(|refund| &refund.steps)
        .any(|step| matches!(step.truth, Truth::RefundFailed { other_way: true, .. }))
}
