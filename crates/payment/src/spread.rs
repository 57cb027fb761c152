//! Spreading a refund: over the tools in the order of the rules, else by largest remainder of what is left of each, and the parts over the receivers by
//! filling in order. Both are exact: the parts sum to the refund, the lines to the parts and to the receivers' shares.

use std::collections::BTreeSet;

use kernel::message::payment::RefundShare;
use kernel::money::allocate;
use kernel::{Amount, Owner};

use crate::event::some_amount;
use crate::refund::Line;

/// How much of the total each leg gives back, by what is left of each: rank by rank, the lowest first, and within a rank by
/// largest remainder. Without ranks all are of one. `None` where less is left than asked.
pub(crate) fn over_tools(total: Amount, left: &[i64], ranks: &[usize]) -> Option<Vec<i64>> {
    let rank = |place: usize| ranks.get(place).copied().unwrap_or_default();
    let in_turn: BTreeSet<usize> = (0..left.len()).map(rank).collect();
    let mut given = vec![0; left.len()];
    let mut wanted = total.minor();
    for turn in in_turn {
        let of_turn: Vec<i64> =
            (0..).zip(left).map(|(place, left)| if rank(place) == turn { *left } else { 0 }).collect();
        let part = wanted.min(of_turn.iter().sum());
        if part > 0 {
            let spread = allocate(part, &of_turn)?;
            given.iter_mut().zip(spread).for_each(|(given, part)| *given += part);
            wanted -= part;
        }
    }
    (wanted == 0).then_some(given)
}

/// What each part takes from whom: the parts and the shares are both walked once, in order. Lines are numbered from
/// `first`. Where the two do not sum to the same, the shorter one ends it; callers check that before.
pub(crate) fn over_receivers(parts: &[Amount], shares: &[RefundShare], first: u16) -> Vec<Vec<Line>> {
    let mut no = first;
    let mut wells = shares.iter().flat_map(wells_of);
    let mut lines = Vec::with_capacity(parts.len());
    let mut well = wells.next();
    for part in parts {
        let mut of_part = Vec::new();
        let mut wanted = part.minor();
        while let Some((receiver, released, left)) = well.as_mut() {
            let taken = wanted.min(*left);
            if let Some(amount) = some_amount(taken) {
                of_part.push(Line { no, receiver: receiver.clone(), released: *released, amount });
                no = no.saturating_add(1);
            }
            wanted -= taken;
            *left -= taken;
            if *left > 0 {
                break;
            }
            well = wells.next();
            if wanted == 0 {
                break;
            }
        }
        lines.push(of_part);
    }
    lines
}

/// What a receiver gives: first what still waits in escrow, then what it already has.
fn wells_of(share: &RefundShare) -> impl Iterator<Item = (Owner, bool, i64)> + '_ {
    let wells = [(false, share.before), (true, share.after)];
    wells.into_iter().filter(|(_, left)| *left > 0).map(|(released, left)| (share.receiver.clone(), released, left))
}

#[cfg(test)]
mod tests {
    use kernel::UserId;
    use proptest::prelude::*;

    use super::*;

    fn share(receiver: usize, before: i64, after: i64) -> RefundShare {
        RefundShare { receiver: Owner::User(UserId::parse(&format!("r{receiver}")).unwrap()), before, after }
    }

    fn amounts(minor: &[i64]) -> Vec<Amount> {
        minor.iter().filter_map(|m| some_amount(*m)).collect()
    }

    #[test]
    fn filled_in_order() {
        let lines = over_receivers(&amounts(&[50, 30]), &[share(1, 20, 40), share(2, 0, 20)], 7);
        let shown: Vec<Vec<_>> = lines
            .iter()
            .map(|part| part.iter().map(|line| (line.no, line.released, line.amount.minor())).collect())
            .collect();
        assert_eq!(shown, [vec![(7, false, 20), (8, true, 30)], vec![(9, true, 10), (10, true, 20)]]);
    }

    #[test]
    fn more_than_is_left_is_nothing() {
        let amount = |minor| Amount::new(minor).unwrap();
        assert_eq!(over_tools(amount(11), &[5, 5], &[]), None);
        assert_eq!(over_tools(amount(11), &[5, 5], &[1, 0]), None);
        assert_eq!(over_tools(amount(100), &[100, 100, 100], &[]).unwrap(), [34, 33, 33]);
    }

    #[test]
    fn rank_by_rank() {
        let over = |total, left: &[i64], ranks: &[usize]| over_tools(Amount::new(total).unwrap(), left, ranks).unwrap();
        assert_eq!(over(100, &[100, 100, 100], &[2, 0, 1]), [0, 100, 0]);
        assert_eq!(over(150, &[100, 100, 100], &[2, 0, 1]), [0, 100, 50]);
        assert_eq!(over(150, &[100, 100, 100], &[1, 0, 1]), [25, 100, 25]);
        assert_eq!(over(300, &[100, 100, 100], &[7, 3, 5]), [100, 100, 100]);
        assert_eq!(over(10, &[0, 100], &[0, 1]), [0, 10], "what has nothing left gives nothing");
    }

    proptest! {
        #[test]
        fn no_tool_gives_before_its_turn(
            legs in prop::collection::vec((0i64..1_000, 0usize..4), 1..8), share in 1i64..=100,
        ) {
            let (left, ranks): (Vec<i64>, Vec<usize>) = legs.into_iter().unzip();
            let total = left.iter().sum::<i64>() * share / 100;
            prop_assume!(total > 0);
            let given = over_tools(Amount::new(total).unwrap(), &left, &ranks).unwrap();
            prop_assert_eq!(given.iter().sum::<i64>(), total);
            for (place, part) in given.iter().enumerate() {
                prop_assert!((0..=left[place]).contains(part));
                let earlier = (0..left.len()).filter(|other| ranks[*other] < ranks[place]);
                prop_assert!(*part == 0 || earlier.into_iter().all(|other| given[other] == left[other]));
            }
        }

        #[test]
        fn both_margins_are_exact(
            wells in prop::collection::vec((0i64..1_000, 0i64..1_000), 1..8),
            cuts in prop::collection::vec(1i64..700, 0..8),
        ) {
            let shares: Vec<_> = wells.iter().enumerate().map(|(n, (b, a))| share(n, *b, *a)).collect();
            let total: i64 = wells.iter().map(|(b, a)| b + a).sum();
            prop_assume!(total > 0);
            let mut rest = total;
            let mut parts: Vec<i64> = Vec::new();
            for cut in cuts {
                if cut < rest { parts.push(cut); rest -= cut; }
            }
            parts.push(rest);
            let lines = over_receivers(&amounts(&parts), &shares, 1);
            prop_assert_eq!(lines.len(), parts.len());
            for (part, of_part) in parts.iter().zip(&lines) {
                prop_assert_eq!(*part, of_part.iter().map(|line| line.amount.minor()).sum::<i64>());
            }
            for share in &shares {
                for (released, expected) in [(false, share.before), (true, share.after)] {
                    let taken = lines.iter().flatten().filter(|l| l.receiver == share.receiver && l.released == released);
                    prop_assert_eq!(taken.map(|line| line.amount.minor()).sum::<i64>(), expected);
                }
            }
            let numbers: Vec<_> = lines.iter().flatten().map(|line| line.no).collect();
            prop_assert!(numbers.iter().copied().eq(1..=numbers.len() as u16));
        }
    }
}
