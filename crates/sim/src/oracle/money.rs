//! Every owner's sum, derived anew from what was asked and what came of it, and from the institution's own truth.
//!
//! Sums are credit less debit, per owner, place and currency. What a receiver has earned (2003) and has (2002) counts as
//! one, because a refund takes from either.

use std::collections::BTreeMap;

use accounting::Account;
use channel::sandbox::bank::Truth;
use engine::request::Command;
use kernel::message::accounting::CouponSource;
use kernel::message::payment::Tool;
use kernel::{Currency, Money, OrderType, Owner, StoredKind, UserId};
use payment::coupon::CouponStatus;
use payment::{Part, PartSource, PartStatus, PaymentStatus, Payments, Way};
use trade::Trade;

use super::Scene;
use super::rows::Rows;
use crate::plan::points;

/// Where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// 2001.
    User,
    /// 2002 and 2003.
    Receiver,
    /// 2004.
    Escrow,
    /// 2031.
    Coupons,
    /// 2032.
    Budget,
    /// 2033.gift_card.
    GiftCards,
    /// 2033.red_packet.
    RedPackets,
    /// 2034.
    Points,
    /// 2034.redeemed.
    Redeemed,
    /// 2035.
    Unclaimed,
    /// 2011.….
    Transit,
    /// 4001.
    Fees,
    /// 1011.….in
    ChannelIn,
    /// 1011.….out
    ChannelOut,
    /// 1011.….refund
    ChannelRefund,
    /// 1011.….dispute
    ChannelDispute,
    /// 5003.
    Issued,
}

#[derive(Default)]
struct Sums(BTreeMap<(String, Place, Currency), i64>);

impl Sums {
    fn add(&mut self, owner: &Owner, place: Place, currency: Currency, minor: i64) {
        *self.0.entry((owner.to_string(), place, currency)).or_insert(0) += minor;
    }

    fn balance(&mut self, owner: &Owner, money: Money, sign: i64) {
        self.add(owner, home(owner), money.currency, sign * money.amount.minor());
    }
}

/// Where an owner's own money is.
const fn home(owner: &Owner) -> Place {
    match owner {
        Owner::User(_) => Place::User,
        Owner::Merchant(_) | Owner::Seller(..) | Owner::Platform | Owner::Channel(_) => Place::Receiver,
    }
}

/// What differs.
pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Vec<String> {
    let mut sums = Sums::default();
    for asked in scene.callers.asked.values() {
        if asked.told.as_ref().is_some_and(|reply| !reply.problem) {
            given(&mut sums, &asked.request.command);
            taken_back(&mut sums, scene, &asked.request.command);
        }
    }
    claimed(&mut sums, scene);
    for gift in rows.gifts.iter().filter(|gift| gift.expired) {
        sums.add(&gift.issuer(), Place::Unclaimed, gift.money.currency, -gift.left());
        to_source(&mut sums, &gift.source, gift.money.currency, gift.left());
    }
    for coupon in rows.coupons.iter().filter(|coupon| coupon.status == CouponStatus::Expired) {
        let minor = coupon.money.amount.minor();
        sums.add(&Owner::User(coupon.user.clone()), Place::Coupons, coupon.money.currency, -minor);
        to_source(&mut sums, &coupon.source, coupon.money.currency, minor);
    }
    for tree in rows.trees.values() {
        released(&mut sums, &tree.trade);
        if let Some(state) = &tree.payments {
            paid(&mut sums, &tree.trade, state);
            given_back(&mut sums, &tree.trade, state);
            disputed(&mut sums, &tree.trade, state);
        }
    }
    institution(&mut sums, scene);
    for account in &rows.accounts {
        if let Some(place) = place(account) {
            sums.add(&account.owner, place, account.currency, account.dp - account.cp);
        }
    }
    let differing = sums.0.into_iter().filter(|(_, minor)| *minor != 0);
    differing
        .map(|((owner, place, currency), minor)| format!("{owner} {place:?}: {minor} {currency} too little"))
        .collect()
}

fn place(account: &Account) -> Option<Place> {
    Some(match account.subject.as_str() {
        "2001" => Place::User,
        // What somebody owes us is as much less of theirs.
        "1061" | "1062" => home(&account.owner),
        "2002" | "2003" => Place::Receiver,
        "2004" => Place::Escrow,
        "2031" => Place::Coupons,
        "2032" => Place::Budget,
        "2033.gift_card" => Place::GiftCards,
        "2033.red_packet" => Place::RedPackets,
        "2034" => Place::Points,
        "2034.redeemed" => Place::Redeemed,
        "2035" => Place::Unclaimed,
        "4001" => Place::Fees,
        "5003" => Place::Issued,
        transit if transit.starts_with("2011.") => Place::Transit,
        channel if channel.ends_with(".in") => Place::ChannelIn,
        channel if channel.ends_with(".out") => Place::ChannelOut,
        channel if channel.ends_with(".refund") => Place::ChannelRefund,
        channel if channel.ends_with(".dispute") => Place::ChannelDispute,
        _ => return None,
    })
}

/// What an acknowledged request gives or takes by itself.
fn given(sums: &mut Sums, command: &Command) {
    match command {
        Command::Fund { owner, money } => {
            sums.balance(owner, *money, 1);
            let sandbox = Owner::Channel(crate::institution::NAME.to_owned());
            sums.add(&sandbox, Place::ChannelIn, money.currency, -money.amount.minor());
        }
        Command::FundBudget { owner, money } => {
            sums.add(owner, Place::Budget, money.currency, money.amount.minor());
            if *owner != Owner::Platform {
                sums.balance(owner, *money, -1);
            }
        }
        Command::IssueCoupon(issue) => {
            let minor = issue.money.amount.minor();
            sums.add(&Owner::User(issue.user.clone()), Place::Coupons, issue.money.currency, minor);
            if issue.budget {
                let issuer = issue.merchant.map_or(Owner::Platform, Owner::Merchant);
                sums.add(&issuer, Place::Budget, issue.money.currency, -minor);
            }
        }
        Command::IssueGift(issue) => {
            let (minor, issuer) = (issue.money.amount.minor(), issue.merchant.map_or(Owner::Platform, Owner::Merchant));
            sums.add(&issuer, Place::Unclaimed, issue.money.currency, minor);
            if issue.budget {
                sums.add(&issuer, Place::Budget, issue.money.currency, -minor);
            }
        }
        Command::GrantPoints(grant) => points_given(sums, &grant.user, grant.points.minor()),
        _ => {}
    }
}

fn points_given(sums: &mut Sums, user: &UserId, points: i64) {
    sums.add(&Owner::User(user.clone()), Place::Points, Currency::POINTS, points);
    sums.add(&Owner::Platform, Place::Issued, Currency::POINTS, -points);
}

/// Points that were taken back of whom they had been given.
fn taken_back(sums: &mut Sums, scene: &Scene<'_>, command: &Command) {
    let Command::ReversePoints { grant, points: Some(points) } = command else { return };
    let user = scene.callers.asked.values().find_map(|asked| match &asked.request.command {
        Command::GrantPoints(granted) if granted.id == *grant => Some(&granted.user),
        _ => None,
    });
    if let Some(user) = user {
        points_given(sums, user, -points.minor());
    }
}

/// How many points pay so much, by the world's own rule: rounded up.
const fn worth(minor: i64) -> i64 {
    (minor * points::POINTS + points::MINOR - 1) / points::MINOR
}

/// Points to the payer's hands, or from there where they are fewer than none, and their money the same way.
fn redeemed(sums: &mut Sums, trade: &Trade, points: i64, minor: i64) {
    let merchant = Owner::Merchant(trade.context.merchant);
    sums.add(&trade.payer, Place::Points, Currency::POINTS, points);
    if trade.is_combined() {
        return;
    }
    sums.add(&merchant, Place::Redeemed, Currency::POINTS, -points);
    // No budget pays for a cart.
    if points::by_budget(trade.money.amount.minor()) && trade.parent.is_none() {
        sums.add(&merchant, Place::Budget, trade.money.currency, minor);
    }
}

/// Points that a parent's payment redeemed: each child's merchant has those of its share, which `carts.rs` looks at.
fn shared(sums: &mut Sums, trade: &Trade, state: &Payments) {
    let merchant = Owner::Merchant(trade.context.merchant);
    let shares = state.payments.iter().filter(|payment| payment.parent.is_some());
    for used in shares.flat_map(|payment| &payment.instructions).filter_map(|leg| leg.points.as_ref()) {
        sums.add(&merchant, Place::Redeemed, Currency::POINTS, used.points);
    }
}

/// How many points refunds gave back of each instruction: of what is left by what is left, and in the end all.
fn points_back(state: &Payments) -> BTreeMap<u16, i64> {
    let mut left: BTreeMap<u16, (i64, i64)> = BTreeMap::new();
    let mut back: BTreeMap<u16, i64> = BTreeMap::new();
    for part in state.refunds.iter().flat_map(|refund| &refund.parts).filter(|part| part.way == Way::Points) {
        let Some((payment, leg)) = state.leg(part.instruction) else { continue };
        // Of a share, what is its own of what the parent's payment took.
        let own = payment.parent.is_none();
        let took = if own { worth(leg.amount.minor()) } else { leg.points.as_ref().map_or(0, |used| used.points) };
        let (minor, points) = left.entry(leg.no).or_insert((leg.amount.minor(), took));
        let taken = part.amount.minor();
        let given = if taken >= *minor { *points } else { *points * taken / *minor };
        *minor -= taken;
        *points -= given;
        *back.entry(leg.no).or_insert(0) += given;
    }
    back
}

/// What the answers to claims say, each share once.
fn claimed(sums: &mut Sums, scene: &Scene<'_>) {
    let asked = || scene.callers.asked.values().map(|asked| (&asked.request.command, asked.told.as_ref()));
    for (command, told) in asked() {
        let (Command::ClaimGift { gift, user, .. }, Some(reply)) = (command, told) else { continue };
        let body: Option<serde_json::Value> = serde_json::from_str(&reply.body).ok().filter(|_| reply.status == 201);
        let minor = body.and_then(|body| body.get("amount")?.as_i64());
        let issued = asked().find_map(|(command, _)| match command {
            Command::IssueGift(issue) if issue.id == *gift => Some(issue),
            _ => None,
        });
        let (Some(minor), Some(issue)) = (minor, issued) else { continue };
        let issuer = issue.merchant.map_or(Owner::Platform, Owner::Merchant);
        sums.add(&issuer, Place::Unclaimed, issue.money.currency, -minor);
        sums.add(&Owner::User(user.clone()), stored(&issue.kind), issue.money.currency, minor);
    }
}

fn stored(kind: &StoredKind) -> Place {
    if *kind == StoredKind::GIFT_CARD { Place::GiftCards } else { Place::RedPackets }
}

fn to_source(sums: &mut Sums, source: &CouponSource, currency: Currency, minor: i64) {
    if let CouponSource::Budget(owner) = source {
        sums.add(owner, Place::Budget, currency, minor);
    }
}

/// Where a receiver of a trade has its money.
fn receives(trade: &Trade, receiver: &Owner) -> Place {
    let sale = matches!(trade.context.order_type, OrderType::Instant | OrderType::Escrow);
    if *receiver == Owner::Platform && !sale { Place::Fees } else { home(receiver) }
}

/// What receivers got, and what is left in escrow of what was paid.
fn released(sums: &mut Sums, trade: &Trade) {
    let (merchant, currency) = (Owner::Merchant(trade.context.merchant), trade.money.currency);
    let out = trade.context.order_type == OrderType::Payout;
    // What a cart brought is its children's.
    if trade.is_combined() {
        return;
    }
    sums.add(&merchant, Place::Escrow, currency, trade.paid);
    for split in &trade.splits {
        sums.add(&merchant, Place::Escrow, currency, -split.moved.released);
        // What was paid out is nobody's here any more, but for what the platform keeps.
        if !out || split.receiver == Owner::Platform {
            sums.add(&split.receiver, receives(trade, &split.receiver), currency, split.moved.released);
        }
        // What another shard refused was given back without a refund.
        if trade.away.is_some() {
            let back = split.moved.returned_after;
            sums.add(&split.receiver, receives(trade, &split.receiver), currency, -back);
            sums.add(&trade.payer, home(&trade.payer), currency, back);
        }
    }
}

/// What effective payments took from the payer.
fn paid(sums: &mut Sums, trade: &Trade, state: &Payments) {
    let payer = &trade.payer;
    shared(sums, trade, state);
    // A share was taken by the parent.
    let own = state.payments.iter().filter(|payment| payment.parent.is_none());
    for payment in own.filter(|payment| payment.status == PaymentStatus::Succeeded) {
        let currency = payment.money.currency;
        for leg in &payment.instructions {
            let minor = leg.amount.minor();
            match (&leg.tool, &leg.coupon) {
                (Tool::Balance | Tool::Credit | Tool::Payout { .. }, _) => {
                    sums.add(payer, home(payer), currency, -minor)
                }
                (Tool::Points, _) => redeemed(sums, trade, -worth(minor), -minor),
                (Tool::Stored(kind), _) => sums.add(payer, stored(kind), currency, -minor),
                (Tool::Coupon(_), Some(used)) => {
                    sums.add(payer, Place::Coupons, currency, -minor - used.rest);
                    to_source(sums, &used.source, currency, used.rest);
                }
                (Tool::Coupon(_), None) | (Tool::Channel { .. }, _) => {}
            }
        }
    }
}

/// What refunds took from receivers and escrow, and gave to the payer.
fn given_back(sums: &mut Sums, trade: &Trade, state: &Payments) {
    let (merchant, payer) = (Owner::Merchant(trade.context.merchant), &trade.payer);
    points_back(state).into_values().for_each(|points| redeemed(sums, trade, points, 0));
    for (refund, part) in state.refunds.iter().flat_map(|refund| refund.parts.iter().map(move |part| (refund, part))) {
        let currency = refund.money.currency;
        if was_booked(part) {
            for line in &part.lines {
                let at = receives(trade, &line.receiver);
                let (owner, place) = if line.released { (&line.receiver, at) } else { (&merchant, Place::Escrow) };
                sums.add(owner, place, currency, -line.amount.minor());
            }
        }
        if part.status != PartStatus::Succeeded {
            continue;
        }
        if part.source == PartSource::PaidOut {
            sums.add(&Owner::Platform, Place::Fees, currency, -trade.fee());
        }
        let minor = part.amount.minor();
        let leg = state.leg(part.instruction).map(|(_, leg)| leg);
        if let (Way::Stored, Some(Tool::Stored(kind))) = (part.way, leg.map(|leg| &leg.tool)) {
            sums.add(payer, stored(kind), currency, minor);
        }
        match (part.way, leg.and_then(|leg| leg.coupon.as_ref())) {
            (Way::Balance | Way::Credit, _) => sums.add(payer, home(payer), currency, minor),
            (Way::CouponSource, Some(used)) => to_source(sums, &used.source, currency, minor),
            (Way::CouponAgain, Some(used)) => {
                sums.add(payer, Place::Coupons, currency, minor + used.rest);
                to_source(sums, &used.source, currency, -used.rest);
            }
            // How many points is said below; here their money.
            (Way::Points, _) => redeemed(sums, trade, 0, minor),
            (Way::CouponSource | Way::CouponAgain, None) | (Way::Stored | Way::Channel, _) => {}
        }
    }
}

/// What lost disputes took from receivers and escrow.
fn disputed(sums: &mut Sums, trade: &Trade, state: &Payments) {
    let (merchant, institution) =
        (Owner::Merchant(trade.context.merchant), Owner::Channel(crate::institution::NAME.to_owned()));
    for (dispute, line) in
        state.disputes.iter().flat_map(|dispute| dispute.lines.iter().map(move |line| (dispute, line)))
    {
        let (currency, receiver) = (dispute.money.currency, &line.line.receiver);
        let at = receives(trade, receiver);
        let (owner, place) = if line.line.released { (receiver, at) } else { (&merchant, Place::Escrow) };
        sums.add(owner, place, currency, -line.lost);
        sums.add(&institution, Place::ChannelDispute, currency, line.lost);
    }
}

/// Whether a part was taken from those who had the money. One that came back from the institution was, and is not given
/// to them again.
fn was_booked(part: &Part) -> bool {
    let moved = matches!(part.status, PartStatus::Succeeded | PartStatus::Returned);
    moved || part.source != PartSource::Receivers
}

/// What the institution has received and given back, by its own truth.
fn institution(sums: &mut Sums, scene: &Scene<'_>) {
    let owner = Owner::Channel(crate::institution::NAME.to_owned());
    let steps = scene.institution.iter().flat_map(|record| {
        let refunds = record
            .refunds
            .iter()
            .flat_map(|refund| refund.steps.iter().map(move |step| (Some((refund.amount, refund.currency)), step)));
        record.steps.iter().map(|step| (None, step)).chain(refunds)
    });
    for (of_refund, step) in steps.filter(|(_, step)| step.at <= scene.now.micros()) {
        match (&step.truth, of_refund) {
            (Truth::Paid { amount, currency, .. }, _) => sums.add(&owner, Place::ChannelIn, *currency, -amount),
            (Truth::Refunded { amount, currency, .. }, _) => sums.add(&owner, Place::ChannelRefund, *currency, *amount),
            (Truth::Returned { .. }, Some((amount, currency))) => {
                sums.add(&owner, Place::ChannelRefund, currency, -amount);
            }
            (Truth::PaidOut { amount, currency, .. }, _) => sums.add(&owner, Place::ChannelOut, *currency, *amount),
            (Truth::PayoutReturned { amount, currency, .. }, _) => {
                sums.add(&owner, Place::ChannelOut, *currency, -amount);
            }
            (
                Truth::Returned { .. }
                | Truth::Closed
                | Truth::Failed { .. }
                | Truth::RefundFailed { .. }
                | Truth::PayoutFailed { .. }
                // What of it was taken of whom is for the trades to say.
                | Truth::Disputed { .. }
                | Truth::DisputeWon { .. }
                | Truth::DisputeLost { .. },
                _,
            ) => {}
        }
    }
}
