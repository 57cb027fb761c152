//! Combined checkouts: carts of several merchants, paid at once, later, twice or never, closed, and refunded child by child;
//! and children that somebody tries to pay or close alone.

use channel::sandbox::word::PayWord;

use super::{DISPUTED, Drawing, MERCHANTS};
use crate::plan::{Kind, Means, Sale, What};
use crate::rng::Rng;

/// Carts of one world.
const CARTS: u64 = 4;
/// Most children of one.
const CHILDREN: i64 = 5;
/// What happens to each of them, whatever else happens between.
const ACTS: u64 = 8;

impl Drawing {
    /// Half of the worlds have them, after everything else; their own randomness leaves the rest as it is.
    pub(super) fn carts(&mut self, rng: Rng) {
        if !rng.chance(50) {
            return;
        }
        self.rng = rng;
        for _ in 0..=self.rng.below(CARTS) {
            let (cart, children) = self.cart();
            let no = self.push(What::Cart { cart: cart.clone(), children: children.clone() });
            for _ in 0..self.rng.below(ACTS) {
                self.of_cart(no, &cart, &children);
                self.one();
            }
        }
    }

    fn cart(&self) -> (Sale, Vec<Sale>) {
        let (buyer, merchant) = (self.buyer(), self.small(MERCHANTS));
        let life_s = u32::try_from(self.rng.between(120, 1_800)).unwrap_or(120);
        let sale = |amount, escrow, splits, confirm_s| Sale {
            kind: Kind::Goods,
            merchant: self.small(MERCHANTS),
            buyer,
            escrow,
            amount,
            splits,
            pay: None,
            life_s,
            confirm_s,
            reopen: false,
            dues: Vec::new(),
            forfeit: false,
        };
        let child = |_| {
            let (amount, escrow) = (self.rng.between(1, 120), self.rng.chance(50));
            let confirms = escrow && self.rng.chance(30);
            let confirm_s = confirms.then(|| u32::try_from(self.rng.between(5, 9_000)).unwrap_or(5));
            sale(amount, escrow, self.splits(amount), confirm_s)
        };
        let children: Vec<Sale> = (0..self.rng.between(1, CHILDREN)).map(child).collect();
        let amount = children.iter().map(|child| child.amount).sum();
        let mut cart = Sale { merchant, ..sale(amount, false, Vec::new(), None) };
        cart.pay = self.rng.chance(60).then(|| self.tools(&cart));
        for slice in cart.pay.iter_mut().flatten() {
            // All of a cart's children have a part of that.
            if let Means::Channel { word: word @ PayWord::Succeed, .. } = &mut slice.tool
                && self.disputes.chance(30)
            {
                *word = self.disputes.pick(&DISPUTED).copied().unwrap_or(*word);
            }
        }
        (cart, children)
    }

    fn of_cart(&mut self, no: u32, cart: &Sale, children: &[Sale]) {
        let child = self.small(children.len() as u64);
        let amount = children.get(usize::from(child)).map_or(1, |child| child.amount);
        let part = if self.rng.chance(40) { amount } else { self.rng.between(1, amount) };
        match self.rng.below(20) {
            0..=5 => {
                let tools = self.tools(cart);
                self.push(What::Pay { sale: no, tools, due: None });
            }
            6..=11 => {
                let of = crate::plan::OfChild::Refund { amount: part };
                self.push(What::OfChild { cart: no, child, what: of });
            }
            12..=13 => {
                let amount = self.part(amount);
                self.push(What::OfChild { cart: no, child, what: crate::plan::OfChild::Confirm { amount } });
            }
            14 => drop(self.push(What::OfChild { cart: no, child, what: crate::plan::OfChild::Pay { amount } })),
            15 => drop(self.push(What::OfChild { cart: no, child, what: crate::plan::OfChild::Close })),
            16 => drop(self.push(What::Close { sale: no })),
            17 => drop(self.push(What::Cancel { sale: no, payment: 1 + u16::from(self.small(2)) })),
            18 => drop(self.push(What::SellAgain { sale: no, other: self.rng.chance(30), buyer: None })),
            _ => drop(self.push(What::Crash)),
        }
    }
}
