//! The contract of a channel plug-in: bytes in, bytes out.
//!
//! An adapter turns a [`Call`] into an HTTP request and what came back into an [`Answer`]; it verifies and reads
//! notifications and statements. It does no I/O and keeps nothing: clock, keys and bytes are given. Whatever cannot be
//! verified or understood is [`Answer::Unknown`]: an adapter may never turn a transport error, a 5xx or rubbish into a no.

use kernel::message::channel::{Credential, DisputeOutcome, PayOutcome, PayoutOutcome, RefundOutcome};
use kernel::{Amount, Code, Destination, Money, OrderId, Time, limits, text};

use crate::order::Source;
use crate::profile::Profile;
use crate::signature::Secret;

/// Longest number or code that an institution may give us, in characters.
pub const MAX_REFERENCE: usize = 64;

/// One account of ours at an institution.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name, as `sandbox`; also the last part of its notification address.
    pub name: String,
    /// The keys that are valid now: the first one signs, any of them verifies.
    pub keys: Vec<Secret>,
    /// In the test environment: what the simulated institution does where a request does not say.
    pub sandbox: Option<String>,
}

/// What the institution is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The order it is about; its [`OrderId::institution_number`] is what the institution knows it by.
    pub order: OrderId,
    /// The account to ask through.
    pub channel_account: String,
    /// What to do.
    pub task: Task,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Receive money.
    Pay {
        /// What is paid with.
        method: String,
        /// How much.
        money: Money,
        /// When the institution must let go of it.
        expires_at: Time,
        /// In the test environment: what the simulated institution does.
        sandbox: Option<String>,
    },
    /// Say what became of it.
    Query,
    /// Close it, if it is not paid.
    Close,
    /// Give back a part of what another order received.
    Refund {
        /// The order that received it.
        of: OrderId,
        /// How much.
        money: Money,
        /// In the test environment: what the simulated institution does.
        sandbox: Option<String>,
    },
    /// Say what became of the refund.
    QueryRefund {
        /// The order that received the money.
        of: OrderId,
    },
    /// Pay out.
    Payout {
        /// To whom.
        to: Destination,
        /// How much.
        money: Money,
    },
    /// Say what became of the payout.
    QueryPayout,
}

impl Call {
    /// As what the answer counts: as an answer to an act, or as a query's.
    pub const fn source(&self) -> Source {
        match self.task {
            Task::Pay { .. } | Task::Close | Task::Refund { .. } | Task::Payout { .. } => Source::Answer,
            Task::Query | Task::QueryRefund { .. } | Task::QueryPayout => Source::Query,
        }
    }

    /// Whether it is about a refund.
    pub const fn is_refund(&self) -> bool {
        match self.task {
            Task::Refund { .. } | Task::QueryRefund { .. } => true,
            Task::Pay { .. } | Task::Query | Task::Close | Task::Payout { .. } | Task::QueryPayout => false,
        }
    }

    /// Whether it is about a payout.
    pub const fn is_payout(&self) -> bool {
        matches!(self.task, Task::Payout { .. } | Task::QueryPayout)
    }
}

/// An institution's word about one order, verified and understood, or [`Answer::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// About an order to pay.
    Pay(PayOutcome),
    /// About an order to refund.
    Refund(RefundOutcome),
    /// About an order to pay out.
    Payout(PayoutOutcome),
    /// About a dispute of what an order to pay received.
    Dispute(DisputeOutcome),
    /// "There is no such order." A no only after the order's lifetime.
    NotFound,
    /// No answer, or none that can be trusted. Never a no.
    Unknown,
}

impl Answer {
    /// The institution's number that it names: what to look up among the claims before it is told.
    pub fn channel_no(&self) -> Option<&str> {
        match self {
            Self::Pay(PayOutcome::Paid { channel_no, .. })
            | Self::Refund(RefundOutcome::Refunded { channel_no, .. })
            | Self::Payout(PayoutOutcome::PaidOut { channel_no, .. }) => Some(channel_no),
            Self::Dispute(outcome) => Some(outcome.number()),
            Self::Pay(_) | Self::Refund(_) | Self::Payout(_) | Self::NotFound | Self::Unknown => None,
        }
    }
}

/// An HTTP request to the institution; always POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The path below the account's address, with its leading slash.
    pub path: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An HTTP message from the institution: an answer, or a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The status of an answer; 0 for a notification.
    pub status: u16,
    /// Header names in lower case, and values, as they came.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Incoming {
    /// The value of a header that is there exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }
}

/// A verified notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The order it is about.
    pub order: OrderId,
    /// What it says.
    pub word: Answer,
    /// SHA-256 of the raw body.
    pub digest: [u8; 32],
}

/// How the institution wants to hear that a notification was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// HTTP status.
    pub status: u16,
    /// The body, exactly.
    pub body: &'static str,
}

/// Why a notification is refused. Nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not signed, not by a key of this account, or for another account.
    #[error("the signature does not match")]
    SignatureInvalid,
    /// Signed too long ago, or in the future.
    #[error("the timestamp is too old or in the future")]
    TimestampOutOfRange,
    /// Signed, but not in the form agreed on.
    #[error("the notification cannot be read")]
    Malformed,
    /// Signed and readable, but of a kind that is not taken here.
    #[error("the notification is of another kind")]
    EventTypeMismatch,
}

impl Refused {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::SignatureInvalid => Code::signature_invalid,
            Self::TimestampOutOfRange => Code::timestamp_out_of_range,
            Self::Malformed => Code::malformed_json,
            Self::EventTypeMismatch => Code::event_type_mismatch,
        }
    }
}

/// Why a call cannot be put into this institution's words. The call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotEncode {
    /// The account has no key to sign with.
    #[error("the channel account has no key")]
    NoKey,
}

/// What a line of a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Money received.
    Payment,
    /// Money given back.
    Refund,
    /// Money given back that came back.
    Return,
    /// Money paid out.
    Payout,
    /// Money paid out that came back.
    PayoutReturn,
    /// Money taken back for a dispute that was lost.
    Dispute,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Payment, Self::Refund, Self::Return, Self::Payout, Self::PayoutReturn, Self::Dispute];

    /// The word in statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Return => "return",
            Self::Payout => "payout",
            Self::PayoutReturn => "payout_return",
            Self::Dispute => "dispute",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// One line of an institution's statement (对账单), in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// What it is about.
    pub kind: LineKind,
    /// Our number of the order, as the institution has it; it may be none of ours.
    pub number: String,
    /// The institution's number of this movement.
    pub channel_no: String,
    /// How much, before fees.
    pub money: Money,
    /// What the institution keeps, minor units.
    pub fee_minor: i64,
    /// When, by the institution's clock.
    pub at: Time,
}

/// Why a statement is rejected; a rejected one leaves nothing behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The first line does not name the columns agreed on.
    #[error("the header is not the one agreed on")]
    Header,
    /// A line cannot be read.
    #[error("line {0} cannot be read")]
    Line(usize),
    /// Count or sums differ from the totals at the end, or the totals are missing.
    #[error("the totals do not match the lines")]
    Totals,
}

/// A channel plug-in.
pub trait Adapter: Send + Sync {
    /// Its name, as `sandbox`.
    fn name(&self) -> &'static str;

    /// Abilities and patience, before a channel account alters them.
    fn profile(&self) -> Profile;

    /// Puts a call into the institution's words, signed.
    fn encode(&self, call: &Call, account: &Account, now: Time) -> Result<Outgoing, CannotEncode>;

    /// What the answer to a call verifiably says.
    fn decode(&self, call: &Call, answer: &Incoming, account: &Account, now: Time) -> Answer;

    /// Verifies and reads a notification.
    fn notification(&self, message: &Incoming, account: &Account, now: Time) -> Result<Notification, Refused>;

    /// What to answer to a notification that was taken (or seen before).
    fn acknowledgement(&self) -> Acknowledgement;

    /// Reads a statement: all of it, or nothing.
    fn statement(&self, bytes: &[u8]) -> Result<Vec<StatementLine>, StatementError>;
}

/// Checks money that an institution names.
pub fn money(minor: i64, currency: kernel::Currency) -> Option<Money> {
    Some(Money { amount: Amount::new(minor).ok()?, currency })
}

/// Checks a number or code that an institution gives.
pub fn reference(given: String) -> Option<String> {
    text::is_reference(&given, MAX_REFERENCE).then_some(given)
}

/// Checks what an institution wants shown to a buyer: a redirect goes to an https address only.
pub fn credential(given: Credential) -> Option<Credential> {
    let fits = match &given {
        Credential::Redirect(url) => url.starts_with("https://") && text::is_reference(url, limits::MAX_URL),
        Credential::QrCode(data) => text::is_reference(data, limits::MAX_URL),
    };
    fits.then_some(given)
}
