//! Credit lines: opened, changed, frozen, repaid, and paid with where balances were.

use super::Drawing;
use crate::people;
use crate::plan::{Kind, Means, What};
use crate::rng::Rng;

/// What happens to the credit lines of one world besides.
const ACTS: u64 = 14;

impl Drawing {
    /// After everything else, in a world that lends; their own randomness leaves the rest as it is.
    pub(super) fn on_credit(&mut self, rng: &Rng) {
        for act in &mut self.acts {
            let slices = match &mut act.what {
                What::Sell(sale) if sale.kind == Kind::Goods => sale.pay.as_mut(),
                What::Cart { cart, .. } => cart.pay.as_mut(),
                What::Pay { tools, .. } => Some(tools),
                _ => None,
            };
            for slice in slices.into_iter().flatten() {
                if slice.tool == Means::Balance && rng.chance(30) {
                    slice.tool = Means::Credit;
                }
            }
        }
        // One of them has none.
        for buyer in people::buyers(self.shards).iter().skip(1) {
            self.insert(rng, 0, What::Lend { user: *buyer, limit: rng.between(20, 600) });
        }
        for _ in 0..rng.below(ACTS) {
            let at = rng.below(self.acts.len() as u64);
            let user = rng.pick(people::buyers(self.shards)).copied().unwrap_or(0);
            let what = match rng.below(10) {
                0 => What::Lend { user, limit: rng.between(1, 300) },
                1..=4 => {
                    let way = u8::try_from(rng.below(3)).unwrap_or(0);
                    What::Relend { user, limit: rng.between(1, 600), way }
                }
                _ => What::Repay { user, amount: rng.between(1, 400) },
            };
            self.insert(rng, at, what);
        }
    }
}
