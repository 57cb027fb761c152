//! What rules leave behind comes back from the store as it was, whatever happened, and no column is there for nothing.

mod script;
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::script::scripts;
use self::town::Town;
use crate::door::{Cell, Head, Kind, Line as _, Work, Written};
use crate::unit::{Aggregate, Changes, Kept as _, Key, Memory};

const SHARD: i64 = 0;

/// A store in memory with its own head, which is given every difference.
struct Kept {
    store: crate::Memory,
    head: Head,
    committed: Memory,
}

impl Kept {
    fn new() -> Self {
        let mut store = crate::Memory::new(1).unwrap();
        let head = block_on(store.load(SHARD, &[], false)).unwrap().head;
        Self { store, head, committed: Memory::default() }
    }

    /// Writes the difference between what is stored and this; a CHECK, a key or a row count that is wrong is an error.
    fn write(&mut self, decided: Memory) {
        let mut changes = Changes::default();
        decided.changes(&self.committed, SHARD, &mut changes);
        let head = Head { seq: self.head.seq + 1, ..self.head.clone() };
        let work = Work { shard: SHARD, before: self.head.clone(), head: head.clone(), changes: changes.into_vec() };
        assert_eq!(block_on(self.store.write(Arc::new(work))).unwrap(), Written::Done);
        self.head = head;
        self.committed.lay(decided);
    }

    fn read(&mut self, keys: &BTreeSet<Key>) -> Memory {
        let asks = Memory::asks(keys);
        let rows = block_on(self.store.load(SHARD, &asks, false)).unwrap().rows;
        let mut memory = Memory::default();
        memory.absorb(keys, rows).unwrap();
        memory
    }
}

fn keys(memory: &Memory) -> BTreeSet<Key> {
    let trees = memory.trades.keys().flat_map(|trade| {
        [
            trade::Trade::key(*trade),
            payment::Payments::key(*trade),
            channel::Orders::key(*trade),
            super::accounting::Holds::key(*trade),
        ]
    });
    let accounts = memory.accounts.keys().map(|account| accounting::Account::key(*account));
    let coupons = memory.coupons.keys().map(|coupon| payment::Coupon::key(*coupon));
    let gifts = memory.gifts.keys().map(|gift| payment::Gift::key(*gift));
    let grants = memory.grants.keys().map(|grant| payment::PointsGrant::key(*grant));
    let lines = memory.credit_lines.keys().map(|line| payment::CreditLine::key(*line));
    let bills = memory.bills.keys().map(|bill| payment::Bill::key(*bill));
    let counters = memory.counters.keys().map(|counter| payment::Counter::key(*counter));
    trees.chain(accounts).chain(coupons).chain(gifts).chain(grants).chain(lines).chain(bills).chain(counters).collect()
}

fn assert_same(read: &Memory, written: &Memory) {
    assert_eq!(read.trades, written.trades);
    assert_eq!(read.payments, written.payments);
    assert_eq!(read.orders, written.orders);
    assert_eq!(read.holds, written.holds);
    assert_eq!(read.accounts, written.accounts);
    assert_eq!(read.coupons, written.coupons);
    assert_eq!(read.gifts, written.gifts);
    assert_eq!(read.grants, written.grants);
    assert_eq!(read.credit_lines, written.credit_lines);
    assert_eq!(read.bills, written.bills);
    assert_eq!(read.counters, written.counters);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// After every step: the difference brings the stored rows to the new state, and they read back as exactly it.
    #[test]
    fn every_state_comes_back(script in scripts()) {
        let mut town = Town::new(&script);
        let mut kept = Kept::new();
        kept.write(town.memory());
        for step in &script.steps {
            town.step(step);
            let memory = town.memory();
            let keys = keys(&memory);
            kept.write(memory);
            assert_same(&kept.read(&keys), &kept.committed);
        }
        let mut nothing = Changes::default();
        town.memory().changes(&kept.committed, SHARD, &mut nothing);
        prop_assert!(nothing.is_empty(), "what has not changed is not written");
    }

    /// Another value in any column is another state, or none.
    #[test]
    fn no_column_is_ignored(script in scripts()) {
        let mut town = Town::new(&script);
        script.steps.iter().for_each(|step| town.step(step));
        let memory = town.memory();
        memory.trades.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.payments.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.orders.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.holds.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.accounts.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.coupons.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.gifts.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.grants.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.credit_lines.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.bills.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
        memory.counters.iter().for_each(|(key, state)| mutate(*key, state.as_deref()));
    }
}

/// Changes every cell of every row in several ways, but for the shard and the key that the state is found by.
fn mutate<A: Aggregate + Debug>(key: A::Key, state: Option<&A>) {
    let Some(state) = state else { return };
    let rows = state.rows(SHARD);
    assert_eq!(A::assemble(key, rows.clone()).unwrap().as_ref(), Some(state));
    let known = 1 + A::prefix(key).len();
    for (place, table) in A::TABLES.iter().enumerate() {
        for row in 0..rows[place].len() {
            for (column, definition) in table.columns.iter().enumerate().skip(known) {
                for other in others(&rows[place][row][column], definition.kind, definition.null) {
                    let mut changed = rows.clone();
                    changed[place][row][column] = other.clone();
                    let read = A::assemble(key, changed);
                    let (table, column) = (table.name, definition.name);
                    assert!(
                        read.as_ref() != Ok(&Some(state.clone())),
                        "{table}.{column} {other:?} makes no difference"
                    );
                }
            }
        }
    }
}

fn others(cell: &Cell, kind: Kind, null: bool) -> Vec<Cell> {
    let mut others = match kind {
        Kind::Int => vec![Cell::Int(-1), Cell::Int(0), Cell::Int(1), Cell::Int(2), Cell::Int(70_000)],
        Kind::Text => vec![Cell::text(""), Cell::text("?"), Cell::text("[]")],
        Kind::Bytes => vec![Cell::bytes([9; 16]), Cell::bytes([9; 32]), Cell::bytes([])],
    };
    others.extend(null.then_some(Cell::Null));
    others.retain(|other| other != cell);
    others
}

/// The scripts go where they should: every status word of every table is reached by some of them.
#[test]
fn scripts_go_everywhere() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..40_000 {
        let script = scripts().new_tree(&mut runner).unwrap().current();
        let mut town = Town::new(&script);
        for step in &script.steps {
            town.step(step);
            collect(&town.memory(), &mut seen);
        }
    }
    let lines: Vec<String> = seen
        .into_iter()
        .map(|(column, words)| format!("{column}: {}", words.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Columns that hold one of a few words.
const WORDS: [&str; 15] = [
    "status",
    "reason",
    "late_success",
    "unpaid_due",
    "failure_code",
    "ending",
    "tool",
    "credential_kind",
    "reason_code",
    "source",
    "way",
    "kind",
    "resolution",
    "outcome",
    "step",
];

fn collect(memory: &Memory, seen: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut changes = Changes::default();
    memory.changes(&Memory::default(), SHARD, &mut changes);
    for change in changes.into_vec() {
        for (place, column) in change.table.columns.iter().enumerate() {
            let free_text = (change.table.name, column.name) == ("refund", "reason");
            if free_text || !WORDS.contains(&column.name) {
                continue;
            }
            let words = seen.entry(format!("{}.{}", change.table.name, column.name)).or_default();
            words.extend(change.inserts.iter().filter_map(|row| match &row[place] {
                Cell::Text(word) => Some(word.to_string()),
                _ => None,
            }));
        }
    }
}
