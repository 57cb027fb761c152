//! What is drawn only where there are several shards, and what is not drawn there.

use kernel::Owner;

use super::{Drawing, MERCHANTS, MOST_MOVED};
use crate::people;
use crate::plan::{Kind, Party, Sale, What};

impl Drawing {
    /// Whether a budget serves a user: budgets do not cross shards yet.
    pub(super) fn is_served(&self, user: u8, merchant: Option<u8>) -> bool {
        let budget = merchant.map_or(Some(Owner::Platform), |merchant| people::owner(Party::Merchant(merchant)));
        let user = people::owner(Party::User(user));
        budget.zip(user).is_some_and(|(budget, user)| self.home(&budget) == self.home(&user))
    }

    fn home(&self, owner: &Owner) -> i64 {
        people::home(self.shards, owner)
    }

    /// Now and then money goes to another shard, and now and then somebody cannot take it.
    pub(super) fn between_shards(&mut self) {
        match self.rng.below(100) {
            0..=13 => self.money_goes(),
            14..=16 => {
                let user = self.rng.pick(people::SAVERS).copied().unwrap_or(0);
                let frozen = self.rng.chance(60);
                self.push(What::Freeze { user, frozen });
            }
            _ => {}
        }
    }

    /// A transfer to another shard, by the merchant whose balance it leaves, if it is one's.
    fn money_goes(&mut self) {
        let (from, to) = (self.party(), self.party());
        let apart =
            people::owner(from).zip(people::owner(to)).is_some_and(|(from, to)| self.home(&from) != self.home(&to));
        if apart {
            let merchant = if let Party::Merchant(own) = from { own } else { self.small(MERCHANTS) };
            let amount = self.rng.between(1, MOST_MOVED);
            let sale = Sale { amount, ..self.of_kind(Kind::Transfer(from, to), merchant) };
            let no = self.push(What::Sell(sale.clone()));
            self.sales.push((no, sale));
        }
    }

    fn party(&self) -> Party {
        match self.rng.below(10) {
            0..=1 => Party::Merchant(self.small(MERCHANTS)),
            2..=6 => Party::User(self.buyer()),
            _ => Party::User(self.rng.pick(people::SAVERS).copied().unwrap_or(0)),
        }
    }
}
