//! The names that conditions may use, with their types and what they mean; and the facts of one trade or payment.
//!
//! A name always has a value. Those under `payment` and `tools` are known once a payment is asked for; a rule that says
//! something of the trade itself cannot use them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::risk::{Signals, Switch};
use kernel::time::{DAY_US, HOUR_US};
use kernel::{Context, Currency, Money, Owner, Time, limits};

use crate::condition::Range;
use crate::selector;

/// What a name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number within a range.
    Number(Range),
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

/// A name that conditions may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `trade.order_type`
    OrderType,
    /// `trade.sub_type`
    SubType,
    /// `trade.amount`
    TradeAmount,
    /// `trade.currency`
    Currency,
    /// `trade.receivers`
    Receivers,
    /// `trade.dues`
    Dues,
    /// `merchant.id`
    Merchant,
    /// `payer.owner`
    Payer,
    /// `payment.amount`
    PaymentAmount,
    /// `payment.attempt`
    Attempt,
    /// `payment.due`
    Due,
    /// `tools.count`
    ToolCount,
    /// `tools.names`
    ToolNames,
    /// `tools.methods`
    Methods,
    /// `tools.stored_kinds`
    StoredKinds,
    /// `tools.balance`
    BalancePart,
    /// `tools.coupon`
    CouponPart,
    /// `tools.stored`
    StoredPart,
    /// `tools.points`
    PointsPart,
    /// `tools.credit`
    CreditPart,
    /// `tools.channel`
    ChannelPart,
    /// `tools.payout`
    PayoutPart,
    /// `tools.coupons`
    CouponCount,
    /// `tools.channels`
    ChannelCount,
    /// `risk.device`
    Device,
    /// `risk.ip`
    Ip,
    /// `risk.card_fingerprint`
    CardFingerprint,
    /// `switches`
    Switches,
    /// `time.hour`
    Hour,
    /// `time.weekday`
    Weekday,
    /// `time.date`
    Date,
}

const AMOUNT: Kind = Kind::Number(Range { low: 0, high: limits::MAX_AMOUNT_MINOR as i128 });
const LEGS: Kind = Kind::Number(Range { low: 0, high: limits::MAX_LEGS as i128 });

impl Name {
    /// Every name.
    pub const ALL: [Self; 31] = [
        Self::OrderType,
        Self::SubType,
        Self::TradeAmount,
        Self::Currency,
        Self::Receivers,
        Self::Dues,
        Self::Merchant,
        Self::Payer,
        Self::PaymentAmount,
        Self::Attempt,
        Self::Due,
        Self::ToolCount,
        Self::ToolNames,
        Self::Methods,
        Self::StoredKinds,
        Self::BalancePart,
        Self::CouponPart,
        Self::StoredPart,
        Self::PointsPart,
        Self::CreditPart,
        Self::ChannelPart,
        Self::PayoutPart,
        Self::CouponCount,
        Self::ChannelCount,
        Self::Device,
        Self::Ip,
        Self::CardFingerprint,
        Self::Switches,
        Self::Hour,
        Self::Weekday,
        Self::Date,
    ];

    /// As conditions write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderType => "trade.order_type",
            Self::SubType => "trade.sub_type",
            Self::TradeAmount => "trade.amount",
            Self::Currency => "trade.currency",
            Self::Receivers => "trade.receivers",
            Self::Dues => "trade.dues",
            Self::Merchant => "merchant.id",
            Self::Payer => "payer.owner",
            Self::PaymentAmount => "payment.amount",
            Self::Attempt => "payment.attempt",
            Self::Due => "payment.due",
            Self::ToolCount => "tools.count",
            Self::ToolNames => "tools.names",
            Self::Methods => "tools.methods",
            Self::StoredKinds => "tools.stored_kinds",
            Self::BalancePart => "tools.balance",
            Self::CouponPart => "tools.coupon",
            Self::StoredPart => "tools.stored",
            Self::PointsPart => "tools.points",
            Self::CreditPart => "tools.credit",
            Self::ChannelPart => "tools.channel",
            Self::PayoutPart => "tools.payout",
            Self::CouponCount => "tools.coupons",
            Self::ChannelCount => "tools.channels",
            Self::Device => "risk.device",
            Self::Ip => "risk.ip",
            Self::CardFingerprint => "risk.card_fingerprint",
            Self::Switches => "switches",
            Self::Hour => "time.hour",
            Self::Weekday => "time.weekday",
            Self::Date => "time.date",
        }
    }

    /// What it means, for the guide.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OrderType => {
                "text: the trade's type: `instant`, `escrow`, `topup`, `transfer`, `payout`, `repayment` or `combined`"
            }
            Self::SubType => "text: the scene, as `shop.checkout`",
            Self::TradeAmount => "number: the trade's amount in minor units",
            Self::Currency => "text: its currency, as `CNY`",
            Self::Receivers => "number: how many receivers it has; of a `combined` trade, how many trades it pays",
            Self::Dues => "number: by how many payments it is paid; 1 unless it has several dues",
            Self::Merchant => "text: the merchant's id, `mch_…`",
            Self::Payer => "text: whose money it is, as `user:42`",
            Self::PaymentAmount => "number: the payment's amount in minor units",
            Self::Attempt => "number: which payment of the trade it is, from 1",
            Self::Due => "number: which due of the trade it pays, from 1",
            Self::ToolCount => "number: how many tools the payment has",
            Self::ToolNames => {
                "list of texts: their names, `balance`, `coupon`, `stored`, `points`, `credit`, `channel`, `payout`"
            }
            Self::Methods => "list of texts: the channels' methods, as `card`",
            Self::StoredKinds => "list of texts: the kinds of stored value, as `gift_card`",
            Self::BalancePart => "number: what is paid by balance, in minor units; 0 where nothing is",
            Self::CouponPart => "number: what is paid by coupons",
            Self::StoredPart => "number: what is paid by stored value",
            Self::PointsPart => "number: what is paid with points, in minor units",
            Self::CreditPart => "number: what is paid on credit",
            Self::ChannelPart => "number: what is paid through channels",
            Self::PayoutPart => "number: what is paid out of a balance",
            Self::CouponCount => "number: how many coupons",
            Self::ChannelCount => "number: how many channel parts",
            Self::Device => "text: the device that the request names; empty where it names none",
            Self::Ip => "text: the address that the buyer came from, as `192.0.2.7`; empty where it is not said",
            Self::CardFingerprint => "text: what stands for the card; empty where it is not said",
            Self::Switches => "list of texts: what the platform's people have switched off: `risk`, `marketing`",
            Self::Hour => "number: the hour of the day, 0 to 23, at the book's `utc_offset`",
            Self::Weekday => "number: the day of the week, 1 (Monday) to 7",
            Self::Date => "number: the date, as `20261130`",
        }
    }

    /// Whether it is known only once a payment is asked for.
    pub(crate) const fn needs_payment(self) -> bool {
        match self {
            Self::OrderType
            | Self::SubType
            | Self::TradeAmount
            | Self::Currency
            | Self::Receivers
            | Self::Dues
            | Self::Merchant
            | Self::Payer
            | Self::Hour
            | Self::Weekday
            | Self::Date => false,
            Self::PaymentAmount
            | Self::Attempt
            | Self::Due
            | Self::ToolCount
            | Self::ToolNames
            | Self::Methods
            | Self::StoredKinds
            | Self::BalancePart
            | Self::CouponPart
            | Self::StoredPart
            | Self::PointsPart
            | Self::CreditPart
            | Self::ChannelPart
            | Self::PayoutPart
            | Self::CouponCount
            | Self::ChannelCount
            | Self::Device
            | Self::Ip
            | Self::CardFingerprint
            | Self::Switches => true,
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::OrderType
            | Self::SubType
            | Self::Currency
            | Self::Merchant
            | Self::Payer
            | Self::Device
            | Self::Ip
            | Self::CardFingerprint => Kind::Text,
            Self::ToolNames | Self::Methods | Self::StoredKinds | Self::Switches => Kind::Texts,
            Self::TradeAmount
            | Self::PaymentAmount
            | Self::BalancePart
            | Self::CouponPart
            | Self::StoredPart
            | Self::PointsPart
            | Self::CreditPart
            | Self::ChannelPart
            | Self::PayoutPart => AMOUNT,
            Self::ToolCount | Self::CouponCount | Self::ChannelCount => LEGS,
            Self::Receivers => Kind::Number(Range { low: 1, high: limits::MAX_SPLITS as i128 }),
            Self::Dues | Self::Due => Kind::Number(Range { low: 1, high: limits::MAX_DUES as i128 }),
            Self::Attempt => Kind::Number(Range { low: 1, high: limits::MAX_PAYMENTS as i128 }),
            Self::Hour => Kind::Number(Range { low: 0, high: 23 }),
            Self::Weekday => Kind::Number(Range { low: 1, high: 7 }),
            Self::Date => Kind::Number(Range { low: 0, high: 99_991_231 }),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

/// What a payment adds to the facts of its trade.
#[derive(Clone, Copy, Debug)]
pub struct PaymentFacts<'a> {
    /// Its amount, in minor units.
    pub amount: i64,
    /// Which payment of the trade it is, from 1.
    pub attempt: u16,
    /// Which due of the trade it pays, from 1.
    pub due: u16,
    /// Its tools, in the client's order.
    pub tools: &'a [ToolRequest],
    /// What its request said of who pays.
    pub signals: &'a Signals,
    /// What was switched off.
    pub switches: &'a BTreeSet<Switch>,
}

/// What is known when a book is asked.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Merchant, type, scene.
    pub context: &'a Context,
    /// The trade's amount.
    pub money: Money,
    /// How many receivers the trade has.
    pub receivers: usize,
    /// How many dues it has.
    pub dues: usize,
    /// Who pays.
    pub payer: &'a Owner,
    /// The moment of the question.
    pub at: Time,
    /// The payment, once one is asked for.
    pub payment: Option<PaymentFacts<'a>>,
}

impl<'a> Facts<'a> {
    pub(crate) const fn currency(&self) -> Currency {
        self.money.currency
    }

    pub(crate) fn tools(&self) -> &'a [ToolRequest] {
        self.payment.map_or(&[], |payment| payment.tools)
    }

    /// The value of a number's name; 0 for what is no number. `offset_us` is the book's distance from UTC.
    pub(crate) fn number(&self, name: Name, offset_us: i64) -> i64 {
        let local = self.at.plus(offset_us);
        match name {
            Name::TradeAmount => self.money.amount.minor(),
            Name::Receivers => count(self.receivers),
            Name::Dues => count(self.dues),
            Name::PaymentAmount => self.payment.map_or(0, |payment| payment.amount),
            Name::Attempt => self.payment.map_or(0, |payment| i64::from(payment.attempt)),
            Name::Due => self.payment.map_or(0, |payment| i64::from(payment.due)),
            Name::ToolCount => count(self.tools().len()),
            Name::BalancePart => self.part("balance"),
            Name::CouponPart => self.part("coupon"),
            Name::StoredPart => self.part("stored"),
            Name::PointsPart => self.part("points"),
            Name::CreditPart => self.part("credit"),
            Name::ChannelPart => self.part("channel"),
            Name::PayoutPart => self.part("payout"),
            Name::CouponCount => self.how_many("coupon"),
            Name::ChannelCount => self.how_many("channel"),
            Name::Hour => local.micros().rem_euclid(DAY_US) / HOUR_US,
            // The first day of the epoch was a Thursday.
            Name::Weekday => (local.micros().div_euclid(DAY_US) + 3).rem_euclid(7) + 1,
            Name::Date => local.day_in(&jiff::tz::TimeZone::UTC),
            Name::OrderType
            | Name::SubType
            | Name::Currency
            | Name::Merchant
            | Name::Payer
            | Name::ToolNames
            | Name::Methods
            | Name::StoredKinds
            | Name::Device
            | Name::Ip
            | Name::CardFingerprint
            | Name::Switches => 0,
        }
    }

    /// The value of a text's name; empty for what is no text.
    pub(crate) fn text(&self, name: Name) -> Cow<'a, str> {
        match name {
            Name::OrderType => self.context.order_type.as_str().into(),
            Name::SubType => self.context.sub_type.as_str().into(),
            Name::Currency => self.currency().to_string().into(),
            Name::Merchant => self.context.merchant.to_string().into(),
            Name::Payer => self.payer.to_string().into(),
            Name::Device => self.signal(|signals| signals.device.as_deref().map(Cow::Borrowed)),
            Name::Ip => self.signal(|signals| signals.ip.map(|ip| ip.to_string().into())),
            Name::CardFingerprint => self.signal(|signals| signals.card_fingerprint.as_deref().map(Cow::Borrowed)),
            _ => Cow::Borrowed(""),
        }
    }

    fn signal(&self, of: impl Fn(&'a Signals) -> Option<Cow<'a, str>>) -> Cow<'a, str> {
        self.payment.and_then(|payment| of(payment.signals)).unwrap_or_default()
    }

    /// The value of a list's name; empty for what is no list.
    pub(crate) fn texts(&self, name: Name) -> impl Iterator<Item = &'a str> {
        let of_tools = self.tools().iter().filter_map(move |request| match (name, &request.tool) {
            (Name::ToolNames, tool) => Some(selector::kind(tool)),
            (Name::Methods, Tool::Channel { method, .. }) => Some(method.as_str()),
            (Name::StoredKinds, Tool::Stored(kind)) => Some(kind.as_str()),
            _ => None,
        });
        let switches = self.payment.filter(|_| name == Name::Switches).map(|payment| payment.switches);
        of_tools.chain(switches.into_iter().flatten().copied().map(|switch| -> &str { switch.as_str() }))
    }

    fn of(&self, kind: &'static str) -> impl Iterator<Item = &'a ToolRequest> {
        self.tools().iter().filter(move |request| selector::kind(&request.tool) == kind)
    }

    fn part(&self, kind: &'static str) -> i64 {
        self.of(kind).fold(0, |sum, request| request.amount.minor().saturating_add(sum)).min(limits::MAX_AMOUNT_MINOR)
    }

    fn how_many(&self, kind: &'static str) -> i64 {
        count(self.of(kind).count())
    }
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}
