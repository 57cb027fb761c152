//! Credit lines: opened, changed, frozen, repaid, and paid with where balances were.

use channel::sandbox::word::PayWord;

use super::Drawing;
use crate::people;
use crate::plan::{Kind, Means, Sale, Slice, What};
use crate::rng::Rng;

/// What happens to the credit lines of one world besides.
const ACTS: u64 = 14;
/// Between so many parts of a billed world weeks pass.
const PAUSES: usize = 5;
/// Milliseconds of one day.
const DAY_MS: i64 = 86_400_000;

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
        let billed = rng.chance(60);
        for buyer in people::buyers(self.shards).iter().skip(1) {
            let bills = (billed && rng.chance(80)).then(|| self.bills(rng));
            self.insert(rng, 0, What::Lend { user: *buyer, limit: rng.between(20, 600), bills });
        }
        for _ in 0..rng.below(ACTS) {
            let at = rng.below(self.acts.len() as u64);
            let user = rng.pick(people::buyers(self.shards)).copied().unwrap_or(0);
            let what = match rng.below(10) {
                0 => What::Lend { user, limit: rng.between(1, 300), bills: None },
                1..=4 => {
                    let way = u8::try_from(rng.below(3)).unwrap_or(0);
                    What::Relend { user, limit: rng.between(1, 600), way }
                }
                _ => self.repay(rng, user, 400),
            };
            self.insert(rng, at, what);
        }
        if billed {
            self.let_bills_come(rng);
        }
    }

    /// A repayment out of the balance, through the institution, or both; sometimes of more than is owed.
    fn repay(&self, rng: &Rng, user: u8, most: i64) -> What {
        let amount = rng.between(2, most);
        let own = match rng.below(10) {
            0..=3 => amount,
            4..=7 => 0,
            _ => amount / 2,
        };
        let word = rng.pick(PayWord::ALL).copied().unwrap_or(PayWord::Succeed);
        let outside = Means::Channel { code: rng.chance(30), word };
        let slices = [(Means::Balance, own), (outside, amount - own)].into_iter().filter(|(_, part)| *part > 0);
        let pay = slices.map(|(tool, amount)| Slice { tool, amount }).collect();
        What::Sell(Sale { amount, pay: Some(pay), ..self.of_kind(Kind::Repay(user), 0) })
    }

    /// On which day of each month, and how many days there are to pay.
    fn bills(&self, rng: &Rng) -> (u8, u8) {
        let days = |most: u64| u8::try_from(rng.below(most)).unwrap_or(0) + 1;
        (days(28), days(20))
    }

    /// Weeks pass, several times, so that bills are made and become overdue while people go on; some repay before the next.
    fn let_bills_come(&mut self, rng: &Rng) {
        for part in (1..PAUSES).rev() {
            let at = self.acts.len() * part / PAUSES;
            if let Some(act) = self.acts.get_mut(at) {
                act.wait_ms = u32::try_from(rng.between(3, 20) * DAY_MS).unwrap_or(0);
            }
            let (at, user) = (at as u64 + 1, rng.pick(people::buyers(self.shards)).copied().unwrap_or(0));
            for _ in 0..rng.below(6) {
                let repayment = self.repay(rng, user, 300);
                self.insert(rng, at, repayment);
            }
            self.insert(rng, at, What::Fund { user, amount: rng.between(100, 400) });
        }
    }
}
