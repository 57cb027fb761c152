//! Whatever column of a ledger row is changed behind the store's back, the verifier names that very row.

use accounting::HoldKey;
use engine::verify::{Options, Report};
use kernel::message::accounting::HoldNo;
use kernel::{AccountId, InstructionId, RootId, TradeId};
use rusqlite::Connection;
use rusqlite::types::Value;
use store::tables::accounting::{AccountRow, HoldRow, TransferRow, VoucherRow};
use store::tables::shard::{Batch, Shard};
use store::{Column, Kind, Row, Table};

use crate::raw::{after, connect};
use crate::stories::play;
use crate::world::{Engine, World};

const TABLES: [&Table; 6] =
    [AccountRow::TABLE, VoucherRow::TABLE, TransferRow::TABLE, HoldRow::TABLE, Batch::TABLE, Shard::TABLE];

/// Rows of a table: key columns, then the rowid-free condition that finds the row again.
fn rows(connection: &Connection, table: &Table) -> Vec<Vec<Value>> {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let text = format!("SELECT {} FROM {}", quoted(&columns), table.name);
    let mut statement = connection.prepare(&text).unwrap();
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        rows.push((0..columns.len()).map(|place| row.get(place).unwrap()).collect());
    }
    rows
}

fn quoted(columns: &[&str]) -> String {
    columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Other values for a cell: of the same kind, and nothing or something where the column may be null.
fn others(column: &Column, value: &Value) -> Vec<Value> {
    let mut others = match value {
        Value::Null => Vec::new(),
        Value::Integer(number) => vec![Value::Integer(number + 1_000), Value::Integer(number ^ 1)],
        Value::Text(text) => vec![Value::Text(format!("{text}x")), Value::Text(text.chars().skip(1).collect())],
        Value::Blob(bytes) => [0, bytes.len() - 1].map(|place| Value::Blob(flipped(bytes, place))).to_vec(),
        Value::Real(_) => unreachable!("no table has one"),
    };
    match (column.null, value) {
        (false, _) => {}
        (true, Value::Null) => others.push(match column.kind {
            Kind::Int => Value::Integer(7),
            Kind::Text => Value::Text("x".to_owned()),
            Kind::Bytes => Value::Blob(vec![7; 16]),
        }),
        (true, _) => others.push(Value::Null),
    }
    others
}

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1;
    bytes
}

fn change(connection: &Connection, table: &Table, row: &[Value], place: usize, to: &Value) -> bool {
    let key: Vec<String> = table
        .key_columns()
        .iter()
        .enumerate()
        .map(|(at, column)| format!("\"{}\" = ?{}", column.name, at + 2))
        .collect();
    let text = format!("UPDATE {} SET \"{}\" = ?1 WHERE {}", table.name, table.columns[place].name, key.join(" AND "));
    let mut params = vec![to.clone()];
    params.extend(row[..table.key].iter().cloned());
    match connection.execute(&text, rusqlite::params_from_iter(params)) {
        Ok(touched) => touched == 1,
        // Another row has that key.
        Err(rusqlite::Error::SqliteFailure(failure, _)) => {
            assert_eq!(failure.code, rusqlite::ErrorCode::ConstraintViolation);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// The key as a finding names it.
fn key(table: &Table, row: &[Value]) -> String {
    let id = |value: &Value| match value {
        Value::Blob(bytes) => RootId::from_bytes(bytes.as_slice().try_into().unwrap()),
        other => panic!("{other:?}"),
    };
    let number = |value: &Value| match value {
        Value::Integer(number) => *number,
        other => panic!("{other:?}"),
    };
    match table.name {
        "account" => AccountId(id(&row[1])).to_string(),
        "voucher" | "transfer" => format!("{}/{}", number(&row[1]), number(&row[2])),
        "hold" => {
            let trade = TradeId(id(&row[1]));
            match HoldKey::from_number(number(&row[2])).unwrap() {
                HoldKey { no: HoldNo::Instruction(no), leg } => format!("{} leg {leg}", InstructionId::new(trade, no)),
                HoldKey { no: HoldNo::DisputeLine(no), leg } => format!("{trade} dispute line {no} leg {leg}"),
                HoldKey { no: HoldNo::RefundLine(no), leg } => format!("{trade} refund line {no} leg {leg}"),
            }
        }
        "batch" => number(&row[1]).to_string(),
        "shard" => number(&row[0]).to_string(),
        other => panic!("{other}"),
    }
}

fn names(report: &Report, table: &Table, key: &str) -> bool {
    report.findings.iter().any(|finding| finding.table == table.name && finding.key == key)
}

#[test]
fn a_changed_column_of_the_ledger_names_its_row() {
    let mut world = World::new(Engine::Files).unwrap();
    play(&mut world);
    let directory = world.leave();
    let connection = connect(directory.path());
    let (mut changes, mut missed) = (0, Vec::new());
    for table in TABLES {
        let all = rows(&connection, table);
        // One in the middle, and the last: of both ends of a chain.
        for row in [&all[all.len() / 2], &all[all.len() - 1]] {
            let key = key(table, row);
            for (place, column) in table.columns.iter().enumerate() {
                for other in others(column, &row[place]) {
                    let mut done = false;
                    let report = after(directory.path(), Options::default(), |connection| {
                        done = change(connection, table, row, place, &other);
                    });
                    changes += u32::from(done);
                    if done && !names(&report, table, &key) {
                        let first = report.findings.first().map(ToString::to_string);
                        missed.push(format!("{}.{} of {key} to {other:?}: {first:?}", table.name, column.name));
                    }
                }
            }
        }
    }
    println!("{changes} changes");
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(changes > 200, "{changes}");
}

#[test]
fn a_lost_row_of_the_ledger_is_named() {
    let mut world = World::new(Engine::Files).unwrap();
    play(&mut world);
    let directory = world.leave();
    let connection = connect(directory.path());
    for table in TABLES {
        let all = rows(&connection, table);
        let row = &all[all.len() / 2];
        let key = key(table, row);
        let report = after(directory.path(), Options::default(), |connection| {
            let keys: Vec<String> = table
                .key_columns()
                .iter()
                .enumerate()
                .map(|(at, column)| format!("\"{}\" = ?{}", column.name, at + 1))
                .collect();
            let text = format!("DELETE FROM {} WHERE {}", table.name, keys.join(" AND "));
            let params = rusqlite::params_from_iter(row[..table.key].iter().cloned());
            assert_eq!(connection.execute(&text, params).unwrap(), 1);
        });
        assert!(names(&report, table, &key), "{} {key}: {:?}", table.name, report.findings.first());
    }
}
