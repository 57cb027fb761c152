//! How refund lines take money back and where it goes.
//!
//! A line takes from the trade's escrow what was not released yet, else from the receiver: first what waits for settlement
//! (2003), then the balance (2002) for what is short; what went to a balance at once is taken from there alone. Who is short
//! there too is refused when it is booked.
//!
//! A reservation is a hold straight from the one who gives to where the money goes, so that its capture is one transfer:
//! leg 0 is escrow or 2003, leg 1 is the balance, leg 2 the part of a coupon's face that is issued anew, or the points that are
//! the user's again. Where a reserved line
//! goes another way in the end (to the balance, because the institution could not), the hold is released and posted to
//! its new place at once when it is booked; see [`mod@crate::book`].

use kernel::message::accounting::{HoldNo, LineSource, RefundLine, RefundTo};
use kernel::{Amount, Owner, UserId};

use super::{Draft, Place};
use crate::hold::{HoldKey, Op};

const FIRST: u8 = 0;
const BALANCE: u8 = 1;
const REISSUE: u8 = 2;
/// From the number of a hold towards what is owed to the one beyond it.
const BEYOND: u8 = 3;

/// The code of a refund's leg that leaves the money where it is.
pub const KEPT: &str = "refund_kept";

/// What becomes of the lines.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Reserve,
    Post,
    Capture,
    Release,
}

impl Step {
    fn op(self, hold: HoldKey) -> Op {
        match self {
            Self::Reserve => Op::Hold(hold),
            Self::Post => Op::Post,
            Self::Capture => Op::Capture(hold),
            Self::Release => Op::Release(hold),
        }
    }
}

pub(super) fn run(draft: &mut Draft<'_>, lines: &[RefundLine], step: Step) {
    for line in lines {
        if let RefundTo::Credit(user) = &line.to {
            to_credit(draft, line, user, step);
            continue;
        }
        let hold = |leg| HoldKey { no: HoldNo::RefundLine(line.line), leg };
        let goal = goal(&line.to);
        let balance = Place::Balance(&line.receiver);
        match line.from {
            LineSource::Escrow => draft.leg("refund", step.op(hold(FIRST)), Place::Escrow, goal, line.amount),
            LineSource::Receiver => {
                let first = from_pending(draft, line, step, hold(FIRST));
                let second = line.amount.minor() - first;
                draft.leg_if_any("refund", step.op(hold(FIRST)), Place::Pending(&line.receiver), goal, first);
                draft.leg_if_any("refund", step.op(hold(BALANCE)), balance, goal, second);
            }
            LineSource::Balance => {
                let (code, op) = from_balance(line, step, hold(BALANCE));
                draft.leg(code, op, balance, goal, line.amount);
            }
        }
        if let RefundTo::Coupon { user, source, usable_again: true, rest } = &line.to {
            let op = step.op(hold(REISSUE));
            draft.leg_if_any("coupon_reissued", op, Place::Source(source), Place::Coupons(user), *rest);
        }
        if let RefundTo::Points { user, points, .. } = &line.to
            && let Ok(points) = Amount::new(*points)
        {
            let op = step.op(hold(REISSUE));
            draft.points("points_returned", op, Place::PointsRedeemed, Place::Points(user), points);
        }
    }
}

/// A coupon that becomes usable again is in the user's hands again; else its money is its source's.
fn goal(to: &RefundTo) -> Place<'_> {
    match to {
        RefundTo::Balance(owner) => Place::Balance(owner),
        RefundTo::Coupon { user, usable_again: true, .. } => Place::Coupons(user),
        RefundTo::Coupon { source, usable_again: false, .. } | RefundTo::Points { source, .. } => Place::Source(source),
        RefundTo::Stored(user, kind) => Place::Stored(user, kind),
        RefundTo::Credit(user) => Place::Credit(user),
        RefundTo::Channel(ca) => Place::ChannelRefund(ca),
    }
}

/// What was paid on credit makes the debt less, as far as there is one; the rest is the user's balance. Each source gives in two
/// legs, of which either may be of nothing: its own number for the debt, and one behind for the rest.
fn to_credit(draft: &mut Draft<'_>, line: &RefundLine, user: &UserId, step: Step) {
    let owner = Owner::User(user.clone());
    let hold = |leg| HoldKey { no: HoldNo::RefundLine(line.line), leg };
    let (debt, rest) = (Place::Credit(user), Place::Balance(&owner));
    let sources = match line.from {
        LineSource::Escrow => [Some((FIRST, Place::Escrow)), None],
        LineSource::Receiver => {
            [Some((FIRST, Place::Pending(&line.receiver))), Some((BALANCE, Place::Balance(&line.receiver)))]
        }
        LineSource::Balance => [None, Some((BALANCE, Place::Balance(&line.receiver)))],
    };
    let mut wanted = line.amount.minor();
    let last = sources.iter().flatten().map(|(leg, _)| *leg).next_back();
    for (leg, place) in sources.into_iter().flatten() {
        let (owed, beyond) = match step {
            Step::Reserve | Step::Post => {
                let given = if last == Some(leg) { wanted } else { draft.spare(place, wanted) };
                let owed = draft.spare(debt, given);
                (owed, given - owed)
            }
            Step::Capture | Step::Release => {
                let owed = draft.rest_of(hold(leg), wanted);
                (owed, draft.rest_of(hold(leg + BEYOND), wanted - owed))
            }
        };
        draft.leg_if_any("refund", step.op(hold(leg)), place, debt, owed);
        draft.leg_if_any("refund", step.op(hold(leg + BEYOND)), place, rest, beyond);
        wanted -= owed + beyond;
    }
}

/// What was reserved on a balance and goes back to the same one, because the institution could not give it back, only has
/// to be let go.
fn from_balance(line: &RefundLine, step: Step, hold: HoldKey) -> (&'static str, Op) {
    match (&line.to, step) {
        (RefundTo::Balance(owner), Step::Capture) if *owner == line.receiver => (KEPT, Op::Release(hold)),
        _ => ("refund", step.op(hold)),
    }
}

/// How much of a released line 2003 gives: what it has where the line is new, what was reserved there where it was.
fn from_pending(draft: &mut Draft<'_>, line: &RefundLine, step: Step, hold: HoldKey) -> i64 {
    let wanted = line.amount.minor();
    match step {
        Step::Reserve | Step::Post => draft.spare(Place::Pending(&line.receiver), wanted),
        Step::Capture | Step::Release => draft.rest_of(hold, wanted),
    }
}
