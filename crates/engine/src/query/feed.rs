//! Events as clients walk them: in the order of the log, forward, without gaps.
//!
//! Whoever may see all walks the log itself. A merchant walks the batches that told it something, which the projections
//! know, so that a quiet merchant does not read everybody's log. Within a shard a batch is committed after all before it,
//! so what comes later is always behind the place where a walk ended.

use kernel::{MerchantId, Problem};
use store::tables::derived::EVENTS_OF;
use store::tables::log::Event;
use store::{Cell, Row as _};

use super::lists::place;
use super::{Found, Page, Part, Queries, broken, bytes, inconsistent, unreadable};
use crate::events::{self, LogEvent};
use crate::place_id::{PlaceId, Placed};

/// Before the first event.
const BEGINNING: (i64, i64) = (0, -1);

impl Queries {
    /// Events in the order of the log, all or one merchant's. [`Page::next`] is always given, also at the present end.
    pub async fn events(&self, merchant: Option<MerchantId>, part: Part) -> Result<Page, Problem> {
        let after = place(part.after.as_deref(), BEGINNING)?;
        let reader = &*self.setup.reader;
        let (events, as_of) = match merchant {
            None => (events::read(reader, self.setup.shard, after, part.limit).await, None),
            Some(merchant) => {
                let as_of = self.caught_up(part.stale).await?;
                let rows = self.events_of(merchant, after, part.limit).await?;
                (events::with_bodies(reader, self.setup.shard, rows).await, as_of)
            }
        };
        let events = events.map_err(|error| unreadable(&error))?;
        let (seq, n) = events.last().map_or(after, |event| event.place);
        let data = events.iter().map(|event| self.shown(event)).collect::<Result<_, _>>()?;
        Ok(Page { data, next: Some(format!("{seq}/{n}")), as_of })
    }

    /// An event, by the text of its id.
    pub async fn event(&self, id: &str) -> Result<Option<Found>, Problem> {
        let place = PlaceId::parse(id, Placed::Event, &self.salt()).filter(|place| place.shard == self.setup.shard);
        let Some(PlaceId { shard, seq, n }) = place else { return Ok(None) };
        let event = events::find(&*self.setup.reader, shard, (seq, n)).await.map_err(|error| unreadable(&error))?;
        event.map(|event| Ok(Found { merchant: event.merchant, body: self.shown(&event)? })).transpose()
    }

    async fn events_of(&self, merchant: MerchantId, (seq, n): (i64, i64), limit: usize) -> Result<Vec<Event>, Problem> {
        let limit = Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let params = vec![Cell::Int(self.setup.shard), bytes(merchant.0), Cell::Int(seq), Cell::Int(n), limit];
        let rows = self.rows(&EVENTS_OF, params).await?;
        rows.into_iter().map(Event::from_cells).collect::<Result<_, _>>().map_err(inconsistent)
    }

    pub(super) fn shown(&self, event: &LogEvent) -> Result<String, Problem> {
        event.shown(&self.salt()).map_err(|_| broken())
    }
}
