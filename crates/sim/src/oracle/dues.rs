//! Trades of several dues, by what was asked for: each is paid within its time and once; nothing of them moves before all are
//! paid; and where one is not, what the others brought has gone where the request said.

use engine::request::Command;
use kernel::message::trade::{Create, UnpaidDue};
use kernel::{Owner, TradeId};
use payment::{PaymentStatus, Payments, ReasonCode};
use trade::{ClosedReason, Status, Trade};

use super::Scene;
use super::rows::Rows;

/// What differs.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let created = scene.callers.asked.values().filter_map(|asked| match &asked.request.command {
        Command::CreateTrade(create) if !create.dues.is_empty() => Some(create),
        _ => None,
    });
    let trees = created.filter_map(|create| Some((create, rows.trees.get(&create.id)?)));
    trees.flat_map(|(create, tree)| of_trade(scene, create, &tree.trade, tree.payments.as_deref())).collect()
}

fn of_trade(scene: &Scene<'_>, create: &Create, trade: &Trade, payments: Option<&Payments>) -> Vec<String> {
    let mut found = Vec::new();
    let nothing = Payments::new(trade.id);
    let state = payments.unwrap_or(&nothing);
    let mut brought = 0;
    for (place, (asked, no)) in create.dues.iter().zip(1_u16..).enumerate() {
        let succeeded = || state.payments.iter().filter(|it| it.due == no && it.status == PaymentStatus::Succeeded);
        brought += succeeded().count() as i64 * asked.amount.minor();
        if succeeded().count() > 1 {
            found.push(format!("due {no} of {} is paid twice", trade.id));
        }
        let early = |it: &&payment::Payment| it.due == no && asked.opens_at.is_some_and(|at| it.created_at < at);
        if let Some(payment) = state.payments.iter().find(early) {
            found.push(format!("payment {} of {} pays a due that was not open", payment.no, trade.id));
        }
        let told = trade.dues.get(place).and_then(|due| due.paid).map(|paid| paid.payment);
        if told != succeeded().map(|payment| payment.no).next() {
            found.push(format!("due {no} of {} says otherwise who paid it", trade.id));
        }
    }
    found.extend(wrong_end(scene, create, trade, brought).map(|what| format!("{} {what}", trade.id)));
    found.extend(wrong_return(state, trade.id, returns(create, trade, brought)));
    found
}

/// How much must go back, because a due was not paid.
fn returns(create: &Create, trade: &Trade, brought: i64) -> i64 {
    let closed = matches!(trade.status, Status::Closed(ClosedReason::Expired | ClosedReason::Canceled));
    if closed && create.unpaid_due != Some(UnpaidDue::Forfeit) { brought } else { 0 }
}

fn wrong_return(state: &Payments, trade: TradeId, wanted: i64) -> Option<String> {
    let back = state.refunds.iter().filter(|refund| refund.reason_code == ReasonCode::DueUnpaid);
    let amounts: Vec<i64> = back.map(|refund| refund.money.amount.minor()).collect();
    let right = if wanted == 0 { amounts.is_empty() } else { amounts == [wanted] };
    (!right).then(|| format!("{trade} gave back {amounts:?} and not {wanted}, because a due was not paid"))
}

/// In the end no due waits, and money is where the status says.
fn wrong_end(scene: &Scene<'_>, create: &Create, trade: &Trade, brought: i64) -> Option<String> {
    let whole = create.money.amount.minor();
    let of_merchant = trade.splits.iter().map(|split| split.moved.released).sum::<i64>();
    let over = create.dues.iter().all(|due| due.expires_at.is_some_and(|at| at < scene.now));
    match trade.status {
        Status::Created | Status::Closing(_) if brought == whole => Some("is paid and says it is not".to_owned()),
        Status::Created | Status::Closing(_) if of_merchant != 0 => Some("released before it was paid".to_owned()),
        Status::Created if over => Some("waits for a due whose time is over".to_owned()),
        Status::Paid | Status::Completed if brought != whole => Some("is paid, and its dues are not".to_owned()),
        Status::Closed(ClosedReason::Forfeited) if create.unpaid_due != Some(UnpaidDue::Forfeit) => {
            Some("forfeited what should have gone back".to_owned())
        }
        Status::Closed(ClosedReason::Forfeited) if of_merchant != brought => {
            Some("did not release what was forfeited".to_owned())
        }
        Status::Closed(ClosedReason::Expired | ClosedReason::Canceled)
            if brought > 0 && create.unpaid_due == Some(UnpaidDue::Forfeit) =>
        {
            Some("did not forfeit what its dues brought".to_owned())
        }
        Status::Created | Status::Closing(_) | Status::Paid | Status::Completed | Status::Closed(_) => {
            released_to_others(create, trade)
        }
    }
}

/// Only those who were named have anything of it.
fn released_to_others(create: &Create, trade: &Trade) -> Option<String> {
    let merchant = Owner::Merchant(create.context.merchant);
    let named = |receiver: &Owner| {
        if create.splits.is_empty() {
            *receiver == merchant
        } else {
            create.splits.iter().any(|share| share.receiver == *receiver)
        }
    };
    let stranger = trade.splits.iter().find(|split| split.moved.released > 0 && !named(&split.receiver));
    stranger.map(|split| format!("released to {}", split.receiver))
}
