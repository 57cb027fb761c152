//! The plan's rule book against the payments that there are: each was planned by the book that held, which does not
//! refuse it and would order its tools no other way; and what its trade left open is as the book says.

use engine::planning::{self, facts};
use kernel::message::rules::BUILT_IN_VERSION;
use payment::Payment;
use trade::Trade;

use super::Scene;
use super::rows::Rows;

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let trees = rows.trees.values().filter_map(|tree| Some((&tree.trade, tree.payments.as_ref()?)));
    let payments = trees.flat_map(|(trade, state)| state.payments.iter().map(move |payment| (trade, payment)));
    // A share was planned with its parent's payment.
    let own = payments.filter(|(_, payment)| payment.parent.is_none());
    let fees = rows.trees.values().filter_map(|tree| misfed(scene, &tree.trade));
    own.filter_map(|(trade, payment)| misplanned(scene, trade, payment)).chain(fees).collect()
}

/// What the platform keeps of a trade is what the book of its opening says.
fn misfed(scene: &Scene<'_>, trade: &Trade) -> Option<String> {
    let held = scene.rules.holding(&trade.context, trade.created_at)?;
    let said = held.book.trade_terms(&facts(trade, trade.created_at, None)).fee;
    (trade.fee() != said).then(|| format!("the fee of {} is {} and its rules say {said}", trade.id, trade.fee()))
}

fn misplanned(scene: &Scene<'_>, trade: &Trade, payment: &Payment) -> Option<String> {
    let name = format!("payment {} of {}", payment.no, trade.id);
    let Some(held) = scene.rules.holding(&trade.context, payment.created_at) else {
        return Some(format!("no book held for {name}"));
    };
    if held.number != payment.rule_version {
        return Some(format!("{name} was planned by version {} and {} held", payment.rule_version, held.number));
    }
    let tools = payment.tools();
    let asked = planning::asked(payment, &tools);
    match held.book.payment_terms(held.number, &facts(trade, payment.created_at, Some(asked))) {
        Err(refusal) => Some(format!("{name} is there, and rule {} refuses it", refusal.rule)),
        Ok(terms) if !terms.order.is_empty() => Some(format!("{name} uses its tools in another order than the rules'")),
        Ok(terms) => {
            let soonest = terms.order_life_us.map(|life| payment.created_at.plus(life + kernel::time::MINUTE_US));
            let due =
                trade.dues.iter().find(|due| due.no == payment.due).map_or(trade.expires_at, |due| due.expires_at);
            let end = soonest.map_or(due, |soonest| soonest.min(due));
            (payment.expires_at != end && held.number != BUILT_IN_VERSION)
                .then(|| format!("{name} ends at {} and its rules say {end}", payment.expires_at))
        }
    }
}
