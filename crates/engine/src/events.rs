//! Reading the log: events with their bodies, whoever reads them.
//!
//! A body is stored once per object and batch; an event holds it, or points into another row of its own batch: a stored
//! answer, or an earlier event. This is the one place that follows the pointer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{BillId, CaseId, CreditLineId, DisputeId, MerchantId, PaymentId, RefundId, RootId, Time, TradeId};
use serde::Serialize;
use serde_json::value::RawValue;
use store::tables::log::{Answer, EVENTS_AFTER, Event};
use store::{Ask, Cell, Reader, Row as _, StoreError};

use crate::place_id::{PlaceId, Placed};

/// A place in a shard's log: the batch, and the number within it.
pub type Place = (i64, i64);

/// One event with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The shard.
    pub shard: i64,
    /// Where in the shard's log.
    pub place: Place,
    /// What happened, as `trade.paid`.
    pub kind: String,
    /// Whose business.
    pub merchant: Option<MerchantId>,
    /// The id of its object.
    pub object: String,
    /// The object's own count of its events.
    pub sequence: i64,
    /// From the context.
    pub order_type: Option<String>,
    /// From the context.
    pub sub_type: Option<String>,
    /// From the context.
    pub pay_org: Option<String>,
    /// When.
    pub at: Time,
    /// The object after the change, as JSON.
    pub body: String,
}

/// The four elements of the context, as the wire shows them.
#[derive(Serialize)]
struct WireContext<'a> {
    merchant_id: Option<MerchantId>,
    order_type: Option<&'a str>,
    sub_type: Option<&'a str>,
    pay_org: Option<&'a str>,
}

/// An event as the API shows it.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    object: &'static str,
    r#type: &'a str,
    created_at: Time,
    sequence: i64,
    merchant_id: Option<MerchantId>,
    context: WireContext<'a>,
    data: &'a RawValue,
}

/// An event as a merchant's endpoint gets it (Standard Webhooks 1.0).
#[derive(Serialize)]
struct Sent<'a> {
    r#type: &'a str,
    timestamp: Time,
    data: &'a RawValue,
    sequence: i64,
    context: WireContext<'a>,
}

impl LogEvent {
    /// Its id.
    pub fn id(&self, salt: &[u8; 32]) -> String {
        let (seq, n) = self.place;
        PlaceId { shard: self.shard, seq, n }.text(Placed::Event, salt)
    }

    /// As the API shows it.
    ///
    /// # Errors
    /// When the stored body is no JSON.
    pub fn shown(&self, salt: &[u8; 32]) -> Result<String, serde_json::Error> {
        let data: &RawValue = serde_json::from_str(&self.body)?;
        serde_json::to_string(&Shown {
            id: self.id(salt),
            object: "event",
            r#type: &self.kind,
            created_at: self.at,
            sequence: self.sequence,
            merchant_id: self.merchant,
            context: self.context(),
            data,
        })
    }

    /// As a merchant's endpoint gets it.
    ///
    /// # Errors
    /// When the stored body is no JSON.
    pub fn sent(&self) -> Result<String, serde_json::Error> {
        let data: &RawValue = serde_json::from_str(&self.body)?;
        serde_json::to_string(&Sent {
            r#type: &self.kind,
            timestamp: self.at,
            data,
            sequence: self.sequence,
            context: self.context(),
        })
    }

    fn context(&self) -> WireContext<'_> {
        WireContext {
            merchant_id: self.merchant,
            order_type: self.order_type.as_deref(),
            sub_type: self.sub_type.as_deref(),
            pay_org: self.pay_org.as_deref(),
        }
    }
}

/// The events of a shard after a place, at most `limit`, with their bodies.
///
/// # Errors
/// When the store cannot be read, or a body is not where its event says.
pub async fn read(reader: &dyn Reader, shard: i64, after: Place, limit: usize) -> Result<Vec<LogEvent>, StoreError> {
    let rows = rows_after(reader, shard, after, limit).await?;
    with_bodies(reader, shard, rows).await
}

/// The event at a place, if there is one.
///
/// # Errors
/// When the store cannot be read, or the body is not where the event says.
pub async fn find(reader: &dyn Reader, shard: i64, place: Place) -> Result<Option<LogEvent>, StoreError> {
    Ok(at(reader, shard, [place].into()).await?.into_iter().next())
}

/// The events at these places.
///
/// # Errors
/// When the store cannot be read, or a body is not where its event says.
pub async fn at(reader: &dyn Reader, shard: i64, places: BTreeSet<Place>) -> Result<Vec<LogEvent>, StoreError> {
    let snapshot = reader.load(shard, vec![Ask { table: Event::TABLE, keys: keys(places) }]).await?;
    let rows = snapshot.rows.into_iter().flatten().map(Event::from_cells).collect::<Result<Vec<_>, _>>()?;
    with_bodies(reader, shard, rows).await
}

/// The rows of a shard's log after a place, without following their pointers.
pub(crate) async fn rows_after(
    reader: &dyn Reader,
    shard: i64,
    (seq, n): Place,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = [shard, seq, n, limit].map(Cell::Int).to_vec();
    let rows = reader.query(&EVENTS_AFTER, params).await?;
    Ok(rows.into_iter().map(Event::from_cells).collect::<Result<Vec<_>, _>>()?)
}

/// Follows the pointers of these rows.
pub(crate) async fn with_bodies(
    reader: &dyn Reader,
    shard: i64,
    rows: Vec<Event>,
) -> Result<Vec<LogEvent>, StoreError> {
    let texts = Texts::load(reader, shard, &rows).await?;
    rows.into_iter().map(|row| event(&texts, row)).collect()
}

fn keys(places: impl IntoIterator<Item = Place>) -> Vec<Vec<Cell>> {
    places.into_iter().map(|(seq, n)| vec![Cell::Int(seq), Cell::Int(n)]).collect()
}

/// The texts that bodies are parts of.
struct Texts {
    answers: BTreeMap<Place, Arc<str>>,
    events: BTreeMap<Place, Arc<str>>,
}

impl Texts {
    async fn load(reader: &dyn Reader, shard: i64, rows: &[Event]) -> Result<Self, StoreError> {
        let mut events: BTreeMap<Place, Arc<str>> =
            rows.iter().filter_map(|row| Some(((row.seq, row.n), row.body.clone()?.0))).collect();
        let (mut in_answers, mut in_events) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            match row.body_at {
                Some(at) if at >= 0 => drop(in_answers.insert((row.seq, at))),
                Some(at) if !events.contains_key(&(row.seq, -1 - at)) => drop(in_events.insert((row.seq, -1 - at))),
                Some(_) | None => {}
            }
        }
        if in_answers.is_empty() && in_events.is_empty() {
            return Ok(Self { answers: BTreeMap::new(), events });
        }
        let asks = vec![
            Ask { table: Answer::TABLE, keys: keys(in_answers) },
            Ask { table: Event::TABLE, keys: keys(in_events) },
        ];
        let mut found = reader.load(shard, asks).await?.rows.into_iter();
        let mut answers = BTreeMap::new();
        for row in found.next().unwrap_or_default() {
            let row = Answer::from_cells(row)?;
            answers.extend(row.body.map(|body| ((row.seq, row.n), body.0)));
        }
        for row in found.next().unwrap_or_default() {
            let row = Event::from_cells(row)?;
            events.extend(row.body.map(|body| ((row.seq, row.n), body.0)));
        }
        Ok(Self { answers, events })
    }

    /// The body that a row points to.
    fn part(&self, row: &Event, at: i64) -> Option<&str> {
        let text = if at >= 0 { self.answers.get(&(row.seq, at)) } else { self.events.get(&(row.seq, -1 - at)) }?;
        let from = usize::try_from(row.body_from?).ok()?;
        let len = usize::try_from(row.body_len?).ok()?;
        text.get(from..from.checked_add(len)?)
    }
}

fn event(texts: &Texts, row: Event) -> Result<LogEvent, StoreError> {
    let body = match row.body_at {
        None => row.body.as_ref().map(|body| body.0.to_string()),
        Some(at) => texts.part(&row, at).map(str::to_owned),
    };
    let Some(body) = body else {
        let detail = format!("the body of event {}/{}/{} is not where it says", row.shard, row.seq, row.n);
        return Err(StoreError::Broken { detail });
    };
    Ok(LogEvent {
        shard: row.shard,
        place: (row.seq, row.n),
        merchant: row.merchant.map(|bytes| MerchantId(RootId::from_bytes(bytes))),
        object: object_id(&row),
        kind: row.r#type.into(),
        sequence: row.sequence,
        order_type: row.order_type.map(Into::into),
        sub_type: row.sub_type.map(Into::into),
        pay_org: row.pay_org.map(Into::into),
        at: Time::from_micros(row.at),
        body,
    })
}

/// The text form of the object's id.
fn object_id(row: &Event) -> String {
    let Some(tree) = row.tree else { return String::new() };
    let trade = TradeId(RootId::from_bytes(tree));
    let no = u16::try_from(row.no).unwrap_or_default();
    match row.object.as_str() {
        PaymentId::PREFIX => PaymentId::new(trade, no).to_string(),
        RefundId::PREFIX => RefundId::new(trade, no).to_string(),
        DisputeId::PREFIX => DisputeId::new(trade, no).to_string(),
        CaseId::PREFIX => CaseId::new(trade, no).to_string(),
        BillId::PREFIX => BillId::new(CreditLineId(trade.0), no).to_string(),
        _ => trade.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use store::tables::body::Body;

    use super::*;

    const SALT: [u8; 32] = [7; 32];

    fn row(n: i64, pointer: Option<(i64, i64, i64)>, body: Option<&str>) -> Event {
        Event {
            shard: 0,
            seq: 4,
            n,
            r#type: "trade.paid".into(),
            merchant: Some([1; 16]),
            object: "pay".into(),
            tree: Some([2; 16]),
            no: 1,
            sequence: 2,
            order_type: Some("escrow".into()),
            sub_type: Some("general".into()),
            pay_org: Some("internal".into()),
            at: 1_000_000,
            body_at: pointer.map(|(at, ..)| at),
            body_from: pointer.map(|(_, from, _)| from),
            body_len: pointer.map(|(.., len)| len),
            body: body.map(|body| Body(body.into())),
        }
    }

    #[test]
    fn bodies_are_found_here_in_answers_and_in_other_events() {
        let texts = Texts {
            answers: [((4, 0), "{\"payment\":{\"a\":1}}".into())].into(),
            events: [((4, 0), "{\"b\":2}".into())].into(),
        };
        let body = |row| event(&texts, row).map(|event| event.body);
        assert_eq!(body(row(0, None, Some("{}"))).unwrap(), "{}");
        assert_eq!(body(row(1, Some((0, 11, 7)), None)).unwrap(), "{\"a\":1}");
        assert_eq!(body(row(2, Some((-1, 0, 7)), None)).unwrap(), "{\"b\":2}");
        for lost in [(0, 11, 70), (1, 0, 7), (-9, 0, 7)] {
            assert!(body(row(3, Some(lost), None)).is_err(), "{lost:?}");
        }
    }

    #[test]
    fn the_wire_shows_type_context_and_the_object_as_it_was_stored() {
        let texts = Texts { answers: BTreeMap::new(), events: BTreeMap::new() };
        let event = event(&texts, row(0, None, Some("{\"z\":1, \"a\":2}"))).unwrap();
        let sent = event.sent().unwrap();
        assert!(sent.starts_with("{\"type\":\"trade.paid\",\"timestamp\":\"1970-01-01T00:00:01"), "{sent}");
        assert!(
            sent.contains("\"data\":{\"z\":1, \"a\":2},\"sequence\":2,\"context\":{\"merchant_id\":\"mch_"),
            "{sent}"
        );
        let shown = event.shown(&SALT).unwrap();
        assert!(shown.starts_with("{\"id\":\"evt_") && shown.contains("\"object\":\"event\""), "{shown}");
    }
}
