//! Commands to a trade's tree: opening it, everything a merchant or buyer may ask, institutions' words, timers.

use std::sync::Arc;

use accounting::{Account, AccountKey, Subject};
use channel::order::Told;
use channel::{Answer, Orders};
use kernel::message::accounting::Way;
use kernel::message::payment::{CaseAct, Command as PaymentCommand, Tool};
use kernel::message::trade::{Command, Create, Refund};
use kernel::{CaseId, Code, KeyId, OrderType, Owner, PaymentId, Problem, RefundId, TradeId};
use payment::{Coupon, Payments};
use trade::{TimerKind, Trade};

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::flows::drive::{Message, drive, fresh, trade_reacted, want};
use crate::flows::{Outcome, credit, not_found, transit};
use crate::planning::trade_terms;
use crate::request::Caller;
use crate::stop::Stop;
use crate::view::View;

mod combined;

/// Opens a trade, perhaps with its first payment. A merchant's order number that is taken is answered with the trade that
/// has it, if the content is the same; what it asks to pay is not run again.
pub fn open(view: &mut View<'_>, create: &Create) -> Result<Outcome, Stop> {
    known_merchant(view, create)?;
    if let (OrderType::Repayment, Some(user)) = (create.context.order_type, create.payer.user()) {
        credit::has_line(view, user, create.money.currency)?;
    }
    let away = way_to_payee(view, create)?;
    foresee(view, create);
    match order_number(view, create)? {
        Found::Taken(answer) => {
            let first = answer.object.as_deref().and_then(TradeId::parse);
            let id = first.ok_or_else(|| Stop::Broken("an order number names no trade".to_owned()))?;
            if answer.shard != view.footing.shard {
                return Err(Stop::Elsewhere(answer.shard));
            }
            let trade = crate::flows::drive::the_trade(view, id)?;
            if same_content(view, &trade, create)? {
                return Ok(Outcome::Trade(id));
            }
            let detail = "the merchant order number belongs to a trade with other content";
            Err(Stop::Refused(Problem::at(Code::order_exists, "merchant_order_id", detail).about(id)))
        }
        Found::Free(place) => {
            let children = combined::places(view, create)?;
            if view.misses() {
                return Err(Stop::Miss);
            }
            let messages = begin(view, create, place, away)?;
            combined::open_children(view, create, children)?;
            drive(view, create.id, messages).map_err(of_its_payment)?;
            Ok(Outcome::TradeOpened(create.id))
        }
    }
}

/// What the payment that comes with a trade is refused for stands in `pay` of the request.
fn of_its_payment(stop: Stop) -> Stop {
    let Stop::Refused(mut problem) = stop else { return stop };
    problem.param = problem.param.map(|param| match param.as_str() {
        "due" => "pay".to_owned(),
        _ if param.starts_with("tools") => format!("pay.{param}"),
        _ => param,
    });
    Stop::Refused(problem)
}

fn known_merchant(view: &View<'_>, create: &Create) -> Result<(), Stop> {
    match view.control.merchants.contains_key(&create.context.merchant) {
        true => Ok(()),
        false => Err(Stop::Refused(Problem::at(Code::not_found, "merchant_id", "there is no such merchant"))),
    }
}

/// Whether the merchant's number of a new trade is free.
fn order_number(view: &mut View<'_>, create: &Create) -> Result<Found, Stop> {
    answers::look_up(view, ClaimKind::Order, &create.context.merchant.to_string(), &create.merchant_order_id)
}

/// Whether a repeated request asks for the trade that is there, and for the children that it has.
fn same_content(view: &mut View<'_>, trade: &Trade, create: &Create) -> Result<bool, Stop> {
    let terms = trade_terms(&view.control.rules, create, trade.created_at);
    Ok(trade.same_content(create, &terms) && combined::same_children(view, trade, create)?)
}

/// A new trade with its number; what follows from it is still to be done.
fn begin(view: &mut View<'_>, create: &Create, place: i64, away: Option<Way>) -> Result<Vec<Message>, Stop> {
    fresh(view, create.id);
    let terms = trade_terms(&view.control.rules, create, view.now());
    let known = trade::Known { now: view.now(), terms, away };
    let (trade, reaction) = Trade::create(create, &known)?;
    let context = trade.context.clone();
    view.put(create.id, trade);
    answers::store(
        view,
        Draft {
            kind: ClaimKind::Order,
            scope: create.context.merchant.to_string(),
            key: create.merchant_order_id.clone(),
            place,
            body_hash: None,
            status: 0,
            object: Some(create.id.to_string()),
            body: None,
        },
    );
    Ok(trade_reacted(view, create.id, &context, reaction))
}

/// Refuses a transfer to a merchant that does not exist; gives the way to a payee who lives in another shard.
fn way_to_payee(view: &View<'_>, create: &Create) -> Result<Option<Way>, Stop> {
    let Some(payee) = create.splits.first().filter(|_| create.context.order_type == OrderType::Transfer) else {
        return Ok(None);
    };
    let stranger = |merchant| !view.control.merchants.contains_key(&merchant);
    if payee.receiver.merchant().is_some_and(stranger) {
        return Err(Stop::Refused(Problem::at(Code::not_found, "payee", "there is no such merchant")));
    }
    Ok(transit::way(view, &payee.receiver))
}

/// Notes what the rules will look at, as far as the request says it, so that a trade is decided once all of it is known
/// and not before. What is forgotten here costs a round more, what is noted in vain a row that is read.
fn foresee(view: &mut View<'_>, create: &Create) {
    let (salt, currency) = (view.control.salt, create.money.currency);
    let mut account = |owner: Owner, subject: Subject| {
        view.peek::<Account>(AccountKey { owner, subject, currency }.id(&salt));
    };
    if create.context.order_type.pays_itself() {
        let payees = create.splits.iter().map(|split| split.receiver.clone());
        payees.chain([create.payer.clone()]).for_each(|owner| {
            let AccountKey { owner, subject, .. } = AccountKey::balance(owner, currency);
            account(owner, subject);
        });
    }
    let tools = create.pay.as_deref().unwrap_or_default();
    if tools.iter().any(|tool| tool.tool == Tool::Balance) {
        account(create.payer.clone(), Subject::USER_BALANCE);
        let merchant = Owner::Merchant(create.context.merchant);
        match create.context.order_type {
            OrderType::Escrow => account(merchant, Subject::ESCROW),
            // Of several dues the money waits there, too.
            OrderType::Instant if !create.dues.is_empty() => account(merchant, Subject::ESCROW),
            OrderType::Instant if create.splits.is_empty() => account(merchant, Subject::PENDING),
            OrderType::Combined => combined::foresee(create, &mut account),
            OrderType::Repayment => account(create.payer.clone(), Subject::CREDIT),
            // None of them is paid with tools of ours.
            OrderType::Topup | OrderType::Transfer | OrderType::Payout => {}
            OrderType::Instant => {
                account(merchant, Subject::ESCROW);
                create.splits.iter().for_each(|split| account(split.receiver.clone(), Subject::PENDING));
            }
        }
    }
    for tool in tools {
        if let Tool::Coupon(coupon) = &tool.tool {
            view.peek::<Coupon>(*coupon);
        }
    }
}

/// Any command to a trade that is there.
pub fn command(view: &mut View<'_>, caller: &Caller, id: TradeId, command: &Command) -> Result<Outcome, Stop> {
    let trade = visible(view, caller, id)?;
    let payments = view.get::<Payments>(id)?;
    if let Command::Refund(refund) = command
        && let Some(known) = payments.as_deref().and_then(|state| state.existing_refund(&refund.merchant_refund_id))
    {
        return existing(id, known, refund);
    }
    let before = payments.map_or((0, 0), |state| (state.payments.len(), state.refunds.len()));
    drop(trade);
    drive(view, id, vec![Message::Trade(trade::Input::Command(command.clone()))])?;
    let after = view.get::<Payments>(id)?;
    let newest = |numbers: Option<u16>| numbers.ok_or_else(|| Stop::Broken("a command left no trace".to_owned()));
    match command {
        Command::Pay { .. } => {
            let opened = after.as_deref().and_then(|state| state.payments.get(before.0..)?.first());
            newest(opened.map(|payment| payment.no)).map(|no| Outcome::PaymentOpened(PaymentId::new(id, no)))
        }
        Command::Refund(refund) => {
            let opened = after.as_deref().and_then(|state| state.existing_refund(&refund.merchant_refund_id));
            newest(opened.map(|refund| refund.no)).map(|no| Outcome::RefundOpened(RefundId::new(id, no)))
        }
        Command::Create(_) | Command::Confirm { .. } | Command::Close | Command::Expire | Command::ConfirmByTime => {
            Ok(Outcome::Trade(id))
        }
    }
}

fn existing(trade: TradeId, known: &payment::Refund, request: &Refund) -> Result<Outcome, Stop> {
    let id = RefundId::new(trade, known.no);
    if known.same_content(request) {
        return Ok(Outcome::Refund(id));
    }
    let detail = "the merchant refund number belongs to a refund with other content";
    Err(Stop::Refused(Problem::at(Code::refund_exists, "merchant_refund_id", detail).about(id)))
}

/// Ends an open payment.
pub fn cancel(view: &mut View<'_>, caller: &Caller, id: PaymentId) -> Result<Outcome, Stop> {
    visible(view, caller, id.trade)?;
    let there = view.get::<Payments>(id.trade)?.is_some_and(|state| state.payment(id.no).is_some());
    if !there {
        return Err(not_found());
    }
    drive(view, id.trade, vec![payment_command(PaymentCommand::Cancel(id))])?;
    Ok(Outcome::Payment(id))
}

/// Somebody does something about a case.
pub fn case(view: &mut View<'_>, caller: &Caller, id: CaseId, by: KeyId, act: &CaseAct) -> Result<Outcome, Stop> {
    visible(view, caller, id.trade)?;
    let there = view.get::<Payments>(id.trade)?.is_some_and(|state| state.case(id.no).is_some());
    if !there {
        return Err(not_found());
    }
    let command = PaymentCommand::Case { case: id, by, act: act.clone() };
    drive(view, id.trade, vec![payment_command(command)])?;
    Ok(Outcome::Case(id))
}

fn payment_command(command: PaymentCommand) -> Message {
    Message::Payment(payment::Input::Command(command))
}

/// An institution's word about an order. A word about a tree that does not exist changes nothing. A dispute of what we do
/// not know to be paid is refused: the institution says it again, and by then we have asked.
pub fn word(view: &mut View<'_>, told: &Told) -> Result<Outcome, Stop> {
    let id = told.order.trade;
    want(view, id);
    if view.get::<Trade>(id)?.is_some() {
        if let (Answer::Dispute(_), Some(orders)) = (&told.word, view.get::<Orders>(id)?)
            && orders.get(told.order.no).is_some()
            && !orders.fits(told.order, &told.word)
        {
            let detail = "nothing is known to be paid that could be disputed";
            return Err(Stop::Refused(Problem::new(Code::event_type_mismatch, detail)));
        }
        drive(view, id, vec![Message::Channel(channel::Input::Told(told.clone()))])?;
    }
    Ok(Outcome::Done)
}

/// A timer of a trade.
pub fn timer(view: &mut View<'_>, id: TradeId, kind: TimerKind) -> Result<Outcome, Stop> {
    want(view, id);
    if view.get::<Trade>(id)?.is_some() {
        drive(view, id, vec![Message::Trade(trade::Input::Command(kind.command()))])?;
    }
    Ok(Outcome::Done)
}

/// The trade, if it is there for this caller.
fn visible(view: &mut View<'_>, caller: &Caller, id: TradeId) -> Result<Arc<Trade>, Stop> {
    want(view, id);
    let trade = view.get::<Trade>(id)?.ok_or_else(not_found)?;
    if caller.may_see(Some(trade.context.merchant)) { Ok(trade) } else { Err(not_found()) }
}
