//! Trees against the log: every trade with all that belongs to it, as it stands, and what was said and booked of it.

use std::collections::{BTreeMap, BTreeSet};

use channel::Orders;
use channel::order::Outcome;
use kernel::{BillId, CaseId, CreditLineId, DisputeId, OrderId, PaymentId, RefundId, RootId, TradeId};
use payment::Payments;
use store::invariants::{Over, TRADES_AFTER};
use store::tables::accounting::Holds;
use store::tables::channel::OrderRow;
use store::tables::log::Event;
use store::tables::payment::{BillRow, CaseRow, DisputeRow, PaymentRow, RefundRow};
use store::tables::trade::TradeRow;
use store::unit::{Key, Memory};
use store::{Cell, Row as _, StoreError, Table};
use trade::Trade;

use super::books::{self, Books};
use super::counters::Counted;
use super::events::Thing;
use super::trail::Trail;
use super::{Report, Scene, answers, bytes, id, money, statements, tasks};
use crate::tasks::timers;

/// Trades read at once.
const CHUNK: i64 = 500;

/// Checks every trade, range by range.
pub(super) async fn check(
    scene: &Scene<'_>,
    books: &mut Books,
    mut counted: Option<&mut Counted<'_>>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let params = vec![Cell::Int(scene.shard), bytes(&after), Cell::Int(CHUNK)];
        let ids = scene.query(&TRADES_AFTER, params).await?;
        let upto = statements::end_of(&ids, CHUNK);
        let range = [bytes(&after), bytes(&upto)];
        statements::over(scene, Over::Trades, &range, report).await?;
        if let Some(at) = scene.options.quiesced_at {
            let [from, to] = range;
            statements::over(scene, Over::Deadlines, &[from, to, Cell::Int(at.micros())], report).await?;
        }
        let trades = ids.iter().filter_map(|row| id(row)).map(|bytes| TradeId(RootId::from_bytes(bytes))).collect();
        chunk(scene, books, counted.as_deref_mut(), trades, report).await?;
        if upto == statements::LAST {
            return Ok(());
        }
        after = upto;
    }
}

async fn chunk(
    scene: &Scene<'_>,
    books: &mut Books,
    mut counted: Option<&mut Counted<'_>>,
    trades: BTreeSet<TradeId>,
    report: &mut Report,
) -> Result<(), StoreError> {
    report.checked.trades += trades.len() as u64;
    let memory = load(scene, books, &trades, report).await?;
    let mut numbers = Vec::new();
    let nothing = Trail::default();
    for trade in &trades {
        scene.check_home(trade.0.bucket(), TradeRow::TABLE, trade.to_string(), report);
        let Some(Some(root)) = memory.get::<Trade>(*trade) else { continue };
        let payments = memory.get::<Payments>(*trade).flatten();
        let orders = memory.get::<Orders>(*trade).flatten();
        let holds = memory.get::<Holds>(*trade).flatten().map(|state| state.holds.clone()).unwrap_or_default();
        let trail = books.trails.get(trade).unwrap_or(&nothing);
        if let (Some(counted), Some(payments)) = (&mut counted, payments.as_deref()) {
            counted.count(&root, payments, report);
        }
        compare_states(&root, payments.as_deref(), trail, report);
        books::compare_holds(*trade, books.holds.get(trade), &holds, report);
        money::compare(&root, payments.as_deref(), orders.as_deref(), &holds, trail, report);
        numbers.extend(orders.iter().flat_map(|orders| numbers_of(orders)));
    }
    answers::check_numbers(scene, numbers, report).await?;
    let wanted = trades.iter().flat_map(|trade| timers(&memory, &Memory::default(), *trade)).collect();
    tasks::check_timers(scene, &wanted, report).await
}

/// The trees of these trades as of one moment, up to which the log has been followed then.
async fn load(
    scene: &Scene<'_>,
    books: &mut Books,
    trades: &BTreeSet<TradeId>,
    report: &mut Report,
) -> Result<Memory, StoreError> {
    let keys: BTreeSet<Key> = trades.iter().flat_map(|trade| keys_of(*trade)).collect();
    let snapshot = scene.reader.load(scene.shard, Memory::asks(&keys)).await?;
    books.follow(scene, snapshot.head.seq, report).await?;
    let mut memory = Memory::default();
    if memory.absorb(&keys, snapshot.rows).is_ok() {
        return Ok(memory);
    }
    // One of them fits no state: each by itself, so that it can be named and the others looked at.
    let mut memory = Memory::default();
    for (trade, key) in trades.iter().flat_map(|trade| keys_of(*trade).map(|key| (*trade, key))) {
        let keys = BTreeSet::from([key]);
        let snapshot = scene.reader.load(scene.shard, Memory::asks(&keys)).await?;
        books.follow(scene, snapshot.head.seq, report).await?;
        if let Err(error) = memory.absorb(&keys, snapshot.rows) {
            report.note_unfit(table(error.table), trade.to_string(), &error);
        }
    }
    Ok(memory)
}

fn keys_of(trade: TradeId) -> [Key; 4] {
    [Key::Trade(trade), Key::Payments(trade), Key::Orders(trade), Key::Holds(trade)]
}

/// The table of a tree with this name.
fn table(name: &str) -> &'static Table {
    store::invariants::tree_tables().find(|table| table.name == name).unwrap_or(TradeRow::TABLE)
}

/// Every object stands where its last event left it, and has had as many as it counts.
fn compare_states(root: &Trade, payments: Option<&Payments>, trail: &Trail, report: &mut Report) {
    let trade = root.id;
    let mut objects = BTreeMap::from([((Thing::Trade, 0), (root.sequence, root.status.as_str()))]);
    if let Some(state) = payments {
        let of_payments = state.payments.iter().map(|it| ((Thing::Payment, it.no), (it.sequence, it.status.as_str())));
        let of_refunds = state.refunds.iter().map(|it| ((Thing::Refund, it.no), (it.sequence, it.status.as_str())));
        let of_cases = state.cases.iter().map(|it| ((Thing::Case, it.no), (it.sequence, it.status.as_str())));
        let of_disputes = state.disputes.iter().map(|it| ((Thing::Dispute, it.no), (it.sequence, it.status.as_str())));
        objects.extend(of_payments.chain(of_refunds).chain(of_disputes).chain(of_cases));
    }
    for ((thing, no), (sequence, status)) in &objects {
        let last = trail.last.get(&(*thing, *no)).copied().unwrap_or(thing.born());
        let (table, key) = name(trade, *thing, *no);
        if last.sequence != *sequence {
            report.note("I12", table, key.clone(), "has not had as many events as it counts");
        }
        if last.state != *status {
            report.note("I11b", table, key, format!("stands elsewhere than its last event left it, `{}`", last.state));
        }
    }
    for (thing, no) in trail.last.keys().filter(|object| !objects.contains_key(*object)) {
        let (_, key) = name(trade, *thing, *no);
        report.note("I12", Event::TABLE, key, "there are events of it, and it does not exist");
    }
}

fn name(trade: TradeId, thing: Thing, no: u16) -> (&'static Table, String) {
    match thing {
        Thing::Trade => (TradeRow::TABLE, trade.to_string()),
        Thing::Payment => (PaymentRow::TABLE, PaymentId::new(trade, no).to_string()),
        Thing::Refund => (RefundRow::TABLE, RefundId::new(trade, no).to_string()),
        Thing::Dispute => (DisputeRow::TABLE, DisputeId::new(trade, no).to_string()),
        Thing::Case => (CaseRow::TABLE, CaseId::new(trade, no).to_string()),
        Thing::Bill => (BillRow::TABLE, BillId::new(CreditLineId(trade.0), no).to_string()),
    }
}

/// The institutions' numbers that orders of a trade must have claimed.
fn numbers_of(orders: &Orders) -> Vec<answers::Number> {
    let number = |no: u16, value: &Option<String>| {
        let order = orders.get(no)?;
        let (channel_account, value) = (order.channel_account.clone(), value.clone()?);
        Some(answers::Number { channel_account, value, order: OrderId::new(orders.trade, no), table: OrderRow::TABLE })
    };
    let of_orders = orders.orders.iter().filter_map(|order| number(order.no, &order.channel_no));
    let claims = [Outcome::Paid, Outcome::Disputed, Outcome::DisputeLost];
    let named = orders.evidence.iter().filter(|word| claims.contains(&word.outcome));
    of_orders.chain(named.filter_map(|word| number(word.order, &word.channel_no))).collect()
}
