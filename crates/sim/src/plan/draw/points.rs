//! Points: given, taken back, and paid with where balances were.

use super::Drawing;
use crate::people;
use crate::plan::{Act, Kind, Means, What};
use crate::rng::Rng;

/// So many points...
pub(crate) const POINTS: i64 = 7;
/// ...pay so many minor units.
pub(crate) const MINOR: i64 = 3;
/// Grants, and attempts to take points back, of one world, besides the first grant of each buyer.
const ACTS: u64 = 12;

/// Whether the merchant's budget pays for the points of a trade of this amount; marketing expense does else.
pub(crate) const fn by_budget(amount: i64) -> bool {
    amount % 3 == 0
}

/// The rules that say what points are worth, with other rules or as a book of their own.
pub(super) fn rules(others: Option<String>) -> String {
    let book = others.unwrap_or_else(|| "book = \"drawn\"\nabout = \"What points are worth.\"\n".to_owned());
    let worth = |budget: bool| {
        format!("points = {{ currency = \"CNY\", points = {POINTS}, amount = {MINOR}, budget = {budget} }}")
    };
    format!(
        "{book}\n[[rule]]\nname = \"points-of-a-budget\"\nwhen = 'trade.amount % 3 == 0'\n{}\n\
         \n[[rule]]\nname = \"points\"\n{}\n",
        worth(true),
        worth(false)
    )
}

impl Drawing {
    /// After everything else, in a world that has points; their own randomness leaves the rest as it is.
    pub(super) fn in_points(&mut self, rng: &Rng) {
        for act in &mut self.acts {
            let slices = match &mut act.what {
                What::Sell(sale) if sale.kind == Kind::Goods => sale.pay.as_mut(),
                What::Cart { cart, .. } => cart.pay.as_mut(),
                What::Pay { tools, .. } => Some(tools),
                _ => None,
            };
            for slice in slices.into_iter().flatten() {
                if slice.tool == Means::Balance && rng.chance(30) {
                    slice.tool = Means::Points;
                }
            }
        }
        let mut grants = Vec::new();
        for buyer in people::buyers(self.shards) {
            grants.push(self.insert(rng, 0, What::Grant { user: *buyer, points: rng.between(50, 2_000) }));
        }
        for _ in 0..rng.below(ACTS) {
            let at = rng.below(self.acts.len() as u64);
            match rng.pick(&grants).copied().filter(|_| rng.chance(60)) {
                Some(grant) => drop(self.insert(rng, at, What::TakeBack { grant, points: rng.between(1, 600) })),
                None => {
                    let buyer = rng.pick(people::buyers(self.shards)).copied().unwrap_or(0);
                    grants.push(self.insert(rng, at, What::Grant { user: buyer, points: rng.between(1, 900) }));
                }
            }
        }
    }

    /// Puts an act at a place among the others; the numbers of these stay.
    pub(super) fn insert(&mut self, rng: &Rng, at: u64, what: What) -> u32 {
        let no = self.acts.iter().map(|act| act.no).max().unwrap_or(0) + 1;
        let node = usize::from(rng.chance(50));
        let at = usize::try_from(at).unwrap_or(0).min(self.acts.len());
        self.acts.insert(at, Act { no, wait_ms: 0, node, after: 0, what });
        no
    }
}
