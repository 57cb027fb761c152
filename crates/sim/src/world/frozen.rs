//! Accounts that are frozen by hand: no command of the product freezes one yet, so the nodes are stopped, the row is
//! changed, and they start again.

use futures::executor::block_on;
use store::tables::accounting::AccountRow;
use store::{Change, Place, Row as _, Step, Update};

use super::World;
use crate::node::Node;
use crate::oracle;
use crate::people;
use crate::plan::Party;

impl World {
    /// Freezes a user's balance for what comes in, or frees it. Nothing where there is no such account yet.
    pub(super) fn freeze(&mut self, user: u8, frozen: bool) -> Result<(), String> {
        let owner = people::owner(Party::User(user)).ok_or("a user who has no name")?;
        self.nodes.iter().for_each(Node::abort);
        // The row changes beside every head, so nothing that was decided before may go on.
        self.give_up_writes();
        let old = oracle::balance(&self.ground.store, people::home(self.ground.shards, &owner), &owner)?;
        if let Some(old) = old.filter(|old| old.credit_frozen != frozen) {
            let new = AccountRow { credit_frozen: frozen, ..old.clone() };
            self.change(old, new)?;
            self.frozen.insert(user, frozen);
        }
        (0..self.nodes.len()).try_for_each(|node| self.crash(node))
    }

    fn change(&self, old: AccountRow, new: AccountRow) -> Result<(), String> {
        let mut change = Change::of(AccountRow::TABLE);
        change.updates.push(Update { old: old.cells(), new: new.cells() });
        let mut side = self.ground.store.side(Place::Main).map_err(|error| error.to_string())?;
        block_on(side.transaction(vec![Step::Change(change)], true)).map_err(|error| error.to_string())?;
        Ok(())
    }
}
