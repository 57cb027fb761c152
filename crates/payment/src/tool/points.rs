//! Points (积分): a user's own, exchanged for money by the rules. The part is money, which marketing expense or the merchant's
//! budget pays; how many points it takes is fixed when the payment is planned. Given back, points and money go to where
//! they came from. Whether there are enough is the books' to say.

use kernel::message::accounting::{CouponSource, InternalTool};
use kernel::message::payment::Tool;
use kernel::{Amount, OrderType, Owner};

use super::{Asked, ToolRules};
use crate::draft::Draft;
use crate::event::some_amount;
use crate::instruction::{Instruction, PointsUse};
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Points;

impl ToolRules for Points {
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal> {
        let refused = |why| Refusal::ToolNotApplicable { place: asked.place, why };
        if asked.pay.payer.user().is_none() {
            return Err(refused("only users have points"));
        }
        let worth = asked.terms.points.ok_or(refused("no rule says what points are worth here"))?;
        let points =
            worth.points_for(leg.amount.minor()).ok_or(refused("this takes more points than can be counted"))?;
        if worth.budget && asked.pay.context.order_type == OrderType::Combined {
            return Err(refused("a merchant's budget does not pay what others sell"));
        }
        let merchant = Owner::Merchant(asked.pay.context.merchant);
        let source = if worth.budget { CouponSource::Budget(merchant) } else { CouponSource::Expense };
        leg.points = Some(PointsUse { points: points.minor(), source });
        Ok(())
    }

    fn is_marketing(&self, _: &Tool) -> bool {
        true
    }

    fn purse(&self, leg: &Instruction, payer: &Owner) -> Option<InternalTool> {
        let PointsUse { points, source } = leg.points.clone()?;
        Some(InternalTool::Points { user: payer.user()?.clone(), points: some_amount(points)?, source })
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Points
    }
}

/// How many of the points that are left of a leg a part of what is left of its money gives back: all of them with all of it,
/// else rounded down, so that many small parts give back no more than was taken.
pub(crate) fn given_back(points_left: i64, money_left: i64, part: Amount) -> i64 {
    if part.minor() >= money_left {
        return points_left;
    }
    let share = i128::from(points_left) * i128::from(part.minor()) / i128::from(money_left.max(1));
    i64::try_from(share).unwrap_or(points_left).min(points_left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }

    #[test]
    fn by_what_is_left() {
        assert_eq!(given_back(700, 300, part(100)), 233);
        assert_eq!(given_back(467, 200, part(100)), 233);
        assert_eq!(given_back(234, 100, part(100)), 234, "the last part gives all");
        assert_eq!(given_back(1, 100, part(99)), 0);
        assert_eq!(
            given_back(1_000_000_000_000_000, 1_000_000_000_000_000, part(999_999_999_999_999)),
            999_999_999_999_999
        );
    }

    proptest! {
        #[test]
        fn parts_give_back_all_that_was_taken_and_no_more(
            money in 1i64..1_000_000, points in 1i64..=kernel::limits::MAX_AMOUNT_MINOR,
            cuts in prop::collection::vec(1i64..300_000, 0..20),
        ) {
            let (mut money_left, mut points_left) = (money, points);
            for cut in cuts.into_iter().chain([money]) {
                let Some(amount) = Amount::new(cut.min(money_left)).ok() else { break };
                let back = given_back(points_left, money_left, amount);
                prop_assert!((0..=points_left).contains(&back));
                money_left -= amount.minor();
                points_left -= back;
            }
            prop_assert_eq!((money_left, points_left), (0, 0));
        }
    }
}
