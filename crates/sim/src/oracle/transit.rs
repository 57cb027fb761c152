//! Money between shards: what was sent had a reason and was sent once, and it is on its way, parked with a reason, taken in,
//! or back.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::SECOND_US;
use kernel::{GiftClaimId, OrderType, Owner, RootId, Shards, TradeId};
use store::tables::log::{Cursor, Parked};
use store::tables::trade::TradeRow;
use store::tables::transit::{Sent, reader};
use store::{Store, Text};
use trade::{Status, Trade};

use super::Scene;
use super::rows::{self, Rows};
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

/// What is parked without a reason: nobody ever froze the account that it goes to. One that is free again may still wait
/// for its turn.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn parked(store: &Store, shards: Shards, frozen: impl Iterator<Item = u8>) -> Result<Vec<String>, String> {
    let owners = frozen.filter_map(|user| people::owner(Party::User(user)));
    let frozen: BTreeSet<Owner> = owners.collect();
    let trades = rows::all::<TradeRow>(store, shards)?;
    let payers: BTreeMap<String, String> = trades
        .into_iter()
        .map(|row| (TradeId(RootId::from_bytes(row.trade)).to_string(), row.payer.to_string()))
        .collect();
    let goes_to = |sent: &Sent| match (sent.errand.as_str(), payers.get(sent.object.as_str())) {
        ("returned", Some(payer)) => format!("user:{payer}"),
        _ => sent.owner.to_string(),
    };
    let parked = on_its_way(store, shards)?.into_iter().filter(|message| message.parked.is_some());
    let without = parked.filter(|message| !frozen.iter().any(|owner| owner.to_string() == goes_to(&message.sent)));
    Ok(without
        .map(|message| format!("{} is parked, and nothing is wrong with its receiver", message.sent.object))
        .collect())
}

/// What was sent, as the trades and the gifts say it: for what, to which shard, for whom, how much.
type Said = BTreeMap<(&'static str, String), (i64, String, i64)>;

/// What differs in the end: every transfer to another shard was sent once, and answered once, as its trade says; every
/// share of a gift that is claimed from another shard was sent; nothing else was; and all of it was taken in.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut said = Said::new();
    for tree in rows.trees.values() {
        found.extend(of_transfer(scene, &tree.trade, &mut said));
    }
    for gift in &rows.gifts {
        for (no, claim) in (1..).zip(&gift.claims) {
            let to = people::home(scene.shards, &Owner::User(claim.user.clone()));
            if to != scene.shards.of(gift.id.0.bucket()) {
                let object = GiftClaimId::new(gift.id, no).to_string();
                said.insert(("give", object), (to, format!("user:{}", claim.user), claim.amount.minor()));
            }
        }
    }
    for sent in rows::all::<Sent>(scene.store, scene.shards)? {
        let key = ERRANDS.into_iter().find(|errand| sent.errand == *errand).unwrap_or_default();
        let is = (sent.to_shard, sent.owner.to_string(), sent.amount);
        match said.remove(&(key, sent.object.to_string())) {
            Some(wanted) if wanted == is => {}
            Some(_) => found.push(format!("{} ({key}) was sent otherwise than it must be", sent.object)),
            None => found.push(format!("{} ({key}) was sent twice, or for nothing", sent.object)),
        }
    }
    found.extend(said.keys().map(|(errand, object)| format!("{object} ({errand}) was not sent")));
    let left = on_its_way(scene.store, scene.shards)?;
    found.extend(left.iter().map(|message| format!("{} was never taken in", message.sent.object)));
    Ok(found)
}

const ERRANDS: [&str; 4] = ["give", "transfer", "arrived", "returned"];

/// What a transfer to another shard must have sent and heard.
fn of_transfer(scene: &Scene<'_>, trade: &Trade, said: &mut Said) -> Option<String> {
    let payee = trade.splits.first().filter(|_| trade.context.order_type == OrderType::Transfer)?;
    let (from, to) = (people::home(scene.shards, &trade.payer), people::home(scene.shards, &payee.receiver));
    if from == to || trade.paid == 0 {
        return (from == to && trade.away.is_some()).then(|| format!("{} goes nowhere, and is away", trade.id));
    }
    let (object, owner, minor) = (trade.id.to_string(), payee.receiver.to_string(), payee.amount.minor());
    said.insert(("transfer", object.clone()), (to, owner.clone(), minor));
    match trade.status {
        Status::Completed => said.insert(("arrived", object), (from, owner, 0)),
        Status::Closed(_) => said.insert(("returned", object), (from, owner, minor)),
        Status::Created | Status::Closing(_) | Status::Paid => return Some(format!("{} was never answered", trade.id)),
    };
    None
}
