//! Largest remainder: how an amount is spread over weights so that the parts sum to it exactly.
//!
//! The platform spreads refunds over receivers and tools by this rule, over *what is left* of each; the replay must know
//! the outcome beforehand, so it computes it on its own. The one thing the rule leaves open, which of two equal
//! remainders gets the last unit, is told ([`Spread::tied`]), so that a plan can avoid it.

/// The parts of an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// One part per weight; their sum is the amount.
    pub parts: Vec<i64>,
    /// Whether equal remainders competed for the last unit; they got it in the order of the weights.
    pub tied: bool,
}

/// Spreads `amount` over `weights`; `None` when it is negative, more than their sum, or a weight is negative.
pub fn largest_remainder(amount: i64, weights: &[i64]) -> Option<Spread> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if amount < 0 || i128::from(amount) > total || weights.iter().any(|weight| *weight < 0) {
        return None;
    }
    if total == 0 {
        return Some(Spread { parts: vec![0; weights.len()], tied: false });
    }
    let product = |weight: &i64| i128::from(amount) * i128::from(*weight);
    let mut parts: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(product(weight) / total).ok()).collect::<Option<_>>()?;
    let missing = usize::try_from(amount - parts.iter().sum::<i64>()).ok()?;
    let mut by_remainder: Vec<(i128, &mut i64)> =
        weights.iter().map(|weight| product(weight) % total).zip(parts.iter_mut()).collect();
    by_remainder.sort_by_key(|(remainder, _)| std::cmp::Reverse(*remainder));
    let last_given = missing.checked_sub(1).and_then(|at| by_remainder.get(at)).map(|(remainder, _)| *remainder);
    let first_refused = by_remainder.get(missing).map(|(remainder, _)| *remainder);
    for (_, part) in by_remainder.iter_mut().take(missing) {
        **part += 1;
    }
    Some(Spread { parts, tied: last_given.is_some() && last_given == first_refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(amount: i64, weights: &[i64]) -> Vec<i64> {
        largest_remainder(amount, weights).unwrap().parts
    }

    #[test]
    fn parts_are_exact_and_follow_the_remainders() {
        assert_eq!(parts(10, &[3, 3, 3, 1]), [3, 3, 3, 1]);
        assert_eq!(parts(7, &[500, 250, 250]), [3, 2, 2]);
        assert_eq!(parts(100, &[1_000, 2_000, 4_000]), [14, 29, 57]);
        assert_eq!(parts(0, &[5, 5]), [0, 0]);
        assert_eq!(parts(0, &[]), Vec::<i64>::new());
    }

    #[test]
    fn no_part_exceeds_its_weight_and_all_sum_up() {
        let weights = [1, 999, 12_345, 7, 0, 50];
        let total: i64 = weights.iter().sum();
        for amount in 0..=total {
            let parts = parts(amount, &weights);
            assert_eq!(parts.iter().sum::<i64>(), amount);
            assert!(parts.iter().zip(weights).all(|(part, weight)| (0..=weight).contains(part)), "{amount}: {parts:?}");
        }
    }

    #[test]
    fn ties_are_told() {
        assert!(largest_remainder(1, &[2, 2]).unwrap().tied);
        assert!(!largest_remainder(2, &[2, 2]).unwrap().tied);
        assert!(!largest_remainder(7, &[10, 20]).unwrap().tied);
    }

    #[test]
    fn what_cannot_be_spread_is_refused() {
        assert_eq!(largest_remainder(11, &[5, 5]), None);
        assert_eq!(largest_remainder(-1, &[5]), None);
        assert_eq!(largest_remainder(1, &[5, -1]), None);
    }
}
