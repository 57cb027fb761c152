//! What happened, in steps small enough that each changes one object and asks one thing of one neighbour.

use kernel::message::accounting::{PayLeg, ToolHold};
use kernel::message::channel::Credential;
use kernel::message::payment::ParentPaid;
use kernel::{Amount, CouponId, Money, Time, TradeId};

use crate::case::{Case, TrailEntry};
use crate::coupon;
use crate::dispute::{Dispute, DisputeStatus};
use crate::instruction::LegStep;
use crate::payment::{Ending, Failure, Payment, PaymentStep};
use crate::refund::{Line, PartStep, Refund, RefundStatus};

/// Where money that came from an institution is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoneyPlace {
    /// Nowhere by itself: the payment takes effect with it, in one voucher.
    Effective,
    /// Received, not effective (2022).
    Received,
    /// In suspense (2021).
    Suspense,
}

/// What the books are asked about a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayoutStep {
    /// To hold the balance.
    Hold,
    /// It was paid out: to take what is held.
    Pay,
    /// It surely was not: to let go of it.
    Release,
}

/// What the books are asked about a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisputeStep {
    /// To hold what it may take.
    Hold,
    /// The same, where what a receiver is short of is owed by it.
    HoldOwed,
    /// It was won: to let go of it.
    Release,
    /// It was lost: to take what the institution takes.
    Lose,
}

/// One step of the trade's payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A payment was opened.
    PaymentOpened(Box<Payment>),
    /// A payment made a step.
    PaymentMoved {
        /// Which.
        payment: u16,
        /// The step.
        step: PaymentStep,
        /// Why, where it failed.
        failure: Option<Failure>,
    },
    /// Somebody wants a payment ended; it ends when its open leg does.
    EndWanted {
        /// Which.
        payment: u16,
        /// As what it ends.
        ending: Ending,
    },
    /// The trade takes no payments any more.
    Stopped,
    /// No leg of any payment is open outside any more.
    Quiet,
    /// Its internal legs are to be held.
    HoldsAsked {
        /// Whose.
        payment: u16,
        /// The legs.
        holds: Vec<ToolHold>,
    },
    /// Held legs are let go.
    HoldsReleased {
        /// Whose.
        payment: u16,
        /// The legs.
        holds: Vec<ToolHold>,
    },
    /// A combined trade is paid: each child with its shares.
    ChildrenPaid(Vec<(TradeId, ParentPaid)>),
    /// A payment is to take effect.
    EffectAsked {
        /// Which.
        payment: u16,
        /// Where the money of each leg is.
        legs: Vec<PayLeg>,
        /// The leg whose money came just now.
        fresh: Option<u16>,
    },
    /// A coupon is told something for an instruction.
    CouponTold {
        /// Which coupon.
        coupon: CouponId,
        /// What.
        command: coupon::Command,
    },
    /// An instruction made a step.
    LegMoved {
        /// Which.
        instruction: u16,
        /// The step.
        step: LegStep,
    },
    /// An instruction got its channel order.
    OrderPlaced {
        /// Which.
        instruction: u16,
        /// The order's number.
        order: u16,
        /// When the institution must let go of it.
        expires_at: Time,
    },
    /// The books are asked about a payout.
    PayoutBooked {
        /// Whose.
        payment: u16,
        /// What.
        step: PayoutStep,
    },
    /// A payout got its channel order.
    PayoutSent {
        /// Which instruction.
        instruction: u16,
        /// The order's number.
        order: u16,
    },
    /// What a payment had paid out is back.
    PayoutCameBack {
        /// Which.
        payment: u16,
    },
    /// The institution is asked to close an order.
    CloseAsked {
        /// The order's number.
        order: u16,
    },
    /// An order will bring no money any more.
    OrderOver {
        /// Whose.
        instruction: u16,
    },
    /// The buyer must act.
    CredentialGiven {
        /// For which instruction.
        instruction: u16,
        /// How.
        credential: Credential,
    },
    /// Money came.
    MoneyCame {
        /// For which instruction.
        instruction: u16,
        /// Which receipt of its order.
        receipt: u16,
        /// How much, as it came.
        money: Money,
        /// Where it is booked.
        place: MoneyPlace,
    },
    /// Money that should have taken effect is booked as received after all.
    MoneyParked {
        /// Of which instruction.
        instruction: u16,
        /// How much.
        money: Money,
    },
    /// People decided about money in suspense.
    SuspenseDecided {
        /// Of which instruction.
        instruction: u16,
        /// How much.
        money: Money,
        /// Whether the leg takes it (else it goes back).
        accepted: bool,
    },
    /// Money came that counts for no payment.
    SurplusFound {
        /// Of which instruction.
        instruction: u16,
        /// Whether nothing this instruction brought counts.
        whole_leg: bool,
    },
    /// A refund was opened.
    RefundOpened(Box<Refund>),
    /// What a refund takes is to be reserved.
    ReserveAsked {
        /// Which.
        refund: u16,
    },
    /// Money of these parts goes back; it is booked.
    GivenBack {
        /// Which refund.
        refund: u16,
        /// Its parts.
        parts: Vec<u16>,
        /// Whether receivers' lines were reserved before.
        reserved: bool,
    },
    /// A part got its channel order.
    PartSent {
        /// Which part.
        part: u16,
        /// The order's number.
        order: u16,
    },
    /// A part goes to the payer's balance instead.
    PartRerouted {
        /// Which part.
        part: u16,
    },
    /// A part made a step.
    PartMoved {
        /// Which part.
        part: u16,
        /// The step.
        step: PartStep,
    },
    /// A refund stands here now.
    RefundMoved {
        /// Which.
        refund: u16,
        /// Where.
        status: RefundStatus,
        /// Whether everything has been taken from the receivers with this.
        through: bool,
    },
    /// Money is disputed.
    DisputeOpened(Box<Dispute>),
    /// The trade is to say of whom so much is set aside.
    DisputeSpreadAsked {
        /// For which dispute.
        dispute: u16,
        /// How much.
        amount: Amount,
    },
    /// It is set aside of these receivers.
    DisputeSpread {
        /// For which dispute.
        dispute: u16,
        /// What of whom.
        lines: Vec<Line>,
    },
    /// It is set aside of these children, each by a dispute of its own.
    DisputeShared {
        /// For which dispute.
        dispute: u16,
        /// How much of which.
        shares: Vec<(TradeId, Amount)>,
    },
    /// What the institution takes of the children, for their disputes to end by.
    SharesEnded {
        /// Of which dispute.
        dispute: u16,
        /// Minor units of each.
        lost: Vec<(TradeId, i64)>,
    },
    /// The books are asked about a dispute.
    DisputeBooked {
        /// Which.
        dispute: u16,
        /// What.
        step: DisputeStep,
    },
    /// The institution has decided.
    DisputeEnded {
        /// Which dispute.
        dispute: u16,
        /// How.
        status: DisputeStatus,
        /// Minor units that it takes.
        lost: i64,
        /// Minor units of each line of these.
        by_line: Vec<i64>,
        /// When.
        at: Time,
    },
    /// A case was opened.
    CaseOpened(Box<Case>),
    /// A step was taken in a case.
    CaseMoved {
        /// Which.
        case: u16,
        /// The step, when and by whom.
        entry: Box<TrailEntry>,
    },
}

/// A positive number of minor units; `None` for nothing, which then asks for nothing.
pub(crate) fn some_amount(minor: i64) -> Option<Amount> {
    Amount::new(minor).ok()
}
