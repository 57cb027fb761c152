//! The unit of work: what rules read and changed, kept as aggregates; the write is the difference.
//!
//! An [`Aggregate`] is what a rule reads and changes as a whole (a trade with its dues and splits), stored as rows of one
//! or more tables under one key. [`Memory`] keeps aggregates by type and key; a key that is present with `None` is known
//! to be absent. The batch loop stacks three memories: what is committed, what the batch has decided, what the request at
//! hand is changing. Nothing here decides anything, and nothing here waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// An aggregate that [`Memory`] has a place for.
pub trait Kept: Aggregate {
    /// Its place.
    fn place(memory: &Memory) -> &Place<Self>;
    /// Its place, to change.
    fn place_mut(memory: &mut Memory) -> &mut Place<Self>;
    /// Its key among all keys.
    fn key(key: Self::Key) -> Key;
}

/// All aggregates of one type.
pub type Place<A> = BTreeMap<<A as Aggregate>::Key, Option<Arc<A>>>;

/// The changes of one batch, collected per table.
#[derive(Default)]
pub struct Changes(BTreeMap<&'static str, Change>);

impl Changes {
    fn of(&mut self, table: &'static Table) -> &mut Change {
        self.0.entry(table.name).or_insert_with(|| Change::to(table))
    }

    /// Adds a new row.
    pub fn insert(&mut self, table: &'static Table, row: Vec<Cell>) {
        self.of(table).inserts.push(row);
    }

    /// Takes a row away by its full key.
    pub fn delete(&mut self, table: &'static Table, key: Vec<Cell>) {
        self.of(table).deletes.push(key);
    }

    /// Everything, in the order of the tables' names.
    pub fn into_vec(self) -> Vec<Change> {
        self.0.into_values().collect()
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

    /// Both lists are in primary-key order, so one walk finds every insert, update and delete.
    fn table_difference(&mut self, table: &'static Table, old: Vec<Vec<Cell>>, new: Vec<Vec<Cell>>) {
        if new.is_empty() && old.is_empty() {
            return;
        }
        let change = self.of(table);
        if old.is_empty() {
            change.inserts.extend(new);
            return;
        }
        let key = |row: &Vec<Cell>| -> Vec<Cell> { row.iter().take(table.key).cloned().collect() };
        let mut before: BTreeMap<Vec<Cell>, Vec<Cell>> = old.into_iter().map(|row| (key(&row), row)).collect();
        for row in new {
            match before.remove(&key(&row)) {
                None => change.inserts.push(row),
                Some(was) if was == row => {}
                Some(was) => change.updates.push(Update { old: was, new: row }),
            }
        }
        change.deletes.extend(before.into_keys());
    }
}

/// Takes the rows of one aggregate's key out of what a load brought.
fn by_prefix(table: &Table, width: usize, rows: Vec<Vec<Cell>>) -> BTreeMap<Vec<Cell>, Vec<Vec<Cell>>> {
    let skip = usize::from(table.sharded());
    let mut groups: BTreeMap<Vec<Cell>, Vec<Vec<Cell>>> = BTreeMap::new();
    for row in rows {
        groups.entry(row.iter().skip(skip).take(width).cloned().collect()).or_default().push(row);
    }
    groups
}

/// The questions that bring these keys, one per table of the aggregate.
fn asks_for<A: Aggregate>(keys: &[A::Key]) -> Vec<Ask> {
    A::TABLES.iter().map(|table| Ask { table, keys: keys.iter().map(|key| A::prefix(*key)).collect() }).collect()
}

/// Puts what the questions brought into its place; keys without rows become known to be absent.
fn absorb_into<A: Aggregate>(
    place: &mut Place<A>,
    keys: &[A::Key],
    answers: &mut impl Iterator<Item = Vec<Vec<Cell>>>,
) -> Result<(), Inconsistent> {
    let width = keys.first().map_or(0, |key| A::prefix(*key).len());
    let mut tables: Vec<BTreeMap<Vec<Cell>, Vec<Vec<Cell>>>> =
        A::TABLES.iter().map(|table| by_prefix(table, width, answers.next().unwrap_or_default())).collect();
    for key in keys {
        let prefix = A::prefix(*key);
        let rows = tables.iter_mut().map(|groups| groups.remove(&prefix).unwrap_or_default()).collect();
        place.insert(*key, A::assemble(*key, rows)?.map(Arc::new));
    }
    Ok(())
}

/// Declares the memory: one place per aggregate type.
macro_rules! memory {
    ($($(#[$doc:meta])* $place:ident: $type:ty = $variant:ident,)*) => {
        /// Aggregates by type and key; `None` is a known absence.
        #[derive(Default)]
        pub struct Memory {
            $($(#[$doc])* pub $place: Place<$type>,)*
        }

        /// The key of any aggregate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Key {
            $($(#[$doc])* $variant(<$type as Aggregate>::Key),)*
        }

        $(impl Kept for $type {
            fn place(memory: &Memory) -> &Place<Self> {
                &memory.$place
            }
            fn place_mut(memory: &mut Memory) -> &mut Place<Self> {
                &mut memory.$place
            }
            fn key(key: Self::Key) -> Key {
                Key::$variant(key)
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

            /// Lays `newer` over this; its aggregates win.
            pub fn merge(&mut self, newer: Self) {
                $(self.$place.extend(newer.$place);)*
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
    trades: trade::Trade = Trade,
    /// A trade's payments, refunds and cases.
    payments: payment::Payments = Payments,
    /// A trade's channel orders and evidence.
    orders: channel::Orders = Orders,
    /// A trade's holds.
    holds: crate::tables::accounting::Holds = Holds,
    /// Accounts.
    accounts: accounting::Account = Account,
    /// Coupons.
    coupons: payment::Coupon = Coupon,
    /// Claims on unique keys.
    claims: crate::tables::log::Claim = Claim,
    /// Stored answers.
    answers: crate::tables::log::Answer = Answer,
}

impl Memory {
    /// What is known of an aggregate: `None` when nothing is, `Some(None)` when it is known to be absent.
    pub fn get<A: Kept>(&self, key: A::Key) -> Option<Option<Arc<A>>> {
        A::place(self).get(&key).cloned()
    }

    /// Remembers an aggregate, or its absence.
    pub fn put<A: Kept>(&mut self, key: A::Key, value: Option<Arc<A>>) {
        A::place_mut(self).insert(key, value);
    }
}
