//! How a payment's tools are held, let go and spent.
//!
//! A coupon is spent once: the part used goes to the trade, the rest of its face back to where it came from, in the same
//! voucher. Held, it takes two holds under the instruction's number: leg 0 is the part (towards escrow), leg 1 the rest
//! (towards the source), so each is captured or released by itself and exactly.
//!
//! Points are two legs as well, each in its own currency: the money, from the source that pays for them (leg 0), and the
//! points, which are redeemed (leg 1). The points come first, so that who has not enough of them hears of that.

use kernel::message::accounting::{HoldNo, InternalTool, Onto, PayLeg, Source, ToolHold};
use kernel::message::trade::Share;
use kernel::{Amount, Owner, UserId};

use super::{Draft, Place};
use crate::hold::{HoldKey, Op};

const PART: u8 = 0;
const REST: u8 = 1;

pub(super) fn hold(draft: &mut Draft<'_>, tools: &[ToolHold]) {
    for tool in tools {
        held_tool(draft, &tool.tool, tool.hold, tool.amount, Op::Hold);
    }
}

pub(super) fn release(draft: &mut Draft<'_>, tools: &[ToolHold]) {
    for tool in tools {
        held_tool(draft, &tool.tool, tool.hold, tool.amount, Op::Release);
    }
}

/// The legs go into escrow and on from there to the receivers. With one receiver a leg goes there directly, unless it was
/// held: a hold is towards escrow, so it is captured into escrow and goes on from there.
pub(super) fn pay(draft: &mut Draft<'_>, legs: &[PayLeg], receivers: &[Share], onto: Onto) {
    let place = match onto {
        Onto::Settlement => Place::Pending,
        Onto::Balance | Onto::Debt => Place::Balance,
    };
    match receivers {
        [Share { receiver: Owner::User(debtor), .. }] if onto == Onto::Debt => {
            for leg in legs {
                repay(draft, leg, debtor);
            }
        }
        [only] => {
            let goal = place(&only.receiver);
            for leg in legs {
                spend(draft, leg, goal);
                if let Source::Held(..) = leg.source {
                    draft.leg("released", Op::Post, Place::Escrow, goal, leg.amount);
                }
            }
        }
        _ => {
            for leg in legs {
                spend(draft, leg, Place::Escrow);
            }
            for share in receivers {
                draft.leg("released", Op::Post, Place::Escrow, place(&share.receiver), share.amount);
            }
        }
    }
}

fn spend(draft: &mut Draft<'_>, leg: &PayLeg, goal: Place<'_>) {
    let (code, from) = match &leg.source {
        Source::Held(tool, no) => return held_tool(draft, tool, *no, leg.amount, Op::Capture),
        Source::Tool(tool) => return tool_legs(draft, tool, leg.amount, goal, [Op::Post, Op::Post]),
        Source::Channel(ca) => ("channel", Place::ChannelIn(ca)),
        Source::Earlier(ca) => ("earlier", Place::Received(ca)),
        Source::Suspended(ca) => ("accepted", Place::Suspense(ca)),
        Source::Parent { points } => {
            if let Ok(points) = Amount::new(*points) {
                draft.points("points_shared", Op::Post, Place::PointsShared, Place::PointsRedeemed, points);
            }
            ("parent", Place::Combined)
        }
    };
    draft.leg(code, Op::Post, from, goal, leg.amount);
}

/// Makes less what a user owes, as far as there is a debt; the rest is the user's balance. What goes both ways goes through
/// escrow, so that a receipt stays one transfer. Of what is on the balance already nothing goes there: where it is more than is
/// owed, the account of the debt refuses.
fn repay(draft: &mut Draft<'_>, leg: &PayLeg, debtor: &UserId) {
    let (owner, debt) = (Owner::User(debtor.clone()), Place::Credit(debtor));
    if let Source::Tool(_) = &leg.source {
        return spend(draft, leg, debt);
    }
    let owed = draft.spare(debt, leg.amount.minor());
    let beyond = leg.amount.minor() - owed;
    match (&leg.source, owed, beyond) {
        // A hold is towards escrow, whatever comes after that.
        (Source::Held(..), ..) => spend(draft, leg, Place::Escrow),
        (_, 0, _) => return spend(draft, leg, Place::Balance(&owner)),
        (_, _, 0) => return spend(draft, leg, debt),
        _ => spend(draft, leg, Place::Escrow),
    }
    draft.leg_if_any("released", Op::Post, Place::Escrow, debt, owed);
    draft.leg_if_any("released", Op::Post, Place::Escrow, Place::Balance(&owner), beyond);
}

fn held_tool(draft: &mut Draft<'_>, tool: &InternalTool, no: HoldNo, amount: Amount, op: fn(HoldKey) -> Op) {
    tool_legs(draft, tool, amount, Place::Escrow, [PART, REST].map(|leg| op(HoldKey { no, leg })));
}

fn tool_legs(draft: &mut Draft<'_>, tool: &InternalTool, amount: Amount, goal: Place<'_>, [part_op, rest_op]: [Op; 2]) {
    match tool {
        InternalTool::Balance(owner) => draft.leg("balance", part_op, Place::Balance(owner), goal, amount),
        InternalTool::Stored(user, kind) => {
            draft.leg("stored", part_op, Place::Stored(user, kind), goal, amount);
        }
        InternalTool::Credit { user, limit } => {
            draft.leg_within("credit", part_op, Place::Credit(user), goal, amount, *limit);
        }
        InternalTool::Points { user, points, source } => {
            draft.points("points_redeemed", rest_op, Place::Points(user), Place::PointsRedeemed, *points);
            draft.leg("points", part_op, Place::Source(source), goal, amount);
        }
        InternalTool::Coupon { user, source, rest } => {
            draft.leg("coupon", part_op, Place::Coupons(user), goal, amount);
            draft.leg_if_any("coupon_rest", rest_op, Place::Coupons(user), Place::Source(source), *rest);
        }
    }
}
