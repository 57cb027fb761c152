//! What every engine must do, the same way.

use std::task::Poll;

use futures::future::join_all;
use futures::poll;
use store::tables::log::Claim;
use store::tables::shard::{FENCE, SHARDS, Task};
use store::{Applied, Cell, Change, Head, Place, Row, Step, StoreError, Written};

use crate::world::{Engine, Piece, World, after, all, ask, deletes, inserts, on, piece, rows, text, updates, write};

macro_rules! on_every_engine {
    ($($test:ident),+ $(,)?) => {
        mod memory { use super::*; $( #[test] fn $test() { on(Engine::Memory, super::$test); } )+ }
        mod file { use super::*; $( #[test] fn $test() { on(Engine::File, super::$test); } )+ }
        mod postgres { use super::*; $( #[test] fn $test() { on(Engine::Postgres, super::$test); } )+ }
    };
}

on_every_engine!(
    a_new_shard_is_empty,
    an_unknown_shard_is_an_error,
    what_is_written_is_read,
    prefixes_are_read_in_key_order,
    rows_change_and_go,
    a_stale_fence_conflicts,
    a_fence_of_another_history_conflicts,
    tables_that_are_often_inserted_into_together,
    a_claim_taken_by_another_shard_conflicts,
    a_row_of_the_shard_that_is_there_already_is_broken,
    a_count_that_differs_is_broken,
    checks_hold,
    a_key_cannot_change,
    rows_of_the_wrong_shape_are_refused,
    racing_lines_lose_nothing,
    a_dropped_write_trips_nobody,
    the_next_batch_is_read_beside_a_write,
    resolve_reads_the_head,
    side_transactions_are_whole,
    side_transactions_guard,
    upserts_replace,
    readers_only_read,
);

async fn a_new_shard_is_empty(world: World) {
    let snapshot = world.line().load(1, &[ask::<Piece>(vec![vec![Cell::Int(1)]])], false).await.unwrap();
    assert_eq!((snapshot.head.seq, snapshot.head.hash), (0, [0; 32]));
    assert_eq!(snapshot.rows, vec![Vec::<Vec<Cell>>::new()]);
}

async fn an_unknown_shard_is_an_error(world: World) {
    let error = world.line().load(9, &[], false).await.unwrap_err();
    assert_eq!(error.code(), "store_broken");
}

async fn what_is_written_is_read(world: World) {
    let full = Piece {
        label: Some("漢字 'quoted' \\ \"x\" {}".into()),
        blob: Some(vec![0, 255, 39, 92]),
        count: i64::MAX,
        shelf: i64::MIN,
        ..piece(0, "a", 0)
    };
    let empty = Piece { label: Some(String::new().into()), blob: Some(Vec::new()), ..piece(1, "", 0) };
    let nothing = piece(2, "b", 0);
    let written = vec![full, empty, nothing];
    let mut line = world.line();
    assert_eq!(write(&mut *line, 0, vec![inserts(&written)]).await, Ok(Written::Done));
    assert_eq!(all::<Piece>(&mut *world.line(), 0).await, written);
    let head = line.load(0, &[], true).await.unwrap().head;
    assert_eq!((head.seq, head.hash, head.last_time), (1, [7; 32], 1));
    assert_eq!(line.load(1, &[], true).await.unwrap().head.seq, 0);
}

async fn prefixes_are_read_in_key_order(world: World) {
    let mut line = world.line();
    let names = ["b", "B", "a", "ä", "", "aa"];
    let pieces: Vec<Piece> = [3, 1, 2].into_iter().flat_map(|shelf| names.map(|name| piece(shelf, name, 0))).collect();
    write(&mut *line, 0, vec![inserts(&pieces)]).await.unwrap();
    let found = async |keys: Vec<Vec<Cell>>| -> Vec<(i64, String)> {
        let snapshot = world.line().load(0, &[ask::<Piece>(keys)], false).await.unwrap();
        rows::<Piece>(snapshot).into_iter().map(|piece| (piece.shelf, piece.name.into())).collect()
    };
    let pairs = |shelves: &[i64], names: &[&str]| -> Vec<(i64, String)> {
        shelves.iter().flat_map(|shelf| names.iter().map(|name| (*shelf, (*name).to_owned()))).collect()
    };
    let sorted = ["", "B", "a", "aa", "b", "ä"];
    assert_eq!(found(vec![vec![]]).await, pairs(&[1, 2, 3], &sorted));
    let shelves = [3, 1, 3, 9].map(|shelf| vec![Cell::Int(shelf)]).to_vec();
    assert_eq!(found(shelves).await, pairs(&[1, 3], &sorted));
    let named = |shelf, name| vec![Cell::Int(shelf), text(name)];
    assert_eq!(
        found(vec![named(2, "b"), named(1, "a"), named(2, "b"), named(2, "zz")]).await,
        [pairs(&[1], &["a"]), pairs(&[2], &["b"])].concat()
    );
    let whole = |shelf, name, id: [u8; 2]| vec![Cell::Int(shelf), text(name), Cell::bytes(id)];
    assert_eq!(found(vec![whole(1, "B", [0, 1]), whole(1, "B", [0, 2])]).await, pairs(&[1], &["B"]));
    assert_eq!(found(vec![]).await, [], "nothing asked, nothing found");
}

async fn rows_change_and_go(world: World) {
    let mut line = world.line();
    let [a, b, c] = ["a", "b", "c"].map(|name| piece(1, name, 5));
    write(&mut *line, 0, vec![inserts(&[a.clone(), b.clone(), c.clone()])]).await.unwrap();
    let a2 = Piece { count: 6, version: 1, label: Some("l".into()), ..a.clone() };
    let b2 = Piece { blob: Some(vec![1]), version: 1, ..b.clone() };
    let written = write(&mut *line, 0, vec![updates(&[(a, a2.clone()), (b, b2.clone())]), deletes(&c)]).await;
    assert_eq!(written, Ok(Written::Done));
    assert_eq!(all::<Piece>(&mut *line, 0).await, [a2.clone(), b2.clone()]);
    // The same row deleted and made anew within one change.
    let anew = Change { deletes: deletes(&b2).deletes, ..inserts(&[piece(1, "b", 9)]) };
    assert_eq!(write(&mut *line, 0, vec![anew]).await, Ok(Written::Done));
    assert_eq!(all::<Piece>(&mut *line, 0).await, [a2, piece(1, "b", 9)]);
}

async fn a_stale_fence_conflicts(world: World) {
    let (mut one, mut two) = (world.line(), world.line());
    let head = one.load(0, &[], false).await.unwrap().head;
    let work = |name| after(&head, vec![inserts(&[piece(1, name, 1)])]);
    assert_eq!(one.write(work("one")).await, Ok(Written::Done));
    assert_eq!(two.write(work("two")).await, Ok(Written::Conflict));
    assert_eq!(all::<Piece>(&mut *two, 0).await, [piece(1, "one", 1)]);
    assert_eq!(two.load(0, &[], false).await.unwrap().head.seq, 1);
}

/// A database that took over may stand at the same number in another history.
async fn a_fence_of_another_history_conflicts(world: World) {
    let mut line = world.line();
    assert_eq!(write(&mut *line, 0, Vec::new()).await, Ok(Written::Done));
    let head = line.load(0, &[], false).await.unwrap().head;
    let other = Head { hash: [8; 32], ..head.clone() };
    let work = |before| after(before, vec![inserts(&[piece(1, "a", 1)])]);
    assert_eq!(line.write(work(&other)).await, Ok(Written::Conflict));
    assert_eq!(all::<Piece>(&mut *line, 0).await, []);
    assert_eq!(line.write(work(&head)).await, Ok(Written::Done));
}

/// On PostgreSQL one statement does it after a while.
async fn tables_that_are_often_inserted_into_together(world: World) {
    let mut line = world.line();
    let task = |no| Task { shard: 0, due: no, tree: [1; 16], no: 0, kind: "call".into(), attempts: 0 };
    let both = |piece_no, due| vec![inserts(&[piece(piece_no, "a", 1)]), inserts(&[task(due)])];
    for no in 1..=20 {
        assert_eq!(write(&mut *line, 0, both(no, no)).await, Ok(Written::Done));
    }
    for (piece_no, due) in [(21, 20), (20, 21)] {
        let refused = write(&mut *line, 0, both(piece_no, due)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Broken { .. }), "{refused:?}");
    }
    assert_eq!(write(&mut *line, 0, both(22, 22)).await, Ok(Written::Done));
    let whole = (1..=20).chain([22]);
    assert_eq!(all::<Piece>(&mut *line, 0).await, whole.clone().map(|no| piece(no, "a", 1)).collect::<Vec<_>>());
    assert_eq!(all::<Task>(&mut *line, 0).await, whole.map(task).collect::<Vec<_>>());
}

async fn a_claim_taken_by_another_shard_conflicts(world: World) {
    let (mut one, mut two) = (world.line(), world.line());
    let claim = |h, shard| Claim { h, shard, seq: 1, n: 0 };
    let first = inserts(&[claim(-7, 0), claim(i64::MAX, 0)]);
    assert_eq!(write(&mut *one, 0, vec![first]).await, Ok(Written::Done));
    let second = vec![inserts(&[claim(5, 1), claim(-7, 1)]), inserts(&[Piece { shard: 1, ..piece(1, "x", 1) }])];
    assert_eq!(write(&mut *two, 1, second).await, Ok(Written::Conflict));
    let snapshot = two.load(1, &[ask::<Claim>(vec![vec![Cell::Int(5)], vec![Cell::Int(-7)]])], false).await.unwrap();
    assert_eq!(snapshot.head.seq, 0, "the head did not move");
    assert_eq!(rows::<Claim>(snapshot), [claim(-7, 0)], "nothing of the batch was written");
    assert_eq!(all::<Piece>(&mut *two, 1).await, []);
}

async fn a_row_of_the_shard_that_is_there_already_is_broken(world: World) {
    let mut line = world.line();
    write(&mut *line, 0, vec![inserts(&[Piece { label: Some("l".into()), ..piece(1, "a", 1) }])]).await.unwrap();
    for twice in [piece(1, "a", 1), Piece { label: Some("l".into()), ..piece(2, "b", 1) }] {
        let error = write(&mut *line, 0, vec![inserts(&[twice])]).await.unwrap_err();
        assert_eq!(error.code(), "store_broken");
    }
    assert_eq!(line.load(0, &[], false).await.unwrap().head.seq, 1);
}

async fn a_count_that_differs_is_broken(world: World) {
    let mut line = world.line();
    let [a, b] = ["a", "b"].map(|name| piece(1, name, 5));
    write(&mut *line, 0, vec![inserts(&[a.clone(), b.clone()])]).await.unwrap();
    let raised = |piece: &Piece| Piece { count: 6, version: piece.version + 1, ..piece.clone() };
    let stale = Piece { version: 3, ..b.clone() };
    let missing = piece(1, "missing", 0);
    for changes in [
        vec![updates(&[(a.clone(), raised(&a)), (stale.clone(), raised(&stale))])],
        vec![updates(&[(a.clone(), raised(&a)), (missing.clone(), raised(&missing))])],
        vec![updates(&[(a.clone(), raised(&a))]), deletes(&missing)],
    ] {
        let error = write(&mut *line, 0, changes).await.unwrap_err();
        assert_eq!(error.code(), "store_broken", "{error:?}");
        assert_eq!(all::<Piece>(&mut *line, 0).await, [a.clone(), b.clone()], "undone as a whole");
        assert_eq!(line.load(0, &[], false).await.unwrap().head.seq, 1);
    }
}

async fn checks_hold(world: World) {
    let mut line = world.line();
    let error = write(&mut *line, 0, vec![inserts(&[piece(1, "a", 1), piece(1, "b", -1)])]).await.unwrap_err();
    assert_eq!(error.code(), "store_broken");
    assert!(!error.detail().is_empty());
    assert_eq!(error.to_string(), "an invariant of the store is broken");
    let null = Change { inserts: vec![piece(1, "a", 1).cells()], ..Change::of(Piece::TABLE) };
    let mut null = null;
    null.inserts[0][4] = Cell::Null;
    assert_eq!(write(&mut *line, 0, vec![null]).await.unwrap_err().code(), "store_broken");
    assert_eq!(all::<Piece>(&mut *line, 0).await, []);
}

async fn a_key_cannot_change(world: World) {
    let mut line = world.line();
    let a = piece(1, "a", 1);
    write(&mut *line, 0, vec![inserts(std::slice::from_ref(&a))]).await.unwrap();
    let error = write(&mut *line, 0, vec![updates(&[(a.clone(), piece(2, "a", 1))])]).await.unwrap_err();
    assert_eq!(error.code(), "store_broken");
    // What changes nothing writes nothing.
    assert_eq!(write(&mut *line, 0, vec![updates(&[(a.clone(), a)])]).await, Ok(Written::Done));
}

async fn rows_of_the_wrong_shape_are_refused(world: World) {
    let mut line = world.line();
    let change = |row: Vec<Cell>| Change { inserts: vec![row], ..Change::of(Piece::TABLE) };
    let short = piece(1, "a", 1).cells().into_iter().skip(1).collect();
    assert_eq!(write(&mut *line, 0, vec![change(short)]).await.unwrap_err().code(), "store_broken");
    let mut of_another_kind = piece(1, "a", 1).cells();
    of_another_kind[4] = text("many");
    assert_eq!(write(&mut *line, 0, vec![change(of_another_kind)]).await.unwrap_err().code(), "store_broken");
    let deep = ask::<Claim>(vec![vec![Cell::Int(1), Cell::Int(2)]]);
    assert_eq!(line.load(0, &[deep], false).await.unwrap_err().code(), "store_broken");
    let uneven = ask::<Piece>(vec![vec![], vec![Cell::Int(2)]]);
    assert_eq!(line.load(0, &[uneven], false).await.unwrap_err().code(), "store_broken");
    assert_eq!(write(&mut *line, 0, vec![]).await, Ok(Written::Done), "the line is as good as before");
}

/// Four nodes raise one counter, whose row has no guard of its own; each raise must be there in the end.
async fn racing_lines_lose_nothing(world: World) {
    const RAISES: i64 = 10;
    let start = piece(1, "counter", 0);
    write(&mut *world.line(), 0, vec![inserts(std::slice::from_ref(&start))]).await.unwrap();
    let raise = async |lock: bool| {
        let mut line = world.line();
        let mut raised = 0;
        while raised < RAISES {
            let snapshot = line.load(0, &[ask::<Piece>(vec![vec![Cell::Int(1)]])], lock).await.unwrap();
            let head = snapshot.head.clone();
            let old = rows::<Piece>(snapshot).remove(0);
            assert_eq!(old.count, head.seq - 1, "head and rows are of one moment");
            let new = Piece { count: old.count + 1, ..old };
            tokio::task::yield_now().await;
            let changes = vec![Change { upserts: vec![new.cells()], ..Change::of(Piece::TABLE) }];
            match line.write(after(&head, changes)).await.unwrap() {
                Written::Done => raised += 1,
                Written::Conflict => {}
                Written::Unknown => panic!("nothing was lost"),
            }
        }
    };
    join_all([raise(false), raise(true), raise(false), raise(true)]).await;
    let count = all::<Piece>(&mut *world.line(), 0).await.remove(0).count;
    assert_eq!(count, 4 * RAISES);
}

async fn a_dropped_write_trips_nobody(world: World) {
    for polls in 0..4 {
        let mut line = world.line();
        let head = line.load(0, &[], false).await.unwrap().head;
        let name = format!("dropped {polls}");
        let work = |name: &str| {
            let changes = vec![inserts(&[piece(1, name, 1)])];
            after(&head, changes)
        };
        let mut write = line.write(work(&name));
        for _ in 0..polls {
            // What comes of it is not waited for.
            if poll!(write.as_mut()).is_ready() {
                break;
            }
        }
        drop(write);
        // Behind whatever it still does.
        let now = line.resolve(0).await.unwrap();
        let written = now.seq > head.seq;
        assert_eq!(all::<Piece>(&mut *line, 0).await.contains(&piece(1, &name, 1)), written);
        if written {
            assert_eq!(line.write(work("stale")).await, Ok(Written::Conflict));
        } else {
            assert_eq!(line.write(work("kept")).await, Ok(Written::Done));
        }
        assert_eq!(world.line().load(0, &[], false).await.unwrap().head.seq, head.seq + 1);
    }
}

async fn the_next_batch_is_read_beside_a_write(world: World) {
    let (mut line, mut gone) = (world.line(), 0);
    for round in 0..50 {
        let head = line.load(0, &[], false).await.unwrap().head;
        let changes = vec![inserts(&[piece(round, "beside", 1)])];
        let mut write = line.write(after(&head, changes));
        let mut written = None;
        while written.is_none() {
            if let Poll::Ready(end) = poll!(write.as_mut()) {
                written = Some(end);
            }
            let seen = line.load(0, &[ask::<Piece>(vec![vec![]])], false).await.unwrap();
            let (seq, rows) = (seen.head.seq, rows::<Piece>(seen));
            assert!(seq == head.seq || seq == head.seq + 1, "before it or after it");
            assert_eq!(rows.len() as i64, seq, "head and rows of one moment");
            gone += i64::from(written.is_none());
        }
        assert_eq!(written, Some(Ok(Written::Done)));
    }
    assert!(gone > 0 || world.engine != Engine::Postgres, "some reads were beside a write");
}

async fn resolve_reads_the_head(world: World) {
    let mut line = world.line();
    write(&mut *line, 1, vec![]).await.unwrap();
    let head = line.resolve(1).await.unwrap();
    assert_eq!((head.seq, head.hash), (1, [7; 32]));
    assert_eq!(write(&mut *line, 1, vec![]).await, Ok(Written::Done));
}

/// Where shard 0 stands.
async fn head(world: &World) -> Head {
    world.line().load(0, &[], false).await.unwrap().head
}

fn fence(before: &Head, must: Option<u64>) -> Step {
    let [zero, one] = [0, 1].map(Cell::Int);
    let [old, new] = [before.hash, [1; 32]].map(Cell::bytes);
    let params =
        vec![zero.clone(), Cell::Int(before.seq), old, one, Cell::Int(before.seq + 1), new, zero.clone(), zero];
    Step::Run { statement: &FENCE, params, expect: must }
}

async fn side_transactions_are_whole(world: World) {
    let mut side = world.store.side(Place::Main).unwrap();
    let changes = Change {
        inserts: vec![piece(1, "a", 1).cells()],
        upserts: vec![piece(1, "b", 1).cells()],
        ..Change::of(Piece::TABLE)
    };
    let first = head(&world).await;
    let elsewhere = Head { seq: 9, ..first.clone() };
    let steps = vec![fence(&first, Some(1)), Step::Change(changes), fence(&elsewhere, None)];
    let done = side.transaction(steps, false).await;
    assert_eq!(done, Ok(Applied::Done(vec![1, 2, 0])));
    assert_eq!(all::<Piece>(&mut *world.line(), 0).await.len(), 2);
    let steps = vec![fence(&head(&world).await, Some(1)), Step::Change(inserts(&[piece(1, "c", -1)]))];
    let error = side.transaction(steps, true).await.unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }));
    assert_eq!(world.line().load(0, &[], false).await.unwrap().head.seq, 1, "undone as a whole");
}

async fn side_transactions_guard(world: World) {
    let mut side = world.store.side(Place::Main).unwrap();
    let step = Step::Change(inserts(&[piece(1, "a", 1)]));
    let first = head(&world).await;
    let elsewhere = Head { seq: 5, ..first.clone() };
    let refused = side.transaction(vec![step, fence(&first, Some(1)), fence(&elsewhere, Some(1))], true).await;
    assert_eq!(refused, Ok(Applied::Refused { step: 2 }));
    assert_eq!(all::<Piece>(&mut *world.line(), 0).await, []);
    let claim = Step::Change(inserts(&[Claim { h: 1, shard: 0, seq: 1, n: 0 }]));
    assert_eq!(side.transaction(vec![claim.clone()], true).await, Ok(Applied::Done(vec![1])));
    assert_eq!(side.transaction(vec![claim], true).await, Ok(Applied::Refused { step: 0 }));
}

async fn upserts_replace(world: World) {
    let mut line = world.line();
    let upsert = |pieces: &[Piece]| Change {
        upserts: pieces.iter().cloned().map(Row::cells).collect(),
        ..Change::of(Piece::TABLE)
    };
    write(&mut *line, 0, vec![upsert(&[piece(1, "a", 1), piece(1, "b", 1)])]).await.unwrap();
    write(&mut *line, 0, vec![upsert(&[piece(1, "a", 2), piece(1, "c", 3)])]).await.unwrap();
    let expected = [piece(1, "a", 2), piece(1, "b", 1), piece(1, "c", 3)];
    assert_eq!(all::<Piece>(&mut *line, 0).await, expected);
}

async fn readers_only_read(world: World) {
    let reader = world.store.reader();
    assert_eq!(reader.query(&SHARDS, vec![]).await, Ok(vec![vec![Cell::Int(0)], vec![Cell::Int(1)]]));
    write(&mut *world.line(), 0, vec![inserts(&[piece(1, "a", 1)])]).await.unwrap();
    let snapshot = reader.load(0, vec![ask::<Piece>(vec![vec![Cell::Int(1)]])]).await.unwrap();
    assert_eq!((snapshot.head.seq, rows::<Piece>(snapshot)), (1, vec![piece(1, "a", 1)]));
    let all = join_all((0..20).map(|_| reader.query(&SHARDS, vec![]))).await;
    assert!(all.iter().all(|rows| rows.as_ref().is_ok_and(|rows| rows.len() == 2)));
    if world.engine != Engine::Memory {
        let Step::Run { statement, params, .. } = fence(&head(&world).await, None) else { panic!("a statement") };
        assert!(reader.query(statement, params).await.is_err());
    }
    assert_eq!(world.line().load(0, &[], false).await.unwrap().head.seq, 1);
}
