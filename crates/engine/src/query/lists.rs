//! Lists of trades, cases and disputes, newest first: the projection says which, the rows themselves say what.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;
use kernel::{Owner, PointsGrantId, Problem, RootId, Time, TradeId, UserId};
use payment::{Payments, PointsGrant};
use store::tables::derived::{
    CASES, CASES_IN, CASES_OF, CASES_OF_IN, CaseList, DISPUTES, DISPUTES_IN, DISPUTES_OF, DISPUTES_OF_IN, DisputeList,
    GRANTS_OF, GrantList, TRADES, TRADES_IN, TRADES_OF, TRADES_OF_IN, TradeList,
};
use store::unit::Kept as _;
use store::{Cell, Cells, Inconsistent, Row as _, Statement, Table};
use trade::Trade;

use super::merge::{Places, merge};
use super::objects::there;
use super::shard::OfShard;
use super::{Filter, Page, Part, Queries, bytes, inconsistent, no_place, one_more};
use crate::wire;

/// Statements by what they filter: nothing, the status, the merchant, both.
type Statements = [&'static Statement; 4];

impl Queries {
    /// Trades, newest first.
    pub async fn trades(&self, filter: Filter, part: Part) -> Result<Page, Problem> {
        let Recorded { trees, next, as_of } = self.recorded(&filter, &part).await?;
        let data = trees.iter().map(|(trade, payments)| wire::trade::json(trade, payments.as_deref())).collect();
        Ok(Page { data, next, as_of })
    }

    /// Trades with their payments, newest first.
    pub(super) async fn recorded(&self, filter: &Filter, part: &Part) -> Result<Recorded, Problem> {
        let before = match &part.after {
            None => RootId::from_bytes([u8::MAX; 16]),
            Some(place) => TradeId::parse(place).ok_or_else(no_place)?.0,
        };
        let as_of = self.caught_up(part.stale).await?;
        let ids = self.everywhere(|shard| shard.trades(filter, before, part.limit)).await?;
        let merged = merge(ids, part.limit, |id| Reverse(*id));
        let next = merged.items.last().filter(|_| merged.more).map(|(_, id)| id.to_string());
        let mut trees = Vec::with_capacity(merged.items.len());
        let mut states = BTreeMap::new();
        for (place, shard) in self.of.iter().enumerate() {
            let ids = merged.items.iter().filter(|(of, _)| *of == place).map(|(_, id)| *id);
            states.insert(place, shard.load(ids.flat_map(|id| [Trade::key(id), Payments::key(id)])).await?);
        }
        for (place, id) in merged.items {
            let Some(memory) = states.get(&place) else { continue };
            // A trade may have gone on since the projection found it in this status.
            let fits = |trade: &Trade| filter.status.is_none_or(|status| trade.status.as_str() == status);
            let trade = there::<Trade>(memory, id).filter(|trade| fits(trade));
            trees.extend(trade.map(|trade| (trade, there::<Payments>(memory, id))));
        }
        Ok(Recorded { trees, next, as_of })
    }

    /// Cases, newest first.
    pub async fn cases(&self, filter: Filter, part: Part) -> Result<Page, Problem> {
        self.opened(&CASE, filter, part).await
    }

    /// The grants of points of a user, newest first.
    pub async fn points_grants(&self, user: &UserId, part: Part) -> Result<Page, Problem> {
        let before = match &part.after {
            None => RootId::from_bytes([u8::MAX; 16]),
            Some(place) => PointsGrantId::parse(place).ok_or_else(no_place)?.0,
        };
        let owner = Owner::User(user.clone());
        let as_of = self.caught_up(part.stale).await?;
        let home = self.home(owner.bucket())?;
        let mut ids = home.grants(&owner.to_string(), before, part.limit).await?;
        let more = ids.len() > part.limit;
        ids.truncate(part.limit);
        let next = ids.last().filter(|_| more).map(PointsGrantId::to_string);
        let memory = home.load(ids.iter().map(|id| PointsGrant::key(*id))).await?;
        let data = ids.iter().filter_map(|id| there::<PointsGrant>(&memory, *id));
        Ok(Page { data: data.map(|grant| wire::points::json(&grant)).collect(), next, as_of })
    }

    /// Disputes, newest first.
    pub async fn disputes(&self, filter: Filter, part: Part) -> Result<Page, Problem> {
        self.opened(&DISPUTE, filter, part).await
    }

    /// What was opened in trees, newest first.
    async fn opened(&self, kind: &'static Kind, filter: Filter, part: Part) -> Result<Page, Problem> {
        let mut places = Places::read(part.after.as_deref(), self.of.len(), END, place)?;
        let as_of = self.caught_up(part.stale).await?;
        let read = |(at, shard): (usize, &OfShard)| {
            let before = places.of(at).copied().unwrap_or(END);
            let (shard, filter) = (shard.clone(), filter.clone());
            async move { shard.opened(kind, &filter, before, part.limit).await }
        };
        let listed = try_join_all(self.of.iter().enumerate().map(read)).await?;
        let merged = merge(listed, part.limit, |listed| Reverse(listed.opened_at));
        let mut data = Vec::with_capacity(merged.items.len());
        for (shard, listed) in merged.items {
            places.go_on(shard, listed.place);
            data.extend(listed.body);
        }
        Ok(Page { data, next: merged.more.then(|| places.text(|(seq, n)| format!("{seq}/{n}"))), as_of })
    }
}

/// Trades as they are recorded.
pub(super) struct Recorded {
    /// With their payments, newest first.
    pub(super) trees: Vec<(Arc<Trade>, Option<Arc<Payments>>)>,
    /// As of [`Page::next`].
    pub(super) next: Option<String>,
    /// As of [`Page::as_of`].
    pub(super) as_of: Option<Time>,
}

/// What is found by the place of its opening in the log.
struct Kind {
    statements: Statements,
    table: &'static Table,
    /// Its status and when it was opened.
    stands: fn(&Payments, u16) -> Option<(&'static str, Time)>,
    json: fn(&Payments, u16) -> Option<String>,
}

static CASE: Kind = Kind {
    statements: [&CASES, &CASES_IN, &CASES_OF, &CASES_OF_IN],
    table: CaseList::TABLE,
    stands: |state, no| state.case(no).map(|case| (case.status.as_str(), case.opened_at)),
    json: wire::payment::case_json,
};

static DISPUTE: Kind = Kind {
    statements: [&DISPUTES, &DISPUTES_IN, &DISPUTES_OF, &DISPUTES_OF_IN],
    table: DisputeList::TABLE,
    stands: |state, no| state.dispute(no).map(|dispute| (dispute.status.as_str(), dispute.opened_at)),
    json: wire::payment::dispute_json,
};

/// A case or a dispute as it is found in a list.
struct Listed {
    place: (i64, i64),
    opened_at: Option<Time>,
    /// None where it is not as it was when the projection found it.
    body: Option<String>,
}

impl OfShard {
    /// The trades of this shard that were opened before one, newest first; one more than asked for.
    async fn trades(&self, filter: &Filter, before: RootId, limit: usize) -> Result<Vec<TradeId>, Problem> {
        let params = vec![self.number(), bytes(before), one_more(limit)];
        let (statement, params) = filtered([&TRADES, &TRADES_IN, &TRADES_OF, &TRADES_OF_IN], params, filter);
        let rows = self.rows(statement, params).await?;
        rows.into_iter().map(trade).collect::<Result<_, _>>().map_err(inconsistent)
    }

    /// An owner's grants of points that were made before one, newest first; one more than asked for.
    async fn grants(&self, owner: &str, before: RootId, limit: usize) -> Result<Vec<PointsGrantId>, Problem> {
        let params = vec![self.number(), Cell::text(owner), bytes(before), one_more(limit)];
        let rows = self.rows(&GRANTS_OF, params).await?;
        let id = |row| GrantList::from_cells(row).map(|row| PointsGrantId(RootId::from_bytes(row.points_grant)));
        rows.into_iter().map(id).collect::<Result<_, _>>().map_err(inconsistent)
    }

    /// What of this shard was opened before a place in its log, newest first; one more than asked for.
    async fn opened(
        &self,
        kind: &Kind,
        filter: &Filter,
        (seq, n): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Listed>, Problem> {
        let params = vec![self.number(), Cell::Int(seq), Cell::Int(n), one_more(limit)];
        let (statement, params) = filtered(kind.statements, params, filter);
        let rows = self.rows(statement, params).await?;
        let places = rows.into_iter().map(|row| opening(kind.table, row)).collect::<Result<Vec<_>, _>>();
        let places = places.map_err(inconsistent)?;
        let memory = self.load(places.iter().map(|(trade, ..)| Payments::key(*trade))).await?;
        let listed = |(trade, no, place): (TradeId, u16, (i64, i64))| {
            let state = there::<Payments>(&memory, trade);
            let stands = state.as_deref().and_then(|state| (kind.stands)(state, no));
            let fits = stands.is_some_and(|(status, _)| filter.status.is_none_or(|wanted| status == wanted));
            let body = state.as_deref().filter(|_| fits).and_then(|state| (kind.json)(state, no));
            Listed { place, opened_at: stands.map(|(_, at)| at), body }
        };
        Ok(places.into_iter().map(listed).collect())
    }
}

/// After the last of them.
const END: (i64, i64) = (i64::MAX, i64::MAX);

/// Chooses the statement of a filter and adds its parameters.
fn filtered(statements: Statements, mut params: Vec<Cell>, filter: &Filter) -> (&'static Statement, Vec<Cell>) {
    let [all, by_status, by_merchant, by_both] = statements;
    let statement = match (filter.merchant, filter.status) {
        (None, None) => all,
        (None, Some(_)) => by_status,
        (Some(_), None) => by_merchant,
        (Some(_), Some(_)) => by_both,
    };
    params.extend(filter.merchant.map(|merchant| bytes(merchant.0)));
    params.extend(filter.status.map(Cell::text));
    (statement, params)
}

/// A place in the log as a page names it.
pub(super) fn place(text: &str) -> Option<(i64, i64)> {
    let (seq, n) = text.split_once('/')?;
    Some((seq.parse().ok()?, n.parse().ok()?))
}

fn trade(row: Vec<Cell>) -> Result<TradeId, Inconsistent> {
    Cells::new(TradeList::TABLE, row).fixed().map(|id| TradeId(RootId::from_bytes(id)))
}

/// Something of a trade's tree, and the place of its opening.
fn opening(table: &'static Table, row: Vec<Cell>) -> Result<(TradeId, u16, (i64, i64)), Inconsistent> {
    let mut cells = Cells::new(table, row);
    let trade = TradeId(RootId::from_bytes(cells.fixed()?));
    let no = u16::try_from(cells.int()?).map_err(|_| cells.wrong("is no number in a tree"))?;
    Ok((trade, no, (cells.int()?, cells.int()?)))
}
