//! Claims against answers: every claim leads to the answer whose key put it there, every answer is found by its key and
//! is the only one under it, and every number of an institution is claimed by its order.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{OrderId, limits};
use store::invariants::{ANSWERS_AFTER, CLAIMS_AFTER};
use store::tables::log::{Answer, Claim};
use store::{Ask, Cell, Row as _, StoreError, Table, Text};

use super::{Report, Scene};
use crate::answers::{ClaimKind, place_of};

/// Rows read at once.
const CHUNK: i64 = 1_000;

/// Claims to answers, and back.
pub(super) async fn check(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    check_claims(scene, report).await?;
    check_answers(scene, report).await
}

async fn check_claims(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let rows = scene.query(&CLAIMS_AFTER, [scene.shard, after, CHUNK].map(Cell::Int).to_vec()).await?;
        let Some(Cell::Int(last)) = rows.last().and_then(|row| row.first()) else { return Ok(()) };
        after = *last;
        for row in rows {
            report.checked.claims += 1;
            let what = match row.as_slice() {
                [Cell::Int(h), Cell::Text(kind), Cell::Text(scope), Cell::Text(key)] => {
                    if leads_to(kind, scope, key, *h) { continue } else { "leads to an answer of another key" }
                }
                _ => "leads to no answer",
            };
            let h = row.first().map_or_else(String::new, |h| format!("{h:?}"));
            report.note("I14", Claim::TABLE, h, what);
        }
    }
}

/// Whether a key's search comes past this place.
fn leads_to(kind: &str, scope: &str, key: &str, h: i64) -> bool {
    let first = ClaimKind::parse(kind).map(|kind| place_of(kind, scope, key));
    first.is_some_and(|first| (0..limits::MAX_CLAIM_PROBES).contains(&h.wrapping_sub(first)))
}

/// An answer without its body.
struct Brief {
    place: (i64, i64),
    key: (Text, Text, Text),
    h: i64,
}

async fn check_answers(scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
    let mut after = (0, -1);
    loop {
        let params = [scene.shard, after.0, after.1, CHUNK].map(Cell::Int).to_vec();
        let rows = scene.query(&ANSWERS_AFTER, params).await?;
        let Some([Cell::Int(seq), Cell::Int(n), ..]) = rows.last().map(Vec::as_slice) else { return Ok(()) };
        after = (*seq, *n);
        report.checked.answers += rows.len() as u64;
        let briefs: Vec<Brief> = rows.into_iter().filter_map(|row| brief(row, report)).collect();
        let claims = claims(scene, briefs.iter().map(|brief| brief.h).collect()).await?;
        for brief in briefs {
            if !claims.get(&brief.h).is_some_and(|claim| points_to(claim, scene.shard, brief.place)) {
                search(scene, &brief, report).await?;
            }
        }
    }
}

fn brief(row: Vec<Cell>, report: &mut Report) -> Option<Brief> {
    let [Cell::Int(seq), Cell::Int(n), Cell::Text(kind), Cell::Text(scope), Cell::Text(key)] = row.as_slice() else {
        report.note(
            "row",
            Answer::TABLE,
            super::key::of(Answer::TABLE, row.get(..2).unwrap_or_default()),
            "has no key",
        );
        return None;
    };
    let Some(known) = ClaimKind::parse(kind) else {
        report.note("I14", Answer::TABLE, format!("{seq}/{n}"), "is of a kind that is not known");
        return None;
    };
    let h = place_of(known, scope, key);
    Some(Brief { place: (*seq, *n), key: (kind.clone(), scope.clone(), key.clone()), h })
}

async fn claims(scene: &Scene<'_>, places: BTreeSet<i64>) -> Result<BTreeMap<i64, Claim>, StoreError> {
    let keys = places.into_iter().map(|h| vec![Cell::Int(h)]).collect();
    let snapshot = scene.reader.load(scene.shard, vec![Ask { table: Claim::TABLE, keys }]).await?;
    let rows = snapshot.rows.into_iter().flatten().filter_map(|row| Claim::from_cells(row).ok());
    Ok(rows.map(|claim| (claim.h, claim)).collect())
}

fn points_to(claim: &Claim, shard: i64, (seq, n): (i64, i64)) -> bool {
    (claim.shard, claim.seq, claim.n) == (shard, seq, n)
}

/// Follows a key's search as the engine does: the first answer under the key must be this one.
async fn search(scene: &Scene<'_>, brief: &Brief, report: &mut Report) -> Result<(), StoreError> {
    let note = |report: &mut Report, what: &str| {
        report.note("I14", Answer::TABLE, format!("{}/{}", brief.place.0, brief.place.1), what);
    };
    for probe in 0..limits::MAX_CLAIM_PROBES {
        let h = brief.h.wrapping_add(probe);
        let Some(claim) = claims(scene, [h].into()).await?.remove(&h) else { break };
        if points_to(&claim, scene.shard, brief.place) {
            return Ok(());
        }
        let found = answer(scene, &claim).await?.map(|answer| (answer.kind, answer.scope, answer.key));
        if found.as_ref() == Some(&brief.key) {
            note(report, "another answer stands under its key");
            return Ok(());
        }
    }
    note(report, "cannot be found by its key");
    Ok(())
}

/// The answer that a claim leads to, in whichever shard.
async fn answer(scene: &Scene<'_>, claim: &Claim) -> Result<Option<Answer>, StoreError> {
    let keys = vec![vec![Cell::Int(claim.seq), Cell::Int(claim.n)]];
    let snapshot = scene.reader.load(claim.shard, vec![Ask { table: Answer::TABLE, keys }]).await?;
    Ok(snapshot.rows.into_iter().flatten().next().and_then(|row| Answer::from_cells(row).ok()))
}

/// A number that an institution gave to one of our orders.
pub(super) struct Number {
    pub(super) channel_account: String,
    pub(super) value: String,
    pub(super) order: OrderId,
    pub(super) table: &'static Table,
}

/// Every number is claimed by its order, so no other can have it.
pub(super) async fn check_numbers(
    scene: &Scene<'_>,
    numbers: Vec<Number>,
    report: &mut Report,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let place = |number: &Number| place_of(ClaimKind::Channel, &number.channel_account, &number.value);
    let claims = claims(scene, numbers.iter().map(place).collect()).await?;
    let own = claims.values().filter(|claim| claim.shard == scene.shard);
    let keys: BTreeSet<(i64, i64)> = own.map(|claim| (claim.seq, claim.n)).collect();
    let keys = keys.into_iter().map(|(seq, n)| vec![Cell::Int(seq), Cell::Int(n)]).collect();
    let snapshot = scene.reader.load(scene.shard, vec![Ask { table: Answer::TABLE, keys }]).await?;
    let rows = snapshot.rows.into_iter().flatten().filter_map(|row| Answer::from_cells(row).ok());
    let answers: BTreeMap<(i64, i64), Answer> = rows.map(|answer| ((answer.seq, answer.n), answer)).collect();
    for number in &numbers {
        let claim = claims.get(&place(number)).filter(|claim| claim.shard == scene.shard);
        let mut answer = claim.and_then(|claim| answers.get(&(claim.seq, claim.n))).cloned();
        if !answer.as_ref().is_some_and(|answer| is_of(answer, number)) {
            answer = find(scene, number).await?;
        }
        if answer.and_then(|answer| answer.object).as_deref() != Some(number.order.to_string().as_str()) {
            let what = "an institution's number of it is not claimed for it";
            report.note("I15", number.table, number.order.to_string(), what);
        }
    }
    Ok(())
}

fn is_of(answer: &Answer, number: &Number) -> bool {
    answer.kind == ClaimKind::Channel.as_str() && answer.scope == number.channel_account && answer.key == number.value
}

async fn find(scene: &Scene<'_>, number: &Number) -> Result<Option<Answer>, StoreError> {
    let first = place_of(ClaimKind::Channel, &number.channel_account, &number.value);
    for probe in 0..limits::MAX_CLAIM_PROBES {
        let h = first.wrapping_add(probe);
        let Some(claim) = claims(scene, [h].into()).await?.remove(&h) else { return Ok(None) };
        let answer = answer(scene, &claim).await?.filter(|answer| is_of(answer, number));
        if answer.is_some() {
            return Ok(answer);
        }
    }
    Ok(None)
}
