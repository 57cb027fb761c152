//! Parked deliveries: one row per endpoint and event that failed or found no place, with the time of the next attempt.

use kernel::time::SECOND_US;
use kernel::{EndpointId, Time};
use store::tables::log::Parked;
use store::tables::work::{PARKED_DONE, PARKED_DUE};
use store::{Applied, Cell, Change, Reader, Row as _, Side, Step, StoreError};

use super::READER;
use crate::control::Control;
use crate::events::{LogEvent, Place};

/// The due time of a delivery that is given up: it stays until somebody resends it.
pub const DEAD: Time = Time::from_micros(i64::MAX);

/// The reader's name in the rows of one endpoint.
fn reader_of(id: EndpointId) -> String {
    format!("{READER}:{id}")
}

/// Parks a delivery, or changes the row of a parked one.
pub(super) fn park(id: EndpointId, shard: i64, (seq, n): Place, due: Time, attempts: i64, error: &str) -> Step {
    let row = Parked { reader: reader_of(id).into(), shard, seq, n, due: due.micros(), attempts, error: error.into() };
    let mut change = Change::of(Parked::TABLE);
    change.upserts.push(row.cells());
    Step::Change(change)
}

/// Takes a parked delivery away.
pub(super) fn done(id: EndpointId, shard: i64, (seq, n): Place) -> Step {
    let params = vec![Cell::text(reader_of(id)), Cell::Int(shard), Cell::Int(seq), Cell::Int(n)];
    Step::Run { statement: &PARKED_DONE, params, expect: None }
}

/// The parked deliveries whose time has come.
pub(super) async fn due(
    reader: &dyn Reader,
    shard: i64,
    now: Time,
    limit: usize,
) -> Result<Vec<(EndpointId, Parked)>, StoreError> {
    let text = |end: char| Cell::text(format!("{READER}{end}"));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // `;` follows `:` in the order of bytes.
    let params = vec![Cell::Int(shard), Cell::Int(now.micros()), text(':'), text(';'), Cell::Int(limit)];
    let mut found = Vec::new();
    for row in reader.query(&PARKED_DUE, params).await? {
        let row = Parked::from_cells(row)?;
        let id = row.reader.split_once(':').and_then(|(_, id)| EndpointId::parse(id));
        found.extend(id.map(|id| (id, row)));
    }
    Ok(found)
}

/// When a delivery that has been attempted `made` times is due again: after the schedule's pause and up to a tenth more,
/// so that deliveries that failed together do not come back together.
pub(super) fn next(schedule_s: &[u32], made: i64, (seq, n): Place, now: Time) -> Time {
    let place = usize::try_from(made.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(pause_s) = schedule_s.get(place) else { return DEAD };
    let pause_us = i64::from(*pause_s).saturating_mul(SECOND_US);
    let share = seq.wrapping_mul(31).wrapping_add(n).rem_euclid(64);
    now.plus(pause_us.saturating_add(pause_us / 640 * share))
}

/// Puts an event up for delivery again, to every endpoint that wants it, whatever became of it before. Says to how many.
///
/// # Errors
/// When the store cannot be reached.
pub async fn resend(side: &mut dyn Side, control: &Control, event: &LogEvent, now: Time) -> Result<usize, StoreError> {
    let wanted = control.endpoints_for(event.merchant, &event.kind);
    let steps: Vec<Step> = wanted.map(|(id, _)| park(id, event.shard, event.place, now, 0, "resend")).collect();
    let count = steps.len();
    match side.transaction(steps, true).await? {
        Applied::Done(_) => Ok(count),
        Applied::Refused { .. } | Applied::Unknown => {
            Err(StoreError::Unreachable { detail: "the answer of a commit was lost".to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_followed_and_then_it_is_over() {
        let now = Time::from_micros(0);
        let pauses = |made| next(&[5, 300], made, (12, 3), now).micros() / SECOND_US;
        assert_eq!(pauses(1), 5);
        assert!((300..331).contains(&pauses(2)));
        assert_eq!(next(&[5, 300], 3, (12, 3), now), DEAD);
        assert_eq!(next(&[], 1, (12, 3), now), DEAD);
    }
}
