//! Whole transactions on one connection.
//!
//! Everything of a transaction but its commit is sent at once and answered in order. The commit goes out only after every
//! answer was looked at: PostgreSQL answers the commit of a failed transaction as if all were well.

use futures::future::join_all;
use futures::{TryStreamExt as _, join};
use tokio_postgres::{Client, Error};

use super::fault::{created_twice, fault, no_table, stop, undone};
use super::link::Open;
use super::wire::Param;
use crate::door::bulk::{Bulk, Verb, distinct, prefix};
use crate::door::{Applied, Ask, Cell, Head, Snapshot, Statement, Step, Stop, StoreError, Work, Written};
use crate::migrate::{Script, WANTED};
use crate::tables::schema::{self, Found};
use crate::tables::shard;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const BEGIN_SOON: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off";
/// Rows are read by key. As for writers, plans are made once and must not depend on how small a table was that day: one
/// that was made while a table was nearly empty walks all of it for ever.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

/// One statement of a transaction, and what must come of it.
struct Call<'a> {
    prepared: tokio_postgres::Statement,
    params: Vec<Param<'a>>,
    /// Which step it belongs to.
    step: usize,
    must: Must<'a>,
}

/// What must come of a statement.
enum Must<'a> {
    /// It touches exactly its rows; anything else is a broken invariant. Of an insert into several tables, those of the last.
    Fit(&'a Bulk<'a>),
    /// It touches this many rows, if a number is given; anything else refuses the transaction.
    Touch(Option<u64>),
}

impl Call<'_> {
    fn judge(&self, answer: Result<u64, Error>) -> Result<u64, Stop> {
        match (&self.must, answer) {
            (Must::Fit(bulk), Ok(count)) if count != bulk.rows.len() as u64 => Err(bulk.miscounted(count).into()),
            (Must::Touch(Some(expect)), Ok(count)) if count != *expect => Err(Stop::Conflict),
            (_, Ok(count)) => Ok(count),
            (Must::Fit(bulk), Err(error)) => Err(stop(&error, bulk.contended())),
            (Must::Touch(_), Err(error)) => Err(stop(&error, true)),
        }
    }
}

/// How a commit ended.
enum Committed {
    Done,
    Undone(Stop),
    Unknown,
}

/// Writes one batch.
pub(super) async fn write(open: &mut Open, work: &Work) -> Result<Written, StoreError> {
    let bulks = work.changes.iter().map(Bulk::of).collect::<Result<Vec<_>, _>>()?;
    let fence = shard::fence(work);
    let mut calls = vec![Call {
        prepared: open.statement(&shard::FENCE).await?,
        params: fence.iter().map(Param::Cell).collect(),
        step: 0,
        must: Must::Touch(Some(1)),
    }];
    // Rows of the shard that are new meet nobody else's. What replaces comes behind what it may replace.
    let is_new = |bulk: &&Bulk<'_>| bulk.verb == Verb::Insert && bulk.table.sharded();
    let (new, rest): (Vec<_>, Vec<_>) = bulks.iter().flatten().partition(is_new);
    let (replacing, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|bulk| bulk.verb == Verb::Upsert);
    for bulk in rest {
        calls.push(bulk_call(open, bulk, 0).await?);
    }
    insert(open, &new, &mut calls).await?;
    for bulk in replacing {
        calls.push(bulk_call(open, bulk, 0).await?);
    }
    match transact(open, Some(BEGIN), &calls).await {
        Ok(_) => match commit(open).await {
            Committed::Done => Ok(Written::Done),
            Committed::Unknown => Ok(Written::Unknown),
            Committed::Undone(Stop::Conflict) => Ok(Written::Conflict),
            Committed::Undone(Stop::Fault(error)) => Err(error),
        },
        Err((_, Stop::Conflict)) => Ok(Written::Conflict),
        Err((_, Stop::Fault(error))) => Err(error),
    }
}

/// Runs steps as one transaction.
pub(super) async fn apply(open: &mut Open, steps: &[Step], durable: bool) -> Result<Applied, StoreError> {
    let bulks = bulks_of(steps)?;
    let calls = calls_of(open, steps, &bulks).await?;
    match transact(open, Some(if durable { BEGIN } else { BEGIN_SOON }), &calls).await {
        Ok(counts) => match commit(open).await {
            Committed::Done => Ok(Applied::Done(per_step(steps.len(), &calls, &counts))),
            Committed::Unknown => Ok(Applied::Unknown),
            Committed::Undone(stop) => Err(stop.into()),
        },
        Err((step, Stop::Conflict)) => Ok(Applied::Refused { step }),
        Err((_, Stop::Fault(error))) => Err(error),
    }
}

/// Head and rows of a shard as of one moment, in one round trip.
pub(super) async fn load(open: &mut Open, shard: i64, asks: &[Ask], lock: bool) -> Result<Snapshot, StoreError> {
    if asks.is_empty() && !lock {
        // One statement is a moment of its own.
        let head = query(open, &shard::HEAD, &[Cell::Int(shard)]).await?;
        return Ok(Snapshot { head: shard::head(shard, head)?, rows: Vec::new() });
    }
    let head = open.statement(if lock { &shard::HEAD_LOCKED } else { &shard::HEAD }).await?;
    let keys = asks.iter().map(distinct).collect::<Result<Vec<_>, _>>()?;
    let number = Cell::Int(shard);
    let mut reads = Vec::with_capacity(asks.len());
    for (ask, keys) in asks.iter().zip(&keys) {
        reads.push((open.bulk(ask.table, Verb::Load(prefix(ask))).await?, ask, keys));
    }
    // While the head is locked nobody else writes the shard, so that each statement may take a snapshot of its own; a
    // snapshot taken before the wait for the lock would be too old to lock anything.
    let begin = if lock { BEGIN } else { BEGIN_READ };
    open.inside = true;
    let client = &open.client;
    let reads = reads.into_iter().map(|(prepared, ask, keys)| async {
        // No key is no row, not the empty prefix.
        if keys.is_empty() { Ok(Vec::new()) } else { rows(client, prepared, ask_params(ask, keys, &number)).await }
    });
    let reads = reads.collect::<Vec<_>>();
    let (begun, head, rows, ended) = join!(
        client.batch_execute(begin),
        rows(client, head, vec![Param::Cell(&number)]),
        join_all(reads),
        client.batch_execute("COMMIT")
    );
    open.inside = ended.is_err();
    begun.map_err(|error| fault(&error))?;
    let head = shard::head(shard, head.map_err(|error| fault(&error))?)?;
    let rows = rows.into_iter().collect::<Result<_, _>>().map_err(|error| fault(&error))?;
    ended.map_err(|error| fault(&error))?;
    Ok(Snapshot { head, rows })
}

/// The head of a shard, behind every transaction that holds it.
pub(super) async fn head_locked(open: &mut Open, shard: i64) -> Result<Head, StoreError> {
    let rows = query(open, &shard::HEAD_LOCKED, &[Cell::Int(shard)]).await?;
    shard::head(shard, rows)
}

/// Runs a statement and gives its rows.
pub(super) async fn query(
    open: &mut Open,
    statement: &'static Statement,
    params: &[Cell],
) -> Result<Vec<Vec<Cell>>, StoreError> {
    let prepared = open.statement(statement).await?;
    let params = params.iter().map(Param::Cell).collect();
    rows(&open.client, prepared, params).await.map_err(|error| fault(&error))
}

/// What tables there are.
pub(super) async fn schema(open: &mut Open) -> Result<Found, StoreError> {
    match open.prepare(&schema::FOUND).await {
        Err(error) if no_table(&error) => return Ok(Found::Nothing),
        Err(error) => return Err(fault(&error)),
        Ok(_) => {}
    }
    match schema::number(&query(open, &schema::FOUND, &[]).await?)? {
        0 => Ok(Found::Nothing),
        WANTED => Ok(Found::Current(schema::number(&query(open, &schema::PRINT, &[Cell::Int(WANTED)]).await?)?)),
        other => Ok(Found::Version(other)),
    }
}

/// Makes the tables: all of them or none. Where another program is faster, that is as good.
pub(super) async fn migrate(open: &mut Open, script: &Script) -> Result<(), StoreError> {
    match open.client.batch_execute(schema::VERSIONS).await {
        Err(error) if !created_twice(&error) => return Err(fault(&error)),
        _ => {}
    }
    match migrate_inside(open, script).await {
        Ok(()) => match commit(open).await {
            Committed::Done => Ok(()),
            Committed::Undone(stop) => Err(stop.into()),
            Committed::Unknown => Err(StoreError::Unreachable { detail: "a commit was not answered".to_owned() }),
        },
        Err(Stop::Conflict) => Ok(()),
        Err(Stop::Fault(error)) => Err(error),
    }
}

async fn migrate_inside(open: &mut Open, script: &Script) -> Result<(), Stop> {
    let take = calls_of(open, std::slice::from_ref(&script.take), &[]).await?;
    transact(open, Some(BEGIN), &take).await.map_err(|(_, stop)| stop)?;
    if let Err(error) = open.client.batch_execute(&script.ddl.join(";\n")).await {
        rollback(open).await;
        return Err(stop(&error, false));
    }
    // The statements name tables that did not exist before.
    let rows = calls_of(open, &script.steps, &[]).await?;
    transact(open, None, &rows).await.map(|_| ()).map_err(|(_, stop)| stop)
}

/// Sends a transaction but for its commit, looks at every answer, and undoes it where one is not as it must be.
async fn transact(open: &mut Open, begin: Option<&str>, calls: &[Call<'_>]) -> Result<Vec<u64>, (usize, Stop)> {
    open.inside = true;
    let client = &open.client;
    let begun = async {
        match begin {
            Some(begin) => client.batch_execute(begin).await,
            None => Ok(()),
        }
    };
    let answers = calls.iter().map(|call| execute(client, call)).collect::<Vec<_>>();
    // Polled in this order, and so sent in this order.
    let (begun, answers) = join!(begun, join_all(answers));
    let judged = match begun {
        Err(error) => Err((0, stop(&error, false))),
        Ok(()) => {
            let judge = |(call, answer): (&Call<'_>, _)| call.judge(answer).map_err(|stop| (call.step, stop));
            calls.iter().zip(answers).map(judge).collect()
        }
    };
    if judged.is_err() {
        rollback(open).await;
    }
    judged
}

async fn commit(open: &mut Open) -> Committed {
    match open.client.batch_execute("COMMIT").await {
        Ok(()) => {
            open.inside = false;
            Committed::Done
        }
        Err(error) if undone(&error) => {
            open.inside = false;
            Committed::Undone(stop(&error, false))
        }
        Err(error) => {
            tracing::warn!(error = fault(&error).detail(), "the answer of a commit was lost");
            Committed::Unknown
        }
    }
}

/// Undoes the transaction. Where that is not answered the connection stays marked and is not used again.
async fn rollback(open: &mut Open) {
    open.inside = open.client.batch_execute("ROLLBACK").await.is_err();
}

async fn execute(client: &Client, call: &Call<'_>) -> Result<u64, Error> {
    client.execute_raw(&call.prepared, &call.params).await
}

async fn rows(
    client: &Client,
    prepared: tokio_postgres::Statement,
    params: Vec<Param<'_>>,
) -> Result<Vec<Vec<Cell>>, Error> {
    let rows = client.query_raw(&prepared, &params).await?;
    rows.and_then(|row| std::future::ready((0..row.len()).map(|position| row.try_get(position)).collect()))
        .try_collect()
        .await
}

fn ask_params<'a>(ask: &Ask, keys: &'a [&'a [Cell]], shard: &'a Cell) -> Vec<Param<'a>> {
    let shard = ask.table.sharded().then_some(Param::Cell(shard));
    let columns = ask.table.asked_columns().iter().take(prefix(ask)).enumerate();
    shard.into_iter().chain(columns.map(|(position, column)| Param::Keys(keys, position, column.kind))).collect()
}

fn bulks_of(steps: &[Step]) -> Result<Vec<Vec<Bulk<'_>>>, StoreError> {
    let bulks = steps.iter().map(|step| match step {
        Step::Run { .. } => Ok(Vec::new()),
        Step::Change(change) => Bulk::of(change),
    });
    bulks.collect()
}

async fn calls_of<'a>(
    open: &mut Open,
    steps: &'a [Step],
    bulks: &'a [Vec<Bulk<'a>>],
) -> Result<Vec<Call<'a>>, StoreError> {
    let mut calls = Vec::new();
    for (step, what) in steps.iter().enumerate() {
        if let Step::Run { statement, params, expect } = what {
            let prepared = open.statement(statement).await?;
            let params = params.iter().map(Param::Cell).collect();
            calls.push(Call { prepared, params, step, must: Must::Touch(*expect) });
        }
        for bulk in bulks.get(step).into_iter().flatten() {
            calls.push(bulk_call(open, bulk, step).await?);
        }
    }
    Ok(calls)
}

async fn bulk_call<'a>(open: &mut Open, bulk: &'a Bulk<'a>, step: usize) -> Result<Call<'a>, StoreError> {
    let prepared = open.bulk(bulk.table, bulk.verb).await?;
    let params = match bulk.verb {
        Verb::Insert | Verb::Upsert => vec![Param::Rows(&bulk.rows, &bulk.bound)],
        _ => bulk.bound.iter().map(|bound| Param::Column(&bulk.rows, *bound)).collect(),
    };
    Ok(Call { prepared, params, step, must: Must::Fit(bulk) })
}

/// Inserts into all of these tables at once where that is prepared, else one after the other. Of an insert that replaces
/// nothing PostgreSQL takes every row or refuses the statement, so it is enough to compare the last count.
async fn insert<'a>(open: &mut Open, bulks: &[&'a Bulk<'a>], calls: &mut Vec<Call<'a>>) -> Result<(), StoreError> {
    let tables: Vec<_> = bulks.iter().map(|bulk| bulk.table).collect();
    match (open.insert_into_all(&tables).await?, bulks.last()) {
        (Some(prepared), Some(last)) => {
            let params = bulks.iter().map(|bulk| Param::Rows(&bulk.rows, &bulk.bound)).collect();
            calls.push(Call { prepared, params, step: 0, must: Must::Fit(last) });
        }
        _ => {
            for bulk in bulks {
                calls.push(bulk_call(open, bulk, 0).await?);
            }
        }
    }
    Ok(())
}

fn per_step(steps: usize, calls: &[Call<'_>], counts: &[u64]) -> Vec<u64> {
    let of = |step| calls.iter().zip(counts).filter(move |(call, _)| call.step == step).map(|(_, count)| count);
    (0..steps).map(|step| of(step).sum()).collect()
}
