//! Running the named statements of [`store::invariants`] over their ranges.

use store::invariants::{self, Over};
use store::{Cell, StoreError};

use super::{Report, Scene, key};

/// Batches of one range.
const BATCHES: i64 = 1_000;
/// Above every id: longer than any, and of the highest bytes.
pub(super) const LAST: [u8; 17] = [0xff; 17];

/// All statements of one kind of range, with these parameters after the shard.
pub(super) async fn over(scene: &Scene<'_>, over: Over, range: &[Cell], report: &mut Report) -> Result<(), StoreError> {
    for invariant in invariants::all().filter(|invariant| invariant.over == over) {
        let mut params = vec![Cell::Int(scene.shard)];
        params.extend(range.iter().cloned());
        report.checked.statements += 1;
        for row in scene.query(&invariant.statement, params).await? {
            let what = format!("it must be that {}", invariant.holds);
            report.note(invariant.code, invariant.table, key::of(invariant.table, &row), what);
        }
    }
    Ok(())
}

/// The end of a range that starts where these ids do: the last of them, or above all ids where there are no more.
pub(super) fn end_of(ids: &[Vec<Cell>], limit: i64) -> Vec<u8> {
    let full = i64::try_from(ids.len()).is_ok_and(|count| count >= limit);
    match ids.last().and_then(|row| row.first()) {
        Some(Cell::Bytes(last)) if full => last.to_vec(),
        _ => LAST.to_vec(),
    }
}

/// Everything over the log, up to a batch and whatever stands after it.
pub(super) async fn over_log(scene: &Scene<'_>, seq: i64, report: &mut Report) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let upto = if after + BATCHES < seq { after + BATCHES } else { i64::MAX };
        over(scene, Over::Log, &[Cell::Int(after), Cell::Int(upto)], report).await?;
        if upto == i64::MAX {
            return Ok(());
        }
        after = upto;
    }
}

/// Everything over the whole shard.
pub(super) async fn over_shard(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    over(scene, Over::Shard, &[], report).await
}
