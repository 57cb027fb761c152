//! Templates: which accounts a business verb moves, and on which side.
//!
//! One verb makes one voucher (凭证); its legs are booked in this order, all or nothing. Tools pay into the trade's escrow
//! (2004) and escrow pays the receivers (2003, or their balance); with one receiver a tool credits it directly. Tools of a
//! combined trade pay into 2012, from which each of its children is paid in its own name. The institution of a leg
//! (`pay_org`) is read off its accounts: the channel account where one is touched, else `internal`.
//!
//! A change of a template is a new version; vouchers keep the version that wrote them. Legs are bounded by the verb:
//! at most [`kernel::limits::MAX_LEGS`] tools and [`kernel::limits::MAX_SPLITS`] receivers, two to three legs each.

mod dispute;
mod pay;
mod refund;

use std::collections::BTreeMap;

use kernel::message::accounting::{CouponSource, Payout, Post, Purse, Verb, Way};
use kernel::message::trade::Share;
use kernel::{Amount, Currency, Money, OrderType, Owner, PayOrg, StoredKind, UserId};

pub use self::refund::KEPT;
use crate::account::AccountKey;
use crate::chart::Subject;
use crate::hold::{HoldKey, Op};

/// What a template must know of the books: how much a receiver can still give, and how a reservation was made.
pub trait Lookup {
    /// What can be taken from an account in minor units; 0 where there is none yet, or it gives nothing now.
    fn available(&self, key: &AccountKey) -> i64;
    /// What is left of a hold of the same trade in minor units; 0 where there is none.
    fn left(&self, hold: HoldKey) -> i64;
}

/// One transfer to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// What to do with the amount.
    pub op: Op,
    /// The account that is debited.
    pub debit: AccountKey,
    /// The account that is credited.
    pub credit: AccountKey,
    /// How much, in the currency of both.
    pub amount: Amount,
    /// The institution, or `internal`.
    pub pay_org: PayOrg,
    /// What this leg is within its voucher.
    pub code: &'static str,
    /// Most minor units that the debit account may come to with it, holds counted, where that is limited.
    pub most: Option<i64>,
}

/// A template's name and version, as vouchers keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// The verb in one word.
    pub name: &'static str,
    /// Counts the changes of its legs, from 1.
    pub version: u16,
}

impl Template {
    /// The template of a verb.
    pub const fn of(verb: &Verb) -> Self {
        let name = match verb {
            Verb::HoldTools(_) => "hold_tools",
            Verb::ReleaseTools(_) => "release_tools",
            Verb::Pay { .. } => "pay",
            Verb::Receive { .. } => "receive",
            Verb::Suspend { .. } => "suspend",
            Verb::ReturnReceived { .. } => "return_received",
            Verb::ReturnSuspended { .. } => "return_suspended",
            Verb::KeepReceived { .. } => "keep_received",
            Verb::KeepSuspended { .. } => "keep_suspended",
            Verb::Confirm(_) => "confirm",
            Verb::ReserveRefund(_) => "reserve_refund",
            Verb::Refund { .. } => "refund",
            Verb::ReleaseRefund(_) => "release_refund",
            Verb::RefundReturned { .. } => "refund_returned",
            Verb::HoldDispute { .. } => "hold_dispute",
            Verb::ReleaseDispute { .. } => "release_dispute",
            Verb::LoseDispute { .. } => "lose_dispute",
            Verb::HoldPayout(_) => "hold_payout",
            Verb::PayOut(_) => "pay_out",
            Verb::ReleasePayout(_) => "release_payout",
            Verb::ReturnPayout(_) => "return_payout",
            Verb::IssueCoupon { .. } => "issue_coupon",
            Verb::ExpireCoupon { .. } => "expire_coupon",
            Verb::IssueGift { .. } => "issue_gift",
            Verb::ClaimGift { .. } => "claim_gift",
            Verb::ExpireGift { .. } => "expire_gift",
            Verb::GrantPoints { .. } => "grant_points",
            Verb::ReversePoints { .. } => "reverse_points",
            Verb::FundBudget { .. } => "fund_budget",
            Verb::Fund { .. } => "fund",
            Verb::SendTransfer { .. } => "send_transfer",
            Verb::Arrive { .. } => "arrive",
            Verb::TurnBack { .. } => "turn_back",
            Verb::ReturnTransfer { .. } => "return_transfer",
        };
        Self { name, version: 1 }
    }
}

/// The legs of a posting, in the order in which they are booked.
///
/// Total: what cannot be paid for is still written down here and refused when it is booked, where the account can say why.
pub fn legs(post: &Post, look: &dyn Lookup) -> Vec<Leg> {
    let mut draft = Draft { post, look, legs: Vec::new(), spent: BTreeMap::new(), used: BTreeMap::new() };
    match &post.verb {
        Verb::HoldTools(tools) => pay::hold(&mut draft, tools),
        Verb::ReleaseTools(tools) => pay::release(&mut draft, tools),
        Verb::Pay { legs, receivers, onto } => pay::pay(&mut draft, legs, receivers, *onto),
        Verb::Confirm(shares) => draft.confirm(shares),
        Verb::ReserveRefund(lines) => refund::run(&mut draft, lines, refund::Step::Reserve),
        Verb::Refund { lines, reserved: true } => refund::run(&mut draft, lines, refund::Step::Capture),
        Verb::Refund { lines, reserved: false } => refund::run(&mut draft, lines, refund::Step::Post),
        Verb::ReleaseRefund(lines) => refund::run(&mut draft, lines, refund::Step::Release),
        // An institution has it, and no payment has taken it: it waits in 2022, or in suspense where it is not what was asked.
        Verb::Receive { channel_account: ca, money } => {
            draft.post("received", Place::ChannelIn(ca), Place::Received(ca), *money);
        }
        Verb::Suspend { channel_account: ca, money } => {
            draft.post("suspended", Place::ChannelIn(ca), Place::Suspense(ca), *money);
        }
        // It goes back the way it came.
        Verb::ReturnReceived { channel_account: ca, money } => {
            draft.post("returned", Place::Received(ca), Place::ChannelRefund(ca), *money);
        }
        Verb::ReturnSuspended { channel_account: ca, money } => {
            draft.post("returned", Place::Suspense(ca), Place::ChannelRefund(ca), *money);
        }
        // It cannot go back the way it came: the payer keeps it as balance.
        Verb::KeepReceived { channel_account: ca, owner, money } => {
            draft.post("kept", Place::Received(ca), Place::Balance(owner), *money);
        }
        Verb::KeepSuspended { channel_account: ca, owner, money } => {
            draft.post("kept", Place::Suspense(ca), Place::Balance(owner), *money);
        }
        // A refund that the institution could not deliver is money received and not effective again.
        Verb::RefundReturned { channel_account: ca, money } => {
            draft.post("refund_returned", Place::ChannelRefund(ca), Place::Received(ca), *money);
        }
        // What an institution may take back is set aside towards it, and taken or let go when it has decided.
        Verb::HoldDispute { channel_account, lines, owed } => dispute::hold(&mut draft, channel_account, lines, *owed),
        Verb::ReleaseDispute { channel_account, lines } => dispute::release(&mut draft, channel_account, lines),
        Verb::LoseDispute { channel_account, lines } => dispute::lose(&mut draft, channel_account, lines),
        // A balance goes out once the institution has paid it; until then it is held towards the institution.
        Verb::HoldPayout(payout) => draft.pay_out(payout, Op::Hold),
        Verb::PayOut(payout) => draft.pay_out(payout, Op::Capture),
        Verb::ReleasePayout(payout) => draft.pay_out(payout, Op::Release),
        Verb::ReturnPayout(payout) => {
            let balance = Place::Balance(&payout.owner);
            draft.leg("payout_returned", Op::Post, Place::ChannelOut(&payout.channel_account), balance, payout.amount);
            draft.leg_if_any("fee_returned", Op::Post, Place::Balance(&Owner::Platform), balance, payout.fee);
        }
        // A coupon is a debt to its user, paid for by its source; unspent, it returns there.
        Verb::IssueCoupon { user, source, money } => {
            draft.post("coupon_issued", Place::Source(source), Place::Coupons(user), *money);
        }
        Verb::ExpireCoupon { user, source, money } => {
            draft.post("coupon_expired", Place::Coupons(user), Place::Source(source), *money);
        }
        // A gift is a debt to whoever claims it, paid for by its source; unclaimed, it returns there.
        Verb::IssueGift { issuer, source, money } => {
            draft.post("gift_issued", Place::Source(source), Place::Unclaimed(issuer), *money);
        }
        Verb::ClaimGift { issuer, user, kind, money, away } => {
            let goal = away.map_or(Place::Stored(user, kind), Place::Transit);
            draft.post("gift_claimed", Place::Unclaimed(issuer), goal, *money);
        }
        Verb::ExpireGift { issuer, source, money } => {
            draft.post("gift_expired", Place::Unclaimed(issuer), Place::Source(source), *money);
        }
        // Points are a debt of their own currency to their user; what was given of them and not taken back stands against it.
        Verb::GrantPoints { user, points } => {
            draft.post("points_granted", Place::PointsIssued, Place::Points(user), points_of(*points));
        }
        Verb::ReversePoints { user, points } => {
            draft.post("points_reversed", Place::Points(user), Place::PointsIssued, points_of(*points));
        }
        // The platform's budget is expense at once; anybody else's comes from their own balance.
        Verb::FundBudget { owner: Owner::Platform, money } => {
            draft.post("budget_funded", Place::Marketing, Place::Budget(&Owner::Platform), *money);
        }
        Verb::FundBudget { owner, money } => {
            draft.post("budget_funded", Place::Balance(owner), Place::Budget(owner), *money);
        }
        // Between two shards money is in transit: the one that sends owes it, until the one that receives has taken it.
        Verb::SendTransfer { money, fee, way } => {
            draft.post("sent", Place::Escrow, Place::Transit(*way), *money);
            draft.leg_if_any("fee", Op::Post, Place::Escrow, Place::Balance(&Owner::Platform), *fee);
        }
        Verb::Arrive { purse, money, way } => {
            draft.post("arrived", Place::Transit(*way), Place::of(purse), *money);
        }
        Verb::TurnBack { money, way } => {
            draft.post("turned_back", Place::Transit(*way), Place::Transit(way.back()), *money);
        }
        Verb::ReturnTransfer { payer, money, fee, way } => {
            draft.post("transfer_returned", Place::Transit(*way), Place::Balance(payer), *money);
            let platform = Place::Balance(&Owner::Platform);
            draft.leg_if_any("fee_returned", Op::Post, platform, Place::Balance(payer), *fee);
        }
        // The sandbox is an institution like any other: what it gives is to be cleared with it.
        Verb::Fund { owner, money } => draft.post("funded", Place::ChannelIn(SANDBOX), Place::Balance(owner), *money),
    }
    draft.legs
}

/// The channel account whose money is play money.
const SANDBOX: &str = "sandbox";

/// An account in the words of the templates: which subject belongs to whom.
#[derive(Clone, Copy)]
enum Place<'a> {
    ChannelIn(&'a str),
    ChannelOut(&'a str),
    ChannelRefund(&'a str),
    ChannelDispute(&'a str),
    Owed(&'a Owner),
    Received(&'a str),
    Suspense(&'a str),
    Balance(&'a Owner),
    Pending(&'a Owner),
    Escrow,
    Combined,
    Transit(Way),
    Coupons(&'a UserId),
    Stored(&'a UserId, &'a StoredKind),
    Credit(&'a UserId),
    Points(&'a UserId),
    PointsRedeemed,
    PointsShared,
    PointsIssued,
    Unclaimed(&'a Owner),
    Source(&'a CouponSource),
    Budget(&'a Owner),
    Marketing,
}

impl<'a> Place<'a> {
    fn of(purse: &'a Purse) -> Self {
        match purse {
            Purse::Balance(owner) => Self::Balance(owner),
            Purse::Stored(user, kind) => Self::Stored(user, kind),
        }
    }
}

/// A voucher being written.
struct Draft<'a> {
    post: &'a Post,
    look: &'a dyn Lookup,
    legs: Vec<Leg>,
    /// What earlier lines of this voucher take from an account that [`Lookup::available`] does not know of yet.
    spent: BTreeMap<AccountKey, i64>,
    /// What earlier lines of this voucher take from a hold that [`Lookup::left`] does not know of yet.
    used: BTreeMap<HoldKey, i64>,
}

impl Draft<'_> {
    fn key(&self, place: Place<'_>, currency: Currency) -> AccountKey {
        let channel = |name: &str| Owner::Channel(name.to_owned());
        let (owner, subject) = match place {
            Place::ChannelIn(ca) => (channel(ca), Subject::channel_in(ca)),
            Place::ChannelOut(ca) => (channel(ca), Subject::channel_out(ca)),
            Place::ChannelRefund(ca) => (channel(ca), Subject::channel_refund(ca)),
            Place::ChannelDispute(ca) => (channel(ca), Subject::channel_dispute(ca)),
            Place::Owed(receiver) => (receiver.clone(), Subject::OWED),
            Place::Received(ca) => (channel(ca), Subject::RECEIVED),
            Place::Suspense(ca) => (channel(ca), Subject::SUSPENSE),
            Place::Balance(owner) => return AccountKey::balance(owner.clone(), currency),
            Place::Pending(receiver) => (receiver.clone(), Subject::PENDING),
            Place::Escrow if self.is_combined() => (Owner::Platform, Subject::COMBINED),
            Place::Escrow => (self.escrow_owner(), Subject::ESCROW),
            Place::Combined => (Owner::Platform, Subject::COMBINED),
            Place::Transit(way) => (Owner::Platform, Subject::transit(way)),
            Place::Coupons(user) => (Owner::User(user.clone()), Subject::COUPONS),
            Place::Stored(user, kind) => (Owner::User(user.clone()), Subject::stored(kind)),
            Place::Credit(user) => (Owner::User(user.clone()), Subject::CREDIT),
            Place::Points(user) => (Owner::User(user.clone()), Subject::POINTS),
            Place::PointsRedeemed if self.is_combined() => (Owner::Platform, Subject::POINTS_REDEEMED),
            Place::PointsRedeemed => (self.escrow_owner(), Subject::POINTS_REDEEMED),
            Place::PointsShared => (Owner::Platform, Subject::POINTS_REDEEMED),
            Place::PointsIssued => (Owner::Platform, Subject::POINTS_ISSUED),
            Place::Unclaimed(issuer) => (issuer.clone(), Subject::UNCLAIMED),
            Place::Source(CouponSource::Budget(owner)) | Place::Budget(owner) => (owner.clone(), Subject::BUDGET),
            Place::Source(CouponSource::Expense) | Place::Marketing => (Owner::Platform, Subject::MARKETING),
        };
        AccountKey { owner, subject, currency }
    }

    /// Escrow is kept in the name of the trade's merchant; in the platform's own where a posting names no merchant.
    fn escrow_owner(&self) -> Owner {
        let merchant = self.post.merchant.or(self.post.context.as_ref().map(|context| context.merchant));
        merchant.map_or(Owner::Platform, Owner::Merchant)
    }

    /// What pays others has no escrow: its money, and the points it redeems, are on their way to them.
    fn is_combined(&self) -> bool {
        self.post.context.as_ref().is_some_and(|context| context.order_type == OrderType::Combined)
    }

    fn push(&mut self, code: &'static str, op: Op, debit: AccountKey, credit: AccountKey, amount: Amount) {
        let pay_org = match (&debit.owner, &credit.owner) {
            (Owner::Channel(name), _) | (_, Owner::Channel(name)) => PayOrg::institution(name),
            _ => PayOrg::internal(),
        };
        self.legs.push(Leg { op, debit, credit, amount, pay_org, code, most: None });
    }

    /// A leg in the trade's currency.
    fn leg(&mut self, code: &'static str, op: Op, debit: Place<'_>, credit: Place<'_>, amount: Amount) {
        let currency = self.post.currency;
        let (debit, credit) = (self.key(debit, currency), self.key(credit, currency));
        self.push(code, op, debit, credit, amount);
    }

    /// A leg in the trade's currency that takes its debit account no further than this.
    fn leg_within(
        &mut self,
        code: &'static str,
        op: Op,
        debit: Place<'_>,
        credit: Place<'_>,
        amount: Amount,
        most: i64,
    ) {
        self.leg(code, op, debit, credit, amount);
        if let Some(leg) = self.legs.last_mut() {
            leg.most = Some(most);
        }
    }

    /// A leg in points.
    fn points(&mut self, code: &'static str, op: Op, debit: Place<'_>, credit: Place<'_>, points: Amount) {
        let (debit, credit) = (self.key(debit, Currency::POINTS), self.key(credit, Currency::POINTS));
        self.push(code, op, debit, credit, points);
    }

    /// A leg of minor units that may be none.
    fn leg_if_any(&mut self, code: &'static str, op: Op, debit: Place<'_>, credit: Place<'_>, minor: i64) {
        if let Ok(amount) = Amount::new(minor) {
            self.leg(code, op, debit, credit, amount);
        }
    }

    /// A leg in a currency of its own: money as it came.
    fn post(&mut self, code: &'static str, debit: Place<'_>, credit: Place<'_>, money: Money) {
        let (debit, credit) = (self.key(debit, money.currency), self.key(credit, money.currency));
        self.push(code, Op::Post, debit, credit, money.amount);
    }

    /// Up to so much of what is available somewhere and that no earlier line of this voucher takes.
    fn spare(&mut self, place: Place<'_>, wanted: i64) -> i64 {
        let key = self.key(place, self.post.currency);
        let available = self.look.available(&key);
        take(self.spent.entry(key).or_default(), available, wanted)
    }

    /// Up to so much of what is left of a hold and that no earlier leg of this voucher takes.
    fn rest_of(&mut self, hold: HoldKey, wanted: i64) -> i64 {
        let left = self.look.left(hold);
        take(self.used.entry(hold).or_default(), left, wanted)
    }

    /// Two holds under the instruction's number: leg 0 is what is paid out, leg 1 the fee.
    fn pay_out(&mut self, payout: &Payout, op: fn(HoldKey) -> Op) {
        let [out, fee] = [0, 1].map(|leg| op(HoldKey { no: payout.hold, leg }));
        let (from, to) = (Place::Balance(&payout.owner), Place::ChannelOut(&payout.channel_account));
        self.leg("payout", out, from, to, payout.amount);
        self.leg_if_any("fee", fee, from, Place::Balance(&Owner::Platform), payout.fee);
    }

    /// Escrow pays the receivers.
    fn confirm(&mut self, shares: &[Share]) {
        for share in shares {
            self.leg("released", Op::Post, Place::Escrow, Place::Pending(&share.receiver), share.amount);
        }
    }
}

const fn points_of(points: Amount) -> Money {
    Money { amount: points, currency: Currency::POINTS }
}

/// Takes up to `wanted` of what is there and not taken yet.
fn take(taken: &mut i64, there: i64, wanted: i64) -> i64 {
    let given = there.saturating_sub(*taken).clamp(0, wanted);
    *taken += given;
    given
}

#[cfg(test)]
mod tests;
