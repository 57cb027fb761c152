//! The oracle: what must be true, known from outside of the product.
//!
//! It knows three things that the product cannot have invented: what callers asked and were told, what the institution
//! did by its own truth, and arithmetic. [`answers`] judges every answer as it comes; [`ends`] holds callers' memories
//! against what there is in the end; [`money`] derives every owner's sum anew; [`truth`] holds every word on record
//! against the institution's own, both ways; [`lists`] makes the projections anew and compares; [`transit`] follows money
//! from shard to shard; [`dues`] says where the money of parts of a trade must be; [`bills`] bills credit lines again;
//! [`rules`] asks the rule books again, [`velocity`] counts anew what they limit, [`refused`] follows what an institution
//! would not give back, and [`risk`] what was heard of the risk service. The verifier's invariants are looked at beside it,
//! during a run and in its end.

mod answers;
mod bills;
mod blocks;
mod carts;
mod dues;
mod ends;
mod lists;
mod money;
mod refused;
mod risk;
mod rows;
mod rules;
mod transit;
mod truth;
mod velocity;

use std::collections::BTreeMap;

use ::rules::Shelf;
use channel::sandbox::bank::BankOrder;
use engine::place_id::{PlaceId, Placed};
use engine::query::Queries;
use engine::verify::{self, Finding, Options};
use engine::work::webhooks::DEAD;
use futures::executor::block_on;
use kernel::message::risk::Switch;
use kernel::{CaseId, Owner, Shards, Time, TradeId};
use store::tables::accounting::{AccountRow, TRIAL};
use store::{Cell, Head, Store};

pub(crate) use self::answers::{Seen, misfit};
use self::rows::Rows;
pub(crate) use self::transit::{on_its_way, parked};
use crate::callers::Callers;
use crate::node::SCHEDULE_S;
use crate::plan::Blocked;
use crate::risk::RiskModel;
use crate::wire::Hearing;

/// Most findings of one kind that are told.
const ENOUGH: usize = 8;

/// The end of a run.
pub(crate) struct Scene<'a> {
    pub(crate) store: &'a Store,
    pub(crate) shards: Shards,
    pub(crate) queries: &'a Queries,
    pub(crate) callers: &'a Callers,
    pub(crate) seen: &'a Seen,
    pub(crate) institution: Vec<BankOrder>,
    /// What who listens to webhooks was told, by the events' ids, if anybody does.
    pub(crate) told: Option<BTreeMap<String, Hearing>>,
    /// The rule books that everything went by.
    pub(crate) rules: &'a Shelf,
    /// Whom or what risk control lets pay nothing.
    pub(crate) blocked: Option<&'a Blocked>,
    /// What is switched off.
    pub(crate) switched: Option<Switch>,
    /// The outside risk service.
    pub(crate) risk: &'a RiskModel,
    /// What ids of events are made with.
    pub(crate) salt: [u8; 32],
    pub(crate) now: Time,
}

impl Scene<'_> {
    /// What is not as it must be, in words.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn differences(&self) -> Result<Vec<String>, String> {
        let rows = Rows::read(self.store, self.shards)?;
        let mut found = ends::differences(self, &rows)?;
        found.extend(truth::differences(self, &rows));
        found.extend(money::differences(self, &rows));
        found.extend(dues::differences(self, &rows));
        found.extend(carts::differences(self, &rows));
        found.extend(bills::differences(self, &rows)?);
        found.extend(self::rules::differences(self, &rows));
        found.extend(velocity::differences(self, &rows));
        found.extend(blocks::differences(self, &rows));
        found.extend(refused::differences(self, &rows));
        found.extend(risk::differences(self, &rows));
        found.extend(transit::differences(self, &rows)?);
        found.extend(lists::differences(self.store, self.shards)?);
        found.extend(self.unheard()?);
        found.truncate(ENOUGH);
        Ok(found)
    }
}

impl Scene<'_> {
    /// Every event was heard, and nothing else; or it was refused as often as the schedule has attempts, and is on record
    /// as given up.
    fn unheard(&self) -> Result<Vec<String>, String> {
        let Some(told) = &self.told else { return Ok(Vec::new()) };
        let events = rows::all::<store::tables::log::Event>(self.store, self.shards)?;
        let id = |event: &store::tables::log::Event| {
            PlaceId { shard: event.shard, seq: event.seq, n: event.n }.text(Placed::Event, &self.salt)
        };
        let ours: BTreeMap<String, &store::tables::log::Event> =
            events.iter().map(|event| (id(event), event)).collect();
        let parked = rows::all::<store::tables::log::Parked>(self.store, self.shards)?;
        let dead: BTreeMap<(i64, i64, i64), usize> = parked
            .iter()
            .filter(|row| row.reader.starts_with("webhooks:") && Time::from_micros(row.due) == DEAD)
            .map(|row| ((row.shard, row.seq, row.n), usize::try_from(row.attempts).unwrap_or(0)))
            .collect();
        let is_given_up = |event: &store::tables::log::Event, refused: usize| {
            let attempts = dead.get(&(event.shard, event.seq, event.n)).copied().unwrap_or(0);
            attempts.min(refused) > SCHEDULE_S.len()
        };
        let is_heard = |id: &str, event| {
            let Hearing { heard, refused } = told.get(id).copied().unwrap_or_default();
            heard || is_given_up(event, refused)
        };
        let unheard = ours.iter().filter(|(id, event)| !is_heard(id, event));
        let unheard = unheard.map(|(id, event)| format!("event {id}, {}, was never heard", event.r#type));
        let others = told.keys().filter(|id| !ours.contains_key(*id));
        Ok(unheard.chain(others.map(|id| format!("event {id} is none of ours"))).collect())
    }
}

/// What the verifier finds in all shards; with a moment, also what still waits past its time. Where an account is frozen,
/// that nothing on record says so is no finding.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn invariants(store: &Store, quiesced_at: Option<Time>, frozen: bool) -> Result<Vec<String>, String> {
    let reports = block_on(verify::run_all(&*store.reader(), Options { quiesced_at }));
    let reports = reports.map_err(|error| format!("{error}: {}", error.detail()))?;
    let all = reports.iter().flat_map(|report| &report.findings);
    let known = |finding: &Finding| frozen && finding.invariant == "I03" && finding.what.starts_with("`credit_frozen`");
    Ok(all.filter(|finding| !known(finding)).take(ENOUGH).map(ToString::to_string).collect())
}

/// The cheapest invariant: debit equals credit, posted and held, in every shard and currency of this world.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn sums(store: &Store, shards: Shards) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for (shard, currency) in shards.all().flat_map(|shard| ["CNY", "USD"].map(|currency| (shard, currency))) {
        let params = vec![Cell::Int(shard), Cell::text(currency)];
        let lines = block_on(store.reader().query(&TRIAL, params)).map_err(|error| error.to_string())?;
        let column = |place: usize| -> i64 {
            let figure = |line: &Vec<Cell>| match line.get(place) {
                Some(Cell::Int(figure)) => *figure,
                _ => 0,
            };
            lines.iter().map(figure).sum()
        };
        if column(2) != column(3) || column(4) != column(5) {
            found.push(format!("debit and credit of {currency} differ"));
        }
    }
    Ok(found)
}

/// Every case that waits.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn open_cases(store: &Store, shards: Shards) -> Result<Vec<CaseId>, String> {
    rows::open_cases(store, shards)
}

/// The first case of a trade that waits.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn first_open_case(store: &Store, shards: Shards, trade: TradeId) -> Result<Option<CaseId>, String> {
    rows::first_open_case(store, shards, trade)
}

/// What is wrong with an offer: what it suggests is what is due.
pub(crate) fn odd_offer(body: &str) -> Option<String> {
    answers::odd_offer(body)
}

/// A user's own money in the user's shard, as a row; `None` where there never was any.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn balance(store: &Store, home: i64, owner: &Owner) -> Result<Option<AccountRow>, String> {
    let rows = rows::of_shard::<AccountRow>(store, home)?;
    Ok(rows.into_iter().find(|row| row.owner == owner.to_string() && row.subject == "2001"))
}

/// How many payments there are, and where the shards stand.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn payments_and_heads(store: &Store, shards: Shards) -> Result<(usize, Vec<Head>), String> {
    let (mut payments, mut heads) = (0, Vec::new());
    for shard in shards.all() {
        let ask = store::Ask { table: payment_table(), keys: vec![Vec::new()] };
        let snapshot = block_on(store.reader().load(shard, vec![ask])).map_err(|error| error.to_string())?;
        payments += snapshot.rows.iter().map(Vec::len).sum::<usize>();
        heads.push(snapshot.head);
    }
    Ok((payments, heads))
}

fn payment_table() -> &'static store::Table {
    <store::tables::payment::PaymentRow as store::Row>::TABLE
}
