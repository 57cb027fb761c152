//! The unit of work: what rules read and changed, kept as aggregates; the write is the difference.
//!
//! An [`Aggregate`] is what a rule reads and changes as a whole (a trade with its dues and splits), stored as rows of one
//! or more tables under one key. [`Memory`] keeps aggregates by type and key; a key that is present with `None` is known
//! to be absent. The batch loop stacks two memories: what is committed or on its way, and what the batch has decided; what the request at
//! hand changes there can be taken back. Nothing here decides anything, and nothing here waits.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::Row;
use crate::door::{Ask, Cell, Change, Inconsistent, Table, Update};

/// Rows of one aggregate, one list per table.
pub type TableRows = Vec<Vec<Vec<Cell>>>;

/// A group of rows that is read and changed as a whole.
pub trait Aggregate: Clone + PartialEq + Sized {
    /// What it is found by.
    type Key: Copy + Ord + std::fmt::Debug;
    /// The tables its rows are in, each with a primary key that starts with (shard and) the aggregate's key.
    const TABLES: &'static [&'static Table];
    /// The key as cells, without the shard.
    fn prefix(key: Self::Key) -> Vec<Cell>;
    /// Its rows, one list per table, each in primary-key order.
    fn rows(&self, shard: i64) -> TableRows;
    /// The aggregate that these rows are; `None` when there are none.
    fn assemble(key: Self::Key, rows: TableRows) -> Result<Option<Self>, Inconsistent>;
}

/// Reads one table's rows of an aggregate.
pub(crate) fn read_all<R: Row>(rows: Option<Vec<Vec<Cell>>>) -> Result<Vec<R>, Inconsistent> {
    rows.unwrap_or_default().into_iter().map(R::from_cells).collect()
}

/// An aggregate that [`Memory`] has a shelf for.
pub trait Kept: Aggregate {
    /// Its shelf.
    fn shelf(memory: &Memory) -> &Shelf<Self>;
    /// Its shelf, to change.
    fn shelf_mut(memory: &mut Memory) -> &mut Shelf<Self>;
    /// Its key among all keys.
    fn key(key: Self::Key) -> Key;
    /// What was known of it, as something that can be put back.
    fn before(key: Self::Key, known: Option<Option<Arc<Self>>>) -> Before;
}

/// All aggregates of one type.
pub type Shelf<A> = BTreeMap<<A as Aggregate>::Key, Option<Arc<A>>>;

/// The changes of one batch, collected per table.
#[derive(Default)]
pub struct Changes(BTreeMap<&'static str, Change>);

impl Changes {
    fn of(&mut self, table: &'static Table) -> &mut Change {
        self.0.entry(table.name).or_insert_with(|| Change::of(table))
    }

    /// Adds a new row.
    pub fn insert(&mut self, table: &'static Table, row: Vec<Cell>) {
        self.of(table).inserts.push(row);
    }

    /// Takes a row away by its full key.
    pub fn delete(&mut self, table: &'static Table, key: Vec<Cell>) {
        self.of(table).deletes.push(key);
    }

    /// How many rows come, change or go.
    pub fn len(&self) -> usize {
        self.0.values().map(rows_of).sum()
    }

    /// Whether no row does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything, in the order of the tables' names.
    pub fn into_vec(self) -> Vec<Change> {
        self.0.into_values().filter(|change| rows_of(change) > 0).collect()
    }

    /// Adds what turns the rows of `old` into those of `new`.
    fn difference<A: Aggregate>(&mut self, shard: i64, old: Option<&A>, new: Option<&A>) {
        let rows = |state: Option<&A>| state.map_or_else(Vec::new, |state| state.rows(shard));
        let (old, new) = (rows(old), rows(new));
        let mut old = old.into_iter();
        let mut new = new.into_iter();
        for table in A::TABLES {
            self.table_difference(table, old.next().unwrap_or_default(), new.next().unwrap_or_default());
        }
    }

    /// Both lists are in primary-key order, so one walk beside each other finds every insert, update and delete.
    fn table_difference(&mut self, table: &'static Table, old: Vec<Vec<Cell>>, new: Vec<Vec<Cell>>) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        let change = self.of(table);
        if old.is_empty() {
            change.inserts.extend(new);
            return;
        }
        let mut old = old.into_iter().peekable();
        for row in new {
            while let Some(gone) = old.next_if(|was| table.key_of(was) < table.key_of(&row)) {
                change.deletes.push(table.key_of(&gone).to_vec());
            }
            match old.next_if(|was| table.key_of(was) == table.key_of(&row)) {
                None => change.inserts.push(row),
                Some(was) if was == row => {}
                Some(was) => change.updates.push(Update { old: was, new: row }),
            }
        }
        change.deletes.extend(old.map(|gone| table.key_of(&gone).to_vec()));
    }
}

/// How many rows a change touches.
fn rows_of(change: &Change) -> usize {
    change.inserts.len() + change.updates.len() + change.deletes.len()
}

impl Table {
    /// The cells of a row that are its primary key.
    fn key_of<'a>(&self, row: &'a [Cell]) -> &'a [Cell] {
        row.get(..self.key).unwrap_or(row)
    }
}

/// What a load brought of one table, in primary-key order, handed out aggregate by aggregate.
struct Loaded {
    table: &'static Table,
    rows: Peekable<IntoIter<Vec<Cell>>>,
}

impl Loaded {
    /// The next rows, as long as their key (after the shard) starts with `prefix`.
    fn take(&mut self, prefix: &[Cell]) -> Vec<Vec<Cell>> {
        let skip = usize::from(self.table.sharded());
        let fits = |row: &Vec<Cell>| row.get(skip..).is_some_and(|key| key.starts_with(prefix));
        std::iter::from_fn(|| self.rows.next_if(fits)).collect()
    }

    /// Succeeds when every row was handed out.
    fn end(mut self) -> Result<(), Inconsistent> {
        let column = self.table.columns.first().map_or("(none)", |column| column.name);
        let stray = Inconsistent { table: self.table.name, column, why: "was not asked for, or came out of order" };
        self.rows.next().map_or(Ok(()), |_| Err(stray))
    }
}

/// The questions that bring these keys, one per table of the aggregate.
fn asks_for<A: Aggregate>(keys: &[A::Key]) -> Vec<Ask> {
    A::TABLES.iter().map(|table| Ask { table, keys: keys.iter().map(|key| A::prefix(*key)).collect() }).collect()
}

/// Puts what the questions brought on its shelf; keys without rows become known to be absent. Keys are in the order of
/// their cells, as the rows are.
fn absorb_into<A: Aggregate>(
    shelf: &mut Shelf<A>,
    keys: &[A::Key],
    answers: &mut impl Iterator<Item = Vec<Vec<Cell>>>,
) -> Result<(), Inconsistent> {
    let load = |table| Loaded { table, rows: answers.next().unwrap_or_default().into_iter().peekable() };
    let mut tables: Vec<Loaded> = A::TABLES.iter().copied().map(load).collect();
    for key in keys {
        let prefix = A::prefix(*key);
        let rows: TableRows = tables.iter_mut().map(|table| table.take(&prefix)).collect();
        let stray = rows.iter().zip(A::TABLES).find(|(rows, _)| !rows.is_empty()).map(|(_, table)| table.name);
        let found = A::assemble(*key, rows)?;
        if let (None, Some(table)) = (&found, stray) {
            return Err(Inconsistent { table, column: "(key)", why: "names an object that has no row of its own" });
        }
        shelf.insert(*key, found.map(Arc::new));
    }
    tables.into_iter().try_for_each(Loaded::end)
}

/// Of things that are found by the time of their making, the oldest go.
fn oldest_go<K: Ord, V>(shelf: &mut BTreeMap<K, V>, limit: usize) {
    while shelf.len() > limit {
        shelf.pop_first();
    }
}

/// Of things that are found by chance, none is better than another: all go.
fn all_go<K: Ord, V>(shelf: &mut BTreeMap<K, V>, limit: usize) {
    if shelf.len() > limit {
        shelf.clear();
    }
}

/// What is hardly ever asked for again goes at once.
fn none_stays<K, V>(shelf: &mut BTreeMap<K, V>, _: usize) {
    shelf.clear();
}

/// Declares the memory: one shelf per aggregate type, and what becomes of its contents between batches.
macro_rules! memory {
    ($($(#[$doc:meta])* $place:ident: $type:ty = $variant:ident, $then:ident;)*) => {
        /// Aggregates by type and key; `None` is a known absence.
        #[derive(Default)]
        pub struct Memory {
            $($(#[$doc])* pub $place: Shelf<$type>,)*
        }

        /// The key of any aggregate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $($(#[$doc])* $variant(<$type as Aggregate>::Key),)*
        }

        /// What was known under a key before it was changed: `None` when nothing was.
        pub enum Before {
            $($(#[$doc])* $variant(<$type as Aggregate>::Key, Option<Option<Arc<$type>>>),)*
        }

        $(impl Kept for $type {
            fn shelf(memory: &Memory) -> &Shelf<Self> {
                &memory.$place
            }
            fn shelf_mut(memory: &mut Memory) -> &mut Shelf<Self> {
                &mut memory.$place
            }
            fn key(key: Self::Key) -> Key {
                Key::$variant(key)
            }
            fn before(key: Self::Key, known: Option<Option<Arc<Self>>>) -> Before {
                Before::$variant(key, known)
            }
        })*

        impl Memory {
            /// The questions that bring `keys`, one per table.
            pub fn asks(keys: &BTreeSet<Key>) -> Vec<Ask> {
                let mut asks = Vec::new();
                $(
                    let wanted: Vec<_> = keys.iter().filter_map(|key| match key { Key::$variant(key) => Some(*key), _ => None }).collect();
                    if !wanted.is_empty() {
                        asks.extend(asks_for::<$type>(&wanted));
                    }
                )*
                asks
            }

            /// Takes in what [`Self::asks`] of the same keys brought.
            pub fn absorb(&mut self, keys: &BTreeSet<Key>, rows: Vec<Vec<Vec<Cell>>>) -> Result<(), Inconsistent> {
                let mut answers = rows.into_iter();
                $(
                    let wanted: Vec<_> = keys.iter().filter_map(|key| match key { Key::$variant(key) => Some(*key), _ => None }).collect();
                    if !wanted.is_empty() {
                        absorb_into::<$type>(&mut self.$place, &wanted, &mut answers)?;
                    }
                )*
                Ok(())
            }

            /// The rows that lead from `committed` to here.
            pub fn changes(&self, committed: &Self, shard: i64, changes: &mut Changes) {
                $(
                    for (key, new) in &self.$place {
                        let old = committed.$place.get(key).and_then(Option::as_ref);
                        match (old, new) {
                            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
                            (old, new) => changes.difference::<$type>(shard, old.map(Arc::as_ref), new.as_deref()),
                        }
                    }
                )*
            }

            /// Puts back what was known.
            pub fn restore(&mut self, before: Before) {
                match before {
                    $(Before::$variant(key, Some(known)) => drop(self.$place.insert(key, known)),
                    Before::$variant(key, None) => drop(self.$place.remove(&key)),)*
                }
            }

            /// Lays `newer` over this.
            pub fn lay(&mut self, newer: Self) {
                $(self.$place.extend(newer.$place);)*
            }

            /// Forgets what is not worth keeping for another batch, and all but `limit` of a type. Forgetting what the store
            /// has is always right: what is not known is read again.
            pub fn trim(&mut self, limit: usize) {
                $($then(&mut self.$place, limit);)*
            }

            /// How many keys are known.
            pub fn len(&self) -> usize {
                0 $(+ self.$place.len())*
            }

            /// Whether nothing is known.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }
    };
}

memory! {
    /// Trades with their dues and splits.
    trades: trade::Trade = Trade, oldest_go;
    /// A trade's payments, refunds and cases.
    payments: payment::Payments = Payments, oldest_go;
    /// A trade's channel orders and evidence.
    orders: channel::Orders = Orders, oldest_go;
    /// A trade's holds.
    holds: crate::tables::accounting::Holds = Holds, oldest_go;
    /// Accounts.
    accounts: accounting::Account = Account, all_go;
    /// Coupons.
    coupons: payment::Coupon = Coupon, oldest_go;
    /// Counters of velocity limits.
    counters: payment::Counter = Counter, all_go;
    /// Gifts.
    gifts: payment::Gift = Gift, oldest_go;
    /// Grants of points.
    grants: payment::PointsGrant = PointsGrant, oldest_go;
    /// Credit lines.
    credit_lines: payment::CreditLine = CreditLine, oldest_go;
    /// Bills of credit lines.
    bills: payment::Bill = Bill, oldest_go;
    /// Claims on unique keys.
    claims: crate::tables::log::Claim = Claim, none_stays;
    /// Stored answers.
    answers: crate::tables::log::Answer = Answer, none_stays;
    /// What shards have sent to each other.
    sent: crate::tables::transit::Sent = Sent, none_stays;
    /// How far that was taken in.
    inboxes: crate::tables::transit::Inbox = Inbox, all_go;
    /// What could not be taken in yet.
    parked: crate::tables::log::Parked = Parked, none_stays;
}

impl Key {
    /// The shard whose rows it names, where it names one: an answer, and what was sent, may be another shard's than the
    /// line's own.
    fn shard(&self) -> Option<i64> {
        match self {
            Self::Answer((shard, ..)) => Some(*shard),
            Self::Sent((shard, ..)) => Some(*shard),
            _ => None,
        }
    }
}

impl Memory {
    /// The same keys by the shard from which they are loaded; `home` for those that name none.
    pub fn by_shard(keys: &BTreeSet<Key>, home: i64) -> BTreeMap<i64, BTreeSet<Key>> {
        let mut by_shard: BTreeMap<i64, BTreeSet<Key>> = BTreeMap::new();
        for key in keys {
            by_shard.entry(key.shard().unwrap_or(home)).or_default().insert(*key);
        }
        by_shard
    }

    /// What is known of an aggregate: `None` when nothing is, `Some(None)` when it is known to be absent.
    pub fn get<A: Kept>(&self, key: A::Key) -> Option<Option<Arc<A>>> {
        A::shelf(self).get(&key).cloned()
    }

    /// Remembers an aggregate, or its absence. Returns what [`Self::restore`] needs to take that back.
    pub fn put<A: Kept>(&mut self, key: A::Key, value: Option<Arc<A>>) -> Before {
        A::before(key, A::shelf_mut(self).insert(key, value))
    }
}

#[cfg(test)]
mod tests;
