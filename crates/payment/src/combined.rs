//! Combined checkout (合并支付): one payment of a combined trade pays its children.
//!
//! 1. When the parent's payment takes effect, every child is told its *share* of each instruction: child by child, spread by
//!    largest remainder over what is left of each instruction. So the shares of a child sum to its amount, those of an
//!    instruction to the instruction, and none is negative. The points that an instruction took are spread over the shares of its
//!    money, so that they sum to it, too.
//! 2. The child keeps the shares as a payment of its own, of the parent ([`Payment::parent`]), which takes effect at once out
//!    of what the parent brought. Its instructions have the numbers, the tools and the channel orders of the parent's.
//! 3. From then on the child is refunded as any other trade is: over what is left of its shares. A part that goes back
//!    through an institution names the order in the parent's tree.
//!
//! All of it is one batch: a parent is not paid without its children.

use kernel::TradeId;
use kernel::message::accounting::{CouponSource, PayLeg, Source};
use kernel::message::payment::{ChildPart, LegShare, ParentPaid, Pay, Tool};
use kernel::money::allocate;

use crate::draft::Draft;
use crate::event::{Event, some_amount};
use crate::instruction::{CouponUse, Instruction, InstructionStatus, PointsUse};
use crate::payment::{Payment, PaymentStatus};
use crate::plan;

/// `PayChildren`: with what each of them is paid.
pub(crate) fn pay_children(draft: &mut Draft<'_>, payment: kernel::PaymentId, children: &[ChildPart]) {
    let known = draft.state.payment(payment.no).filter(|_| payment.trade == draft.state.trade);
    let Some(effective) = known.filter(|payment| payment.status == PaymentStatus::Succeeded) else { return };
    let counts = |leg: &&Instruction| leg.status == InstructionStatus::Succeeded && !leg.surplus;
    let legs: Vec<&Instruction> = effective.instructions.iter().filter(counts).collect();
    let amounts: Vec<i64> = legs.iter().map(|leg| leg.amount.minor()).collect();
    let parts: Vec<i64> = children.iter().map(|child| child.amount.minor()).collect();
    let rows = shares(&parts, &amounts);
    // By leg, of each child.
    let points: Vec<Vec<i64>> = (0..).zip(&legs).map(|(place, leg)| points(leg, &column(&rows, place))).collect();
    let share = |child: usize, (place, (leg, minor)): (usize, (&&Instruction, &i64))| {
        Some(LegShare {
            instruction: leg.no,
            tool: leg.tool.clone(),
            amount: some_amount(*minor)?,
            channel_account: leg.channel_account.clone(),
            order: leg.order,
            source: source_of(leg),
            points: points.get(place).and_then(|of_leg| of_leg.get(child)).copied().unwrap_or_default(),
            credit_limit: leg.credit_limit,
        })
    };
    let paid = |(place, (child, row)): (usize, (&ChildPart, &Vec<i64>))| {
        let legs = (0..).zip(legs.iter().zip(row)).filter_map(|it| share(place, it)).collect();
        (child.trade, ParentPaid { payment, rule_version: effective.rule_version, legs })
    };
    let told: Vec<(TradeId, ParentPaid)> = (0..).zip(children.iter().zip(&rows)).map(paid).collect();
    draft.push(Event::ChildrenPaid(told));
}

/// The share of each child in each leg, children first: row by row over what is left of the legs. Both margins are exact
/// where `children` and `legs` sum to the same.
fn shares(children: &[i64], legs: &[i64]) -> Vec<Vec<i64>> {
    let mut left = legs.to_vec();
    let row = |child: &i64| {
        let row = allocate(*child, &left).unwrap_or_default();
        left.iter_mut().zip(&row).for_each(|(left, taken)| *left -= taken);
        row
    };
    children.iter().map(row).collect()
}

/// The shares of every child in one leg.
fn column(rows: &[Vec<i64>], place: usize) -> Vec<i64> {
    rows.iter().map(|row| row.get(place).copied().unwrap_or_default()).collect()
}

/// Of the points that a leg took, those of each share of its money: what all shares up to it have, rounded down, less what
/// those before it have. All of them are given, and a share of nothing has none.
fn points(leg: &Instruction, shares: &[i64]) -> Vec<i64> {
    let all = leg.points.as_ref().map_or(0, |used| used.points);
    let whole = i128::from(leg.amount.minor());
    let (mut money, mut given) = (0, 0);
    let share = |share: &i64| {
        money += i128::from(*share);
        let until = i64::try_from(i128::from(all) * money / whole).unwrap_or(all);
        let points = until - given;
        given = until;
        points
    };
    shares.iter().map(share).collect()
}

/// Where the money of a coupon or of points came from.
fn source_of(leg: &Instruction) -> Option<CouponSource> {
    let of_points = || leg.points.as_ref().map(|used| used.source.clone());
    leg.coupon.as_ref().map(|used| used.source.clone()).or_else(of_points)
}

/// `PaidByParent`: opens the payment that keeps the shares, and asks the books for it.
pub(crate) fn paid_by_parent(draft: &mut Draft<'_>, pay: &Pay, paid: &ParentPaid) {
    if draft.state.effective(pay.due).is_some() {
        return;
    }
    let no = draft.state.next_payment();
    let payment = Payment {
        parent: Some(paid.payment),
        instructions: paid.legs.iter().map(instruction).collect(),
        ..plan::opened(draft, pay, no, paid.rule_version)
    };
    let leg = |share: &LegShare| PayLeg { source: Source::Parent { points: share.points }, amount: share.amount };
    let legs = paid.legs.iter().map(leg).collect();
    draft.push(Event::PaymentOpened(Box::new(payment)));
    draft.push(Event::EffectAsked { payment: no, legs, fresh: None });
}

/// A share as an instruction: that of an institution has been received already.
fn instruction(share: &LegShare) -> Instruction {
    let request = kernel::message::payment::ToolRequest { tool: share.tool.clone(), amount: share.amount };
    let mut leg = plan::leg(share.instruction, &request);
    match (&share.tool, share.source.clone()) {
        (Tool::Coupon(_), Some(source)) => leg.coupon = Some(CouponUse { source, rest: 0 }),
        (Tool::Points, Some(source)) => leg.points = Some(PointsUse { points: share.points, source }),
        (
            Tool::Balance
            | Tool::Coupon(_)
            | Tool::Stored(_)
            | Tool::Points
            | Tool::Credit
            | Tool::Channel { .. }
            | Tool::Payout { .. },
            _,
        ) => {}
    }
    leg.credit_limit = share.credit_limit;
    leg.channel_account.clone_from(&share.channel_account);
    leg.order = share.order;
    leg.received = if leg.is_external() { share.amount.minor() } else { 0 };
    leg
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_what_is_left() {
        assert_eq!(shares(&[50, 50], &[70, 30]), [[35, 15], [35, 15]]);
        assert_eq!(shares(&[1, 1, 1], &[2, 1]), [[1, 0], [1, 0], [0, 1]]);
        assert_eq!(shares(&[100], &[1, 98, 1]), [[1, 98, 1]]);
    }

    /// A leg of so much money that took so many points.
    fn leg(money: i64, points: i64) -> Instruction {
        let request = kernel::message::payment::ToolRequest { tool: Tool::Points, amount: some_amount(money).unwrap() };
        Instruction { points: Some(PointsUse { points, source: CouponSource::Expense }), ..plan::leg(1, &request) }
    }

    #[test]
    fn points_go_with_their_money() {
        assert_eq!(points(&leg(100, 300), &[33, 0, 67]), [99, 0, 201]);
        assert_eq!(points(&leg(3, 1), &[1, 1, 1]), [0, 0, 1], "a small share has none");
        assert_eq!(points(&leg(4, 10), &[1, 1, 2]), [2, 3, 5]);
    }

    proptest! {
        #[test]
        fn all_points_are_given(
            shares in prop::collection::vec(0i64..10_000, 1..30), took in 0i64..=kernel::limits::MAX_AMOUNT_MINOR,
        ) {
            let money: i64 = shares.iter().sum();
            prop_assume!(money > 0);
            let given = points(&leg(money, took), &shares);
            prop_assert_eq!(given.iter().sum::<i64>(), took);
            for (share, points) in shares.iter().zip(&given) {
                prop_assert!(*points >= 0 && (*share > 0 || *points == 0));
                let exact = i128::from(took) * i128::from(*share);
                prop_assert!((i128::from(*points) * i128::from(money) - exact).abs() < i128::from(money));
            }
        }

        #[test]
        fn both_margins_are_exact(
            children in prop::collection::vec(1i64..10_000, 1..30),
            cuts in prop::collection::vec(1i64..10_000, 0..12),
        ) {
            let total: i64 = children.iter().sum();
            let mut legs: Vec<i64> = Vec::new();
            let mut rest = total;
            for cut in cuts {
                if cut < rest { legs.push(cut); rest -= cut; }
            }
            legs.push(rest);
            let shares = shares(&children, &legs);
            prop_assert!(shares.iter().flatten().all(|share| *share >= 0));
            for (child, row) in children.iter().zip(&shares) {
                prop_assert_eq!(row.iter().sum::<i64>(), *child);
            }
            for (place, leg) in legs.iter().enumerate() {
                prop_assert_eq!(shares.iter().map(|row| row[place]).sum::<i64>(), *leg);
            }
        }
    }
}
