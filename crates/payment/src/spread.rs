//! Spreading a refund: over the tools by largest remainder of what is left of each, and the parts over the receivers by
//! filling in order. Both are exact: the parts sum to the refund, the lines to the parts and to the receivers' shares.

use kernel::message::payment::RefundShare;
use kernel::money::allocate;
use kernel::{Amount, Owner};

use crate::event::some_amount;
use crate::refund::Line;

/// How much of the total each leg gives back, by what is left of each; `None` where less is left than asked.
pub(crate) fn over_tools(total: Amount, left: &[i64]) -> Option<Vec<i64>> {
    allocate(total.minor(), left)
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
        assert_eq!(over_tools(Amount::new(11).unwrap(), &[5, 5]), None);
        assert_eq!(over_tools(Amount::new(100).unwrap(), &[100, 100, 100]).unwrap(), [34, 33, 33]);
    }

    proptest! {
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
