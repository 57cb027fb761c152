//! Money between shards: what departed was asked for and departed once, and it is on its way, parked with a reason, or
//! taken in.

use std::collections::{BTreeMap, BTreeSet};

use engine::request::{Command, Departure};
use kernel::Shards;
use kernel::time::SECOND_US;
use store::tables::log::{Cursor, Parked};
use store::tables::transit::{Sent, reader};
use store::{Store, Text};

use super::Scene;
use super::rows;
use crate::people;
use crate::plan::Party;

/// A message that its receiver has not taken in.
pub(crate) struct Message {
    sent: Sent,
    /// Since it was refused and waits for its next turn.
    parked: Option<Parked>,
}

impl Message {
    /// When a courier may next do something about it. Nothing says when it was sent; that is always past.
    pub(crate) fn due(&self) -> i64 {
        match &self.parked {
            Some(parked) => parked.due,
            None => self.sent.seq.saturating_mul(SECOND_US).saturating_add(self.sent.n),
        }
    }
}

/// Every message that its receiver has not taken in.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn on_its_way(store: &Store, shards: Shards) -> Result<Vec<Message>, String> {
    let sent = rows::all::<Sent>(store, shards)?;
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let cursors = rows::of_shard::<Cursor>(store, Shards::FIRST)?;
    let places: BTreeMap<_, _> = cursors.into_iter().map(|row| ((row.reader, row.shard), (row.seq, row.n))).collect();
    let parked = rows::of_shard::<Parked>(store, Shards::FIRST)?;
    let mut parked: BTreeMap<_, _> =
        parked.into_iter().map(|row| ((row.reader.clone(), row.shard, row.seq, row.n), row)).collect();
    let message = |sent: Sent| {
        let to = Text::from(reader(sent.to_shard));
        let parked = parked.remove(&(to.clone(), sent.shard, sent.seq, sent.n));
        let place = places.get(&(to, sent.shard));
        let waits = parked.is_some() || place.is_none_or(|place| *place < (sent.seq, sent.n));
        waits.then_some(Message { sent, parked })
    };
    Ok(sent.into_iter().filter_map(message).collect())
}

/// What is parked without a reason: nobody ever froze its receiver's account. One that is free again may still wait for
/// its turn.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn parked(store: &Store, shards: Shards, frozen: impl Iterator<Item = u8>) -> Result<Vec<String>, String> {
    let owners = frozen.filter_map(|user| people::owner(Party::User(user)));
    let frozen: BTreeSet<String> = owners.map(|owner| owner.to_string()).collect();
    let parked = on_its_way(store, shards)?.into_iter().filter(|message| message.parked.is_some());
    let without = parked.filter(|message| !frozen.contains(message.sent.owner.as_str()));
    Ok(without
        .map(|message| format!("{} is parked, and nothing is wrong with its receiver", message.sent.object))
        .collect())
}

/// What differs in the end: everything that was told to have departed did so once, nothing else did, and all of it was
/// taken in.
pub(super) fn differences(scene: &Scene<'_>) -> Result<Vec<String>, String> {
    let departed = scene.callers.asked.values().filter(|asked| asked.told.as_ref().is_some_and(|reply| !reply.problem));
    let mut departed: BTreeMap<&str, &Departure> = departed
        .filter_map(|asked| match &asked.request.command {
            Command::Depart(departure) => Some((departure.object.as_str(), &**departure)),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for sent in rows::all::<Sent>(scene.store, scene.shards)? {
        match departed.remove(sent.object.as_str()) {
            Some(departure) if says(&sent, departure) => {}
            Some(_) => found.push(format!("{} was sent otherwise than it was asked", sent.object)),
            None => found.push(format!("{} was sent twice, or nobody was told so", sent.object)),
        }
    }
    found.extend(departed.keys().map(|object| format!("{object} was told to have departed, and was not sent")));
    let left = on_its_way(scene.store, scene.shards)?;
    found.extend(left.iter().map(|message| format!("{} was never taken in", message.sent.object)));
    Ok(found)
}

fn says(sent: &Sent, departure: &Departure) -> bool {
    sent.to_shard == departure.to_shard
        && sent.owner == departure.to.owner().to_string()
        && sent.amount == departure.money.amount.minor()
        && sent.currency == departure.money.currency.code()
}
