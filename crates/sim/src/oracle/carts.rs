//! Combined checkouts, by what was asked for: all of a cart is paid or nothing of it; every child has its exact share of each
//! instruction, and gives back no more than that, what is disputed with it; a dispute is the children's, and ends for all.

use engine::request::Command;
use kernel::message::trade::Create;
use kernel::{DisputeId, PaymentId, TradeId};
use payment::{Dispute, DisputeStatus, Instruction, PaymentStatus, Payments};
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
    let disputes = parent.payments.as_deref().map(|state| state.disputes.as_slice()).unwrap_or_default();
    for dispute in disputes {
        let before = parent.trade.dues.iter().all(|due| due.paid.is_some_and(|paid| paid.at < dispute.opened_at));
        let of = effective
            .filter(|_| before)
            .and_then(|it| it.instructions.iter().find(|leg| leg.no == dispute.instruction));
        found.extend(odd_dispute(create.id, dispute, of, &children));
    }
    found
}

/// What the children lose of a dispute is what it loses of what is covered, each by what is disputed of it; and of a leg that
/// paid before, all that they have left is covered. `leg` is such a one.
fn odd_dispute(
    cart: TradeId,
    dispute: &Dispute,
    leg: Option<&Instruction>,
    children: &[(TradeId, &Payments)],
) -> Option<String> {
    let id = DisputeId::new(cart, dispute.no);
    let mut shares = Vec::new();
    let mut left = 0;
    for (_, state) in children {
        let own = state.disputes.iter().filter(|it| it.parent == Some(id));
        shares.extend(own.map(|it| (it.money.amount.minor(), it.lost, it.status)));
        let others = state.disputes.iter().filter(|it| it.parent != Some(id) && it.instruction == dispute.instruction);
        let parts = state.refunds.iter().flat_map(|refund| &refund.parts);
        let parts = parts.filter(|part| part.instruction == dispute.instruction);
        let share = state.leg(dispute.instruction).map_or(0, |(_, share)| share.amount.minor());
        let gone = parts.map(|part| part.amount.minor()).chain(others.map(Dispute::set_aside)).sum::<i64>();
        left += (share - gone).max(0);
    }
    let covered: i64 = shares.iter().map(|(amount, ..)| amount).sum();
    let lost: i64 = shares.iter().map(|(_, lost, _)| lost).sum();
    let taken = dispute.lost.min(covered);
    let fair = |(amount, lost, _): &(i64, i64, DisputeStatus)| {
        let exact = i128::from(taken) * i128::from(*amount);
        (i128::from(*lost) * i128::from(covered) - exact).abs() < i128::from(covered)
    };
    let ended = |(_, lost, status): &(i64, i64, DisputeStatus)| match dispute.status {
        DisputeStatus::Open => *status == DisputeStatus::Open,
        DisputeStatus::Won | DisputeStatus::Lost if *lost > 0 => *status == DisputeStatus::Lost,
        DisputeStatus::Won | DisputeStatus::Lost => *status == DisputeStatus::Won,
    };
    let what = if covered != dispute.of_children || lost != taken {
        "is not what its children's are"
    } else if !shares.iter().all(fair) {
        "takes more of one child than of another"
    } else if !shares.iter().all(ended) {
        "has not ended for its children as for itself"
    } else if leg.is_some() && covered < left.min(dispute.money.amount.minor()) {
        "set aside less than the children have left"
    } else {
        return None;
    };
    Some(format!("{id} {what}"))
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
    let took = leg.points.as_ref().map_or(0, |used| used.points);
    for (child, state) in children {
        let share = state.leg(leg.no).map_or(0, |(_, share)| share.amount.minor());
        let points = state.leg(leg.no).and_then(|(_, share)| share.points.as_ref()).map_or(0, |used| used.points);
        let until = |money: i64| took * money / leg.amount.minor();
        if points != until(sum + share) - until(sum) {
            found.push(format!("{child} has {points} points of instruction {} of {cart}", leg.no));
        }
        sum += share;
        let parts = state.refunds.iter().flat_map(|refund| &refund.parts).filter(|part| part.instruction == leg.no);
        let disputes = state.disputes.iter().filter(|dispute| dispute.instruction == leg.no);
        let disputed = disputes.map(|it| if it.status == DisputeStatus::Open { it.set_aside() } else { it.taken() });
        if parts.map(|part| part.amount.minor()).chain(disputed).sum::<i64>() > share {
            found.push(format!("{child} gives back more than its share of instruction {} of {cart}", leg.no));
        }
    }
    if sum != leg.amount.minor() {
        found.push(format!("the shares of instruction {} of {cart} are {sum}", leg.no));
    }
    found
}
