//! Bugs between shards: what a batch forgets of what it took in, or did not take in.

use store::{Cell, Change, Table};

use super::rows::text;

/// Leaves out that the place among another shard's messages has moved.
pub(super) fn place_not_kept(changes: &mut [Change]) {
    leave_out(changes, "cursor");
}

/// Leaves out that a message was parked, or parked again.
pub(super) fn not_parked(changes: &mut [Change]) {
    leave_out(changes, "parked");
}

/// Leaves out new and changed rows of readers that are shards.
fn leave_out(changes: &mut [Change], name: &str) {
    for change in changes.iter_mut().filter(|change| change.table.name == name) {
        let table = change.table;
        change.inserts.retain(|row| !is_shards(table, row));
        change.updates.retain(|update| !is_shards(table, &update.new));
    }
}

fn is_shards(table: &'static Table, row: &[Cell]) -> bool {
    text(table, row, "reader").is_some_and(|reader| reader.starts_with("shard:"))
}
