//! A stretch of the log from the batches that a line of this process has just written, instead of from the store.

use std::collections::BTreeMap;

use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::channel::EvidenceRow;
use store::tables::log::Event;
use store::tables::payment::RefundRow;
use store::tables::shard::Batch;
use store::tables::trade::TradeRow;
use store::{Cell, Cells, Inconsistent, Row, Text, Work};

use super::fold::{Bytes, Stretch, Told};

/// The stretch that these batches are.
pub(super) fn stretch(shard: i64, works: Vec<Work>) -> Result<Stretch, Inconsistent> {
    let mut stretch = Stretch { shard, ..Stretch::default() };
    for work in works {
        let mut new = New(work.changes.into_iter().map(|change| (change.table.name, change.inserts)).collect());
        stretch.batches.extend(new.rows::<Batch>()?);
        stretch.vouchers.extend(new.rows::<VoucherRow>()?);
        stretch.transfers.extend(new.rows::<TransferRow>()?);
        let events = new.cells::<Event>();
        let numbers = Numbers::of(new)?;
        for row in events {
            let mut told = told(row)?;
            told.number = numbers.of_told(&told);
            stretch.told.push(told);
        }
    }
    Ok(stretch)
}

/// The new rows of a batch by their tables.
struct New(BTreeMap<&'static str, Vec<Vec<Cell>>>);

impl New {
    fn cells<R: Row>(&mut self) -> Vec<Vec<Cell>> {
        self.0.remove(R::TABLE.name).unwrap_or_default()
    }

    fn rows<R: Row>(&mut self) -> Result<Vec<R>, Inconsistent> {
        self.cells::<R>().into_iter().map(R::from_cells).collect()
    }
}

/// The numbers that others gave the objects of a batch: what [`store::tables::derived::TOLD`] finds in the store.
struct Numbers {
    trades: BTreeMap<Bytes, Text>,
    refunds: BTreeMap<(Bytes, i64), Option<Text>>,
    suspects: BTreeMap<Bytes, Option<Text>>,
}

impl Numbers {
    fn of(mut new: New) -> Result<Self, Inconsistent> {
        let trades = new.rows::<TradeRow>()?.into_iter().map(|row| (row.trade, row.merchant_order_id));
        let refunds = new.rows::<RefundRow>()?.into_iter().map(|row| ((row.trade, row.no), row.merchant_refund_id));
        let (trades, refunds) = (trades.collect(), refunds.collect());
        let mut suspects: BTreeMap<Bytes, Option<Text>> = BTreeMap::new();
        for row in new.rows::<EvidenceRow>()?.into_iter().filter(|row| row.outcome == "suspect") {
            let greatest = suspects.entry(row.trade).or_default();
            *greatest = row.channel_no.max(greatest.take());
        }
        Ok(Self { trades, refunds, suspects })
    }

    fn of_told(&self, told: &Told) -> Option<Text> {
        let tree = told.tree?;
        match told.kind.as_str() {
            "trade.created" => self.trades.get(&tree).cloned(),
            "refund.created" => self.refunds.get(&(tree, told.no)).cloned().flatten(),
            "case.opened" => self.suspects.get(&tree).cloned().flatten(),
            _ => None,
        }
    }
}

/// What an event says, as far as the lists want to know; its body stays packed.
fn told(row: Vec<Cell>) -> Result<Told, Inconsistent> {
    let mut cells = Cells::new(Event::TABLE, row);
    let _shard = cells.int()?;
    let (seq, n, kind) = (cells.int()?, cells.int()?, cells.text()?.into());
    let merchant = cells.optional(Cells::fixed)?;
    let _object = cells.text()?;
    Ok(Told { seq, n, kind, merchant, tree: cells.optional(Cells::fixed)?, no: cells.int()?, number: None })
}
