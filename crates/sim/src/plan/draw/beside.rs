//! What is drawn beside sales: trades that move money between balances and the world outside.

use channel::sandbox::word::PayoutWord;

use super::{Drawing, MERCHANTS};
use crate::people;
use crate::plan::{Kind, Party, Sale, What};

/// Of a hundred tools, how many come from outside whatever else is drawn: a top-up takes no others, and is told so only
/// now and then.
pub(super) fn percent_outside(sale: &Sale) -> u64 {
    match sale.kind {
        Kind::Goods | Kind::Repay(_) | Kind::Transfer(..) | Kind::PayOut(..) => 0,
        Kind::TopUp(_) => 95,
    }
}

impl Drawing {
    /// Now and then somebody puts money on a balance, gives some to somebody else, or takes some out.
    pub(super) fn beside_sales(&mut self) {
        match self.rng.below(100) {
            0..=5 => self.top_up(),
            6..=11 => self.transfer(),
            12..=18 => self.pay_out(),
            _ => {}
        }
    }

    /// Sometimes more than the payer has, sometimes another merchant's, sometimes to the payer: all of these come to
    /// nothing.
    fn transfer(&mut self) {
        let merchant = self.small(MERCHANTS);
        let party = |it: &Self| match it.rng.below(10) {
            0..=1 => Party::Merchant(merchant),
            2 => Party::Merchant(it.small(MERCHANTS)),
            _ => Party::User(it.buyer()),
        };
        let kind = Kind::Transfer(party(self), party(self));
        let amount = if self.rng.chance(15) { 5_000 } else { self.rng.between(1, 300) };
        let sale = Sale { amount, ..self.of_kind(kind, merchant) };
        let no = self.push(What::Sell(sale.clone()));
        self.sales.push((no, sale));
    }

    /// Sometimes more than the payer has, sometimes another merchant's.
    fn pay_out(&mut self) {
        let merchant = self.small(MERCHANTS);
        let payer = match self.rng.below(10) {
            0..=1 => Party::Merchant(merchant),
            2 => Party::Merchant(self.small(MERCHANTS)),
            _ => Party::User(self.buyer()),
        };
        let word = self.rng.pick(PayoutWord::ALL).copied().unwrap_or(PayoutWord::Succeed);
        let amount = if self.rng.chance(10) { 5_000 } else { self.rng.between(1, 300) };
        let sale = Sale { amount, ..self.of_kind(Kind::PayOut(payer, word), merchant) };
        let no = self.push(What::Sell(sale.clone()));
        self.sales.push((no, sale));
    }

    fn top_up(&mut self) {
        let merchant = self.small(MERCHANTS);
        // A merchant's top-up is of its own balance; another's is refused.
        let payee = match self.rng.below(10) {
            0..=1 => Party::Merchant(merchant),
            2 => Party::Merchant(self.small(MERCHANTS)),
            3 if self.shards.count() > 1 => Party::User(self.rng.pick(people::SAVERS).copied().unwrap_or(0)),
            _ => Party::User(self.buyer()),
        };
        let sale = Sale { amount: self.rng.between(1, 300), ..self.of_kind(Kind::TopUp(payee), merchant) };
        let sale = Sale { pay: self.rng.chance(90).then(|| self.tools(&sale)), ..sale };
        let no = self.push(What::Sell(sale.clone()));
        self.sales.push((no, sale));
    }

    pub(super) fn of_kind(&self, kind: Kind, merchant: u8) -> Sale {
        Sale {
            kind,
            merchant,
            buyer: self.buyer(),
            escrow: false,
            amount: 1,
            splits: Vec::new(),
            pay: None,
            life_s: u32::try_from(self.rng.between(120, 5_400)).unwrap_or(120),
            confirm_s: None,
            reopen: self.rng.chance(30),
            dues: Vec::new(),
            forfeit: false,
        }
    }
}
