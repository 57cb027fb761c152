//! The children of a combined trade: opened with it, in one batch, each under its own merchant's number.

use std::collections::BTreeSet;

use accounting::Subject;
use kernel::message::trade::Create;
use kernel::{Code, OrderType, Owner, Problem};
use trade::Trade;

use super::{begin, drive, known_merchant, order_number, same_content};
use crate::answers::Found;
use crate::flows::drive::{the_trade, want};
use crate::stop::Stop;
use crate::view::View;

/// The places of the children's numbers among claims. Refused where one has a merchant that does not exist, or a number
/// that is taken, or taken twice by the checkout itself.
pub(super) fn places(view: &mut View<'_>, create: &Create) -> Result<Vec<i64>, Stop> {
    let mut named: BTreeSet<_> = [(create.context.merchant, &create.merchant_order_id)].into();
    let mut places = Vec::with_capacity(create.children.len());
    for (at, child) in create.children.iter().enumerate() {
        known_merchant(view, child).map_err(|stop| stop.within(at))?;
        if !named.insert((child.context.merchant, &child.merchant_order_id)) {
            return Err(taken("the order number stands in the checkout twice").within(at));
        }
        match order_number(view, child) {
            Ok(Found::Free(place)) => places.push(place),
            Ok(Found::Taken(_)) => return Err(taken("the merchant order number belongs to another trade").within(at)),
            // What is missing is noted, and all of it is read in one round.
            Err(Stop::Miss) => places.push(0),
            Err(stop) => return Err(stop),
        }
    }
    Ok(places)
}

fn taken(detail: &str) -> Stop {
    Stop::Refused(Problem::at(Code::order_exists, "merchant_order_id", detail))
}

/// Opens the children. Their time to be paid is the parent's.
pub(super) fn open_children(view: &mut View<'_>, create: &Create, places: Vec<i64>) -> Result<(), Stop> {
    if create.children.is_empty() {
        return Ok(());
    }
    let expires_at = the_trade(view, create.id)?.expires_at;
    let mut missed = false;
    for (at, (child, place)) in create.children.iter().zip(places).enumerate() {
        let child = Create { expires_at: Some(expires_at), ..child.clone() };
        let opened = begin(view, &child, place, None).map_err(|stop| stop.within(at));
        match opened.and_then(|messages| drive(view, child.id, messages)) {
            // What the others miss is read in the same round.
            Err(Stop::Miss) => missed = true,
            Err(stop) if !missed => return Err(stop),
            Ok(()) | Err(_) => {}
        }
    }
    if missed { Err(Stop::Miss) } else { Ok(()) }
}

/// Whether a repeated request asks for the children that a trade has.
pub(super) fn same_children(view: &mut View<'_>, trade: &Trade, create: &Create) -> Result<bool, Stop> {
    for child in &trade.children {
        want(view, child.trade);
    }
    for (child, asked) in trade.children.iter().zip(&create.children) {
        let known = the_trade(view, child.trade)?;
        let asked = Create { expires_at: Some(trade.expires_at), parent: Some(trade.id), ..asked.clone() };
        if !same_content(view, &known, &asked)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes the accounts that paying it at once moves.
pub(super) fn foresee(create: &Create, account: &mut impl FnMut(Owner, Subject)) {
    account(Owner::Platform, Subject::COMBINED);
    for child in &create.children {
        let merchant = Owner::Merchant(child.context.merchant);
        let escrow = child.context.order_type == OrderType::Escrow || child.splits.len() > 1;
        if escrow {
            account(merchant.clone(), Subject::ESCROW);
        }
        if child.context.order_type == OrderType::Instant {
            let named = child.splits.iter().map(|split| split.receiver.clone());
            let all = if child.splits.is_empty() { vec![merchant] } else { named.collect() };
            all.into_iter().for_each(|receiver| account(receiver, Subject::PENDING));
        }
    }
}
