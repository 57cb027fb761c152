//! Money between two shards (在途): two local vouchers with transit accounts between them, debit first, and a message that
//! takes the second one over.
//!
//! 1. *Depart*, in the sender's shard: from the owner's balance into transit, and the message, in one batch. What it is for
//!    is claimed, so nothing departs twice.
//! 2. *Arrive*, in the receiver's: out of transit to the owner's balance, in the batch that moves the receiver's place among
//!    the sender's messages. Whoever carries the message names only its place; what it says is read from the sender's rows.
//! 3. What the receiver's books refuse is *parked* in the same batch and the place moves on, so that it blocks nothing. It
//!    stays in transit, and is tried again until it is taken.

use kernel::message::accounting::{Post, Purse, Verb, Way};
use kernel::time::{HOUR_US, SECOND_US};
use kernel::{Amount, Code, Currency, Money, Owner, Problem};
use store::tables::log::Parked;
use store::tables::transit::{Inbox, Sent, reader};

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::flows::Outcome;
use crate::flows::accounting::book;
use crate::request::{Arrival, Departure};
use crate::stop::Stop;
use crate::view::View;

/// Before the first message.
pub const BEGINNING: (i64, i64) = (0, -1);

/// Within what things that depart are unique.
const SCOPE: &str = "transit";

/// Sends money to an owner in another shard.
pub fn depart(view: &mut View<'_>, departure: &Departure) -> Result<Outcome, Stop> {
    let Departure { from, to, to_shard, money, object } = departure;
    let way = Way { from: view.footing.shard, to: *to_shard };
    let Found::Free(place) = answers::look_up(view, ClaimKind::Once, SCOPE, object)? else {
        return Ok(Outcome::Done);
    };
    let verb = Verb::Depart { purse: from.clone(), money: *money, way };
    let post = Post {
        context: None,
        merchant: from.owner().merchant(),
        currency: money.currency,
        object: object.clone(),
        verb,
    };
    book(view, None, &post)?
        .map_err(|refused| Stop::Refused(Problem::at(Code::insufficient_funds, "amount", refused.to_string())))?;
    let n = answers::store(
        view,
        Draft {
            kind: ClaimKind::Once,
            scope: SCOPE.to_owned(),
            key: object.clone(),
            place,
            body_hash: None,
            status: 0,
            object: Some(object.clone()),
            body: None,
        },
    );
    let seq = view.footing.seq;
    let sent = Sent {
        shard: way.from,
        to_shard: way.to,
        seq,
        n,
        purse: word_of(to).into(),
        owner: to.owner().to_string().into(),
        amount: money.amount.minor(),
        currency: money.currency.code().into(),
        object: object.as_str().into(),
    };
    view.put((way.from, way.to, seq, n), sent);
    Ok(Outcome::Done)
}

/// Takes in what another shard has sent: the next message after the place that whoever carries it has seen, or one that was
/// parked. Anything else changes nothing.
pub fn arrive(view: &mut View<'_>, arrival: &Arrival) -> Result<Outcome, Stop> {
    let (to, from, (seq, n)) = (view.footing.shard, arrival.from, arrival.place);
    let parked_key = (to, from, seq, n);
    view.peek::<Sent>((from, to, seq, n));
    view.peek::<Parked>(parked_key);
    let at = view.get::<Inbox>((to, from))?.map_or(BEGINNING, |inbox| inbox.place);
    let Some(sent) = view.get::<Sent>((from, to, seq, n))? else {
        return Err(Stop::Broken(format!("shard {from} has sent nothing to {to} at {seq}/{n}")));
    };
    let parked = view.get::<Parked>(parked_key)?;
    let is_next = arrival.after == at && arrival.place > at;
    let is_due = parked.as_ref().is_some_and(|parked| parked.due <= view.now().micros());
    if !is_next && !is_due {
        return Ok(Outcome::Done);
    }
    match take_in(view, Way { from, to }, &sent)? {
        Ok(()) if parked.is_some() => view.remove::<Parked>(parked_key),
        Ok(()) => {}
        Err(error) => {
            let attempts = parked.map_or(0, |parked| parked.attempts) + 1;
            let due = view.now().plus(pause_us(attempts)).micros();
            view.put(
                parked_key,
                Parked { reader: reader(to).into(), shard: from, seq, n, due, attempts, error: error.into() },
            );
        }
    }
    if is_next {
        view.put((to, from), Inbox { to, from, place: arrival.place });
    }
    Ok(Outcome::Done)
}

/// Books what came; why not, where the books refuse it.
fn take_in(view: &mut View<'_>, way: Way, sent: &Sent) -> Result<Result<(), String>, Stop> {
    let broken = |what: &str| Stop::Broken(format!("what shard {} has sent names {what}", way.from));
    let owner = Owner::parse(&sent.owner, None).ok_or_else(|| broken("no owner"))?;
    let currency = Currency::parse(&sent.currency).ok_or_else(|| broken("no currency"))?;
    let amount = Amount::new(sent.amount).map_err(|_| broken("no amount"))?;
    let money = Money { amount, currency };
    let merchant = owner.merchant();
    let purse = [Purse::Balance(owner.clone()), Purse::Budget(owner)].into_iter().find(|it| word_of(it) == sent.purse);
    let verb = Verb::Arrive { purse: purse.ok_or_else(|| broken("no purse"))?, money, way };
    let post = Post { context: None, merchant, currency, object: sent.object.clone().into(), verb };
    Ok(book(view, None, &post)?.map_err(|refused| refused.to_string()))
}

/// The word that rows store.
const fn word_of(purse: &Purse) -> &'static str {
    match purse {
        Purse::Balance(_) => "balance",
        Purse::Budget(_) => "budget",
    }
}

/// How long a message rests after so many attempts: from five seconds, doubled each time, to an hour.
fn pause_us(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    ((5 * SECOND_US) << doublings).min(HOUR_US)
}
