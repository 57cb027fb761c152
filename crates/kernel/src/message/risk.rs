//! What risk control (风控) is told of a payment, what it counts, whom outside it asks, and what is switched off for a while.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::id::RootId;
use crate::time::{DAY_US, Time};

/// What a request says of who pays and with what, for risk control. Personal data: kept with the payment, and written
/// into no log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// The device (设备), as the business system tells devices apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The address that the buyer came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// What stands for a card without being its number (卡指纹).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_fingerprint: Option<String>,
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |there: bool| if there { "…" } else { "" };
        f.debug_struct("Signals")
            .field("device", &there(self.device.is_some()))
            .field("ip", &there(self.ip.is_some()))
            .field("card_fingerprint", &there(self.card_fingerprint.is_some()))
            .finish()
    }
}

impl Signals {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What was said, as blocks name it.
    pub fn named(&self) -> impl Iterator<Item = (BlockKind, String)> {
        let device = self.device.clone().map(|device| (BlockKind::Device, device));
        let ip = self.ip.map(|ip| (BlockKind::Ip, ip.to_string()));
        let card = self.card_fingerprint.clone().map(|card| (BlockKind::CardFingerprint, card));
        device.into_iter().chain(ip).chain(card)
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $about:literal])+ $word:ident = $text:literal,)* }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $about])+ #[serde(rename = $text)] $word,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The wire word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            /// Reads the wire word back.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }
    };
}

words! {
    /// What the platform's people take out of use for a while, so that the rest goes on (降级).
    Switch {
        /// The outside risk service: it is not asked, and what rules say of that holds.
        Risk = "risk",
        /// What marketing pays for: coupons and red packets are not taken.
        Marketing = "marketing",
    }
}

words! {
    /// What was heard of the outside risk service (外部风控) about a payment. Only the first two are answers of it.
    Heard {
        /// It lets the payment pass.
        Pass = "pass",
        /// It refuses the payment.
        Refuse = "refuse",
        /// Nothing in time.
        Late = "late",
        /// Nobody was there.
        Unreachable = "unreachable",
        /// Something that is no answer: of another form, too large, not signed by it.
        Wrong = "wrong",
        /// It was not asked: so many questions were under way.
        Busy = "busy",
        /// It was not asked: it had failed too often just before.
        BreakerOpen = "breaker_open",
        /// It was not asked: this deployment has none.
        NotConfigured = "not_configured",
        /// It was not asked: it was switched off.
        SwitchedOff = "switched_off",
    }
}

impl Switch {
    /// Its number, that never changes.
    pub const fn number(self) -> i64 {
        match self {
            Self::Risk => 1,
            Self::Marketing => 2,
        }
    }
}

impl Heard {
    /// Whether the service let the payment pass; `None` where it has said nothing.
    pub const fn answer(self) -> Option<bool> {
        match self {
            Self::Pass => Some(true),
            Self::Refuse => Some(false),
            Self::Late
            | Self::Unreachable
            | Self::Wrong
            | Self::Busy
            | Self::BreakerOpen
            | Self::NotConfigured
            | Self::SwitchedOff => None,
        }
    }
}

/// What the outside risk service was asked about a payment, and what was heard of it (风险评估). Kept with the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What was heard.
    pub heard: Heard,
    /// Its own reason, for the platform's people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Which payment of its trade the question was about; `None` where nobody was asked, or where that was not kept yet. A
    /// request that was asked about becomes a later one where another request was faster, and is not asked about again:
    /// the word was about what it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    /// How long was waited for it, in milliseconds.
    pub waited_ms: u32,
}

impl Assessment {
    /// Nothing was asked, for this reason.
    pub const fn unasked(heard: Heard) -> Self {
        Self { heard, code: None, attempt: None, waited_ms: 0 }
    }
}

/// What is known of the outside risk service's word while a payment is planned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: where the rules want it asked, it is asked before anything is planned.
    #[default]
    NotYet,
    /// This was heard.
    Heard(Assessment),
    /// The payment is only tried, and what it did is thrown away: nobody is asked, and it counts as let pass.
    Tried,
}

/// What a block (黑名单) names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A user, who pays or is paid.
    User,
    /// A merchant: its trades, and what it pays or is paid.
    Merchant,
    /// A device.
    Device,
    /// An address that a buyer comes from.
    Ip,
    /// A card, by its fingerprint.
    CardFingerprint,
    /// An account outside that a payout goes to.
    Destination,
}

impl BlockKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Merchant, Self::Device, Self::Ip, Self::CardFingerprint, Self::Destination];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Merchant => "merchant",
            Self::Device => "device",
            Self::Ip => "ip",
            Self::CardFingerprint => "card_fingerprint",
            Self::Destination => "destination",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// One counter (计数器) of velocity limits: a hash of the rule that it is for and of whom it counts, so that a row does
/// not tell who that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterId(pub RootId);

/// Over which time a velocity limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// The last so many microseconds (滑动窗口).
    Last(i64),
    /// The calendar day (自然日) at a distance from UTC, in microseconds.
    Day(i64),
}

/// Into so many slots a window that slides is divided.
const SLOTS: i64 = 24;

impl Window {
    /// The slot of a moment, by its beginning, in microseconds.
    pub const fn slot(self, at: Time) -> i64 {
        let (length, offset) = match self {
            Self::Last(span) => (Self::length(span), 0),
            Self::Day(offset) => (DAY_US, offset),
        };
        let at = at.micros();
        at - (at + offset).rem_euclid(length)
    }

    /// From when on a slot does not count any more. All of a slot counts until the last of it is as old as the window, so
    /// that within no time as long as the window more goes through than the limit.
    pub const fn until(self, slot: i64) -> Time {
        Time::from_micros(match self {
            Self::Last(span) => slot + Self::length(span) + span,
            Self::Day(_) => slot + DAY_US,
        })
    }

    /// The length of a slot of a window that slides; never nothing.
    const fn length(span: i64) -> i64 {
        if span < SLOTS { 1 } else { span / SLOTS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR_US, MINUTE_US};

    const AT: Time = Time::from_micros(1_796_077_800_000_000);

    #[test]
    fn a_slot_counts_at_least_as_long_as_the_window_and_a_slot_more_at_most() {
        for span in [MINUTE_US, 61 * 1_000_000, HOUR_US, DAY_US, 31 * DAY_US] {
            let window = Window::Last(span);
            for later in [0, 1, span / 48, span / 24 - 1, span / 24, span] {
                let at = AT.plus(later);
                let (slot, until) = (window.slot(at), window.until(window.slot(at)));
                assert!(slot <= at.micros() && at.micros() < slot + span / 24, "{span} {later}");
                assert!((span..=span + span / 24).contains(&until.since(at)), "{span} {later}");
                assert_eq!(window.slot(Time::from_micros(slot)), slot, "a slot begins with itself");
            }
        }
    }

    #[test]
    fn a_day_is_that_of_its_place() {
        let shanghai = Window::Day(8 * HOUR_US);
        // Monday, 30 November 2026, 22:30 UTC, is Tuesday, 6:30, there.
        assert_eq!(AT.micros() - shanghai.slot(AT), 6 * HOUR_US + 30 * MINUTE_US);
        assert_eq!(shanghai.until(shanghai.slot(AT)).since(AT), 17 * HOUR_US + 30 * MINUTE_US);
        assert_eq!(Window::Day(0).until(Window::Day(0).slot(AT)).since(AT), 90 * MINUTE_US);
        assert_eq!(Window::Day(-HOUR_US).slot(Time::from_micros(0)), -23 * HOUR_US);
    }

    #[test]
    fn words_come_back() {
        assert!(Switch::ALL.iter().all(|switch| Switch::parse(switch.as_str()) == Some(*switch)));
        assert!(Heard::ALL.iter().all(|heard| Heard::parse(heard.as_str()) == Some(*heard)));
        assert_eq!((Switch::parse("Risk"), Heard::parse("")), (None, None));
    }

    #[test]
    fn what_is_personal_is_not_written_down() {
        let signals = Signals {
            device: Some("d-1".to_owned()),
            ip: "192.0.2.7".parse().ok(),
            card_fingerprint: Some("f-1".to_owned()),
        };
        let shown = format!("{signals:?}");
        assert!(!shown.contains("d-1") && !shown.contains("192") && !shown.contains("f-1"), "{shown}");
    }
}
