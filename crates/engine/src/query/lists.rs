//! Lists of trades and cases, newest first: the projection says which, the rows themselves say what.

use kernel::{CaseId, Problem, RootId, TradeId};
use payment::Payments;
use store::tables::derived::{
    CASES, CASES_IN, CASES_OF, CASES_OF_IN, CaseList, TRADES, TRADES_IN, TRADES_OF, TRADES_OF_IN, TradeList,
};
use store::unit::Kept as _;
use store::{Cell, Cells, Inconsistent, Row as _, Statement};
use trade::Trade;

use super::objects::there;
use super::{Filter, Page, Part, Queries, bytes, cut, inconsistent, no_place, one_more};
use crate::wire;

/// Statements by what they filter: nothing, the status, the merchant, both.
type Statements = [&'static Statement; 4];

impl Queries {
    /// Trades, newest first.
    pub async fn trades(&self, filter: Filter, part: Part) -> Result<Page, Problem> {
        let before = match &part.after {
            None => RootId::from_bytes([u8::MAX; 16]),
            Some(place) => TradeId::parse(place).ok_or_else(no_place)?.0,
        };
        let as_of = self.caught_up(part.stale).await?;
        let params = vec![Cell::Int(self.setup.shard), bytes(before), one_more(part.limit)];
        let (statement, params) = filtered([&TRADES, &TRADES_IN, &TRADES_OF, &TRADES_OF_IN], params, &filter);
        let rows = self.rows(statement, params).await?;
        let mut ids = rows.into_iter().map(trade).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let next = cut(&mut ids, part.limit, TradeId::to_string);
        let memory = self.load(ids.iter().flat_map(|id| [Trade::key(*id), Payments::key(*id)])).await?;
        // A trade may have gone on since the projection found it in this status.
        let fits = |trade: &Trade| filter.status.is_none_or(|status| trade.status.as_str() == status);
        let trades = ids.into_iter().filter_map(|id| there::<Trade>(&memory, id)).filter(|trade| fits(trade));
        let data =
            trades.map(|trade| wire::trade::json(&trade, there::<Payments>(&memory, trade.id).as_deref())).collect();
        Ok(Page { data, next, as_of })
    }

    /// Cases, newest first.
    pub async fn cases(&self, filter: Filter, part: Part) -> Result<Page, Problem> {
        let (seq, n) = place(part.after.as_deref(), (i64::MAX, i64::MAX))?;
        let as_of = self.caught_up(part.stale).await?;
        let params = vec![Cell::Int(self.setup.shard), Cell::Int(seq), Cell::Int(n), one_more(part.limit)];
        let (statement, params) = filtered([&CASES, &CASES_IN, &CASES_OF, &CASES_OF_IN], params, &filter);
        let rows = self.rows(statement, params).await?;
        let mut cases = rows.into_iter().map(case).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let next = cut(&mut cases, part.limit, |(_, seq, n)| format!("{seq}/{n}"));
        let memory = self.load(cases.iter().map(|(id, ..)| Payments::key(id.trade))).await?;
        let shown = |id: CaseId| {
            let state = there::<Payments>(&memory, id.trade)?;
            let fits = |case: &payment::Case| filter.status.is_none_or(|status| case.status.as_str() == status);
            state.case(id.no).filter(|case| fits(case))?;
            wire::payment::case_json(&state, id.no)
        };
        Ok(Page { data: cases.into_iter().filter_map(|(id, ..)| shown(id)).collect(), next, as_of })
    }
}

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
    params.extend(filter.status.map(|status| Cell::Text(status.into())));
    (statement, params)
}

/// A place in the log as a page names it.
pub(super) fn place(text: Option<&str>, beginning: (i64, i64)) -> Result<(i64, i64), Problem> {
    let Some(text) = text else { return Ok(beginning) };
    let read = || {
        let (seq, n) = text.split_once('/')?;
        Some((seq.parse().ok()?, n.parse().ok()?))
    };
    read().ok_or_else(no_place)
}

fn trade(row: Vec<Cell>) -> Result<TradeId, Inconsistent> {
    Cells::new(TradeList::TABLE, row).fixed().map(|id| TradeId(RootId::from_bytes(id)))
}

/// A case, and the place of its opening.
fn case(row: Vec<Cell>) -> Result<(CaseId, i64, i64), Inconsistent> {
    let mut cells = Cells::new(CaseList::TABLE, row);
    let trade = TradeId(RootId::from_bytes(cells.fixed()?));
    let no = u16::try_from(cells.int()?).map_err(|_| cells.wrong("is no number in a tree"))?;
    Ok((CaseId::new(trade, no), cells.int()?, cells.int()?))
}
