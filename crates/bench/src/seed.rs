//! Repeatable choices: everything that looks random here is a function of a seed and a number or a name, so the same
//! run can be made again. Not for secrets.

/// Spreads the bits of a number (the finalizer of SplitMix64, Steele et al. 2014).
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number for a name (FNV-1a, mixed), the same on every machine and in every run.
pub fn of_name(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(hash)
}

/// A stream of repeatable numbers.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The stream of `seed`'s `number`th thing.
    pub fn new(seed: u64, number: u64) -> Self {
        Self { state: mix(seed ^ mix(number)) }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state)
    }

    /// A number in `low..=high` (`low` where the range is empty).
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add(i64::try_from(self.roll() % width).unwrap_or(0))
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// One of the choices; `None` of none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).ok().filter(|count| *count > 0)?;
        choices.get(usize::try_from(self.roll() % count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let rolls = |seed, number| {
            let mut dice = Dice::new(seed, number);
            [dice.roll(), dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(7, 1), rolls(7, 1));
        assert_ne!(rolls(7, 1), rolls(7, 2));
        assert_ne!(rolls(7, 1), rolls(8, 1));
    }

    #[test]
    fn ranges_and_chances_hold() {
        let mut dice = Dice::new(1, 1);
        assert!((0..1_000).all(|_| (3..=5).contains(&dice.between(3, 5))));
        let hits = (0..10_000).filter(|_| dice.chance(5)).count();
        assert!((400..600).contains(&hits), "{hits}");
        assert_eq!(dice.pick::<u8>(&[]), None);
    }

    #[test]
    fn names_spread() {
        let hits = (0..10_000).filter(|n| of_name(&format!("order-{n}")) % 100 < 5).count();
        assert!((400..600).contains(&hits), "{hits}");
    }
}
