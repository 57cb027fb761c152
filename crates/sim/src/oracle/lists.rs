//! The projections: followed to the end they are the same as made anew.

use engine::query::watermark::Watermark;
use engine::work::projections::Projections;
use futures::executor::block_on;
use store::{Ask, Cell, Place, Store, StoreError, Table};

/// Batches taken in at a time.
const STRIDE: usize = 256;

/// What differs.
pub(super) fn differences(store: &Store) -> Result<Vec<String>, String> {
    compared(store).map_err(|error| format!("{error}: {}", error.detail()))
}

fn compared(store: &Store) -> Result<Vec<String>, StoreError> {
    let side = store.side(Place::Derived)?;
    let mut projections = Projections::new(0, store.reader(), side, Watermark::default());
    follow(&mut projections)?;
    let followed = read(store)?;
    block_on(projections.rebuild())?;
    follow(&mut projections)?;
    let anew = read(store)?;
    let differing = followed.into_iter().zip(anew).filter(|(followed, anew)| followed != anew);
    Ok(differing.map(|((table, _), _)| format!("{} is not what the log says", table.name)).collect())
}

fn follow(projections: &mut Projections) -> Result<(), StoreError> {
    while block_on(projections.tick(STRIDE))?.more {}
    Ok(())
}

/// A projection's table with all its rows.
type Listed = (&'static Table, Vec<Vec<Cell>>);

/// Every row of every projection.
fn read(store: &Store) -> Result<Vec<Listed>, StoreError> {
    let tables = store::tables::derived::TABLES;
    let asks = tables.iter().map(|table| Ask { table, keys: vec![Vec::new()] }).collect();
    let snapshot = block_on(store.reader().load(0, asks))?;
    Ok(tables.iter().copied().zip(snapshot.rows).collect())
}
