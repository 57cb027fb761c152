//! How a partial operation divides over the receivers: named by the client, or spread by largest remainder over *what is
//! left* of each. Differences of cumulative shares are not used: they are not monotone, and a part could become negative.

use std::collections::BTreeSet;

use kernel::message::trade::Share;
use kernel::money::{AmountError, allocate};
use kernel::{Amount, Owner};

use crate::{Excess, Refusal, Split};

/// What is asked for: all that is left, an amount, or certain parts of certain receivers.
pub(crate) struct Ask<'a> {
    /// The whole; where `None`, what `shares` sum to, or everything.
    pub(crate) amount: Option<Amount>,
    /// The parts; spread where empty.
    pub(crate) shares: &'a [Share],
}

/// Minor units for each split, in the trade's order. `left` says how much a split can give; `too_much` makes the refusal
/// when more is asked.
pub(crate) fn divide(
    splits: &[Split],
    ask: &Ask<'_>,
    left: impl Fn(&Split) -> i64,
    too_much: fn(Excess) -> Refusal,
) -> Result<Vec<i64>, Refusal> {
    if ask.shares.is_empty() {
        let all: Vec<i64> = splits.iter().map(left).collect();
        spread(ask.amount, &all).map_err(too_much)
    } else {
        named(splits, ask, left, too_much)
    }
}

fn spread(amount: Option<Amount>, left: &[i64]) -> Result<Vec<i64>, Excess> {
    let total: i64 = left.iter().sum();
    let wanted = amount.map_or(total, Amount::minor);
    allocate(wanted, left).ok_or(Excess::whole(total))
}

fn named(
    splits: &[Split],
    ask: &Ask<'_>,
    left: impl Fn(&Split) -> i64,
    too_much: fn(Excess) -> Refusal,
) -> Result<Vec<i64>, Refusal> {
    distinct(ask.shares)?;
    let mut parts = vec![0; splits.len()];
    let mut lack = None;
    for (place, share) in ask.shares.iter().enumerate() {
        let found = splits.iter().zip(&mut parts).find(|(split, _)| split.receiver == share.receiver);
        let (split, part) = found.ok_or(Refusal::ReceiverUnknown(place))?;
        *part = share.amount.minor();
        if *part > left(split) && lack.is_none() {
            lack = Some(Excess::of(place, left(split)));
        }
    }
    let sum = total(ask.shares.iter().map(|share| share.amount), "splits")?;
    sums_to(ask.amount.map_or(sum, Amount::minor), sum, "splits")?;
    lack.map_or(Ok(parts), |excess| Err(too_much(excess)))
}

/// Refuses a receiver that stands in the list twice.
pub(crate) fn distinct(shares: &[Share]) -> Result<(), Refusal> {
    let mut seen: BTreeSet<&Owner> = BTreeSet::new();
    match shares.iter().position(|share| !seen.insert(&share.receiver)) {
        Some(place) => Err(Refusal::DuplicateReceiver(place)),
        None => Ok(()),
    }
}

/// The sum of a list in minor units, 0 for an empty one; refused where it is no amount any more.
pub(crate) fn total(amounts: impl Iterator<Item = Amount>, field: &'static str) -> Result<i64, Refusal> {
    match Amount::sum(amounts) {
        Ok(sum) => Ok(sum.minor()),
        Err(AmountError::NotPositive) => Ok(0),
        Err(AmountError::OutOfRange) => Err(Refusal::SumOutOfRange(field)),
    }
}

/// Refuses a list that does not sum to the whole.
pub(crate) fn sums_to(whole: i64, sum: i64, field: &'static str) -> Result<(), Refusal> {
    if sum == whole { Ok(()) } else { Err(Refusal::SumMismatch { field, sum, whole }) }
}
