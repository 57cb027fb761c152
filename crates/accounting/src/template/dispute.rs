//! How disputes set receivers' money aside, and what becomes of it.
//!
//! A line takes from the trade's escrow what was not released yet, else from the receiver, like a refund's: first what
//! waits for settlement (2003), then the balance (2001, 2002); what went to a balance at once is taken from there alone. Who
//! is short there is refused, so that somebody hears of it; asked again with `owed`, what is short is held as owed to us by
//! the receiver (1062), which knows no limit: the institution decides, not we.
//!
//! Each source is a hold of its own under the line's number: leg 0 is escrow or 2003, leg 1 the balance, leg 2 what is
//! owed. Lost, they are captured in this order up to what the institution takes; the rest is let go.

use kernel::Owner;
use kernel::message::accounting::{DisputeLine, HoldNo, LineSource};

use super::{Draft, Place};
use crate::hold::{HoldKey, Op};

const FIRST: u8 = 0;
const BALANCE: u8 = 1;
const OWED: u8 = 2;

const CODE: &str = "dispute";

pub(super) fn hold(draft: &mut Draft<'_>, channel_account: &str, lines: &[DisputeLine], owed: bool) {
    let goal = Place::ChannelDispute(channel_account);
    for line in lines {
        let mut wanted = line.amount.minor();
        let sources = sources(line).into_iter().flatten().filter(|(leg, _)| owed || *leg != OWED);
        let last = sources.clone().next_back().map(|(leg, _)| leg);
        for (leg, place) in sources {
            let given = if last == Some(leg) { wanted } else { draft.spare(place, wanted) };
            draft.leg_if_any(CODE, Op::Hold(key(line, leg)), place, goal, given);
            wanted -= given;
        }
    }
}

pub(super) fn release(draft: &mut Draft<'_>, channel_account: &str, lines: &[DisputeLine]) {
    for line in lines {
        end(draft, channel_account, line, 0);
    }
}

pub(super) fn lose(draft: &mut Draft<'_>, channel_account: &str, lines: &[DisputeLine]) {
    for line in lines {
        end(draft, channel_account, line, line.lost);
    }
}

/// Takes so much of what a line holds, and lets go of the rest.
fn end(draft: &mut Draft<'_>, channel_account: &str, line: &DisputeLine, mut lost: i64) {
    let goal = Place::ChannelDispute(channel_account);
    for (leg, place) in sources(line).into_iter().flatten() {
        let hold = key(line, leg);
        let taken = draft.rest_of(hold, lost);
        let free = draft.rest_of(hold, line.amount.minor());
        draft.leg_if_any(CODE, Op::Capture(hold), place, goal, taken);
        draft.leg_if_any(CODE, Op::Release(hold), place, goal, free);
        lost -= taken;
    }
}

const fn key(line: &DisputeLine, leg: u8) -> HoldKey {
    HoldKey { no: HoldNo::DisputeLine(line.line), leg }
}

/// Where a line's money is, in the order in which it is taken.
fn sources(line: &DisputeLine) -> [Option<(u8, Place<'_>)>; 3] {
    let receiver: &Owner = &line.receiver;
    let (balance, owed) = (Some((BALANCE, Place::Balance(receiver))), Some((OWED, Place::Owed(receiver))));
    match line.from {
        LineSource::Escrow => [Some((FIRST, Place::Escrow)), None, None],
        LineSource::Receiver => [Some((FIRST, Place::Pending(receiver))), balance, owed],
        LineSource::Balance => [None, balance, owed],
    }
}
