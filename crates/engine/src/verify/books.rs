//! Following the log: chain, accounts, holds and trails, derived batch by batch in strides.

use std::collections::{BTreeMap, BTreeSet};

use accounting::chain::Sealed;
use accounting::hold::{Hold, HoldKey, Op};
use accounting::{Account, Side};
use kernel::{AccountId, CreditLineId, RootId, TradeId};
use store::invariants::EVENTS_IN;
use store::tables::accounting::{self as rows, AccountRow, HoldRow, TransferRow, VoucherRow};
use store::tables::log::Event;
use store::tables::shard::{Batch as BatchRow, Shard};
use store::{Ask, Cell, Head, Row, StoreError};

use super::bills::Owing;
use super::book::Derived;
use super::chain::{self, Item};
use super::events::Thing;
use super::trail::{Posted, Trail};
use super::{Report, Scene, bytes, key};

/// Batches of one stride.
const STRIDE: i64 = 256;

/// Everything that the log says up to a batch.
pub(super) struct Books {
    shard: i64,
    seq: i64,
    /// The last batch; `None` before the first, and where it is missing.
    last: Option<Sealed>,
    /// Accounts as their transfers make them.
    pub(super) accounts: BTreeMap<AccountId, Derived>,
    /// Holds as their transfers make them.
    pub(super) holds: BTreeMap<TradeId, BTreeMap<HoldKey, Hold>>,
    /// What is said of each trade.
    pub(super) trails: BTreeMap<TradeId, Trail>,
    /// What is said of each credit line.
    pub(super) lines: BTreeMap<CreditLineId, Owing>,
}

/// The rows of a stride, by batch.
struct Stride {
    batches: BTreeMap<i64, Item<BatchRow>>,
    vouchers: BTreeMap<i64, Vec<Item<VoucherRow>>>,
    transfers: BTreeMap<i64, Vec<Item<TransferRow>>>,
    /// Rows of the accounts that the stride touches first.
    opened: BTreeMap<AccountId, Account>,
    events: Vec<Vec<Cell>>,
}

impl Books {
    /// Before the first batch.
    pub(super) const fn new(shard: i64) -> Self {
        Self {
            shard,
            seq: 0,
            last: None,
            accounts: BTreeMap::new(),
            holds: BTreeMap::new(),
            trails: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Up to which batch.
    pub(super) const fn seq(&self) -> i64 {
        self.seq
    }

    /// Follows the log up to the head of this moment, and holds the head against the last batch.
    pub(super) async fn follow_to_head(&mut self, scene: &Scene<'_>, report: &mut Report) -> Result<(), StoreError> {
        let head = scene.reader.load(scene.shard, Vec::new()).await?.head;
        self.follow(scene, head.seq, report).await?;
        let fits = match &self.last {
            Some(last) => {
                head == Head {
                    seq: last.header.seq,
                    epoch: last.header.writer,
                    hash: last.hash,
                    last_time: last.header.at.micros(),
                    acct_date: last.header.acct_date,
                }
            }
            None => head.seq == 0 && head.hash == accounting::chain::GENESIS && head.acct_date == 0 && head.epoch == 0,
        };
        if !fits {
            report.note("I33", Shard::TABLE, self.shard.to_string(), "is not the last batch");
        }
        Ok(())
    }

    /// Follows the log up to a batch; one that was passed already asks for nothing.
    pub(super) async fn follow(&mut self, scene: &Scene<'_>, to: i64, report: &mut Report) -> Result<(), StoreError> {
        while self.seq < to {
            let upto = self.seq.saturating_add(STRIDE).min(to);
            let mut stride = self.load(scene, upto, report).await?;
            if stride.batches.is_empty() {
                let first = self.seq + 1;
                report.note(
                    "I33",
                    BatchRow::TABLE,
                    first.to_string(),
                    format!("is missing, and so are those up to {upto}"),
                );
                (self.seq, self.last) = (to, None);
                return Ok(());
            }
            for seq in self.seq + 1..=upto {
                self.batch(seq, &mut stride, report);
            }
            for row in std::mem::take(&mut stride.events) {
                self.event(&row, report);
            }
            self.seq = upto;
        }
        Ok(())
    }

    async fn load(&self, scene: &Scene<'_>, upto: i64, report: &mut Report) -> Result<Stride, StoreError> {
        let keys: Vec<Vec<Cell>> = (self.seq + 1..=upto).map(|seq| vec![Cell::Int(seq)]).collect();
        let ask = |table| Ask { table, keys: keys.clone() };
        let asks = vec![ask(BatchRow::TABLE), ask(VoucherRow::TABLE), ask(TransferRow::TABLE)];
        let mut rows = scene.reader.load(scene.shard, asks).await?.rows.into_iter();
        let batches = by_batch::<BatchRow>(rows.next().unwrap_or_default(), report);
        let vouchers = by_batch::<VoucherRow>(rows.next().unwrap_or_default(), report);
        let transfers = by_batch::<TransferRow>(rows.next().unwrap_or_default(), report);
        let params = [scene.shard, self.seq, upto].map(Cell::Int).to_vec();
        let events = scene.query(&EVENTS_IN, params).await?;
        let opened = self.opened(scene, &transfers, report).await?;
        let batches = batches.into_iter().filter_map(|(seq, items)| Some((seq, items.into_iter().next()?))).collect();
        Ok(Stride { batches, vouchers, transfers, opened, events })
    }

    /// The accounts that these transfers touch and none before did.
    async fn opened(
        &self,
        scene: &Scene<'_>,
        transfers: &BTreeMap<i64, Vec<Item<TransferRow>>>,
        report: &mut Report,
    ) -> Result<BTreeMap<AccountId, Account>, StoreError> {
        let known = transfers.values().flatten().filter_map(|item| item.row.as_ref());
        let ids: BTreeSet<AccountId> = known.flat_map(sides).filter(|id| !self.accounts.contains_key(id)).collect();
        let keys = ids.iter().map(|id| vec![bytes(&id.0.bytes())]).collect();
        let snapshot = scene.reader.load(scene.shard, vec![Ask { table: AccountRow::TABLE, keys }]).await?;
        let mut opened = BTreeMap::new();
        for cells in snapshot.rows.into_iter().flatten() {
            let key = key::of_row(AccountRow::TABLE, &cells);
            match AccountRow::from_cells(cells).and_then(rows::account) {
                Ok(account) => drop(opened.insert(account.id, account)),
                Err(error) => report.note_unfit(AccountRow::TABLE, key, &error),
            }
        }
        Ok(opened)
    }

    fn batch(&mut self, seq: i64, stride: &mut Stride, report: &mut Report) {
        report.checked.batches += 1;
        let vouchers = stride.vouchers.remove(&seq).unwrap_or_default();
        let transfers = stride.transfers.remove(&seq).unwrap_or_default();
        report.checked.vouchers += vouchers.len() as u64;
        report.checked.transfers += transfers.len() as u64;
        let openings = self.open(&transfers, stride);
        let rows = chain::Rows { vouchers: &vouchers, transfers: &transfers, openings: &openings };
        match stride.batches.remove(&seq) {
            None => {
                report.note("I33", BatchRow::TABLE, seq.to_string(), "is missing");
                self.last = None;
            }
            Some(Item { row: None, .. }) => self.last = None,
            Some(Item { row: Some(row), .. }) => self.link(chain::sealed(row), &rows, report),
        }
        let vouchers: BTreeMap<i64, VoucherRow> =
            vouchers.into_iter().filter_map(|item| item.row.map(|row| (row.n, row))).collect();
        for item in &transfers {
            self.transfer(item, &vouchers, report);
        }
        self.trail(&vouchers, &transfers);
    }

    /// The accounts that a batch touches first are those it opened.
    fn open(&mut self, transfers: &[Item<TransferRow>], stride: &Stride) -> Vec<(AccountId, Option<Account>)> {
        let known = transfers.iter().filter_map(|item| item.row.as_ref());
        let ids: BTreeSet<AccountId> = known.flat_map(sides).filter(|id| !self.accounts.contains_key(id)).collect();
        let mut openings = Vec::with_capacity(ids.len());
        for id in ids {
            let account = stride.opened.get(&id).cloned();
            self.accounts.insert(id, Derived { account: account.clone(), ..Derived::default() });
            openings.push((id, account));
        }
        openings
    }

    fn link(&mut self, stored: Sealed, rows: &chain::Rows<'_>, report: &mut Report) {
        // After a hole the chain starts anew from what the batch says of the one before.
        let hole = self.last.is_none() && stored.header.seq > 1;
        let mut before = self.last.take();
        if hole {
            let mut fake = stored.clone();
            fake.hash = stored.header.prev_hash;
            fake.header.seq = stored.header.seq - 1;
            before = Some(fake);
        }
        if let Some(wrong) = chain::judge(before.as_ref(), &stored, rows) {
            report.note("I33", wrong.table, wrong.key, wrong.what);
        }
        self.last = Some(stored);
    }

    fn transfer(&mut self, item: &Item<TransferRow>, vouchers: &BTreeMap<i64, VoucherRow>, report: &mut Report) {
        let Some(row) = &item.row else { return };
        let note =
            |report: &mut Report, code, what: &str| report.note(code, TransferRow::TABLE, item.key.clone(), what);
        let Some(op) = chain::op(row) else { return note(report, "row", "its op and its hold do not go together") };
        let [debit, credit] = sides(row);
        let both = [(Side::Debit, debit, row.d_ver, row.d_bal), (Side::Credit, credit, row.c_ver, row.c_bal)];
        for (side, id, version, balance) in both {
            let derived = self.accounts.entry(id).or_default();
            derived.shift(op, side, row.amount);
            if !derived.runs_to(version, balance) {
                let what = format!("version or balance after it do not follow on its {} side", side.as_str());
                note(report, "I03b", &what);
            }
            Owing::note(&mut self.lines, row.seq, id, derived);
            if !derived.is_within_limits() {
                report.note(
                    "I04",
                    AccountRow::TABLE,
                    id.to_string(),
                    format!("left its limits with transfer {}", item.key),
                );
            }
        }
        let trade = vouchers.get(&row.voucher).and_then(|voucher| voucher.trade);
        if let Some(what) = op.hold().and_then(|key| self.hold(trade, key, op, row)) {
            note(report, "I04", what);
        }
    }

    /// What a transfer does to a hold; what is wrong with that.
    fn hold(&mut self, trade: Option<[u8; 16]>, key: HoldKey, op: Op, row: &TransferRow) -> Option<&'static str> {
        let Some(trade) = trade else { return Some("it is about a hold, and its voucher names no trade") };
        let holds = self.holds.entry(TradeId(RootId::from_bytes(trade))).or_default();
        let [debit, credit] = sides(row);
        match (op, holds.get_mut(&key)) {
            (Op::Post, _) => None,
            (Op::Hold(_), None) => {
                let amount = row.amount;
                holds.insert(key, Hold { key, debit, credit, amount, captured: 0, released: 0 });
                None
            }
            (Op::Hold(_), Some(_)) => Some("it opens a hold that is there already"),
            (Op::Capture(_) | Op::Release(_), None) => Some("it is about a hold that nobody opened"),
            (Op::Capture(_) | Op::Release(_), Some(hold)) => {
                if matches!(op, Op::Capture(_)) {
                    hold.captured = hold.captured.saturating_add(row.amount);
                } else {
                    hold.released = hold.released.saturating_add(row.amount);
                }
                if (hold.debit, hold.credit) != (debit, credit) {
                    return Some("it is not between the accounts of its hold");
                }
                let used = i128::from(hold.captured) + i128::from(hold.released);
                (used > i128::from(hold.amount)).then_some("it takes more than its hold has left")
            }
        }
    }

    fn trail(&mut self, vouchers: &BTreeMap<i64, VoucherRow>, transfers: &[Item<TransferRow>]) {
        let mut posted: BTreeMap<i64, Vec<Posted<'_>>> = BTreeMap::new();
        for row in transfers.iter().filter_map(|item| item.row.as_ref()) {
            let [debit, credit] =
                sides(row).map(|id| self.accounts.get(&id).and_then(|derived| derived.account.as_ref()));
            if let (Some(op), Some(debit), Some(credit)) = (chain::op(row), debit, credit) {
                posted.entry(row.voucher).or_default().push(Posted { row, op, debit, credit });
            }
        }
        for (n, transfers) in posted {
            let Some(voucher) = vouchers.get(&n) else { continue };
            let Some(trade) = voucher.trade.map(|bytes| TradeId(RootId::from_bytes(bytes))) else { continue };
            self.trails.entry(trade).or_default().book(voucher, &transfers);
        }
    }

    fn event(&mut self, row: &[Cell], report: &mut Report) {
        report.checked.events += 1;
        let [
            Cell::Int(seq),
            Cell::Int(n),
            Cell::Text(kind),
            Cell::Text(object),
            Cell::Bytes(tree),
            Cell::Int(no),
            Cell::Int(sequence),
        ] = row
        else {
            let place = row.get(..2).unwrap_or_default();
            return report.note("row", Event::TABLE, key::of(Event::TABLE, place), "names no object of a tree");
        };
        let key = format!("{seq}/{n}");
        let (tree, no) = (<[u8; 16]>::try_from(tree.as_ref()), u16::try_from(*no));
        let (Ok(tree), Ok(no), Some(thing)) = (tree, no, Thing::parse(object)) else {
            return report.note("row", Event::TABLE, key, "names no object of a tree");
        };
        let root = RootId::from_bytes(tree);
        let last = match thing {
            Thing::Bill => self.lines.entry(CreditLineId(root)).or_default().event(no, *seq, kind),
            _ => self.trails.entry(TradeId(root)).or_default().last.entry((thing, no)).or_insert(thing.born()),
        };
        if *sequence != last.sequence + 1 {
            report.note("I12", Event::TABLE, key.clone(), "its number does not follow on its object's event before");
        }
        let after = thing.after(last.state, kind);
        if after.is_none() {
            report.note("I11", Event::TABLE, key, format!("`{kind}` cannot happen in `{}`", last.state));
        }
        last.sequence = *sequence;
        last.state = after.or_else(|| thing.leads_to(kind)).unwrap_or(last.state);
    }
}

/// The two accounts of a transfer.
fn sides(row: &TransferRow) -> [AccountId; 2] {
    [row.debit, row.credit].map(|bytes| AccountId(RootId::from_bytes(bytes)))
}

/// Rows of a table of the log by the batch in their key; rows that cannot be read keep their place.
fn by_batch<R: Row>(rows: Vec<Vec<Cell>>, report: &mut Report) -> BTreeMap<i64, Vec<Item<R>>> {
    let mut batches: BTreeMap<i64, Vec<Item<R>>> = BTreeMap::new();
    for cells in rows {
        let key = key::of_row(R::TABLE, &cells);
        let seq = match cells.get(1) {
            Some(Cell::Int(seq)) => *seq,
            _ => 0,
        };
        let row = report.read(cells);
        batches.entry(seq).or_default().push(Item { key, row });
    }
    batches
}

/// A hold as its row is, noted where it is not as its transfers make it.
pub(super) fn compare_holds(
    trade: TradeId,
    derived: Option<&BTreeMap<HoldKey, Hold>>,
    stored: &BTreeMap<HoldKey, Hold>,
    report: &mut Report,
) {
    let nothing = BTreeMap::new();
    let derived = derived.unwrap_or(&nothing);
    let keys: BTreeSet<HoldKey> = derived.keys().chain(stored.keys()).copied().collect();
    for key in keys {
        let what = match (derived.get(&key), stored.get(&key)) {
            (Some(derived), Some(stored)) if derived == stored => continue,
            (Some(_), Some(_)) => "is not what its transfers make it",
            (Some(_), None) => "is missing: transfers opened it",
            (None, _) => "was opened by no transfer",
        };
        report.note("I04", HoldRow::TABLE, key::hold(trade, key.number()), what);
    }
}
