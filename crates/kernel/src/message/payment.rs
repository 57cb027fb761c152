//! What the payment core (支付核心) can be told, and the facts it tells the trade.

use crate::context::Context;
use crate::destination::{Destination, DestinationType};
use crate::id::{CaseId, CouponId, DisputeId, KeyId, PaymentId, RefundId, TradeId};
use crate::message::accounting::CouponSource;
use crate::message::trade::{LateSuccess, Share};
use crate::money::{Amount, Money};
use crate::owner::Owner;
use crate::stored::StoredKind;
use crate::time::Time;

/// A tool (支付工具) as a client names it, with its part of the amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRequest {
    /// Which tool.
    pub tool: Tool,
    /// Its part.
    pub amount: Amount,
}

/// A means of paying.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The payer's balance on our books (余额).
    Balance,
    /// A coupon (优惠券): spent once; what its face exceeds the part goes back to where it came from.
    Coupon(CouponId),
    /// Stored value of one kind in the payer's hands (储值), as gift cards or red packets.
    Stored(StoredKind),
    /// The payer's points (积分), exchanged by the rules: its part is money, and the books say how many points it took.
    Points,
    /// The payer's credit line (先用后付): paid now, owed to us until it is repaid.
    Credit,
    /// An outside institution (渠道).
    Channel {
        /// What it is paid with there: `card`, `boleto`, `alipay.qr`, ….
        method: String,
        /// In the test environment: what the simulated institution does.
        sandbox: Option<String>,
    },
    /// The payer's balance, which an institution pays out (提现). No client names it: it is how a payout pays itself.
    Payout {
        /// To what kind of account.
        to: DestinationType,
        /// In the test environment: what the simulated institution does.
        sandbox: Option<String>,
    },
}

/// Pay one due of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pay {
    /// The trade's context.
    pub context: Context,
    /// The due that is paid.
    pub due: u16,
    /// Exactly the due's amount.
    pub money: Money,
    /// Whose money it is, and to whose balance it may go back.
    pub payer: Owner,
    /// When the due's time is over; channel orders end before.
    pub expires_at: Time,
    /// Receivers that get the money at once when paid; empty where it waits in escrow.
    pub receivers: Vec<Share>,
    /// What to do with money that comes after the end.
    pub late_success: LateSuccess,
    /// The tools, in the client's order.
    pub tools: Vec<ToolRequest>,
    /// Where the tool that pays out pays to.
    pub destination: Option<Destination>,
}

/// A trade that is paid by another, and its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildPart {
    /// The child.
    pub trade: TradeId,
    /// The whole amount of the child.
    pub amount: Amount,
}

/// A child's share of one instruction of its parent's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegShare {
    /// The number of the instruction in the parent's tree.
    pub instruction: u16,
    /// Its tool.
    pub tool: Tool,
    /// The child's share of it.
    pub amount: Amount,
    /// The channel account that brought it.
    pub channel_account: Option<String>,
    /// The number of the channel order in the parent's tree that brought it.
    pub order: Option<u16>,
    /// Where the money of a coupon or of points came from, and goes back to.
    pub source: Option<CouponSource>,
    /// The child's share of the points that it took: none of other tools, and perhaps none of a small share.
    pub points: i64,
    /// Of credit, what the payer's was limited to.
    pub credit_limit: Option<i64>,
}

/// With what a parent's payment paid one child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentPaid {
    /// The parent's payment.
    pub payment: PaymentId,
    /// The version of the rules that planned it.
    pub rule_version: i64,
    /// The child's shares; they sum to the child's amount.
    pub legs: Vec<LegShare>,
}

/// What a child hears of a dispute of what its parent was paid with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareDisputed {
    /// So much of its share of an instruction is disputed.
    Opened {
        /// The instruction's number, which is the parent's.
        instruction: u16,
        /// The institution's number of the dispute.
        channel_no: String,
        /// How much of the child's share.
        money: Money,
        /// The institution's word for why.
        reason: Option<String>,
        /// Until when the merchant may answer.
        respond_by: Option<Time>,
    },
    /// The institution has decided.
    Ended {
        /// Minor units that it takes of the child; 0 where nothing.
        lost: i64,
    },
}

/// What a refund takes from one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundShare {
    /// The receiver whose part shrinks.
    pub receiver: Owner,
    /// Minor units taken from what still waits in escrow for the receiver.
    pub before: i64,
    /// Minor units taken back from what was released to the receiver.
    pub after: i64,
}

/// Give back a part of what dues brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRefund {
    /// The trade's context.
    pub context: Context,
    /// The merchant's own number; `None` where the trade gives back by itself what its dues brought, because another was
    /// not paid. That is not refused.
    pub merchant_refund_id: Option<String>,
    /// How much, in the trade's currency.
    pub money: Money,
    /// Free text.
    pub reason: Option<String>,
    /// What it takes from whom; sums to the amount.
    pub shares: Vec<RefundShare>,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
}

/// How people resolve a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// Take the money as it came.
    Accept,
    /// Give it back to where it came from.
    Refund,
    /// Try again what failed.
    Retry,
    /// Give it back another way: to the user's balance.
    OtherWay,
}

/// What somebody of the platform does about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseAct {
    /// Gives it to a person.
    Assign {
        /// The person's name.
        to: String,
    },
    /// Writes down what was found out.
    Comment {
        /// In words.
        text: String,
        /// What shows it.
        attachment: Option<Attachment>,
    },
    /// Says how it should be resolved; somebody else must agree.
    Propose {
        /// How.
        resolution: Resolution,
        /// Why, in words.
        note: String,
    },
    /// Agrees to what somebody else proposed, which is done by that.
    Approve,
    /// Does not agree to what was proposed.
    Reject {
        /// Why, in words.
        note: String,
    },
    /// Resolves it alone.
    Resolve {
        /// How.
        resolution: Resolution,
        /// Why, in words.
        note: String,
    },
}

/// A reference to something that people keep elsewhere (附件): a letter, a picture, a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, for people.
    pub name: String,
    /// Its media type, as `image/png`.
    pub media_type: String,
    /// The SHA-256 of its bytes, so that it can be recognised.
    pub sha256: [u8; 32],
    /// Where it is.
    pub url: String,
}

/// A command to the payments of one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a payment.
    Pay(Box<Pay>),
    /// The parent paid this trade: `pay` is what was to be paid, its tools are the shares.
    PaidByParent(Box<Pay>, Box<ParentPaid>),
    /// A combined trade is paid: each child gets its share of every instruction.
    PayChildren {
        /// The payment that took effect.
        payment: PaymentId,
        /// The children; their parts sum to the payment.
        children: Vec<ChildPart>,
    },
    /// End an open payment (by its buyer or merchant).
    Cancel(PaymentId),
    /// The trade closes: end what is open, ask institutions to close. `expired` says why.
    Stop {
        /// Whether time ended it (else somebody did).
        expired: bool,
    },
    /// Open a refund.
    Refund(Box<OpenRefund>),
    /// What the trade sets aside for a dispute.
    Dispute {
        /// Which.
        dispute: DisputeId,
        /// What it takes from whom, if it is lost.
        shares: Vec<RefundShare>,
    },
    /// What the parent paid this trade with is disputed, or was.
    ShareDisputed {
        /// The parent's dispute.
        parent: DisputeId,
        /// What the institution said, for this child.
        told: Box<ShareDisputed>,
    },
    /// Do something about a case.
    Case {
        /// Which.
        case: CaseId,
        /// The key of whoever does it.
        by: KeyId,
        /// What.
        act: CaseAct,
    },
}

/// What the payment core tells the trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A payment of this due took effect; its money is in the trade's escrow, or already with the receivers.
    Succeeded {
        /// The payment.
        payment: PaymentId,
        /// The due.
        due: u16,
    },
    /// The one payment of a trade that pays itself surely failed.
    Failed {
        /// The payment.
        payment: PaymentId,
    },
    /// No leg of any payment is open outside any more.
    Quiet,
    /// A refund went through, whole or in these shares.
    Refunded {
        /// The refund.
        refund: RefundId,
        /// What was taken from whom.
        shares: Vec<RefundShare>,
    },
    /// So much of what was paid is disputed; it is to be set aside, like what a refund under way takes.
    Disputed {
        /// The dispute.
        dispute: DisputeId,
        /// How much.
        amount: Amount,
    },
    /// A dispute was won: what was set aside is free again.
    DisputeWon {
        /// The dispute.
        dispute: DisputeId,
        /// What was set aside.
        shares: Vec<RefundShare>,
    },
    /// A dispute was lost: some or all of what was set aside is gone, the rest is free again.
    DisputeLost {
        /// The dispute.
        dispute: DisputeId,
        /// What is gone.
        lost: Vec<RefundShare>,
        /// What is free again.
        kept: Vec<RefundShare>,
    },
    /// A refund, or these shares of it, failed for good; the money stays where it was.
    RefundFailed {
        /// The refund.
        refund: RefundId,
        /// What was not taken after all.
        shares: Vec<RefundShare>,
    },
}
