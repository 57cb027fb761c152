//! A dispute of what a cart was paid with (合并支付的拒付): it is the children's money, so each has a dispute of its own.
//!
//! 1. *Shared*: what the children have left of their shares of the instruction is set aside, up to what is disputed: of each
//!    by what is left of its share, by largest remainder. Whose goods the buyer disputes the institution does not say.
//! 2. *Ended*: what the institution takes of that is taken of each by what was set aside of it, by largest remainder; of whom
//!    nothing is taken, it has won.
//!
//! Both are exact: the children's disputes sum to what is covered of the parent's, what they lose to what it loses of that.
//! All of it is the batch of the institution's word.

use std::sync::Arc;

use kernel::money::allocate;
use kernel::{Amount, DisputeId, TradeId};

use super::Dispute;
use crate::draft::Draft;
use crate::event::{Event, some_amount};
use crate::payments::Payments;

/// Minor units that the children have left of their shares of an instruction.
pub(super) fn left(children: &[Arc<Payments>], instruction: u16) -> i64 {
    lefts(children, instruction).iter().sum()
}

fn lefts(children: &[Arc<Payments>], instruction: u16) -> Vec<i64> {
    children.iter().map(|child| child.leg(instruction).map_or(0, |(_, leg)| leg.left())).collect()
}

/// Sets so much aside of the children, who have as much left.
pub(super) fn share(draft: &mut Draft<'_>, no: u16, amount: Amount) {
    let Some(dispute) = draft.state.dispute(no) else { return };
    let children = draft.known.children;
    let parts = allocate(amount.minor(), &lefts(children, dispute.instruction)).unwrap_or_default();
    let part = |(child, minor): (&Arc<Payments>, i64)| Some((child.trade, some_amount(minor)?));
    let shares: Vec<(TradeId, Amount)> = children.iter().zip(parts).filter_map(part).collect();
    draft.push(Event::DisputeShared { dispute: no, shares });
}

/// Ends the children's disputes with the parent's, which has ended.
pub(super) fn end(draft: &mut Draft<'_>, no: u16) {
    let Some(dispute) = draft.state.dispute(no).filter(|dispute| dispute.of_children > 0) else { return };
    let parent = DisputeId::new(draft.state.trade, no);
    let own = |child: &Arc<Payments>| {
        let own = child.disputes.iter().find(|known: &&Dispute| known.parent == Some(parent))?;
        Some((child.trade, own.money.amount.minor()))
    };
    let (trades, amounts): (Vec<_>, Vec<_>) = draft.known.children.iter().filter_map(own).unzip();
    let lost = allocate(dispute.lost_of_covered(), &amounts).unwrap_or_default();
    draft.push(Event::SharesEnded { dispute: no, lost: trades.into_iter().zip(lost).collect() });
}
