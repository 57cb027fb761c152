//! Everything of a trade in one document.
//!
//! 1. One snapshot brings the trade's tree, and says as of which batch.
//! 2. The projections, once they have come that far, name the batches up to it that wrote about the trade, with the ranges
//!    of what they wrote. The log never changes, so all of it is as of that batch.
//! 3. Three more snapshots bring the vouchers, transfers and events of these ranges, the accounts of the transfers, and the
//!    bodies of the events that point elsewhere.
//!
//! The trades that a combined one pays are read in the same way, one after another.
//!
//! A range may hold rows of other trades (two requests for one trade in one batch); they are left out.

use std::collections::BTreeSet;

use channel::Orders;
use kernel::{Problem, TradeId};
use payment::Payments;
use serde_json::value::RawValue;
use store::tables::derived::TradeBatch;
use store::tables::log::Event;
use store::unit::{Kept as _, Key, Memory};
use store::{Ask, Cell, Row as _};
use trade::Trade;

use super::booked::{Booked, Places};
use super::objects::there;
use super::shard::OfShard;
use super::{Found, Queries, broken, bytes, inconsistent};
use crate::events::LogEvent;
use crate::wire;

impl Queries {
    /// Everything that belongs to a trade; `whole`, with everything that belongs to the trades it pays.
    ///
    /// # Errors
    /// When the store cannot be read, or the projections are behind.
    pub async fn chain(&self, id: TradeId, whole: bool) -> Result<Option<Found>, Problem> {
        let keys: BTreeSet<Key> = [Trade::key(id), Payments::key(id), Orders::key(id)].into();
        let home = self.home(id.0.bucket())?;
        let tree = home.snapshot(Memory::asks(&keys)).await?;
        let mut memory = Memory::default();
        memory.absorb(&keys, tree.rows).map_err(inconsistent)?;
        let Some(trade) = there::<Trade>(&memory, id) else { return Ok(None) };

        home.caught_up(false).await?;
        let mut batches = home.batches_of(id).await?;
        batches.retain(|batch| batch.seq <= tree.head.seq);
        let vouchers = places(&batches, |batch| (batch.vouchers_from, batch.vouchers_to));
        let transfers = places(&batches, |batch| (batch.transfers_from, batch.transfers_to));
        let told = places(&batches, |batch| (batch.events_from, batch.events_to));

        let mut asks = Booked::asks(&vouchers, &transfers);
        asks.push(Ask {
            table: Event::TABLE,
            keys: told.iter().map(|(seq, n)| vec![Cell::Int(*seq), Cell::Int(*n)]).collect(),
        });
        let mut rows = home.snapshot(asks).await?.rows;
        let told = rows.pop().unwrap_or_default();
        let mut booked = Booked::read(rows).map_err(inconsistent)?;
        booked.retain(|voucher| voucher.trade == Some(id.0.bytes()));
        let booked = home.with_accounts(booked).await?;
        let vouchers = booked.vouchers(&self.salt()).ok_or_else(broken)?;
        let events = home.told(id, told).await?;
        let shown = |event| RawValue::from_string(self.shown(event)?).map_err(|_| broken());
        let events = events.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
        let payments = there::<Payments>(&memory, id);
        let orders = there::<Orders>(&memory, id);
        let mut children = Vec::new();
        for child in trade.children.iter().filter(|_| whole) {
            let found = Box::pin(self.chain(child.trade, false)).await?.ok_or_else(broken)?;
            children.push(RawValue::from_string(found.body).map_err(|_| broken())?);
        }
        let body = wire::chain::json(&trade, payments.as_deref(), orders.as_deref(), vouchers, &events, &children);
        Ok(Some(Found { merchant: Some(trade.context.merchant), body }))
    }
}

impl OfShard {
    async fn batches_of(&self, id: TradeId) -> Result<Vec<TradeBatch>, Problem> {
        let ask = Ask { table: TradeBatch::TABLE, keys: vec![vec![bytes(id.0)]] };
        let rows = self.snapshot(vec![ask]).await?.rows.into_iter().flatten();
        rows.map(TradeBatch::from_cells).collect::<Result<_, _>>().map_err(inconsistent)
    }

    /// The trade's events among these rows, with their bodies.
    async fn told(&self, id: TradeId, rows: Vec<Vec<Cell>>) -> Result<Vec<LogEvent>, Problem> {
        let rows = rows.into_iter().map(Event::from_cells).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let own = rows.into_iter().filter(|row| row.tree == Some(id.0.bytes())).collect();
        self.with_bodies(own).await
    }
}

fn places(batches: &[TradeBatch], range: impl Fn(&TradeBatch) -> (i64, i64)) -> Places {
    let of = |batch: &TradeBatch| {
        let (from, to) = range(batch);
        let seq = batch.seq;
        (from..to).map(move |n| (seq, n))
    };
    batches.iter().flat_map(of).collect()
}
