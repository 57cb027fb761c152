//! Trades of several dues: deposits and balances, of which all are paid, or only the first, or none; in the right order and
//! otherwise, before their time and after it.

use super::{Drawing, MERCHANTS};
use crate::plan::{Kind, Portion, Sale, What};
use crate::rng::Rng;

/// Sales in dues of one world.
const SALES: u64 = 4;
/// What happens to each of them, whatever else happens between.
const ACTS: u64 = 6;

impl Drawing {
    /// Half of the worlds have them, after everything else; their own randomness leaves the rest as it is.
    pub(super) fn in_dues(&mut self, rng: Rng) {
        if !rng.chance(50) {
            return;
        }
        self.rng = rng;
        for _ in 0..=self.rng.below(SALES) {
            let sale = self.sale_in_dues();
            let no = self.push(What::Sell(sale.clone()));
            self.sales.push((no, sale.clone()));
            for _ in 0..self.rng.below(ACTS) {
                self.of_dues(no, &sale);
                self.one();
            }
        }
    }

    fn sale_in_dues(&self) -> Sale {
        let count = if self.rng.chance(70) { 2 } else { 3 };
        let mut opens_s = 0;
        let mut dues = Vec::new();
        for _ in 0..count {
            let life_s = u32::try_from(self.rng.between(120, 1_800)).unwrap_or(120);
            dues.push(Portion { amount: self.rng.between(2, 150), opens_s, life_s });
            // The next one is open already, or not yet, or only when the time of this one is over.
            opens_s += if self.rng.chance(50) { 0 } else { u32::try_from(self.rng.between(1, 600)).unwrap_or(1) };
        }
        let amount = dues.iter().map(|due| due.amount).sum();
        let escrow = self.rng.chance(50);
        let mut sale = Sale {
            kind: Kind::Goods,
            merchant: self.small(MERCHANTS),
            buyer: self.buyer(),
            escrow,
            amount,
            splits: self.splits(amount),
            pay: None,
            life_s: 0,
            confirm_s: (escrow && self.rng.chance(30)).then(|| u32::try_from(self.rng.between(5, 9_000)).unwrap_or(5)),
            reopen: false,
            dues,
            forfeit: self.rng.chance(50),
        };
        sale.pay = self.rng.chance(60).then(|| self.tools_of_due(&sale, 0));
        sale
    }

    fn of_dues(&mut self, no: u32, sale: &Sale) {
        let place = usize::from(self.small(sale.dues.len() as u64));
        let due = u16::try_from(place).ok().map(|place| place + 1);
        match self.rng.below(20) {
            // Mostly the next one, which is not named.
            0..=11 => {
                let named = self.rng.chance(60);
                let tools = self.tools_of_due(sale, place);
                self.push(What::Pay { sale: no, tools, due: due.filter(|_| named) });
            }
            12 => drop(self.push(What::Close { sale: no })),
            13 => drop(self.push(What::Cancel { sale: no, payment: 1 + u16::from(self.small(2)) })),
            14..=15 => {
                let amount = self.rng.between(1, sale.amount);
                self.push(What::Refund { sale: no, amount, word: None });
            }
            16 => drop(self.push(What::Confirm { sale: no, amount: self.part(sale.amount) })),
            17 => drop(self.push(What::SellAgain { sale: no, other: self.rng.chance(30), buyer: None })),
            _ => drop(self.push(What::Crash)),
        }
    }

    /// Tools for the due at a place.
    fn tools_of_due(&self, sale: &Sale, place: usize) -> Vec<crate::plan::Slice> {
        let amount = sale.dues.get(place).map_or(sale.amount, |due| due.amount);
        self.tools(&Sale { amount, ..sale.clone() })
    }
}
