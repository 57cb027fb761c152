//! What callers remember against what there is in the end: nothing that was acknowledged is missing, nothing that was
//! refused is there, and there is nothing that nobody asked for.

use std::collections::{BTreeMap, BTreeSet};

use engine::flows::credit::line_of;
use engine::news::Object;
use engine::planning::trade_terms;
use engine::query::Asker;
use engine::request::{Caller, Command, CreditChange};
use futures::executor::block_on;
use kernel::message::trade::{Command as TradeCommand, LateSuccess};
use kernel::{CouponId, DisputeId, GiftId, OrderType, PaymentId, RefundId, RootId, TradeId};
use serde_json::Value;
use trade::Status;

use super::Scene;
use super::answers::Sight;
use super::rows::Rows;
use crate::people;

/// Of so many trades one is looked for.
const ONE_IN: usize = 8;
/// More than one number leads to.
const MOST_HITS: usize = 100;

/// What differs.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    found.extend(shown_before(scene, rows)?);
    found.extend(asked_for(scene, rows));
    found.extend(without_consent(scene, rows));
    found.extend(nobody_asked(scene, rows));
    found.extend(gifts(scene, rows));
    found.extend(on_credit(scene, rows));
    found.extend(by_number(scene, rows)?);
    Ok(found)
}

/// Every number of some trades leads to them, for their merchant and for nobody else's; what is not to be paid has no offer.
fn by_number(scene: &Scene<'_>, rows: &Rows) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let asker = Asker { caller: Caller::Platform, users_debit: true };
    for (id, tree) in rows.trees.iter().step_by(ONE_IN) {
        let mut numbers = vec![tree.trade.merchant_order_id.clone()];
        let refunds = tree.payments.iter().flat_map(|state| &state.refunds);
        numbers.extend(refunds.filter_map(|refund| refund.merchant_refund_id.clone()));
        let orders = tree.orders.iter().flat_map(|orders| &orders.orders);
        numbers.extend(orders.filter_map(|order| order.channel_no.clone()));
        let disputes = tree.payments.iter().flat_map(|state| &state.disputes);
        numbers.extend(disputes.map(|dispute| dispute.channel_no.clone()));
        for number in numbers {
            for merchant in people::merchants() {
                let hits = block_on(scene.queries.search(&number, Some(merchant), MOST_HITS, true));
                let hits = hits.map_err(|problem| problem.to_string())?;
                let leads = hits.data.iter().any(|hit| hit.contains(&id.to_string()));
                if leads != (merchant == tree.trade.context.merchant) {
                    found.push(format!("{number} of {id} is found by the wrong merchant: {:?}", hits.data));
                }
            }
        }
        let by_itself = tree.trade.parent.is_none();
        let payable = by_itself && tree.trade.status == Status::Created && tree.trade.open_due(scene.now).is_some();
        let offered = block_on(scene.queries.offer(*id, &asker)).is_ok();
        if offered != payable {
            found.push(format!("{id} is {} and its offer says otherwise", tree.trade.status.as_str()));
        }
    }
    Ok(found)
}

/// Every object that an answer showed is there, has gone on or stayed, and what was final still is.
fn shown_before(scene: &Scene<'_>, rows: &Rows) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for (id, sight) in scene.seen.all() {
        let Some(body) = read(scene, id)? else {
            found.push(format!("{id} was acknowledged and is not there"));
            continue;
        };
        found.extend(scene.seen.read(id, Some(&body)));
        let now: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let status = now.get("status").and_then(Value::as_str).unwrap_or_default();
        if is_final(id, sight, rows) && status != sight.status {
            found.push(format!("{id} was {} and is {status}", sight.status));
        }
    }
    Ok(found)
}

/// The object as a client reads it. What is not read by id is taken as there.
fn read(scene: &Scene<'_>, id: &str) -> Result<Option<String>, String> {
    let queries = scene.queries;
    let object = TradeId::parse(id)
        .map(Object::Trade)
        .or_else(|| PaymentId::parse(id).map(Object::Payment))
        .or_else(|| RefundId::parse(id).map(Object::Refund))
        .or_else(|| DisputeId::parse(id).map(Object::Dispute))
        .or_else(|| kernel::CaseId::parse(id).map(Object::Case));
    let found = if let Some(object) = object {
        block_on(queries.object(object))
    } else if let Some(id) = CouponId::parse(id) {
        block_on(queries.coupon(id))
    } else {
        return Err(format!("{id} is an id of nothing"));
    };
    found.map(|found| found.map(|found| found.body)).map_err(|problem| problem.to_string())
}

/// Whether an object that stood there stands there for ever. An ended payment, and a closed trade, may be opened again by
/// late money where the trade says so.
fn is_final(id: &str, sight: &Sight, rows: &Rows) -> bool {
    let of_trade = |id: TradeId| rows.trees.get(&id).is_some_and(|tree| tree.trade.late_success == LateSuccess::Reopen);
    match sight.status.as_str() {
        "completed" => true,
        "succeeded" => PaymentId::parse(id).is_some(),
        "failed" => PaymentId::parse(id).is_some(),
        "canceled" | "expired" => PaymentId::parse(id).is_some_and(|id| !of_trade(id.trade)),
        "closed" => TradeId::parse(id).is_none_or(|id| !of_trade(id)),
        _ => false,
    }
}

/// What was acknowledged has its effect once, what was refused has none.
fn asked_for(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    for (act, asked) in &scene.callers.asked {
        let Some(reply) = &asked.told else { continue };
        let Command::CreateTrade(create) = &asked.request.command else { continue };
        let there = rows.trees.get(&create.id);
        if there.is_some() != (reply.status == 201) {
            let is = if there.is_some() { "is" } else { "is not" };
            found.push(format!("act {act} was answered {} and its trade {is} there", reply.status));
        }
        if let Some(tree) = there
            && !tree.trade.same_content(create, &trade_terms(scene.rules, create, tree.trade.created_at))
        {
            found.push(format!("act {act} opened a trade with other content"));
        }
    }
    found
}

/// Nobody was given back a user's own money who may not spend it.
fn without_consent(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    for (act, asked) in &scene.callers.asked {
        let good = asked.told.as_ref().is_some_and(|reply| reply.status < 300);
        let Command::Trade(id, TradeCommand::Refund(refund)) = &asked.request.command else { continue };
        let Some(trade) = rows.trees.get(id).map(|tree| &tree.trade) else { continue };
        let of_user = trade.context.order_type == OrderType::Topup && trade.payer.user().is_some();
        if good && of_user && !refund.users_debit {
            found.push(format!("act {act} took a user's money without consent"));
        }
    }
    found
}

/// Every share of a gift was claimed by an answer that says so, and by nobody who did not know the gift's code.
fn gifts(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let mut told: BTreeMap<GiftId, usize> = BTreeMap::new();
    let mut issued: BTreeMap<GiftId, Option<[u8; 32]>> = BTreeMap::new();
    for asked in scene.callers.asked.values() {
        if let Command::IssueGift(issue) = &asked.request.command
            && asked.told.as_ref().is_some_and(|reply| reply.status < 300)
        {
            issued.insert(issue.id, issue.code_hash);
        }
    }
    for (act, asked) in &scene.callers.asked {
        let Some(reply) = asked.told.as_ref().filter(|reply| reply.status < 300) else { continue };
        let Command::ClaimGift { gift, code_hash, .. } = &asked.request.command else { continue };
        *told.entry(*gift).or_insert(0) += usize::from(reply.status == 201);
        let wanted = issued.get(gift).copied().flatten();
        if wanted.is_some() && *code_hash != wanted {
            found.push(format!("act {act} claimed of {gift} without its code"));
        }
    }
    for gift in &rows.gifts {
        if !issued.contains_key(&gift.id) {
            found.push(format!("nobody was told of {}", gift.id));
        }
        if gift.claims.len() != told.get(&gift.id).copied().unwrap_or(0) {
            found.push(format!("{} has other claims than were told", gift.id));
        }
    }
    found
}

/// Nobody owes, or holds on credit, more than the highest limit that was ever asked for.
fn on_credit(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut most: BTreeMap<RootId, i64> = BTreeMap::new();
    for asked in scene.callers.asked.values() {
        let (line, limit) = match &asked.request.command {
            Command::OpenCredit { user, limit, .. } => (line_of(user, limit.currency, &scene.salt), limit.amount),
            Command::ChangeCredit { line, change: CreditChange::Limit(limit) } => (*line, *limit),
            _ => continue,
        };
        let most = most.entry(line.0).or_insert(0);
        *most = (*most).max(limit.minor());
    }
    let accounts = rows.accounts.iter().filter(|account| account.subject.as_str() == "1061");
    let beyond = accounts.filter(|account| {
        let used = account.posted() + account.incoming();
        account.posted() < 0 || used > most.get(&account.id.0).copied().unwrap_or(0)
    });
    beyond.map(|account| format!("{} owes {} beyond any limit", account.owner, account.posted())).collect()
}

/// Nothing appears that nobody asked for, and nothing twice.
fn nobody_asked(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let mut trades = BTreeSet::new();
    let mut coupons = BTreeSet::new();
    let mut grants = BTreeSet::new();
    // How many payments of a trade were asked for, and which refunds in which amounts.
    let mut payments: BTreeMap<TradeId, usize> = BTreeMap::new();
    let mut refunds = BTreeSet::new();
    for asked in scene.callers.asked.values() {
        let good = asked.told.as_ref().is_some_and(|reply| reply.status < 300);
        match &asked.request.command {
            Command::CreateTrade(create) if good => {
                trades.insert(create.id);
                let is_paid = rows.trees.get(&create.id).is_some_and(|tree| tree.trade.paid > 0);
                for child in &create.children {
                    trades.insert(child.id);
                    payments.insert(child.id, usize::from(is_paid));
                }
                let paid = create.pay.is_some() || create.context.order_type.pays_itself();
                *payments.entry(create.id).or_insert(0) += usize::from(paid);
            }
            Command::Trade(id, TradeCommand::Pay { .. }) if good => *payments.entry(*id).or_insert(0) += 1,
            Command::Trade(id, TradeCommand::Refund(refund)) if good => {
                refunds.insert((*id, refund.merchant_refund_id.clone(), refund.amount));
            }
            Command::IssueCoupon(issue) if good => drop(coupons.insert(issue.id)),
            Command::GrantPoints(grant) if good => drop(grants.insert(grant.id)),
            _ => {}
        }
    }
    let mut orders = BTreeSet::new();
    for (id, tree) in &rows.trees {
        if !trades.contains(id) {
            found.push(format!("nobody was told of {id}"));
        }
        if !orders.insert((tree.trade.context.merchant, tree.trade.merchant_order_id.clone())) {
            found.push(format!("order number {} was used twice", tree.trade.merchant_order_id));
        }
        let Some(state) = &tree.payments else { continue };
        if state.payments.len() != payments.get(id).copied().unwrap_or(0) {
            found.push(format!("{id} has other payments than were asked for"));
        }
        for refund in &state.refunds {
            let Some(number) = refund.merchant_refund_id.clone() else { continue };
            if !refunds.contains(&(*id, number.clone(), refund.money.amount)) {
                found.push(format!("nobody was told of refund {number} of {id}"));
            }
        }
    }
    let ungranted = rows.grants.iter().filter(|grant| !grants.contains(&grant.id));
    found.extend(ungranted.map(|grant| format!("nobody was told of {}", grant.id)));
    let unasked = rows.coupons.iter().filter(|coupon| !coupons.contains(&coupon.id));
    found.extend(unasked.map(|coupon| format!("nobody was told of {}", coupon.id)));
    found
}
