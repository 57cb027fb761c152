//! Combined checkouts, by what was asked for: all of a cart is paid or nothing of it; every child has its exact share of each
//! instruction, and gives back no more than that.

use engine::request::Command;
use kernel::message::trade::Create;
use kernel::{PaymentId, TradeId};
use payment::{Instruction, PaymentStatus, Payments};
use trade::{Status, Trade};

use super::Scene;
use super::rows::Rows;

/// What differs.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let carts = scene.callers.asked.values().filter_map(|asked| match &asked.request.command {
        Command::CreateTrade(create) if !create.children.is_empty() => Some(create),
        _ => None,
    });
    let there = carts.filter(|create| rows.trees.contains_key(&create.id));
    there.flat_map(|create| of_cart(create, rows)).collect()
}

fn of_cart(create: &Create, rows: &Rows) -> Vec<String> {
    let Some(parent) = rows.trees.get(&create.id) else { return Vec::new() };
    let effective = parent.payments.as_deref().and_then(|state| state.effective(1));
    let mut found = Vec::new();
    let mut children = Vec::new();
    for asked in &create.children {
        let Some(tree) = rows.trees.get(&asked.id) else {
            found.push(format!("{} of {} is not there", asked.id, create.id));
            continue;
        };
        let payment = effective.map(|payment| PaymentId::new(create.id, payment.no));
        found.extend(odd(asked, &tree.trade, tree.payments.as_deref(), payment, &parent.trade));
        children.extend(tree.payments.as_deref().map(|state| (asked.id, state)));
    }
    for leg in effective.iter().flat_map(|payment| &payment.instructions).filter(|leg| !leg.surplus) {
        found.extend(odd_shares(create.id, leg, &children));
    }
    found
}

/// A child stands with its parent, and has one payment at most: its share of the parent's.
fn odd(
    asked: &Create,
    child: &Trade,
    state: Option<&Payments>,
    payment: Option<PaymentId>,
    parent: &Trade,
) -> Option<String> {
    let whole = asked.money.amount.minor();
    let payments = state.map(|state| state.payments.as_slice()).unwrap_or_default();
    let of_parent = payments.first().and_then(|payment| payment.parent);
    let shares: i64 = payments.iter().flat_map(|payment| &payment.instructions).map(|leg| leg.amount.minor()).sum();
    let closed = matches!(parent.status, Status::Closed(_));
    let what = if payments.len() > 1 || payments.iter().any(|it| it.status != PaymentStatus::Succeeded) {
        "has payments of its own"
    } else if of_parent != payment {
        "is not paid by its parent's payment"
    } else if child.paid != if payment.is_some() { whole } else { 0 } || shares != child.paid {
        "is not paid with its parent, in whole"
    } else if closed && !matches!(child.status, Status::Closed(_)) {
        "is open, and its parent is closed"
    } else if payment.is_none() && !closed && child.status != Status::Created {
        "went on without its parent"
    } else {
        return None;
    };
    Some(format!("{} of {} {what}", child.id, parent.id))
}

/// Every share of a leg together is the leg, and none gives back more than it is.
fn odd_shares(cart: TradeId, leg: &Instruction, children: &[(TradeId, &Payments)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut sum = 0;
    for (child, state) in children {
        let share = state.leg(leg.no).map_or(0, |(_, share)| share.amount.minor());
        sum += share;
        let parts = state.refunds.iter().flat_map(|refund| &refund.parts).filter(|part| part.instruction == leg.no);
        if parts.map(|part| part.amount.minor()).sum::<i64>() > share {
            found.push(format!("{child} gives back more than its share of instruction {} of {cart}", leg.no));
        }
    }
    if sum != leg.amount.minor() {
        found.push(format!("the shares of instruction {} of {cart} are {sum}", leg.no));
    }
    found
}
