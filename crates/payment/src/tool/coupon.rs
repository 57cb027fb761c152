//! A coupon (优惠券) as a tool. The coupon itself is an aggregate of its own ([`mod@crate::coupon`]), because many trades may
//! want the same one; here is what a leg has to do with it.

use kernel::message::accounting::{CouponSource, InternalTool};
use kernel::message::payment::{Pay, Tool};
use kernel::{Amount, CouponId, InstructionId, OrderType, Owner};

use super::{Asked, Moment, ToolRules};
use crate::coupon::{self, Command, CouponStatus};
use crate::draft::Draft;
use crate::event::Event;
use crate::input::Known;
use crate::instruction::{CouponUse, Instruction, InstructionStatus};
use crate::payment::{Failure, FailureCode};
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Coupon;

impl ToolRules for Coupon {
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal> {
        let Some(id) = leg.coupon_id() else { return Ok(()) };
        let refused = |why| Refusal::CouponNotApplicable { place: asked.place, why };
        if asked.before.iter().any(|other| other.coupon_id() == Some(id)) {
            return Err(refused("the coupon is named twice"));
        }
        leg.coupon = Some(coupon_use(asked.draft, asked.pay, id, leg.amount).map_err(refused)?);
        Ok(())
    }

    fn is_marketing(&self, _: &Tool) -> bool {
        true
    }

    fn purse(&self, leg: &Instruction, payer: &Owner) -> Option<InternalTool> {
        let CouponUse { source, rest } = leg.coupon.clone()?;
        Some(InternalTool::Coupon { user: payer.user()?.clone(), source, rest })
    }

    /// Usable again only where its whole part is given back in one refund and its time is not over; the rest of its face
    /// must be sure to be there again, which a budget cannot promise. Otherwise the money goes to where it came from.
    fn way_back(&self, draft: &Draft<'_>, leg: &Instruction, part: Amount) -> Way {
        let sure = |used: &CouponUse| used.rest == 0 || used.source == CouponSource::Expense;
        let whole = part == leg.amount && leg.coupon.as_ref().is_some_and(sure);
        let spender = InstructionId::new(draft.state.trade, leg.no);
        let ours = |coupon: &coupon::Coupon| {
            coupon.status == CouponStatus::Spent && coupon.held_by == Some(spender) && !coupon.is_over(draft.known.now)
        };
        let again = whole && known(draft.known, leg).is_some_and(ours);
        if again { Way::CouponAgain } else { Way::CouponSource }
    }

    fn taken(&self, draft: &Draft<'_>, leg: &Instruction) -> Option<Failure> {
        let id = leg.coupon_id()?;
        let free = |coupon: &coupon::Coupon| match coupon.status {
            CouponStatus::Usable => true,
            // Held by the payment that has just made room: it is free by the time it is held again.
            CouponStatus::Held => coupon.held_by.is_some_and(|holder| was_let_go(draft, holder)),
            CouponStatus::Spent | CouponStatus::Expired => false,
        };
        let message = || format!("coupon {id} has been used by another payment");
        let is_free = known(draft.known, leg).is_some_and(free);
        (!is_free).then(|| Failure { code: FailureCode::CouponTaken, message: message() })
    }

    fn again(&self, facts: &Known<'_>, leg: &Instruction) -> bool {
        known(facts, leg).is_some_and(|coupon| coupon.is_usable(facts.now))
    }

    fn told(&self, leg: &Instruction, moment: Moment, by: InstructionId) -> Option<Event> {
        let command = match moment {
            Moment::Held => Command::Hold(by),
            Moment::Spent => Command::Spend(by),
            Moment::Freed => Command::Free(by),
            Moment::Restored => Command::Restore(by),
        };
        Some(Event::CouponTold { coupon: leg.coupon_id()?, command })
    }
}

fn known<'a>(known: &Known<'a>, leg: &Instruction) -> Option<&'a coupon::Coupon> {
    known.coupons.get(&leg.coupon_id()?)
}

/// What is wrong with a coupon as such refuses the request; that another payment has it only fails the payment.
fn coupon_use(draft: &Draft<'_>, pay: &Pay, id: CouponId, part: Amount) -> Result<CouponUse, &'static str> {
    let coupon = draft.known.coupons.get(&id).ok_or("there is no such coupon")?;
    if pay.payer.user() != Some(&coupon.user) {
        return Err("there is no such coupon");
    }
    if coupon.merchant.is_some_and(|merchant| merchant != pay.context.merchant) {
        return Err("the coupon is for another merchant");
    }
    if coupon.merchant.is_some() && pay.context.order_type == OrderType::Combined {
        return Err("a merchant's coupon does not pay what other merchants sell");
    }
    if coupon.status == CouponStatus::Expired || coupon.is_over(draft.known.now) {
        return Err("the coupon has expired");
    }
    if coupon.money.currency != pay.money.currency {
        return Err("the coupon is in another currency");
    }
    let coupons = pay.tools.iter().filter(|request| matches!(request.tool, Tool::Coupon(_))).count();
    coupon.terms.allow(part, pay.money.amount, &pay.context.sub_type, coupons, draft.known.now)?;
    let rest = coupon.money.amount.minor() - part.minor();
    if rest < 0 {
        return Err("the part is larger than the coupon");
    }
    Ok(CouponUse { source: coupon.source.clone(), rest })
}

fn was_let_go(draft: &Draft<'_>, holder: InstructionId) -> bool {
    let canceled = |leg: &Instruction| leg.status == InstructionStatus::Canceled;
    holder.trade == draft.state.trade && draft.state.leg(holder.no).is_some_and(|(_, leg)| canceled(leg))
}
