//! The projections: followed to the end they are the same as made anew.

use engine::query::watermark::Watermark;
use engine::work::projections::Projections;
use futures::executor::block_on;
use kernel::Shards;
use store::{Ask, Cell, Place, Store, StoreError, Table};

/// Batches taken in at a time.
const STRIDE: usize = 256;

/// What differs.
pub(super) fn differences(store: &Store, shards: Shards) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for shard in shards.all() {
        found.extend(compared(store, shard).map_err(|error| format!("{error}: {}", error.detail()))?);
    }
    Ok(found)
}

fn compared(store: &Store, shard: i64) -> Result<Vec<String>, StoreError> {
    let side = store.side(Place::Derived)?;
    let mut projections = Projections::new(shard, store.reader(), side, Watermark::default());
    follow(&mut projections)?;
    let followed = read(store, shard)?;
    block_on(projections.rebuild())?;
    follow(&mut projections)?;
    let anew = read(store, shard)?;
    let differing = followed.into_iter().zip(anew).filter(|(followed, anew)| followed != anew);
    Ok(differing.map(|((table, _), _)| format!("{} is not what the log says", table.name)).collect())
}

fn follow(projections: &mut Projections) -> Result<(), StoreError> {
    while block_on(projections.tick(STRIDE))?.more {}
    Ok(())
}

/// A projection's table with all its rows.
type Listed = (&'static Table, Vec<Vec<Cell>>);

/// Every row of every projection of a shard.
fn read(store: &Store, shard: i64) -> Result<Vec<Listed>, StoreError> {
    let tables = store::tables::derived::TABLES;
    let asks = tables.iter().map(|table| Ask { table, keys: vec![Vec::new()] }).collect();
    let snapshot = block_on(store.reader().load(shard, asks))?;
    Ok(tables.iter().copied().zip(snapshot.rows).collect())
}
