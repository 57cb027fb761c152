//! Flows: what each command does, over the domains it concerns. Short by intent: the rules are in the domain crates.

pub mod accounting;
pub mod control;
pub mod coupon;
pub mod credit;
pub mod drive;
mod gift;
mod points;
mod rules;
pub mod trade;
pub mod transit;

use kernel::message::risk::{Asked, Switch};
use kernel::{
    BlockId, CaseId, Code, CouponId, CreditLineId, EndpointId, GiftClaimId, GiftId, KeyId, MerchantId, Owner,
    PaymentId, PointsGrantId, Problem, RefundId, TradeId,
};
use store::Cell;

use crate::news::Object;
use crate::request::{Command, Request};
use crate::stop::Stop;
use crate::view::View;

/// What a command led to; the answer shows it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A trade was opened.
    TradeOpened(TradeId),
    /// A trade, as it is now.
    Trade(TradeId),
    /// A payment was opened.
    PaymentOpened(PaymentId),
    /// A payment, as it is now.
    Payment(PaymentId),
    /// A refund was opened.
    RefundOpened(RefundId),
    /// A refund that was there before.
    Refund(RefundId),
    /// A case, as it is now.
    Case(CaseId),
    /// A coupon was issued.
    CouponIssued(CouponId),
    /// A gift was issued.
    GiftIssued(GiftId),
    /// A share of a gift was claimed.
    GiftClaimed(GiftClaimId),
    /// A share of a gift that was claimed before.
    GiftClaim(GiftClaimId),
    /// A user was given points.
    PointsGranted(PointsGrantId),
    /// A grant of points, as it is now.
    PointsGrant(PointsGrantId),
    /// A credit line was opened.
    CreditOpened(CreditLineId),
    /// A credit line, as it is now.
    CreditLine(CreditLineId),
    /// Money was put on an account of this owner.
    Funded(Owner, kernel::Money),
    /// A merchant was added.
    MerchantAdded(MerchantId),
    /// A key was added.
    KeyAdded(KeyId),
    /// A key was revoked.
    KeyRevoked(KeyId),
    /// An endpoint was added.
    EndpointAdded(EndpointId),
    /// An endpoint was disabled.
    EndpointDisabled(EndpointId),
    /// Somebody or something is blocked.
    BlockAdded(BlockId),
    /// A block, as it is now.
    Block(BlockId),
    /// Something was switched off, or on again.
    Thrown(Switch),
    /// A version of a rule book was uploaded.
    RulesUploaded(i64),
    /// A rule book of this name has a new release.
    RulesReleased(String),
    /// Nothing to show: the system asked.
    Done,
}

impl Outcome {
    /// The object of the log that the answer shows, where it shows one.
    pub fn object(&self) -> Option<Object> {
        match self {
            Self::TradeOpened(id) | Self::Trade(id) => Some(Object::Trade(*id)),
            Self::PaymentOpened(id) | Self::Payment(id) => Some(Object::Payment(*id)),
            Self::RefundOpened(id) | Self::Refund(id) => Some(Object::Refund(*id)),
            Self::Case(id) => Some(Object::Case(*id)),
            Self::CouponIssued(_)
            | Self::GiftIssued(_)
            | Self::GiftClaimed(_)
            | Self::GiftClaim(_)
            | Self::CreditOpened(_)
            | Self::CreditLine(_)
            | Self::PointsGranted(_)
            | Self::PointsGrant(_)
            | Self::Funded(..)
            | Self::MerchantAdded(_)
            | Self::KeyAdded(_)
            | Self::KeyRevoked(_)
            | Self::EndpointAdded(_)
            | Self::EndpointDisabled(_)
            | Self::BlockAdded(_)
            | Self::Block(_)
            | Self::Thrown(_)
            | Self::RulesUploaded(_)
            | Self::RulesReleased(_)
            | Self::Done => None,
        }
    }
}

/// A command that came to its end.
pub struct Done {
    /// What it led to.
    pub outcome: Outcome,
    /// New rows of control data.
    pub control: Vec<Vec<Cell>>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, control: Vec::new() }
    }
}

/// Runs a request's command in its view.
pub fn run(view: &mut View<'_>, request: &Request) -> Result<Done, Stop> {
    let caller = &request.caller;
    view.signals.clone_from(&request.signals);
    if let Some(assessment) = &request.assessment {
        view.asked = Asked::Heard(assessment.clone());
    }
    match &request.command {
        Command::CreateTrade(create) => trade::open(view, create).map(Done::from),
        Command::Trade(id, command) => trade::command(view, caller, *id, command).map(Done::from),
        Command::CancelPayment(id) => trade::cancel(view, caller, *id).map(Done::from),
        Command::Case { case, by, act } => trade::case(view, caller, *case, *by, act).map(Done::from),
        Command::IssueCoupon(issue) => coupon::issue(view, issue).map(Done::from),
        Command::ExpireCoupon(id) => coupon::expire(view, *id).map(Done::from),
        Command::IssueGift(issue) => gift::issue(view, issue).map(Done::from),
        Command::ClaimGift { gift, user, code_hash, luck } => {
            gift::claim(view, caller, *gift, user, *code_hash, *luck).map(Done::from)
        }
        Command::ExpireGift(id) => gift::expire(view, *id).map(Done::from),
        Command::OpenCredit { user, limit, terms } => credit::open(view, user, *limit, *terms).map(Done::from),
        Command::ChangeCredit { line, change } => credit::change(view, *line, *change).map(Done::from),
        Command::BillCredit(line) => credit::bill(view, *line).map(Done::from),
        Command::ExpireBill(bill) => credit::expire(view, *bill).map(Done::from),
        Command::GrantPoints(grant) => points::grant(view, grant).map(Done::from),
        Command::ReversePoints { grant, points } => points::reverse(view, *grant, *points).map(Done::from),
        Command::Fund { owner, money } => coupon::fund(view, owner, *money).map(Done::from),
        Command::FundBudget { owner, money } => coupon::fund_budget(view, owner, *money).map(Done::from),
        Command::Arrive(arrival) => transit::arrive(view, arrival).map(Done::from),
        Command::Control(command) => control::change(view, caller, command),
        Command::Word(told) => trade::word(view, told).map(Done::from),
        Command::Timer(id, kind) => trade::timer(view, *id, *kind).map(Done::from),
        Command::CleanCounter { counter, .. } => {
            drive::tell_counter(view, *counter, payment::counter::Command::Clean)?;
            Ok(Outcome::Done.into())
        }
        Command::Recall(problem) => Err(Stop::Refused(problem.clone())),
    }
}

/// The refusal for what is not there, or not for the one who asks: the same for both.
pub fn not_found() -> Stop {
    Stop::Refused(Problem::new(Code::not_found, "there is no such object"))
}
