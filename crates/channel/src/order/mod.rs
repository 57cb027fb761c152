//! Channel orders (渠道订单): our attempts at institutions, one aggregate per trade.
//!
//! 1. The payment core *places* an order: durable as `sent` before any call.
//! 2. The engine makes the call that [`Orders::request`] names when a timer is due, and tells what came back as [`Told`];
//!    notifications arrive the same way.
//! 3. The word moves the order by the one match of its machine ([`pay`], [`refund`]), is kept as [`evidence`], and becomes
//!    at most one fact for the payment core per change.
//! 4. What was received may be disputed ([`Event::Disputed`]): the institution opens and decides that by itself.
//! 5. Without a final word the order is asked about again, by [`schedule`].
//!
//! Words never refuse: a repeat, an old word, a word about nothing we know changes nothing.

mod decide;
mod dispute;
pub mod evidence;
pub mod pay;
pub mod payout;
mod react;
pub mod refund;
pub mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use kernel::message::channel::{Command, Credential, Fact, Purpose};
use kernel::{Code, Context, Destination, InstructionId, Money, OrderId, Problem, Time, TradeId};

pub use self::evidence::{Evidence, Outcome, Source};
pub use self::pay::PayStatus;
pub use self::payout::PayoutStatus;
pub use self::refund::RefundStatus;
pub use self::schedule::{Schedule, Timer, TimerKind};
use crate::adapter::Answer;
use crate::profile::{FORGOTTEN, Profile, Profiles};

/// All channel orders of one trade, with their evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The trade.
    pub trade: TradeId,
    /// The orders, by number.
    pub orders: Vec<Order>,
    /// What institutions said, in the order in which it was heard.
    pub evidence: Vec<Evidence>,
}

/// Why an order exists, with the state that such an order can be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// To receive an instruction's amount.
    Pay {
        /// The instruction.
        instruction: InstructionId,
        /// Where it stands.
        status: PayStatus,
    },
    /// To give back a part of what an earlier order received.
    Refund {
        /// The order that received it.
        of: OrderId,
        /// The refund part it serves.
        part: u16,
        /// Where it stands.
        status: RefundStatus,
    },
    /// To pay an instruction's amount out.
    Payout {
        /// The instruction.
        instruction: InstructionId,
        /// Where it stands.
        status: PayoutStatus,
    },
}

impl Job {
    /// A job in a state by its word; `None` where such a job has no such state.
    pub fn parse(purpose: &Purpose, status: &str) -> Option<Self> {
        Some(match purpose {
            Purpose::Pay(instruction) => Self::Pay { instruction: *instruction, status: PayStatus::parse(status)? },
            Purpose::Refund { of, part } => Self::Refund { of: *of, part: *part, status: RefundStatus::parse(status)? },
            Purpose::Payout(instruction) => {
                Self::Payout { instruction: *instruction, status: PayoutStatus::parse(status)? }
            }
        })
    }

    /// Why the order exists.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Pay { instruction, .. } => Purpose::Pay(*instruction),
            Self::Refund { of, part, .. } => Purpose::Refund { of: *of, part: *part },
            Self::Payout { instruction, .. } => Purpose::Payout(*instruction),
        }
    }

    /// The state's word.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Pay { status, .. } => status.as_str(),
            Self::Refund { status, .. } => status.as_str(),
            Self::Payout { status, .. } => status.as_str(),
        }
    }
}

/// One attempt at an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number in the trade's tree.
    pub no: u16,
    /// Why it exists, and where it stands.
    pub job: Job,
    /// The trade's context.
    pub context: Context,
    /// The channel account, as `sandbox`.
    pub channel_account: String,
    /// What is paid with, as `card`; of a payout, to what kind of account.
    pub method: String,
    /// How much was asked.
    pub money: Money,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
    /// Where a payout goes.
    pub destination: Option<Destination>,
    /// Whether the institution is to close it.
    pub closing: bool,
    /// What the buyer must do, once the institution said so.
    pub credential: Option<Credential>,
    /// Pay, refund and close calls made.
    pub attempts: u16,
    /// Queries made.
    pub queries: u16,
    /// When the next pay or refund call (close call, where closing) is due.
    pub next_call_at: Option<Time>,
    /// When the next query is due.
    pub next_query_at: Option<Time>,
    /// When it was placed.
    pub created_at: Time,
    /// When the institution must have let go of it; "no such order" is a no from here on.
    pub lifetime_until: Time,
    /// The institution's number of the first movement.
    pub channel_no: Option<String>,
    /// How often money came for it; 2 and more is paid twice.
    pub receipts: u16,
    /// Whether people were told that there is no final word.
    pub silent: bool,
}

impl Order {
    /// Whether a final word is still to come.
    pub const fn is_open(&self) -> bool {
        match &self.job {
            Job::Pay { status, .. } => status.is_open(),
            Job::Refund { status, .. } => status.is_open(),
            Job::Payout { status, .. } => status.is_open(),
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        match &self.job {
            Job::Pay { status, .. } => *status == PayStatus::Pending,
            Job::Refund { status, .. } => *status == RefundStatus::Pending,
            Job::Payout { status, .. } => *status == PayoutStatus::Pending,
        }
    }
}

/// Everything the machine can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The payment core's command.
    Command(Command),
    /// An institution's verified word, or that a call brought none.
    Told(Told),
}

/// An institution's verified word, or that a call brought none ([`Answer::Unknown`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The order.
    pub order: OrderId,
    /// The word.
    pub word: Answer,
    /// How it reached us; for an answer see [`crate::Call::source`].
    pub source: Source,
    /// SHA-256 of the raw message.
    pub digest: [u8; 32],
}

/// Everything that was read.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Now.
    pub now: Time,
    /// The profiles of all channel accounts.
    pub profiles: &'a Profiles,
    /// Evenly distributed over its range; spreads the next query.
    pub jitter: u32,
    /// The number that this input names ([`Answer::channel_no`]), if another order of the same channel account has it.
    pub taken: &'a BTreeSet<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn profile(&self, channel_account: &str) -> &'a Profile {
        self.profiles.get(channel_account).unwrap_or(&FORGOTTEN)
    }
}

/// What happened. `no` is the order's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An order was placed.
    Placed(Box<Order>),
    /// It is to be closed; the first close call is due then.
    ClosingStarted {
        /// Which.
        no: u16,
        /// When the close call is due, where the institution can close.
        due: Option<Time>,
    },
    /// Evidence was kept.
    Heard(Evidence),
    /// The buyer must act.
    Accepted {
        /// Which.
        no: u16,
        /// What the buyer must do.
        credential: Credential,
    },
    /// The institution is at it.
    Pending {
        /// Which.
        no: u16,
    },
    /// Nobody knows.
    Doubted {
        /// Which.
        no: u16,
    },
    /// Money came.
    Paid {
        /// Which.
        no: u16,
        /// What came.
        money: Money,
        /// Which receipt it is, from 1.
        receipt: u16,
        /// The institution's number of it.
        channel_no: String,
    },
    /// It surely never took effect.
    NotPaid {
        /// Which.
        no: u16,
        /// The institution's code, `closed`, or `not_found`.
        code: String,
        /// Whether it was closed rather than refused.
        closed: bool,
    },
    /// The refund, or the payout, went through.
    Refunded {
        /// Which.
        no: u16,
        /// The institution's number of it; `None` where only its return is known.
        channel_no: Option<String>,
    },
    /// The refund, or the payout, failed for good.
    RefundFailed {
        /// Which.
        no: u16,
        /// The institution's code, or `not_found`.
        code: String,
        /// Whether another way is what should be done.
        other_way: bool,
    },
    /// The refund, or the payout, came back.
    Returned {
        /// Which.
        no: u16,
        /// The institution's code.
        code: String,
    },
    /// What it received is disputed.
    Disputed {
        /// Which.
        no: u16,
        /// The institution's number of the dispute.
        number: String,
        /// How much.
        money: Money,
        /// The institution's word for why; `None` where only the end was told.
        reason: Option<String>,
        /// Until when the merchant may answer; `None` where only the end was told.
        respond_by: Option<Time>,
    },
    /// A dispute was decided for the merchant.
    DisputeWon {
        /// Which.
        no: u16,
        /// The institution's number of the dispute.
        number: String,
    },
    /// A dispute was decided for the buyer.
    DisputeLost {
        /// Which.
        no: u16,
        /// The institution's number of the dispute.
        number: String,
        /// How much the institution takes.
        money: Money,
    },
    /// The institution's word contradicts what is on record.
    Suspected {
        /// Which.
        no: u16,
        /// The institution's number in question.
        channel_no: String,
    },
    /// Lifetime and grace are over without a final word.
    FellSilent {
        /// Which.
        no: u16,
    },
    /// Counters and due times.
    Scheduled {
        /// Which.
        no: u16,
        /// What they are now.
        schedule: Schedule,
    },
}

/// What the engine must deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A fact for the payment core.
    Payment(Fact),
    /// Claim an institution's number for this order; it was not taken.
    Claim {
        /// Within this channel account.
        channel_account: String,
        /// The number.
        channel_no: String,
        /// For this order.
        order: OrderId,
    },
}

/// What one input led to. Channel orders have no public events of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// To be delivered in this order.
    pub messages: Vec<Message>,
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such channel account.
    #[error("there is no channel account {0}")]
    ChannelUnknown(String),
    /// The channel account does not serve the method.
    #[error("the channel does not serve the method {0}")]
    MethodNotSupported(String),
    /// The channel account does not take the currency.
    #[error("the channel does not take {0}")]
    CurrencyNotSupported(kernel::Currency),
    /// The institution has no such operation.
    #[error("the channel has no such operation")]
    OperationNotSupported,
    /// The number belongs to another order, or to none.
    #[error("{0} is not the order meant")]
    WrongOrder(OrderId),
    /// A payout that does not say where it goes.
    #[error("the payout has no destination")]
    NoDestination,
    /// The order named received nothing that could be given back.
    #[error("{0} received nothing")]
    NothingReceived(OrderId),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::ChannelUnknown(_) | Refusal::MethodNotSupported(_) | Refusal::OperationNotSupported => {
                Code::method_not_supported
            }
            Refusal::CurrencyNotSupported(_) => Code::currency_mismatch,
            Refusal::WrongOrder(_) | Refusal::NothingReceived(_) | Refusal::NoDestination => Code::invalid_state,
        };
        Self::new(code, refusal.to_string())
    }
}

impl Orders {
    /// A trade's orders before the first one.
    pub const fn new(trade: TradeId) -> Self {
        Self { trade, orders: Vec::new(), evidence: Vec::new() }
    }

    /// The order of this number.
    pub fn get(&self, no: u16) -> Option<&Order> {
        self.orders.iter().find(|order| order.no == no)
    }

    /// Whether this order is there and such a word can be about it; else a notification is of the wrong kind. What we do not
    /// know to be paid is not disputed: the institution says it again, and by then we have asked.
    pub fn fits(&self, id: OrderId, word: &Answer) -> bool {
        let order = if id.trade == self.trade { self.get(id.no) } else { None };
        if let (Some(order), Answer::Dispute(_)) = (order, word) {
            return matches!(order.job, Job::Pay { .. }) && order.receipts > 0;
        }
        match (order.map(|order| &order.job), word) {
            (Some(Job::Pay { .. }), Answer::Pay(_) | Answer::NotFound | Answer::Unknown)
            | (Some(Job::Refund { .. }), Answer::Refund(_) | Answer::NotFound | Answer::Unknown)
            | (Some(Job::Payout { .. }), Answer::Payout(_) | Answer::NotFound | Answer::Unknown) => true,
            (Some(Job::Pay { .. }), Answer::Refund(_) | Answer::Payout(_))
            | (Some(Job::Refund { .. }), Answer::Pay(_) | Answer::Payout(_))
            | (Some(Job::Payout { .. }), Answer::Pay(_) | Answer::Refund(_))
            | (Some(_), Answer::Dispute(_))
            | (None, _) => false,
        }
    }

    /// Decide, apply and react in one step: what the engine calls.
    pub fn handle(&mut self, input: Input, known: &Known) -> Result<Reaction, Refusal> {
        let events = self.decide(&input, known)?;
        for event in &events {
            self.apply(event);
        }
        Ok(Reaction { messages: self.react(&events) })
    }
}
