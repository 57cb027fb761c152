//! What the aggregate can be told, what it knows meanwhile, and what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::message::accounting::{Post, Refused};
use kernel::message::payment::{ParentPaid, ShareDisputed};
use kernel::message::risk::{Asked, CounterId, Signals, Switch};
use kernel::message::rules::PaymentRules;
use kernel::message::{channel, payment};
use kernel::{CouponId, DisputeId, Time, TradeId};

use crate::case::Approvals;
use crate::counter::{self, Counter};
use crate::coupon::{self, Coupon};
use crate::credit::CreditLine;
use crate::news::News;
use crate::payments::Payments;

/// Everything the payments of a trade can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// By the trade, or by people through it. May be refused.
    Command(payment::Command),
    /// By the channel gateway. Never refused; told twice, nothing happens.
    Channel(channel::Fact),
    /// By accounting, about a posting this aggregate asked for. Refused only where a merchant's refund cannot be covered
    /// ([`Booking::Reserve`], [`Booking::Refund`]): the request that opened it is refused with it.
    Booked {
        /// Which posting.
        token: Booking,
        /// Booked, or why not.
        result: Result<(), Refused>,
    },
}

/// Which question an answer of accounting belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Booking {
    /// Holding the internal legs of this payment.
    Hold {
        /// The payment's number.
        payment: u16,
    },
    /// This payment takes effect.
    Effect {
        /// The payment's number.
        payment: u16,
        /// The external leg whose money came just now and is booked nowhere else yet.
        fresh: Option<u16>,
    },
    /// Reserving what this refund takes.
    Reserve {
        /// The refund's number.
        refund: u16,
    },
    /// This refund takes effect at once, nothing was reserved.
    Refund {
        /// The refund's number.
        refund: u16,
    },
    /// Holding what this dispute may take. Refused where a receiver has not so much; it is then asked again otherwise.
    Dispute {
        /// The dispute's number.
        dispute: u16,
    },
    /// Cannot be refused by design (what is held, received or owed covers it); a refusal is a broken invariant, and the
    /// engine stops at it. The answer changes nothing here.
    Sure,
}

/// What the aggregate asks of others and tells others, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A fact for the trade.
    Trade(payment::Fact),
    /// To a trade that this one pays: with what it is paid.
    Child(TradeId, Box<ParentPaid>),
    /// To the payments of a trade that this one pays: its part in this dispute.
    ShareDisputed(TradeId, DisputeId, Box<ShareDisputed>),
    /// A command to the channel gateway.
    Channel(channel::Command),
    /// A command to a coupon.
    Coupon(CouponId, coupon::Command),
    /// A command to a counter.
    Counter(CounterId, counter::Command),
    /// A posting; the answer comes back as [`Input::Booked`] with this token before anything else.
    Post {
        /// What is posted.
        post: Box<Post>,
        /// Whose answer it will be.
        token: Booking,
    },
}

/// A channel account that may serve payments now, and what can be paid with there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelAccount {
    /// Its name, as `sandbox`.
    pub name: String,
    /// The methods it serves, as `card`.
    pub methods: Vec<String>,
    /// To what kinds of account it pays out, as `bank_account`.
    pub payouts: Vec<String>,
}

/// Where external legs may go, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// The accounts.
    pub accounts: Vec<ChannelAccount>,
}

impl Routes {
    /// The account that serves a method.
    pub fn account_for(&self, method: &str) -> Option<&str> {
        let serves = |account: &&ChannelAccount| account.methods.iter().any(|known| known == method);
        self.accounts.iter().find(serves).map(|account| account.name.as_str())
    }

    /// The account that pays out to this kind of account; the one of this name, where it is named.
    pub fn payout_account(&self, to: &str, named: Option<&str>) -> Option<&str> {
        let serves = |account: &&ChannelAccount| {
            account.payouts.iter().any(|known| known == to) && named.is_none_or(|name| account.name == name)
        };
        self.accounts.iter().find(serves).map(|account| account.name.as_str())
    }
}

/// Everything that was read for a decision.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The batch's moment.
    pub now: Time,
    /// The coupons of [`crate::Payments::coupons_needed`]; one that does not exist is absent.
    pub coupons: &'a BTreeMap<CouponId, Coupon>,
    /// The credit line of [`crate::Payments::credit_needed`].
    pub credit: Option<&'a CreditLine>,
    /// The payments of the trades that this one pays, in its order, where [`crate::Payments::needs_children`] says so.
    pub children: &'a [Arc<Payments>],
    /// Where external legs may go.
    pub routes: &'a Routes,
    /// The counters of [`crate::Payments::counters_needed`]; one in which nothing counts is absent.
    pub counters: &'a BTreeMap<CounterId, Counter>,
    /// What the request says of who pays.
    pub signals: &'a Signals,
    /// What is switched off.
    pub switches: &'a BTreeSet<Switch>,
    /// What is known of the outside risk service's word about the request.
    pub asked: &'a Asked,
    /// What a payment is planned by.
    pub rules: &'a dyn PaymentRules,
    /// Which cases one person does not resolve alone.
    pub approvals: &'a Approvals,
}

/// What one input caused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// For the neighbours, in order.
    pub messages: Vec<Message>,
    /// For the log, in order.
    pub news: Vec<News>,
}
