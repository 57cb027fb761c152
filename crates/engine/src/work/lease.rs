//! Leases: who of several processes works in a role for a shard.
//!
//! A lease saves double work; it does not make anything safe. What must not happen twice is fenced where it is written
//! (a line by the shard's sequence, a cursor by its old place). Clocks of two machines may differ: then both may think
//! they hold it for a while, and do the same thing twice. One that ends later than any lease can was given by a clock
//! that has been set back since, and counts as over.

use kernel::Time;
use kernel::time::SECOND_US;
use store::tables::work::{LEASE_DROP, LEASE_KEEP, LEASE_TAKE};
use store::{Applied, Cell, Side, Statement, Step, StoreError};

/// How long a lease lasts, in microseconds.
const LENGTH_US: i64 = 10 * SECOND_US;

/// One role of one shard, as seen by one process.
pub struct Lease {
    side: Box<dyn Side>,
    shard: i64,
    role: &'static str,
    holder: String,
    held_until: Option<Time>,
    look_again: Time,
}

impl Lease {
    /// Not held yet. `holder` names this process among all that share the store.
    pub fn new(side: Box<dyn Side>, shard: i64, role: &'static str, holder: String) -> Self {
        Self { side, shard, role, holder, held_until: None, look_again: Time::default() }
    }

    /// Whether it is held; takes or prolongs it where it is time to.
    ///
    /// # Errors
    /// When the store cannot be reached; then it is not held.
    pub async fn hold(&mut self, now: Time) -> Result<bool, StoreError> {
        if now >= self.look_again {
            self.look_again = now.plus(LENGTH_US / 4);
            let until = now.plus(LENGTH_US);
            let kept =
                self.held_until.take().is_some() && self.run(&LEASE_KEEP, vec![Cell::Int(until.micros())]).await?;
            let too_late = now.plus(2 * LENGTH_US);
            let moments = [until, now, too_late].map(|moment| Cell::Int(moment.micros())).to_vec();
            if kept || self.run(&LEASE_TAKE, moments).await? {
                self.held_until = Some(until);
            }
        }
        Ok(self.held_until.is_some_and(|until| now < until))
    }

    /// Gives it back, so that another process need not wait for its end.
    ///
    /// # Errors
    /// When the store cannot be reached; then it ends by itself.
    pub async fn give_back(mut self) -> Result<(), StoreError> {
        if self.held_until.take().is_some() {
            self.run(&LEASE_DROP, Vec::new()).await?;
        }
        Ok(())
    }

    async fn run(&mut self, statement: &'static Statement, rest: Vec<Cell>) -> Result<bool, StoreError> {
        let mut params = vec![Cell::Int(self.shard), Cell::text(self.role), Cell::text(&self.holder)];
        params.extend(rest);
        let steps = vec![Step::Run { statement, params, expect: None }];
        match self.side.transaction(steps, false).await? {
            Applied::Done(counts) => Ok(counts.first() == Some(&1)),
            Applied::Refused { .. } | Applied::Unknown => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use store::{Place, Store};

    use super::*;

    #[test]
    fn one_holds_it_until_it_ends_or_is_given_back() {
        let store = Store::in_memory(1).unwrap();
        let lease = |holder: &str| Lease::new(store.side(Place::Main).unwrap(), 0, "tasks", holder.to_owned());
        let (mut a, mut b) = (lease("a"), lease("b"));
        let at = |seconds| Time::from_micros(seconds * SECOND_US);
        let hold = |lease: &mut Lease, seconds| block_on(lease.hold(at(seconds))).unwrap();
        assert!(hold(&mut a, 0) && !hold(&mut b, 0));
        assert!(hold(&mut a, 6) && !hold(&mut b, 11), "prolonged");
        assert!(hold(&mut b, 17) && !hold(&mut a, 17), "over");
        block_on(b.give_back()).unwrap();
        assert!(hold(&mut a, 20));
    }

    #[test]
    fn one_that_a_wrong_clock_gave_holds_nobody_up() {
        let store = Store::in_memory(1).unwrap();
        let lease = |holder: &str| Lease::new(store.side(Place::Main).unwrap(), 0, "tasks", holder.to_owned());
        let hold = |lease: &mut Lease, seconds| block_on(lease.hold(Time::from_micros(seconds * SECOND_US))).unwrap();
        assert!(hold(&mut lease("ahead by hours"), 10_800));
        assert!(hold(&mut lease("right"), 0));
        assert!(!hold(&mut lease("behind by seconds"), -9), "clocks that differ a little do not take it away");
    }
}
