//! Payments that the rules want the outside risk service asked about: what was heard was said, what was said holds, and
//! where nothing was, what the rules say of that. What is switched off is not used.

use engine::planning::{self, facts};
use kernel::message::payment::Tool;
use kernel::message::risk::{Assessment, Heard, Switch};
use kernel::{StoredKind, TradeId};
use payment::{FailureCode, Payment};
use trade::Trade;

use super::Scene;
use super::rows::Rows;

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let trees = rows.trees.values().filter_map(|tree| Some((&*tree.trade, tree.payments.as_deref()?)));
    let payments = trees.flat_map(|(trade, state)| state.payments.iter().map(move |payment| (trade, payment)));
    // A child's share was planned, and asked about, with its parent's payment.
    let own = payments.filter(|(_, payment)| payment.parent.is_none());
    own.filter_map(|(trade, payment)| odd(scene, trade, payment)).collect()
}

fn odd(scene: &Scene<'_>, trade: &Trade, payment: &Payment) -> Option<String> {
    let name = format!("payment {} of {}", payment.no, trade.id);
    let off: Vec<Switch> = payment.switches.iter().copied().collect();
    if off != scene.switched.as_slice() {
        return Some(format!("{name} knows {off:?} to be switched off"));
    }
    let red_packet = |tool: &Tool| matches!(tool, Tool::Stored(kind) if *kind == StoredKind::RED_PACKET);
    let marketing = |tool: &Tool| matches!(tool, Tool::Coupon(_) | Tool::Points) || red_packet(tool);
    if off.contains(&Switch::Marketing) && payment.instructions.iter().any(|leg| marketing(&leg.tool)) {
        return Some(format!("{name} takes what is switched off"));
    }
    let tools = payment.tools();
    let asked = planning::asked(payment, &tools);
    let book = scene.rules.version(payment.rule_version)?;
    let terms = book.payment_terms(payment.rule_version, &facts(trade, payment.created_at, Some(asked))).ok()?;
    let failure = payment.failure.as_ref().map(|failure| failure.code);
    match (terms.ask_risk, &payment.assessment) {
        (None, None) => None,
        (None, Some(_)) => Some(format!("{name} was asked about, and no rule wants that")),
        // What fails anyway is not asked about.
        (Some(_), None) => {
            let anyway = [
                FailureCode::VelocityExceeded,
                FailureCode::RiskRefused,
                FailureCode::CouponTaken,
                FailureCode::CreditFrozen,
                FailureCode::CreditOverdue,
            ];
            let failed = failure.is_some_and(|code| anyway.contains(&code));
            (!failed).then(|| format!("{name} was let through and never asked about"))
        }
        (Some(wanted), Some(assessment)) => {
            let heard = assessment.heard;
            let said = was_said(scene, trade.id, payment.no, assessment);
            let unsaid = if heard == Heard::SwitchedOff { wanted.degraded } else { wanted.no_answer };
            let passes = heard.answer().unwrap_or_else(|| unsaid.lets_pass(payment.money));
            let refused = failure == Some(FailureCode::RiskRefused);
            let odd = if !said || (heard == Heard::SwitchedOff) != off.contains(&Switch::Risk) {
                "heard what the risk service never said"
            } else if passes == refused {
                "did not go the way that the risk service's word, or the rules, sent it"
            } else {
                return None;
            };
            Some(format!("{name} {odd}: {}", heard.as_str()))
        }
    }
}

/// Whether it was said of the attempt that the service was asked about: this one, or an earlier one where another
/// request was faster.
fn was_said(scene: &Scene<'_>, trade: TradeId, no: u16, assessment: &Assessment) -> bool {
    let said = |attempt: u16| {
        (1..=no).contains(&attempt) && scene.risk.said(&trade.to_string(), attempt).contains(&assessment.heard)
    };
    assessment.heard.answer().is_none() || assessment.attempt.is_some_and(said)
}
