//! Events as clients walk them: in the order of each shard's log, forward, without gaps.
//!
//! Whoever may see all walks the logs themselves. A merchant walks the batches that told it something, which the
//! projections know, so that a quiet merchant does not read everybody's log. Within a shard a batch is committed after all
//! before it, so what comes later is always behind the place where a walk ended. Several shards are walked together, each
//! from its own place; between them the earlier event comes first, as far as both were there when they were read.

use futures::future::try_join_all;
use kernel::{MerchantId, Problem};
use store::tables::derived::EVENTS_OF;
use store::tables::log::Event;
use store::{Cell, Row as _};

use super::lists::place;
use super::merge::{Places, merge};
use super::shard::OfShard;
use super::{Found, Page, Part, Queries, broken, bytes, inconsistent, unreadable};
use crate::events::{self, LogEvent};
use crate::place_id::{PlaceId, Placed};

/// Before the first event.
const BEGINNING: (i64, i64) = (0, -1);

impl Queries {
    /// Events in the order of the log, all or one merchant's. [`Page::next`] is always given, also at the present end.
    pub async fn events(&self, merchant: Option<MerchantId>, part: Part) -> Result<Page, Problem> {
        let mut places = Places::read(part.after.as_deref(), self.of.len(), BEGINNING, place)?;
        let as_of = match merchant {
            None => None,
            Some(_) => self.caught_up(part.stale).await?,
        };
        let read = |(at, shard): (usize, &OfShard)| {
            let after = places.of(at).copied().unwrap_or(BEGINNING);
            let shard = shard.clone();
            async move { shard.events(merchant, after, part.limit).await }
        };
        let events = try_join_all(self.of.iter().enumerate().map(read)).await?;
        let merged = merge(events, part.limit, |event| event.at);
        let mut rows: Vec<Vec<Event>> = self.of.iter().map(|_| Vec::new()).collect();
        let mut order = Vec::with_capacity(merged.items.len());
        for (shard, event) in merged.items {
            places.go_on(shard, (event.seq, event.n));
            order.push(shard);
            if let Some(rows) = rows.get_mut(shard) {
                rows.push(event);
            }
        }
        let told = try_join_all(self.of.iter().zip(rows).map(|(shard, rows)| shard.with_bodies(rows))).await?;
        let mut told: Vec<_> = told.into_iter().map(Vec::into_iter).collect();
        let next = |shard: usize| told.get_mut(shard).and_then(Iterator::next).ok_or_else(broken);
        let told = order.into_iter().map(next).collect::<Result<Vec<LogEvent>, _>>()?;
        let data = told.iter().map(|event| self.shown(event)).collect::<Result<_, _>>()?;
        Ok(Page { data, next: Some(places.text(|(seq, n)| format!("{seq}/{n}"))), as_of })
    }

    /// An event, by the text of its id.
    pub async fn event(&self, id: &str) -> Result<Option<Found>, Problem> {
        let place = PlaceId::parse(id, Placed::Event, &self.salt());
        let Some((place, shard)) = place.and_then(|place| Some((place, self.shard(place.shard)?))) else {
            return Ok(None);
        };
        let event = events::find(&*shard.reader, shard.shard, (place.seq, place.n)).await;
        let event = event.map_err(|error| unreadable(&error))?;
        event.map(|event| Ok(Found { merchant: event.merchant, body: self.shown(&event)? })).transpose()
    }

    pub(super) fn shown(&self, event: &LogEvent) -> Result<String, Problem> {
        event.shown(&self.salt()).map_err(|_| broken())
    }
}

impl OfShard {
    /// Events of this shard after a place, all or one merchant's, at most `limit`; without the bodies that stand elsewhere.
    async fn events(
        &self,
        merchant: Option<MerchantId>,
        (seq, n): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Event>, Problem> {
        let Some(merchant) = merchant else {
            let rows = events::rows_after(&*self.reader, self.shard, (seq, n), limit).await;
            return rows.map_err(|error| unreadable(&error));
        };
        let limit = Cell::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let params = vec![self.number(), bytes(merchant.0), Cell::Int(seq), Cell::Int(n), limit];
        let rows = self.rows(&EVENTS_OF, params).await?;
        rows.into_iter().map(Event::from_cells).collect::<Result<_, _>>().map_err(inconsistent)
    }

    /// The same rows with their bodies.
    pub(super) async fn with_bodies(&self, rows: Vec<Event>) -> Result<Vec<LogEvent>, Problem> {
        events::with_bodies(&*self.reader, self.shard, rows).await.map_err(|error| unreadable(&error))
    }
}
