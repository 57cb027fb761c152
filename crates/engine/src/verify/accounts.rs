//! Account rows against what the transfers make of them.

use std::collections::BTreeSet;

use kernel::AccountId;
use store::invariants::ACCOUNTS_AFTER;
use store::tables::accounting::{self as rows, AccountRow};
use store::{Ask, Cell, Row as _, StoreError};

use super::book::Derived;
use super::books::Books;
use super::{Report, Scene, bytes, id, key};

/// Accounts read at once.
const CHUNK: i64 = 1_000;

/// Holds every account row against the log, and the log against the rows.
pub(super) async fn check(
    scene: &Scene<'_>,
    books: &mut Books,
    salt: Option<[u8; 32]>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    let mut after: Vec<u8> = Vec::new();
    loop {
        let params = vec![Cell::Int(scene.shard), bytes(&after), Cell::Int(CHUNK)];
        let ids = scene.query(&ACCOUNTS_AFTER, params).await?;
        let Some(Cell::Bytes(last)) = ids.last().and_then(|row| row.first()) else { break };
        after = last.to_vec();
        seen.extend(compare(scene, books, ids, salt, report).await?);
    }
    // What was opened meanwhile is read once more; what is not there then is missing.
    let rest: Vec<AccountId> = books.accounts.keys().filter(|id| !seen.contains(id)).copied().collect();
    let keys = rest.iter().map(|id| vec![bytes(&id.0.bytes())]).collect();
    let found = compare(scene, books, keys, salt, report).await?;
    for id in rest.into_iter().filter(|id| !found.contains(id)) {
        report.note("I03", AccountRow::TABLE, id.to_string(), "is missing: transfers moved it");
    }
    Ok(())
}

/// Compares the accounts of these ids; answers those that are there.
async fn compare(
    scene: &Scene<'_>,
    books: &mut Books,
    keys: Vec<Vec<Cell>>,
    salt: Option<[u8; 32]>,
    report: &mut Report,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let snapshot = scene.reader.load(scene.shard, vec![Ask { table: AccountRow::TABLE, keys }]).await?;
    books.follow(scene, snapshot.head.seq, report).await?;
    let mut there = BTreeSet::new();
    for cells in snapshot.rows.into_iter().flatten() {
        report.checked.accounts += 1;
        let key = key::of_row(AccountRow::TABLE, &cells);
        there.extend(cells.get(1..2).and_then(id).map(|bytes| AccountId(kernel::RootId::from_bytes(bytes))));
        match AccountRow::from_cells(cells) {
            Ok(row) => {
                for what in differences(&row, books, salt) {
                    report.note("I03", AccountRow::TABLE, key.clone(), what);
                }
                match rows::account(row) {
                    Ok(account) if account.subject.entry().homed() => {
                        scene.check_home(account.id.0.bucket(), AccountRow::TABLE, key, report);
                    }
                    Ok(_) => {}
                    Err(error) => report.note_unfit(AccountRow::TABLE, key, &error),
                }
            }
            Err(error) => report.note_unfit(AccountRow::TABLE, key, &error),
        }
    }
    Ok(there)
}

fn differences(row: &AccountRow, books: &Books, salt: Option<[u8; 32]>) -> Vec<String> {
    let id = AccountId(kernel::RootId::from_bytes(row.id));
    let Some(derived) = books.accounts.get(&id) else { return vec!["was moved by no transfer".to_owned()] };
    let mut found: Vec<String> = counters(row, derived)
        .into_iter()
        .filter(|(_, stored, derived)| stored != derived)
        .map(|(column, ..)| format!("`{column}` is not what its transfers make it"))
        .collect();
    // Nothing on record can set one of these yet.
    for (column, flag) in
        [("debit_frozen", row.debit_frozen), ("credit_frozen", row.credit_frozen), ("closed", row.closed)]
    {
        if flag {
            found.push(format!("`{column}` is set, and nothing on record set it"));
        }
    }
    if let (Some(salt), Ok(account)) = (salt, rows::account(row.clone()))
        && rows::key_of(&account).id(&salt) != id
    {
        found.push("its id is not that of its owner, subject and currency".to_owned());
    }
    found
}

fn counters(row: &AccountRow, derived: &Derived) -> [(&'static str, i128, i128); 5] {
    [
        ("dp", i128::from(row.dp), derived.dp),
        ("cp", i128::from(row.cp), derived.cp),
        ("dh", i128::from(row.dh), derived.dh),
        ("ch", i128::from(row.ch), derived.ch),
        ("version", i128::from(row.version), i128::from(derived.version)),
    ]
}
