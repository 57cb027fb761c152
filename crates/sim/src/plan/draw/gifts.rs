//! Gift cards and red packets: issued, claimed by many and more than once, with codes that are right and wrong.

use super::{Drawing, MERCHANTS};
use crate::plan::{Gift, What};

impl Drawing {
    /// Now and then somebody gives, and somebody takes.
    pub(super) fn gifts(&mut self) {
        match self.rng.below(100) {
            0..=3 => self.give(),
            4..=13 => self.take(),
            _ => {}
        }
    }

    pub(super) fn give(&mut self) {
        let card = self.rng.chance(40);
        let amount = self.rng.between(1, 200);
        let shares = if card { 1 } else { u16::from(1 + self.small(4)) };
        let gift = Gift {
            merchant: self.rng.chance(40).then(|| self.small(MERCHANTS)),
            card,
            amount,
            // Not more than there are minor units: the door sees to that.
            shares: shares.min(u16::try_from(amount).unwrap_or(shares)),
            lucky: self.rng.chance(50),
            code: card && self.rng.chance(70),
            budget: self.rng.chance(60),
            life_s: self.rng.chance(40).then(|| 1 + u32::try_from(self.rng.below(7_200)).unwrap_or(0)),
        };
        let no = self.push(What::Give(gift));
        self.gifts.push(no);
    }

    fn take(&mut self) {
        // Mostly one of the last: the others are claimed.
        let recent = self.gifts.len().saturating_sub(if self.rng.chance(80) { 2 } else { 40 });
        let Some(gift) = self.gifts.get(recent..).and_then(|gifts| self.rng.pick(gifts)).copied() else { return };
        let by = self.rng.chance(30).then(|| self.small(MERCHANTS));
        let what = What::Claim { gift, user: self.buyer(), code: self.rng.chance(75), by };
        self.push(what);
    }
}
