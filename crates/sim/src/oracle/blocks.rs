//! Whom risk control stops pays nothing, and nobody else is stopped.

use kernel::Owner;
use payment::{FailureCode, Payment};
use trade::Trade;

use super::Scene;
use super::rows::Rows;
use crate::people;
use crate::plan::Blocked;

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let trees = rows.trees.values().filter_map(|tree| Some((&tree.trade, tree.payments.as_ref()?)));
    let payments = trees.flat_map(|(trade, state)| state.payments.iter().map(move |payment| (&**trade, payment)));
    // A share was planned with its parent's payment.
    let own = payments.filter(|(_, payment)| payment.parent.is_none());
    own.filter_map(|(trade, payment)| odd(scene.blocked, trade, payment)).collect()
}

fn odd(blocked: Option<&Blocked>, trade: &Trade, payment: &Payment) -> Option<String> {
    let concerned = match blocked {
        None => false,
        Some(Blocked::User(user)) => {
            let user = people::user(*user).map(Owner::User);
            let mut owners = trade.splits.iter().map(|split| &split.receiver).chain([&trade.payer]);
            owners.any(|owner| Some(owner) == user.as_ref())
        }
        Some(Blocked::Device(device)) => payment.signals.device.as_ref() == Some(device),
        Some(Blocked::Card(card)) => payment.signals.card_fingerprint.as_ref() == Some(card),
    };
    let refused = payment.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::RiskRefused);
    // Else it was the outside risk service's word, or that there was none.
    let stopped = refused && payment.assessment.is_none();
    let name = format!("payment {} of {}", payment.no, trade.id);
    match (concerned, stopped) {
        (true, false) => Some(format!("{name} was let through, and is blocked")),
        (false, true) => Some(format!("{name} was stopped, and nobody blocks it")),
        (true, true) | (false, false) => None,
    }
}
