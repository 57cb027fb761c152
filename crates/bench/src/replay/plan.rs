//! What happens to a payable order after it is paid: a function of its id, so that every run of the replay does the same.
//!
//! Most orders are confirmed whole. The stated share is refunded, in every way there is: whole or in part, before or
//! after the release, or in part before and again after. Partial refunds name their receivers' parts; how they fall on
//! the tools is the platform's rule (largest remainder over what is left of each), computed here again. Amounts where
//! that rule would have to break a tie are avoided, so the expectation is never a guess.

use serde::Serialize;

use super::spread::largest_remainder;
use crate::olist::Payable;
use crate::seed;

/// How an order goes on after it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundKind {
    /// Confirmed whole, nothing refunded.
    None,
    /// Refunded whole while in escrow: the trade ends closed.
    WholeBefore,
    /// Refunded in part while in escrow, then the rest is confirmed.
    PartBefore,
    /// Confirmed, then refunded whole.
    WholeAfter,
    /// Confirmed, then refunded in part.
    PartAfter,
    /// Refunded in part, confirmed, and refunded in part again.
    PartTwice,
}

impl RefundKind {
    /// Every way to refund.
    pub const REFUNDS: [Self; 5] =
        [Self::WholeBefore, Self::PartBefore, Self::WholeAfter, Self::PartAfter, Self::PartTwice];

    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WholeBefore => "whole_before",
            Self::PartBefore => "part_before",
            Self::WholeAfter => "whole_after",
            Self::PartAfter => "part_after",
            Self::PartTwice => "part_twice",
        }
    }
}

/// A refund to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRefund {
    /// Minor units.
    pub amount_minor: i64,
    /// What is taken from each share of the order, in its order.
    pub by_share: Vec<i64>,
    /// What goes back to each leg of the order, in its order.
    pub by_leg: Vec<i64>,
    /// Whether it gives back everything that was paid, so that no receivers need to be named.
    pub whole: bool,
}

/// One step after the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Release everything that is left in escrow.
    Confirm,
    /// Refund.
    Refund(PlannedRefund),
}

/// All steps of an order after its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which way it goes.
    pub kind: RefundKind,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The refunds among the steps.
    pub fn refunds(&self) -> impl Iterator<Item = &PlannedRefund> {
        self.steps.iter().filter_map(|step| match step {
            Step::Refund(refund) => Some(refund),
            Step::Confirm => None,
        })
    }

    /// Minor units refunded in the end.
    pub fn refunded_minor(&self) -> i64 {
        self.refunds().map(|refund| refund.amount_minor).sum()
    }
}

/// The plan of an order, where `refund_share_percent` of all orders are refunded.
pub fn plan(order: &Payable, refund_share_percent: u8) -> Plan {
    let dice = seed::of_name(&format!("refund:{}", order.id));
    if dice % 100 >= u64::from(refund_share_percent) {
        return Plan { kind: RefundKind::None, steps: vec![Step::Confirm] };
    }
    let kinds = RefundKind::REFUNDS;
    let at = usize::try_from((dice / 100) % 5).unwrap_or(0);
    let percent = i64::try_from(10 + (dice / 1_000) % 81).unwrap_or(50);
    of_kind(order, kinds.get(at).copied().unwrap_or(RefundKind::WholeAfter), percent)
}

/// The plan of an order that is refunded in a given way; partial refunds are about `percent` of what is left.
pub fn of_kind(order: &Payable, kind: RefundKind, percent: i64) -> Plan {
    let mut left = Left::of(order);
    let steps = match kind {
        RefundKind::None => vec![Step::Confirm],
        RefundKind::WholeBefore => vec![left.whole()],
        RefundKind::WholeAfter => vec![Step::Confirm, left.whole()],
        RefundKind::PartBefore => left.part(percent).into_iter().chain([Step::Confirm]).collect(),
        RefundKind::PartAfter => [Step::Confirm].into_iter().chain(left.part(percent)).collect(),
        RefundKind::PartTwice => {
            let before = left.part(percent);
            let after = left.part(percent);
            before.into_iter().chain([Step::Confirm]).chain(after).collect()
        }
    };
    Plan { kind, steps }
}

/// What is left to refund of each share and each leg.
struct Left {
    shares: Vec<i64>,
    legs: Vec<i64>,
}

impl Left {
    fn of(order: &Payable) -> Self {
        Self {
            shares: order.shares.iter().map(|share| share.amount_minor).collect(),
            legs: order.legs.iter().map(|leg| leg.amount_minor).collect(),
        }
    }

    fn whole(&self) -> Step {
        Step::Refund(PlannedRefund {
            amount_minor: self.legs.iter().sum(),
            by_share: self.shares.clone(),
            by_leg: self.legs.clone(),
            whole: true,
        })
    }

    /// About `percent` of what is left, less than all of it; nothing where no amount below it spreads without a tie.
    fn part(&mut self, percent: i64) -> Option<Step> {
        let total: i64 = self.legs.iter().sum();
        let wanted = i64::try_from(i128::from(total) * i128::from(percent) / 100).ok()?;
        let (amount_minor, by_leg) = (1..=wanted.min(total - 1)).rev().find_map(|amount| {
            largest_remainder(amount, &self.legs).filter(|spread| !spread.tied).map(|spread| (amount, spread.parts))
        })?;
        let by_share = largest_remainder(amount_minor, &self.shares)?.parts;
        take(&mut self.legs, &by_leg);
        take(&mut self.shares, &by_share);
        Some(Step::Refund(PlannedRefund { amount_minor, by_share, by_leg, whole: false }))
    }
}

fn take(left: &mut [i64], parts: &[i64]) {
    for (left, part) in left.iter_mut().zip(parts) {
        *left -= part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::olist::PaymentType;
    use crate::olist::classify::{Leg, Share};

    pub(crate) fn order(id: &str, shares: &[i64], legs: &[i64]) -> Payable {
        Payable {
            id: id.to_owned(),
            amount_minor: legs.iter().sum(),
            legs: (1..)
                .zip(legs)
                .map(|(sequential, amount)| Leg {
                    sequential,
                    payment_type: PaymentType::CreditCard,
                    amount_minor: *amount,
                })
                .collect(),
            shares: (1..)
                .zip(shares)
                .map(|(n, amount)| Share { seller: format!("s{n}"), amount_minor: *amount })
                .collect(),
            dropped_zero_legs: 0,
        }
    }

    #[test]
    fn the_share_is_kept_and_every_way_occurs() {
        let mut counts = std::collections::BTreeMap::new();
        for n in 0..20_000 {
            let plan = plan(&order(&format!("order{n}"), &[700, 300], &[400, 600]), 5);
            *counts.entry(plan.kind).or_insert(0) += 1;
        }
        let refunded: i32 = RefundKind::REFUNDS.iter().map(|kind| counts[kind]).sum();
        assert!((900..1_100).contains(&refunded), "{counts:?}");
        assert!(RefundKind::REFUNDS.iter().all(|kind| counts[kind] > 120), "{counts:?}");
        let none = plan(&order("order1", &[1], &[1]), 0);
        assert_eq!(none.kind, RefundKind::None);
    }

    #[test]
    fn the_same_order_always_goes_the_same_way() {
        let order = order("00042b26cf59d7ce69dfabb4e55b4fd9", &[700, 300], &[400, 600]);
        assert_eq!(plan(&order, 100), plan(&order, 100));
    }

    #[test]
    fn refunds_sum_up_on_both_sides_and_never_exceed_what_is_left() {
        for kind in RefundKind::REFUNDS {
            for percent in [10, 33, 50, 90] {
                let order = order("a", &[701, 298, 1], &[333, 333, 334]);
                let plan = of_kind(&order, kind, percent);
                let mut legs = vec![333, 333, 334];
                for refund in plan.refunds() {
                    assert_eq!(refund.by_leg.iter().sum::<i64>(), refund.amount_minor);
                    assert_eq!(refund.by_share.iter().sum::<i64>(), refund.amount_minor);
                    assert!(!largest_remainder(refund.amount_minor, &legs).unwrap().tied);
                    take(&mut legs, &refund.by_leg);
                }
                assert!(legs.iter().all(|left| *left >= 0));
                let whole = matches!(kind, RefundKind::WholeBefore | RefundKind::WholeAfter);
                assert_eq!(plan.refunded_minor() == order.amount_minor, whole, "{kind:?} {percent}");
            }
        }
    }

    #[test]
    fn an_order_too_small_to_part_is_confirmed() {
        let plan = of_kind(&order("a", &[1], &[1]), RefundKind::PartBefore, 90);
        assert_eq!(plan.steps, [Step::Confirm]);
    }
}
