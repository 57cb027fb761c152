//! The difference between two states, and the way back from rows to aggregates.

use kernel::{AccountId, RootId, TradeId};
use proptest::prelude::*;

use super::*;
use crate::tables::log::{Answer, Claim};
use crate::tables::trade::DueRow;

fn due(no: i64, amount: i64) -> Vec<Cell> {
    DueRow { shard: 0, trade: [7; 16], no, amount, opens_at: 0, expires_at: 1, payment: None, paid_at: None }.cells()
}

fn rows(dues: &BTreeMap<i64, i64>) -> Vec<Vec<Cell>> {
    dues.iter().map(|(no, amount)| due(*no, *amount)).collect()
}

/// What the store does with a change, in its order; whatever must exist, or must not, does or does not.
fn carry_out(stored: Vec<Vec<Cell>>, change: &Change) -> Vec<Vec<Cell>> {
    let key = |row: &[Cell]| row[..DueRow::TABLE.key].to_vec();
    let mut stored: BTreeMap<Vec<Cell>, Vec<Cell>> = stored.into_iter().map(|row| (key(&row), row)).collect();
    for gone in &change.deletes {
        assert!(stored.remove(gone).is_some());
    }
    for Update { old, new } in &change.updates {
        assert_eq!(stored.insert(key(new), new.clone()).as_ref(), Some(old));
    }
    for row in &change.inserts {
        assert_eq!(stored.insert(key(row), row.clone()), None);
    }
    stored.into_values().collect()
}

proptest! {
    #[test]
    fn a_difference_leads_from_old_to_new(
        old in prop::collection::btree_map(0..8_i64, 1..4_i64, 0..8),
        new in prop::collection::btree_map(0..8_i64, 1..4_i64, 0..8),
    ) {
        let mut changes = Changes::default();
        changes.table_difference(DueRow::TABLE, rows(&old), rows(&new));
        let same = old.iter().filter(|(no, amount)| new.get(no) == Some(amount)).count();
        let both = old.keys().filter(|no| new.contains_key(no)).count();
        prop_assert_eq!(changes.len(), old.len() + new.len() - both - same, "each changed row once, no other");
        prop_assert_eq!(changes.is_empty(), old == new);
        match changes.into_vec().as_slice() {
            [] => prop_assert_eq!(&old, &new),
            [change] => prop_assert_eq!(carry_out(rows(&old), change), rows(&new)),
            more => prop_assert!(false, "one table, {} changes", more.len()),
        }
    }
}

fn claim(h: i64) -> Claim {
    Claim { h, shard: 0, seq: h, n: 0 }
}

fn claims(keys: &[i64]) -> BTreeSet<Key> {
    keys.iter().map(|key| Claim::key(*key)).collect()
}

#[test]
fn what_was_asked_for_is_known_afterwards() {
    let keys = claims(&[-3, 5, 9]);
    let asks = Memory::asks(&keys);
    assert_eq!(asks, [Ask { table: Claim::TABLE, keys: [-3, 5, 9].map(|key| vec![Cell::Int(key)]).to_vec() }]);
    let mut memory = Memory::default();
    memory.absorb(&keys, vec![vec![claim(-3).cells(), claim(9).cells()]]).unwrap();
    assert_eq!(memory.get::<Claim>(9), Some(Some(Arc::new(claim(9)))));
    assert_eq!(memory.get::<Claim>(5), Some(None), "known to be absent");
    assert_eq!(memory.get::<Claim>(6), None, "not known");
    assert_eq!(memory.len(), 3);
}

#[test]
fn rows_of_two_tables_go_to_their_own_keys() {
    let answer = |seq, n| Answer {
        shard: 0,
        seq,
        n,
        kind: "key".into(),
        scope: String::new().into(),
        key: String::new().into(),
        body_hash: None,
        status: 201,
        object: None,
        body: None,
    };
    let keys = BTreeSet::from([Answer::key((0, 1, 0)), Answer::key((0, 1, 2)), Claim::key(4)]);
    let tables: Vec<_> = Memory::asks(&keys).iter().map(|ask| ask.table.name).collect();
    let rows = tables.iter().map(|table| match *table {
        "claim" => vec![claim(4).cells()],
        _ => vec![answer(1, 0).cells(), answer(1, 2).cells()],
    });
    let mut memory = Memory::default();
    memory.absorb(&keys, rows.collect()).unwrap();
    assert_eq!(memory.get::<Answer>((0, 1, 2)), Some(Some(Arc::new(answer(1, 2)))));
    assert_eq!(memory.get::<Claim>(4), Some(Some(Arc::new(claim(4)))));
}

#[test]
fn an_answer_is_loaded_from_its_own_shard_and_everything_else_from_home() {
    let keys = BTreeSet::from([Answer::key((0, 7, 0)), Answer::key((2, 7, 0)), Answer::key((2, 7, 1)), Claim::key(4)]);
    let by_shard = Memory::by_shard(&keys, 0);
    assert_eq!(by_shard.keys().copied().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(by_shard[&0], BTreeSet::from([Answer::key((0, 7, 0)), Claim::key(4)]));
    assert_eq!(by_shard[&2], BTreeSet::from([Answer::key((2, 7, 0)), Answer::key((2, 7, 1))]));
}

#[test]
fn no_row_is_lost_silently() {
    let absorb = |keys: &[i64], rows: Vec<Claim>| {
        let rows = rows.iter().cloned().map(Row::cells).collect();
        Memory::default().absorb(&claims(keys), vec![rows]).map_err(|error| (error.table, error.why))
    };
    assert_eq!(absorb(&[4], vec![claim(4)]), Ok(()));
    assert!(absorb(&[4], vec![claim(5)]).is_err(), "not asked for");
    assert!(absorb(&[4, 5], vec![claim(5), claim(4)]).is_err(), "out of order");

    let trade = TradeId(RootId::from_bytes([7; 16]));
    let keys = BTreeSet::from([trade::Trade::key(trade)]);
    let orphan = Memory::default().absorb(&keys, vec![Vec::new(), vec![due(1, 100)], Vec::new()]);
    assert_eq!(orphan.unwrap_err().table, "due", "a due without its trade");
}

#[test]
fn only_what_changed_is_written() {
    let mut committed = Memory::default();
    committed.put(4, Some(Arc::new(claim(4))));
    committed.put::<Claim>(5, None);
    let mut decided = Memory::default();
    decided.put(4, committed.get::<Claim>(4).flatten());
    decided.put(5, Some(Arc::new(claim(5))));
    decided.put::<Claim>(6, None);
    let mut changes = Changes::default();
    decided.changes(&committed, 0, &mut changes);
    let changes = changes.into_vec();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].inserts, [claim(5).cells()]);
    assert!(changes[0].updates.is_empty() && changes[0].deletes.is_empty());
}

#[test]
fn what_was_known_can_be_put_back() {
    let mut memory = Memory::default();
    memory.put(4, Some(Arc::new(claim(4))));
    memory.put::<Claim>(5, None);
    let covered = [
        memory.put::<Claim>(4, None),
        memory.put(5, Some(Arc::new(claim(5)))),
        memory.put(6, Some(Arc::new(claim(6)))),
        memory.put(5, None::<Arc<Claim>>),
    ];
    for before in covered.into_iter().rev() {
        memory.restore(before);
    }
    assert_eq!(memory.get::<Claim>(4), Some(Some(Arc::new(claim(4)))));
    assert_eq!(memory.get::<Claim>(5), Some(None), "known to be absent");
    assert_eq!(memory.get::<Claim>(6), None, "not known");
}

#[test]
fn what_is_not_worth_keeping_is_forgotten() {
    let trade = |n: u8| TradeId(RootId::from_bytes([n; 16]));
    let account = |n: u8| AccountId(RootId::from_bytes([n; 16]));
    let known = |trades: &[u8], accounts: &[u8]| {
        let mut memory = Memory::default();
        trades.iter().for_each(|n| drop(memory.put::<trade::Trade>(trade(*n), None)));
        accounts.iter().for_each(|n| drop(memory.put::<accounting::Account>(account(*n), None)));
        memory.put(4, Some(Arc::new(claim(4))));
        memory
    };
    let mut memory = known(&[1, 3], &[1, 2]);
    memory.lay(known(&[2, 4], &[2, 3]));
    assert_eq!((memory.trades.len(), memory.claims.len()), (4, 1), "nothing goes by itself");
    memory.trim(3);
    assert_eq!(memory.trades.keys().copied().collect::<Vec<_>>(), [trade(2), trade(3), trade(4)], "the oldest go");
    assert_eq!(memory.accounts.len(), 3, "as many as there may be");
    assert!(memory.claims.is_empty(), "a key is hardly ever asked for again");
    memory.lay(known(&[], &[4]));
    memory.trim(3);
    assert!(memory.accounts.is_empty(), "one too many, and none is better than another");
}
