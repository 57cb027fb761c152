//! Messages between the domains of one trade: one way down, one way up, depth first, until nobody has anything to say.
//!
//! A command that is refused refuses the whole request. A fact is never refused. A posting is booked at once and its
//! answer goes back before anything else happens. Until the request has come to its end, all of it can be taken back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use channel::Orders;
use channel::order::Told;
use kernel::message::accounting::{Post, Purse};
use kernel::message::channel::{Command, Purpose};
use kernel::message::payment::Command as PaymentCommand;
use kernel::message::risk::CounterId;
use kernel::message::rules::TradeTerms;
use kernel::message::trade::OfParent;
use kernel::{CaseId, Code, Context, CouponId, DisputeId, PayOrg, PaymentId, Problem, RefundId, TradeId, limits};
use payment::{Booking, Counter, Coupon, CreditLine, Payments};
use store::unit::Kept;
use trade::Trade;

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::control::Control;
use crate::flows::accounting::book;
use crate::flows::credit::line_of;
use crate::flows::transit::{self, Errand, Parcel};
use crate::news::{Object, Told as Event};
use crate::planning::Planner;
use crate::question::Question;
use crate::stop::Stop;
use crate::view::View;

/// Within how many seconds a process has read the control data that others changed.
const REFRESH_S: u16 = 2;

/// One message under way.
#[derive(Debug)]
pub enum Message {
    /// To the trade.
    Trade(trade::Input),
    /// To its payments.
    Payment(payment::Input),
    /// To its channel orders.
    Channel(channel::Input),
    /// To a counter.
    Counter(CounterId, payment::counter::Command),
    /// To a coupon.
    Coupon(CouponId, payment::coupon::Command),
    /// To accounting, with whose answer it will be; `None` where accounting cannot refuse.
    Post(Box<Post>, Option<Booking>),
    /// Claims an institution's number.
    Claim(channel::order::Message),
    /// To another shard.
    Send(Box<Parcel>),
    /// To the tree of a trade that this one pays.
    Child(TradeId, Box<Message>),
}

/// Notes everything of a trade's tree in one round.
pub fn want(view: &mut View<'_>, trade: TradeId) {
    view.peek::<Trade>(trade);
    view.peek::<Payments>(trade);
    view.peek::<Orders>(trade);
    view.peek::<store::tables::accounting::Holds>(trade);
}

/// Notes the trees of the trades that a trade pays, so that they are read in one round.
fn want_children(view: &mut View<'_>, trade: &Trade) {
    for child in &trade.children {
        want(view, child.trade);
    }
}

/// Notes that nothing of a trade's tree can exist yet.
pub fn fresh(view: &mut View<'_>, trade: TradeId) {
    view.fresh::<Trade>(trade);
    view.fresh::<Payments>(trade);
    view.fresh::<Orders>(trade);
    view.fresh::<store::tables::accounting::Holds>(trade);
}

/// Delivers messages until there are none. Where a child misses something, what the other children miss is noted, too, so
/// that all of it is read in one round, however many there are.
pub fn drive(view: &mut View<'_>, trade: TradeId, first: Vec<Message>) -> Result<(), Stop> {
    let mut queue = VecDeque::from(first);
    let (mut hops, mut missed) = (0, false);
    while let Some(message) = queue.pop_front() {
        hops += 1;
        if hops > limits::MAX_HOPS {
            return Err(Stop::Broken("the domains did not come to an end".to_owned()));
        }
        let to_child = matches!(message, Message::Child(..));
        match deliver(view, trade, message) {
            Ok(caused) => caused.into_iter().rev().for_each(|caused| queue.push_front(caused)),
            Err(Stop::Miss) if to_child => {
                missed = true;
                queue.retain(|message| matches!(message, Message::Child(..)));
            }
            // All of it is decided again.
            Err(_) if missed => {}
            Err(stop) => return Err(stop),
        }
    }
    if missed { Err(Stop::Miss) } else { Ok(()) }
}

fn deliver(view: &mut View<'_>, trade: TradeId, message: Message) -> Result<Vec<Message>, Stop> {
    match message {
        Message::Trade(input) => tell_trade(view, trade, input),
        Message::Payment(input) => tell_payments(view, trade, &input),
        Message::Channel(input) => tell_orders(view, trade, input),
        Message::Counter(counter, command) => tell_counter(view, counter, command),
        Message::Coupon(coupon, command) => tell_coupon(view, coupon, command),
        Message::Post(post, token) => post_it(view, trade, &post, token),
        Message::Claim(claim) => claim_number(view, claim),
        Message::Send(parcel) => transit::send(view, &parcel).map(|()| Vec::new()),
        // Everything of a child is done before its parent goes on.
        Message::Child(child, told) => {
            drive(view, child, vec![*told])?;
            Ok(Vec::new())
        }
    }
}

fn tell_trade(view: &mut View<'_>, id: TradeId, input: trade::Input) -> Result<Vec<Message>, Stop> {
    let mut state = Trade::clone(&*the_trade(view, id)?);
    if let trade::Input::Fact(_) = &input {
        want_children(view, &state);
    }
    // Terms are asked for where a trade is opened; what is told to one that is there does not look at them.
    let known = trade::Known { now: view.now(), terms: TradeTerms::default(), away: None };
    let reaction = state.handle(input, &known)?;
    let context = state.context.clone();
    view.put(id, state);
    Ok(trade_reacted(view, id, &context, reaction))
}

/// What a trade's reaction means for the others; news go to the log.
pub fn trade_reacted(view: &mut View<'_>, id: TradeId, context: &Context, reaction: trade::Reaction) -> Vec<Message> {
    for news in reaction.news {
        tell(view, Object::Trade(id), news.kind, news.sequence, context);
    }
    let messages = |message| match message {
        trade::Message::Payment(command) => vec![Message::Payment(payment::Input::Command(command))],
        trade::Message::Post(post) => vec![Message::Post(Box::new(post), None)],
        trade::Message::Send { post, payee, money, way } => {
            let (errand, to, object) = (Errand::Transfer, Purse::Balance(payee), id.to_string());
            let parcel = Parcel { errand, to, minor: money.amount.minor(), currency: money.currency, way, object };
            vec![Message::Post(Box::new(post), None), Message::Send(Box::new(parcel))]
        }
        trade::Message::Child(child, told) => vec![to_child(child, told)],
    };
    reaction.messages.into_iter().flat_map(messages).collect()
}

fn tell_payments(view: &mut View<'_>, id: TradeId, input: &payment::Input) -> Result<Vec<Message>, Stop> {
    let mut state = view.get::<Payments>(id)?.map_or_else(|| Payments::new(id), |state| Payments::clone(&state));
    let coupons = existing::<Coupon>(view, &state.coupons_needed(input))?;
    let channels = Arc::clone(&view.channels);
    let (control, approvals, trade) = (Arc::clone(&view.control), Arc::clone(&view.approvals), the_trade(view, id)?);
    let rules = Planner { control: &control, trade: &trade };
    all_known(&state, &control)?;
    let (signals, asked, now) = (view.signals.clone(), view.asked.clone(), view.now());
    let (switches, attempt) = (control.switches_off(), state.next_attempt());
    let needed = state.counters_needed(input, (&signals, &switches), &rules, now);
    let counters = existing::<Counter>(view, &needed)?;
    let credit = match state.credit_needed(input) {
        Some((user, currency)) => view.get::<CreditLine>(line_of(&user, currency, &control.salt))?,
        None => None,
    };
    let children = match state.needs_children(input) {
        true => of_children(view, &trade)?,
        false => Vec::new(),
    };
    let known = payment::Known {
        now,
        coupons: &coupons,
        children: &children,
        routes: &channels.routes,
        credit: credit.as_deref(),
        counters: &counters,
        signals: &signals,
        switches: &switches,
        asked: &asked,
        rules: &rules,
        approvals: &approvals,
    };
    let reaction = match (state.handle(input, &known), input) {
        (Err(payment::Refusal::RiskUnasked), payment::Input::Command(PaymentCommand::Pay(pay))) => {
            return Err(Stop::Ask(Box::new(Question::new(&trade, pay, attempt, &signals))));
        }
        (reaction, _) => reaction?,
    };
    let context = trade.context.clone();
    view.put(id, state);
    for news in reaction.news {
        let object = match news.object {
            payment::ObjectRef::Payment(no) => Object::Payment(PaymentId::new(id, no)),
            payment::ObjectRef::Refund(no) => Object::Refund(RefundId::new(id, no)),
            payment::ObjectRef::Dispute(no) => Object::Dispute(DisputeId::new(id, no)),
            payment::ObjectRef::Case(no) => Object::Case(CaseId::new(id, no)),
        };
        tell(view, object, news.kind, news.sequence, &context);
    }
    let message = |message| match message {
        payment::Message::Child(child, paid) => to_child(child, OfParent::Paid(paid)),
        payment::Message::ShareDisputed(child, parent, told) => {
            let command = PaymentCommand::ShareDisputed { parent, told };
            Message::Child(child, Box::new(Message::Payment(payment::Input::Command(command))))
        }
        payment::Message::Trade(fact) => Message::Trade(trade::Input::Fact(fact)),
        payment::Message::Channel(command) => Message::Channel(channel::Input::Command(addressed(command, &trade))),
        payment::Message::Counter(counter, command) => Message::Counter(counter, command),
        payment::Message::Coupon(coupon, command) => Message::Coupon(coupon, command),
        payment::Message::Post { post, token } => Message::Post(post, Some(token)),
    };
    Ok(reaction.messages.into_iter().map(message).collect())
}

/// To the trade that another pays.
fn to_child(child: TradeId, told: OfParent) -> Message {
    Message::Child(child, Box::new(Message::Trade(trade::Input::Parent(told))))
}

/// The payments of the trades that a trade pays, in its order.
fn of_children(view: &mut View<'_>, trade: &Trade) -> Result<Vec<Arc<Payments>>, Stop> {
    want_children(view, trade);
    let mut found = Vec::with_capacity(trade.children.len());
    for child in &trade.children {
        found.extend(view.get::<Payments>(child.trade)?);
    }
    Ok(found)
}

/// Where a payout goes is the trade's to say.
fn addressed(mut command: Command, trade: &Trade) -> Command {
    if let Command::Place(place) = &mut command
        && let Purpose::Payout(_) = place.purpose
    {
        place.destination.clone_from(&trade.destination);
    }
    command
}

/// Another node may know a version of the rules for up to two seconds before this one does. What was planned by it waits
/// until then: it could not be given back where it counts.
fn all_known(state: &Payments, control: &Control) -> Result<(), Stop> {
    let known = |payment: &payment::Payment| control.rules.version(payment.rule_version).is_some();
    match state.payments.iter().find(|payment| !known(payment)) {
        None => Ok(()),
        Some(payment) => {
            let detail = format!("version {} of the rules is not known to this process yet", payment.rule_version);
            Err(Stop::Behind(Problem::new(Code::store_unavailable, detail).retry_after(REFRESH_S)))
        }
    }
}

/// Those among these that exist.
fn existing<A: Kept>(view: &mut View<'_>, keys: &[A::Key]) -> Result<BTreeMap<A::Key, A>, Stop> {
    for key in keys {
        view.peek::<A>(*key);
    }
    let mut found = BTreeMap::new();
    for key in keys {
        if let Some(state) = view.get::<A>(*key)? {
            found.insert(*key, A::clone(&state));
        }
    }
    Ok(found)
}

/// Tells a counter; one in which nothing counts any more goes.
pub fn tell_counter(
    view: &mut View<'_>,
    id: CounterId,
    command: payment::counter::Command,
) -> Result<Vec<Message>, Stop> {
    let mut state = view.get::<Counter>(id)?.map_or_else(|| Counter::new(id), |state| Counter::clone(&state));
    state.handle(command, view.now());
    match state.is_empty() {
        true => view.remove::<Counter>(id),
        false => view.put(id, state),
    }
    Ok(Vec::new())
}

fn tell_orders(view: &mut View<'_>, id: TradeId, input: channel::Input) -> Result<Vec<Message>, Stop> {
    let mut state = view.get::<Orders>(id)?.map_or_else(|| Orders::new(id), |state| Orders::clone(&state));
    let taken = match &input {
        channel::Input::Told(told) => taken_numbers(view, &state, told)?,
        channel::Input::Command(_) => BTreeSet::new(),
    };
    let channels = Arc::clone(&view.channels);
    let known = channel::order::Known {
        now: view.now(),
        profiles: &channels.profiles,
        jitter: jitter(id, view.footing.seq),
        taken: &taken,
    };
    let reaction = state.handle(input, &known)?;
    view.put(id, state);
    let message = |message| match message {
        channel::order::Message::Payment(fact) => Message::Payment(payment::Input::Channel(fact)),
        claim @ channel::order::Message::Claim { .. } => Message::Claim(claim),
    };
    Ok(reaction.messages.into_iter().map(message).collect())
}

/// Of the institution's number that a word names: whether another order already has it.
fn taken_numbers(view: &mut View<'_>, orders: &Orders, told: &Told) -> Result<BTreeSet<String>, Stop> {
    let mut taken = BTreeSet::new();
    let Some(order) = orders.get(told.order.no) else { return Ok(taken) };
    let Some(number) = told.word.channel_no() else { return Ok(taken) };
    let found = answers::look_up(view, ClaimKind::Channel, &order.channel_account, number)?;
    if let Found::Taken(answer) = found
        && answer.object.as_deref() != Some(told.order.to_string().as_str())
    {
        taken.insert(number.to_owned());
    }
    Ok(taken)
}

/// Evenly distributed over its range, and the same for the same batch: orders that failed together do not come back
/// together.
fn jitter(trade: TradeId, seq: i64) -> u32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&trade.0.bytes()).update(&seq.to_le_bytes());
    hasher.finalize().as_bytes().first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn claim_number(view: &mut View<'_>, claim: channel::order::Message) -> Result<Vec<Message>, Stop> {
    let channel::order::Message::Claim { channel_account, channel_no, order } = claim else { return Ok(Vec::new()) };
    match answers::look_up(view, ClaimKind::Channel, &channel_account, &channel_no)? {
        Found::Taken(_) => {}
        Found::Free(place) => {
            answers::store(
                view,
                Draft {
                    kind: ClaimKind::Channel,
                    scope: channel_account,
                    key: channel_no,
                    place,
                    body_hash: None,
                    status: 0,
                    object: Some(order.to_string()),
                    body: None,
                },
            );
        }
    }
    Ok(Vec::new())
}

/// Tells a coupon. The payment core looked at it first, so a refusal means that something is broken.
fn tell_coupon(view: &mut View<'_>, id: CouponId, command: payment::coupon::Command) -> Result<Vec<Message>, Stop> {
    let Some(coupon) = view.get::<Coupon>(id)? else {
        return Err(Stop::Broken(format!("coupon {id} of an instruction does not exist")));
    };
    let mut state = Coupon::clone(&coupon);
    let reaction = state.handle(command, view.now()).map_err(|refusal| Stop::Broken(refusal.to_string()))?;
    view.put(id, state);
    Ok(reaction.into_iter().map(|post| Message::Post(Box::new(post), None)).collect())
}

fn post_it(view: &mut View<'_>, trade: TradeId, post: &Post, token: Option<Booking>) -> Result<Vec<Message>, Stop> {
    let booked = book(view, Some(trade), post)?;
    match (token, booked) {
        (None | Some(Booking::Sure), Ok(())) => Ok(Vec::new()),
        (None | Some(Booking::Sure), Err(refused)) => {
            Err(Stop::Broken(format!("accounting refused what cannot be refused: {refused}")))
        }
        (Some(token), result) => Ok(vec![Message::Payment(payment::Input::Booked { token, result })]),
    }
}

/// The trade that messages are about.
pub fn the_trade(view: &mut View<'_>, id: TradeId) -> Result<Arc<Trade>, Stop> {
    view.get::<Trade>(id)?.ok_or_else(|| Stop::Broken(format!("{id} has a tree but does not exist")))
}

fn tell(view: &mut View<'_>, object: Object, kind: &'static str, sequence: i64, context: &Context) {
    // The institution is read off the payments when the request has come to its end: see `wire::bodies`.
    view.told.push(Event { kind, object, sequence, context: Some(context.clone()), pay_org: PayOrg::internal() });
}
