//! The doors' side of the channel gateway: notifications, channel accounts, statements.

use std::sync::Arc;

use channel::{Incoming, Operation, Orders, Source, Told};
use engine::channels::Channels;
use engine::ports::Clock;
use engine::queue::Stage;
use engine::request::{Command, Request};
use engine::work::Gateway;
use futures::future::FutureExt as _;
use kernel::{Code, Problem, Shards, Time};
use serde::Serialize;
use store::Reader;
use store::unit::{Key, Memory};

use super::unavailable;
use crate::bank;
use crate::http::Desk;
use crate::http::ports::{self, Acknowledged, Notice, Read};

/// Verifies, applies, acknowledges.
pub(super) struct Institutions {
    pub(super) gateway: Arc<Gateway>,
    pub(super) channels: Arc<Channels>,
    pub(super) desk: Desk,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) shards: Shards,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) zone: jiff::tz::TimeZone,
}

/// A channel account as the API shows it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    object: &'static str,
    methods: &'a [String],
    operations: &'a [Operation],
    lifetime_s: u32,
}

impl Institutions {
    async fn take(&self, notice: Notice) -> Result<Option<Acknowledged>, Problem> {
        let Some((adapter, account)) = self.gateway.get(&notice.channel_account) else { return Ok(None) };
        let message = Incoming { status: 0, headers: notice.headers, body: notice.body };
        let told = adapter.notification(&message, account, self.clock.wall()).map_err(|refused| {
            tracing::warn!(account = %account.name, %refused, "a notification was refused");
            Problem::new(refused.code(), refused.to_string())
        })?;
        let bytes = message.body.len();
        let told = Told { order: told.order, word: told.word, source: Source::Notify, digest: told.digest };
        self.check_kind(&told).await?;
        let request = Request::of_system("", Command::Word(told));
        let reply = self.desk.submit(Stage::Begun, request, bytes).await?;
        if reply.problem {
            tracing::error!(account = %account.name, body = %reply.body, "a verified notification was not taken in");
            return Err(Problem::new(Code::internal_error, "something is wrong on our side"));
        }
        let said = adapter.acknowledgement();
        let content_type = "text/plain; charset=utf-8";
        Ok(Some(Acknowledged { status: said.status, content_type, body: said.body.to_owned() }))
    }

    /// A word about a refund under the number of a payment (or the reverse) is of the wrong kind. A number that is none
    /// of ours is taken and changes nothing.
    async fn check_kind(&self, told: &Told) -> Result<(), Problem> {
        let keys = [Key::Orders(told.order.trade)].into();
        let mut memory = Memory::default();
        let shard = self.shards.of(told.order.trade.0.bucket());
        let rows = self.reader.load(shard, Memory::asks(&keys)).await.map_err(|error| unavailable(&error))?.rows;
        memory.absorb(&keys, rows).map_err(|error| unavailable(&error.into()))?;
        match memory.get::<Orders>(told.order.trade).flatten() {
            Some(orders) if orders.get(told.order.no).is_some() && !orders.fits(told.order, &told.word) => {
                Err(Problem::new(Code::event_type_mismatch, "the notification is of another kind"))
            }
            Some(orders) if orders.get(told.order.no).is_some() => Ok(()),
            Some(_) | None => {
                tracing::warn!(order = %told.order, "an institution speaks of an order that is none of ours");
                Ok(())
            }
        }
    }

    /// The statement of a day, as the institution would send it.
    async fn paper(&self, channel_account: &str, day: i64) -> Result<Option<String>, Problem> {
        if self.gateway.get(channel_account).is_none() || channel_account != bank::NAME {
            return Ok(None);
        }
        let Some((from, until)) = bounds(day, &self.zone) else { return Ok(None) };
        let bytes = bank::statement(&*self.reader, from, until).await.map_err(|error| unavailable(&error))?;
        Ok(String::from_utf8(bytes).ok())
    }
}

/// Beginning and end of a day `yyyymmdd` in a zone.
fn bounds(day: i64, zone: &jiff::tz::TimeZone) -> Option<(Time, Time)> {
    let part = |value: i64| i8::try_from(value).ok();
    let date =
        jiff::civil::Date::new(i16::try_from(day / 10_000).ok()?, part(day / 100 % 100)?, part(day % 100)?).ok()?;
    let midnight = |date: jiff::civil::Date| {
        let zoned = date.to_zoned(zone.clone()).ok()?;
        Some(Time::from_micros(zoned.timestamp().as_microsecond()))
    };
    Some((midnight(date)?, midnight(date.tomorrow().ok()?)?))
}

impl ports::Institutions for Institutions {
    fn notify(&self, notice: Notice) -> Read<'_, Option<Acknowledged>> {
        self.take(notice).boxed()
    }

    fn accounts(&self) -> Vec<String> {
        let shown = self.channels.profiles.iter().map(|(name, profile)| Shown {
            id: name,
            object: "channel",
            methods: &profile.methods,
            operations: &profile.operations,
            lifetime_s: profile.lifetime_s,
        });
        shown.filter_map(|shown| serde_json::to_string(&shown).ok()).collect()
    }

    fn statement<'a>(&'a self, channel_account: &'a str, day: i64) -> Read<'a, Option<String>> {
        self.paper(channel_account, day).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_the_book() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        let (from, until) = bounds(20_261_231, &zone).unwrap();
        assert_eq!(from.to_string(), "2026-12-30T16:00:00.000000Z");
        assert_eq!(until.to_string(), "2026-12-31T16:00:00.000000Z");
        assert_eq!(bounds(20_260_231, &zone), None);
    }
}
