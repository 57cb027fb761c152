//! What the channel gateway (渠道网关) can be told, and the facts it tells the payment core.

use crate::context::Context;
use crate::destination::Destination;
use crate::id::{InstructionId, OrderId};
use crate::money::{Amount, Money};
use crate::time::Time;

/// Why an order exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To receive this instruction's amount.
    Pay(InstructionId),
    /// To give back a part of what an earlier order received.
    Refund {
        /// The order that received it.
        of: OrderId,
        /// The refund part it serves, as the payment core numbers it.
        part: u16,
    },
    /// To pay this instruction's amount out.
    Payout(InstructionId),
}

/// Place an order at an institution: durable as `sent` before the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The order, numbered by the payment core's choice of the next free number.
    pub order: OrderId,
    /// The trade's context.
    pub context: Context,
    /// Pay, refund or pay out.
    pub purpose: Purpose,
    /// The channel account, as `sandbox`.
    pub channel_account: String,
    /// What is paid with, as `card`; of a payout, to what kind of account.
    pub method: String,
    /// How much.
    pub money: Money,
    /// When the institution must let go of it (pay orders).
    pub expires_at: Option<Time>,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
    /// Where a payout goes.
    pub destination: Option<Destination>,
}

/// A command to the orders of one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Place an order.
    Place(Box<Place>),
    /// Ask the institution to close an unpaid order.
    Close(OrderId),
}

/// What a buyer must do, or be shown, to go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Credential {
    /// Go to this address.
    Redirect(String),
    /// Show this as a QR code.
    QrCode(String),
}

/// The institution's own verified word about an order to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayOutcome {
    /// Taken; the buyer must act.
    Accepted(Credential),
    /// Taken; the institution is at it.
    Paying,
    /// Paid.
    Paid {
        /// What was received, in the currency it was received in.
        money: Money,
        /// When, by the institution's clock.
        at: Time,
        /// The institution's own number.
        channel_no: String,
    },
    /// Closed unpaid for good.
    Closed,
    /// Refused for good.
    Failed {
        /// The institution's code.
        code: String,
    },
    /// No answer, or none that can be trusted. Never a no.
    Unknown,
}

/// The institution's own verified word about an order to refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOutcome {
    /// Taken; the institution is at it.
    Accepted,
    /// Given back.
    Refunded {
        /// How much.
        money: Money,
        /// When, by the institution's clock.
        at: Time,
        /// The institution's own number.
        channel_no: String,
    },
    /// Refused for good.
    Failed {
        /// The institution's code.
        code: String,
        /// Whether giving it back another way is what should be done.
        other_way: bool,
    },
    /// Had been given back, but came back later.
    Returned {
        /// The institution's code.
        code: String,
        /// When, by the institution's clock.
        at: Time,
    },
    /// No answer, or none that can be trusted. Never a no.
    Unknown,
}

/// The institution's own verified word about an order to pay out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayoutOutcome {
    /// Taken; the institution is at it.
    Accepted,
    /// Paid out.
    PaidOut {
        /// How much.
        money: Money,
        /// When, by the institution's clock.
        at: Time,
        /// The institution's own number.
        channel_no: String,
    },
    /// Refused for good.
    Failed {
        /// The institution's code.
        code: String,
    },
    /// Had been paid out, but came back later (退票).
    Returned {
        /// How much.
        money: Money,
        /// When, by the institution's clock.
        at: Time,
        /// The institution's code.
        code: String,
    },
    /// No answer, or none that can be trusted. Never a no.
    Unknown,
}

/// The institution's own verified word about a dispute (拒付) of money that an order received. It comes unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeOutcome {
    /// The buyer disputes it; the institution sets so much of ours aside.
    Opened {
        /// The institution's number of the dispute.
        number: String,
        /// How much is disputed.
        money: Money,
        /// The institution's word for why.
        reason: String,
        /// Until when the merchant may answer.
        respond_by: Time,
        /// When, by the institution's clock.
        at: Time,
    },
    /// Decided for the merchant: nothing is taken.
    Won {
        /// The institution's number of the dispute.
        number: String,
        /// When, by the institution's clock.
        at: Time,
    },
    /// Decided for the buyer: so much is taken.
    Lost {
        /// The institution's number of the dispute.
        number: String,
        /// How much; perhaps less than was disputed.
        money: Money,
        /// When, by the institution's clock.
        at: Time,
    },
}

impl DisputeOutcome {
    /// The institution's number of the dispute.
    pub fn number(&self) -> &str {
        match self {
            Self::Opened { number, .. } | Self::Won { number, .. } | Self::Lost { number, .. } => number,
        }
    }

    /// The money that it names.
    pub const fn money(&self) -> Option<Money> {
        match self {
            Self::Opened { money, .. } | Self::Lost { money, .. } => Some(*money),
            Self::Won { .. } => None,
        }
    }
}

/// What the channel gateway tells the payment core. Each is told once per change, whatever the institution repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A pay order waits for the buyer.
    Accepted {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// What the buyer must do.
        credential: Credential,
    },
    /// A pay order is under way.
    Pending {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
    },
    /// Nobody knows what became of a pay order; the query-back goes on.
    Unknown {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
    },
    /// Money came for a pay order, under an institution's number not seen before.
    Paid {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The channel account.
        channel_account: String,
        /// What came.
        money: Money,
        /// Which receipt of this order it is; 2 and more were paid twice.
        receipt: u16,
        /// The institution's number of this receipt.
        channel_no: String,
    },
    /// A pay order surely never took effect: refused, closed, or unknown to the institution after its lifetime.
    NotPaid {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's code, `closed`, or `not_found`.
        code: String,
        /// Whether it was closed rather than refused.
        closed: bool,
    },
    /// The order's lifetime and grace are over and the institution never said what became of it.
    Silent {
        /// The order.
        order: OrderId,
        /// What it was for.
        purpose: Purpose,
    },
    /// The institution's word contradicts what is on record: a number that another order already has, another amount
    /// refunded than was asked, a refund after its refusal. Nothing moved; people must look.
    Suspect {
        /// The order.
        order: OrderId,
        /// What it was for.
        purpose: Purpose,
        /// The institution's number in question.
        channel_no: String,
    },
    /// A refund order went through.
    Refunded {
        /// The order.
        order: OrderId,
        /// The refund part.
        part: u16,
        /// How much.
        amount: Amount,
    },
    /// A refund order failed for good.
    RefundFailed {
        /// The order.
        order: OrderId,
        /// The refund part.
        part: u16,
        /// The institution's code.
        code: String,
        /// Whether another way is what should be done.
        other_way: bool,
    },
    /// A refund that had gone through came back.
    RefundReturned {
        /// The order.
        order: OrderId,
        /// The refund part.
        part: u16,
        /// The institution's code.
        code: String,
    },
    /// The institution has an order to pay out.
    PayoutPending {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
    },
    /// Nobody knows what became of an order to pay out; the query-back goes on.
    PayoutUnknown {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
    },
    /// It was paid out, all of it.
    PaidOut {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
    },
    /// It was surely not paid out: refused, or unknown to the institution after its lifetime.
    PayoutFailed {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's code, or `not_found`.
        code: String,
    },
    /// Money that a pay order received is disputed, under an institution's number not seen before.
    Disputed {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's number of the dispute.
        number: String,
        /// How much is disputed.
        money: Money,
        /// The institution's word for why; none where only its end was told.
        reason: Option<String>,
        /// Until when the merchant may answer; none where only its end was told.
        respond_by: Option<Time>,
    },
    /// A dispute was decided for the merchant.
    DisputeWon {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's number of the dispute.
        number: String,
    },
    /// A dispute was decided for the buyer; it was told as disputed before.
    DisputeLost {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's number of the dispute.
        number: String,
        /// How much the institution takes.
        money: Money,
    },
    /// What had been paid out came back, all of it.
    PayoutReturned {
        /// The order.
        order: OrderId,
        /// Its instruction.
        instruction: InstructionId,
        /// The institution's code.
        code: String,
    },
}
