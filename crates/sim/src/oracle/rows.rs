//! What there is: every trade with everything under it, every coupon, every gift, every grant of points, every account, as of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use accounting::Account;
use channel::Orders;
use futures::executor::block_on;
use kernel::{CaseId, CouponId, GiftId, PointsGrantId, RootId, Shards, TradeId};
use payment::case::CaseStatus;
use payment::{Coupon, Gift, Payments, PointsGrant};
use store::tables::accounting::AccountRow;
use store::tables::payment::CaseRow;
use store::tables::trade::TradeRow;
use store::unit::{Key, Memory};
use store::{Ask, Cell, Row, Store};
use trade::Trade;

/// A trade with everything under it.
pub(crate) struct Tree {
    pub(crate) trade: Arc<Trade>,
    pub(crate) payments: Option<Arc<Payments>>,
    pub(crate) orders: Option<Arc<Orders>>,
}

/// Everything, of all shards.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) trees: BTreeMap<TradeId, Tree>,
    pub(crate) coupons: Vec<Arc<Coupon>>,
    pub(crate) gifts: Vec<Arc<Gift>>,
    pub(crate) grants: Vec<Arc<PointsGrant>>,
    pub(crate) accounts: Vec<Account>,
}

impl Rows {
    /// Reads it.
    ///
    /// # Errors
    /// When the store cannot be read, or a row is none.
    pub(crate) fn read(store: &Store, shards: Shards) -> Result<Self, String> {
        let mut rows = Self::default();
        for shard in shards.all() {
            rows.add(store, shard)?;
        }
        Ok(rows)
    }

    fn add(&mut self, store: &Store, shard: i64) -> Result<(), String> {
        let trades: BTreeSet<TradeId> =
            of_shard::<TradeRow>(store, shard)?.into_iter().map(|row| TradeId(RootId::from_bytes(row.trade))).collect();
        let coupons: Vec<CouponId> = ids(store, shard, "coupon")?.into_iter().map(CouponId).collect();
        let gifts: Vec<GiftId> = ids(store, shard, "gift")?.into_iter().map(GiftId).collect();
        let grants: Vec<PointsGrantId> = ids(store, shard, "points_grant")?.into_iter().map(PointsGrantId).collect();
        let of_trade = |id: &TradeId| [Key::Trade(*id), Key::Payments(*id), Key::Orders(*id)];
        let mut keys: BTreeSet<Key> = trades.iter().flat_map(of_trade).collect();
        keys.extend(coupons.iter().map(|id| Key::Coupon(*id)));
        keys.extend(gifts.iter().map(|id| Key::Gift(*id)));
        keys.extend(grants.iter().map(|id| Key::PointsGrant(*id)));
        let mut memory = Memory::default();
        let snapshot = block_on(store.reader().load(shard, Memory::asks(&keys))).map_err(|error| error.to_string())?;
        memory.absorb(&keys, snapshot.rows).map_err(|error| error.to_string())?;
        let tree = |id: TradeId| {
            let trade = memory.get::<Trade>(id).flatten()?;
            let payments = memory.get::<Payments>(id).flatten();
            Some((id, Tree { trade, payments, orders: memory.get::<Orders>(id).flatten() }))
        };
        self.trees.extend(trades.into_iter().filter_map(tree));
        self.coupons.extend(coupons.into_iter().filter_map(|id| memory.get::<Coupon>(id).flatten()));
        self.gifts.extend(gifts.into_iter().filter_map(|id| memory.get::<Gift>(id).flatten()));
        self.grants.extend(grants.into_iter().filter_map(|id| memory.get::<PointsGrant>(id).flatten()));
        for row in of_shard::<AccountRow>(store, shard)? {
            self.accounts.push(store::tables::accounting::account(row).map_err(|error| error.to_string())?);
        }
        Ok(())
    }
}

/// Every case that waits, in the order of their ids.
pub(super) fn open_cases(store: &Store, shards: Shards) -> Result<Vec<CaseId>, String> {
    let mut waiting = waiting(all(store, shards)?)?;
    waiting.sort();
    Ok(waiting)
}

/// The first case of a trade that waits.
pub(super) fn first_open_case(store: &Store, shards: Shards, trade: TradeId) -> Result<Option<CaseId>, String> {
    let rows = of_key(store, shards.of(trade.0.bucket()), vec![Cell::bytes(trade.0.bytes())])?;
    Ok(waiting(rows)?.into_iter().next())
}

fn waiting(rows: Vec<CaseRow>) -> Result<Vec<CaseId>, String> {
    let open = rows.into_iter().filter(|row| row.status != CaseStatus::Closed.as_str());
    let id = |row: CaseRow| {
        let no = u16::try_from(row.no).map_err(|error| error.to_string())?;
        Ok(CaseId::new(TradeId(RootId::from_bytes(row.trade)), no))
    };
    open.map(id).collect()
}

/// Every id of a table whose rows are found by one; its columns are the store's own.
fn ids(store: &Store, shard: i64, table: &str) -> Result<Vec<RootId>, String> {
    let tables = store::tables::all().into_iter().filter(|known| known.name == table);
    let asks = tables.map(|table| Ask { table, keys: vec![Vec::new()] }).collect();
    let snapshot = block_on(store.reader().load(shard, asks)).map_err(|error| error.to_string())?;
    let id = |row: Vec<Cell>| match row.get(1) {
        Some(Cell::Bytes(bytes)) => Some(RootId::from_bytes(bytes.as_ref().try_into().ok()?)),
        _ => None,
    };
    Ok(snapshot.rows.into_iter().flatten().filter_map(id).collect())
}

/// Every row of a table that a shard has; of one that no shard has for itself, every row.
pub(super) fn of_shard<R: Row>(store: &Store, shard: i64) -> Result<Vec<R>, String> {
    of_key(store, shard, Vec::new())
}

/// The rows of a table that a shard has under the beginning of a key.
fn of_key<R: Row>(store: &Store, shard: i64, key: Vec<Cell>) -> Result<Vec<R>, String> {
    let ask = Ask { table: R::TABLE, keys: vec![key] };
    let snapshot = block_on(store.reader().load(shard, vec![ask])).map_err(|error| error.to_string())?;
    let rows = snapshot.rows.into_iter().flatten().map(R::from_cells);
    rows.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Every row of a table that each shard has for itself.
pub(super) fn all<R: Row>(store: &Store, shards: Shards) -> Result<Vec<R>, String> {
    let mut rows = Vec::new();
    for shard in shards.all() {
        rows.extend(of_shard::<R>(store, shard)?);
    }
    Ok(rows)
}
