//! Money between two shards (在途): two local vouchers with transit accounts between them, debit first, and a message that
//! takes the second one over.
//!
//! 1. *Sent*, in the sender's shard: into transit, and the message, in one batch with whatever sends it, so nothing is sent
//!    twice.
//! 2. *Taken in*, in the receiver's: out of transit to its owner, in the batch that moves the receiver's place among the
//!    sender's messages. Whoever carries the message names only its place; what it says is read from the sender's rows.
//! 3. What the receiver's books refuse goes back at once, where somebody waits for it (a transfer); else it is *parked* in
//!    the same batch and the place moves on, so that it blocks nothing. It stays in transit, and is tried again until it is
//!    taken.
//! 4. Of a transfer the sender is told what became of it, by a message on the way back.

use kernel::message::accounting::{Post, Purse, Verb, Way};
use kernel::time::{HOUR_US, SECOND_US};
use kernel::{Amount, Currency, Money, Owner, StoredKind, TradeId};
use store::tables::log::Parked;
use store::tables::transit::{Inbox, Sent, reader};
use trade::{Crossing, Input};

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::flows::Outcome;
use crate::flows::accounting::book;
use crate::flows::drive::{Message, drive, the_trade, want};
use crate::request::Arrival;
use crate::stop::Stop;
use crate::view::View;

/// Before the first message.
pub const BEGINNING: (i64, i64) = (0, -1);

/// Within what things that are sent are unique.
const SCOPE: &str = "transit";

/// What a message is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Money that is its owner's, whatever the books there say today.
    Give,
    /// Money that comes back where the books there refuse it.
    Transfer,
    /// Word that a transfer was taken in.
    Arrived,
    /// A transfer that was not, with its money.
    Returned,
}

impl Errand {
    const ALL: [Self; 4] = [Self::Give, Self::Transfer, Self::Arrived, Self::Returned];

    /// The word that rows store.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Give => "give",
            Self::Transfer => "transfer",
            Self::Arrived => "arrived",
            Self::Returned => "returned",
        }
    }
}

/// What is sent to another shard; whoever sends it has booked it into transit.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What for.
    pub errand: Errand,
    /// Into what it goes there.
    pub to: Purse,
    /// Minor units; none where it is only word.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
    /// The way there.
    pub way: Way,
    /// The claim of a gift, or the trade.
    pub object: String,
}

/// The way to an owner's shard, where that is another one.
pub fn way(view: &View<'_>, owner: &Owner) -> Option<Way> {
    let (from, to) = (view.footing.shard, view.footing.shards.of(owner.bucket()));
    (from != to).then_some(Way { from, to })
}

/// Sends it, once for its errand and object.
pub fn send(view: &mut View<'_>, parcel: &Parcel) -> Result<(), Stop> {
    let Parcel { errand, to, minor, currency, way, object } = parcel;
    let key = format!("{}:{object}", errand.as_str());
    let Found::Free(place) = answers::look_up(view, ClaimKind::Once, SCOPE, &key)? else {
        return Err(Stop::Broken(format!("{object} was sent before")));
    };
    let n = answers::store(
        view,
        Draft {
            kind: ClaimKind::Once,
            scope: SCOPE.to_owned(),
            key,
            place,
            body_hash: None,
            status: 0,
            object: Some(object.clone()),
            body: None,
        },
    );
    let seq = view.footing.seq;
    let (purse, owner) = words_of(to);
    let sent = Sent {
        shard: way.from,
        to_shard: way.to,
        seq,
        n,
        errand: errand.as_str().into(),
        purse: purse.into(),
        owner: owner.to_string().into(),
        amount: *minor,
        currency: currency.code().into(),
        object: object.as_str().into(),
    };
    view.put((way.from, way.to, seq, n), sent);
    Ok(())
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
    let came = Came::read(&sent, Way { from, to })?;
    match came.take_in(view)? {
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

/// A message that came, understood.
struct Came {
    errand: Errand,
    purse: Purse,
    minor: i64,
    currency: Currency,
    way: Way,
    object: String,
}

impl Came {
    fn read(sent: &Sent, way: Way) -> Result<Self, Stop> {
        let broken = |what: &str| Stop::Broken(format!("what shard {} has sent names no {what}", way.from));
        let errand = Errand::ALL.into_iter().find(|errand| errand.as_str() == sent.errand);
        let owner = Owner::parse(&sent.owner, None).ok_or_else(|| broken("owner"))?;
        Ok(Self {
            errand: errand.ok_or_else(|| broken("errand"))?,
            purse: purse_of(&sent.purse, owner).ok_or_else(|| broken("purse"))?,
            minor: sent.amount,
            currency: Currency::parse(&sent.currency).ok_or_else(|| broken("currency"))?,
            way,
            object: sent.object.to_string(),
        })
    }

    /// Does what it is sent for; why not, where it must be tried again.
    fn take_in(&self, view: &mut View<'_>) -> Result<Result<(), String>, Stop> {
        match self.errand {
            Errand::Give => self.book(view, self.arrival()?),
            Errand::Transfer => match self.book(view, self.arrival()?)? {
                Ok(()) => self.answer(view, Errand::Arrived, 0).map(Ok),
                Err(_) => self.turn_back(view).map(Ok),
            },
            Errand::Arrived => self.tell(view, Crossing::Arrived).map(Ok),
            Errand::Returned => self.give_back(view),
        }
    }

    fn arrival(&self) -> Result<Post, Stop> {
        let verb = Verb::Arrive { purse: self.purse.clone(), money: self.money()?, way: self.way };
        Ok(self.post(verb))
    }

    /// The books here refuse a transfer: its money goes back.
    fn turn_back(&self, view: &mut View<'_>) -> Result<(), Stop> {
        let verb = Verb::TurnBack { money: self.money()?, way: self.way };
        self.book(view, self.post(verb))?.map_err(Stop::Broken)?;
        self.answer(view, Errand::Returned, self.minor)
    }

    fn answer(&self, view: &mut View<'_>, errand: Errand, minor: i64) -> Result<(), Stop> {
        let (to, currency, object) = (self.purse.clone(), self.currency, self.object.clone());
        send(view, &Parcel { errand, to, minor, currency, way: self.way.back(), object })
    }

    /// A transfer that went out from here is back: its payer has it again, and the trade hears of it.
    fn give_back(&self, view: &mut View<'_>) -> Result<Result<(), String>, Stop> {
        let id = self.trade()?;
        let trade = the_trade(view, id)?;
        let (payer, money, fee) = (trade.payer.clone(), self.money()?, trade.fee());
        let post = trade.post(Verb::ReturnTransfer { payer, money, fee, way: self.way });
        match book(view, Some(id), &post)? {
            Ok(()) => self.tell(view, Crossing::CameBack).map(Ok),
            Err(refused) => Ok(Err(refused.to_string())),
        }
    }

    fn tell(&self, view: &mut View<'_>, crossing: Crossing) -> Result<(), Stop> {
        let id = self.trade()?;
        want(view, id);
        drive(view, id, vec![Message::Trade(Input::Crossing(crossing))])
    }

    fn trade(&self) -> Result<TradeId, Stop> {
        let broken = || Stop::Broken(format!("shard {} tells of {}, which is no trade", self.way.from, self.object));
        TradeId::parse(&self.object).ok_or_else(broken)
    }

    fn money(&self) -> Result<Money, Stop> {
        let broken = |_| Stop::Broken(format!("what shard {} has sent names no amount", self.way.from));
        Ok(Money { amount: Amount::new(self.minor).map_err(broken)?, currency: self.currency })
    }

    fn post(&self, verb: Verb) -> Post {
        let merchant = match &self.purse {
            Purse::Balance(owner) => owner.merchant(),
            Purse::Stored(..) => None,
        };
        Post { context: None, merchant, currency: self.currency, object: self.object.clone(), verb }
    }

    fn book(&self, view: &mut View<'_>, post: Post) -> Result<Result<(), String>, Stop> {
        Ok(book(view, None, &post)?.map_err(|refused| refused.to_string()))
    }
}

/// The words that rows store: into what, and whose.
fn words_of(purse: &Purse) -> (String, Owner) {
    match purse {
        Purse::Balance(owner) => ("balance".to_owned(), owner.clone()),
        Purse::Stored(user, kind) => (format!("stored:{kind}"), Owner::User(user.clone())),
    }
}

fn purse_of(word: &str, owner: Owner) -> Option<Purse> {
    match (word.strip_prefix("stored:"), owner) {
        (Some(kind), Owner::User(user)) => StoredKind::parse(kind).map(|kind| Purse::Stored(user, kind)),
        (Some(_), _) => None,
        (None, owner) => (word == "balance").then_some(Purse::Balance(owner)),
    }
}

/// How long a message rests after so many attempts: from five seconds, doubled each time, to an hour.
fn pause_us(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 16) - 1).unwrap_or(0);
    ((5 * SECOND_US) << doublings).min(HOUR_US)
}
