//! What funds accounting (资金核算) can be told: business verbs with their amounts. Which accounts move, and on which
//! side, is accounting's own knowledge (templates). Its facts are synchronous: booked, or refused with a reason.

use crate::context::Context;
use crate::id::{AccountId, MerchantId};
use crate::message::trade::Share;
use crate::money::{Amount, Currency, Money};
use crate::owner::{Owner, UserId};
use crate::stored::StoredKind;

/// Where the money of a coupon, a gift or points comes from, and goes back to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CouponSource {
    /// Marketing expense (5002): no budget was set.
    Expense,
    /// The marketing budget (2032) of this owner: the platform or a merchant.
    Budget(Owner),
}

/// Whose money an internal tool spends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InternalTool {
    /// The balance of a user or a merchant (2001, 2002).
    Balance(Owner),
    /// The user's coupons (2031).
    Coupon {
        /// Whose coupon.
        user: UserId,
        /// Where it came from.
        source: CouponSource,
        /// Minor units of its face beyond the part used; they go back to the source when it is spent.
        rest: i64,
    },
    /// Stored value of one kind in a user's hands (2033.{kind}).
    Stored(UserId, StoredKind),
    /// The user's points (2034), which are redeemed; the money of the part comes from the source.
    Points {
        /// Whose points.
        user: UserId,
        /// How many.
        points: Amount,
        /// What pays the money.
        source: CouponSource,
    },
    /// What the user owes us (1061): it grows up to the limit.
    Credit {
        /// Who.
        user: UserId,
        /// Most minor units that may be owed, holds counted.
        limit: i64,
    },
}

/// One internal leg to hold or release; the hold is known by its number within the trade's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolHold {
    /// The instruction's number, which is also the hold's.
    pub hold: HoldNo,
    /// Whose money.
    pub tool: InternalTool,
    /// How much.
    pub amount: Amount,
}

/// A balance on its way out; the hold is known by its number within the trade's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// The instruction's number, which is also the hold's.
    pub hold: HoldNo,
    /// Whose balance (2001, 2002).
    pub owner: Owner,
    /// The channel account that pays it out.
    pub channel_account: String,
    /// How much it pays out.
    pub amount: Amount,
    /// Minor units that leave the balance beside it and stay with the platform (4001).
    pub fee: i64,
}

/// A hold within a trade's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldNo {
    /// Of this instruction.
    Instruction(u16),
    /// Of this line of a refund; lines are numbered through all refunds of the trade.
    RefundLine(u16),
    /// Of this line of a dispute; lines are numbered through all disputes of the trade.
    DisputeLine(u16),
}

/// Where the money of one leg of a payment is when the payment takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An internal tool, spent at once.
    Tool(InternalTool),
    /// An internal tool, held before.
    Held(InternalTool, HoldNo),
    /// An institution, received just now (1011.{ca}.in).
    Channel(String),
    /// An institution, received earlier and booked as not yet effective (2022).
    Earlier(String),
    /// An institution, received with another amount or currency, in suspense (2021), and accepted by people.
    Suspended(String),
    /// The parent of a combined checkout, which is paid (2012).
    Parent {
        /// How many points paid it; they are redeemed, and on their way like the money.
        points: i64,
    },
}

/// One leg of a payment that takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayLeg {
    /// Where its money is.
    pub source: Source,
    /// How much.
    pub amount: Amount,
}

/// What one refund part takes from whom, and where that money goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundLine {
    /// Its number through all refunds of the trade.
    pub line: u16,
    /// The receiver whose money it is.
    pub receiver: Owner,
    /// Where the receiver's money is.
    pub from: LineSource,
    /// How much.
    pub amount: Amount,
    /// Where it goes.
    pub to: RefundTo,
}

/// What a dispute sets aside of one receiver's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeLine {
    /// Its number through all disputes of the trade.
    pub line: u16,
    /// The receiver whose money it is.
    pub receiver: Owner,
    /// Where the receiver's money is.
    pub from: LineSource,
    /// How much is set aside.
    pub amount: Amount,
    /// Minor units of that which the institution takes in the end.
    pub lost: i64,
}

/// Where the money is that a line of a refund or a dispute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineSource {
    /// In escrow (2004): the receiver does not have it yet.
    Escrow,
    /// With the receiver, from whom it waits for settlement (2003), and on its balance for what is short there.
    Receiver,
    /// On the receiver's balance (2001, 2002).
    Balance,
}

/// Where refunded money goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundTo {
    /// The balance of a user or a merchant (2001, 2002).
    Balance(Owner),
    /// The coupon's source; the user's coupons (2031) where the coupon becomes usable again.
    Coupon {
        /// Whose.
        user: UserId,
        /// Where it came from.
        source: CouponSource,
        /// Whether the whole coupon becomes usable again. Its face beyond the part used is then issued anew.
        usable_again: bool,
        /// Minor units of that face beyond the part used, to issue anew; zero where the coupon does not become usable
        /// again, and on all lines of one coupon's part but one.
        rest: i64,
    },
    /// The user's stored value of a kind (2033.{kind}).
    Stored(UserId, StoredKind),
    /// The source that had paid the money; the user has points again (2034).
    Points {
        /// Whose.
        user: UserId,
        /// What had paid the money.
        source: CouponSource,
        /// How many points; zero on all lines of one part but one.
        points: i64,
    },
    /// What the user owes us (1061) is less by it; what exceeds that goes to the user's balance (2001).
    Credit(UserId),
    /// The institution (1011.{ca}.refund).
    Channel(String),
}

/// Where the receivers of a payment have its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Onto {
    /// It waits for settlement (2003).
    Settlement,
    /// On their balance (2001, 2002), to be spent at will.
    Balance,
    /// It makes less what the receiver, a user, owes on credit (1061); what exceeds that is the user's balance.
    Debt,
}

/// A business verb. Each becomes one voucher (凭证), all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Hold internal legs while something outside must be waited for.
    HoldTools(Vec<ToolHold>),
    /// Let held internal legs go.
    ReleaseTools(Vec<ToolHold>),
    /// A payment takes effect: all legs into the trade's escrow, or on to the receivers where named.
    Pay {
        /// The legs.
        legs: Vec<PayLeg>,
        /// Receivers that get it at once; empty where it waits in escrow.
        receivers: Vec<Share>,
        /// Where they have it.
        onto: Onto,
    },
    /// An external leg succeeded, but the payment is not complete, or the money is late or surplus (→ 2022).
    Receive {
        /// The channel account.
        channel_account: String,
        /// What came.
        money: Money,
    },
    /// Another amount or currency came than was asked (→ 2021).
    Suspend {
        /// The channel account.
        channel_account: String,
        /// What came.
        money: Money,
    },
    /// Money in 2022 went back through the institution.
    ReturnReceived {
        /// The channel account.
        channel_account: String,
        /// How much.
        money: Money,
    },
    /// Money in suspense (2021) went back through the institution.
    ReturnSuspended {
        /// The channel account.
        channel_account: String,
        /// How much.
        money: Money,
    },
    /// Money in 2022 goes to the payer's balance, because the institution cannot give it back.
    KeepReceived {
        /// The channel account that it came through.
        channel_account: String,
        /// To whom.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// Money in suspense (2021) goes to the payer's balance, because the institution cannot give it back.
    KeepSuspended {
        /// The channel account that it came through.
        channel_account: String,
        /// To whom.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// Escrow is released to receivers (2004 → 2003).
    Confirm(Vec<Share>),
    /// A refund reserves what it will take.
    ReserveRefund(Vec<RefundLine>),
    /// Refund lines take effect; `reserved` says whether they were reserved before.
    Refund {
        /// The lines.
        lines: Vec<RefundLine>,
        /// Whether holds exist for them.
        reserved: bool,
    },
    /// Reserved refund lines failed for good: let go.
    ReleaseRefund(Vec<RefundLine>),
    /// A refund that had gone through came back from the institution (1011.{ca}.refund → 2022).
    RefundReturned {
        /// The channel account.
        channel_account: String,
        /// How much.
        money: Money,
    },
    /// Money that an institution may take back is held (towards 1011.{ca}.dispute).
    HoldDispute {
        /// The channel account that received it.
        channel_account: String,
        /// Whose money.
        lines: Vec<DisputeLine>,
        /// Whether what a receiver is short of is held as owed by it (1062); else that is refused.
        owed: bool,
    },
    /// A dispute was won: all of it is let go.
    ReleaseDispute {
        /// The channel account that received it.
        channel_account: String,
        /// Whose money.
        lines: Vec<DisputeLine>,
    },
    /// A dispute was lost: what the institution takes is taken (→ 1011.{ca}.dispute), the rest let go.
    LoseDispute {
        /// The channel account that received it.
        channel_account: String,
        /// Whose money.
        lines: Vec<DisputeLine>,
    },
    /// A balance is held for an institution to pay it out.
    HoldPayout(Payout),
    /// The institution has paid it out (→ 1011.{ca}.out).
    PayOut(Payout),
    /// It was surely not paid out: let go.
    ReleasePayout(Payout),
    /// What had been paid out came back (1011.{ca}.out → the balance), and its fee with it.
    ReturnPayout(Payout),
    /// A coupon is issued to a user.
    IssueCoupon {
        /// To whom.
        user: UserId,
        /// From what.
        source: CouponSource,
        /// Its face.
        money: Money,
    },
    /// A coupon expired unspent.
    ExpireCoupon {
        /// Whose.
        user: UserId,
        /// Back to what.
        source: CouponSource,
        /// Its face.
        money: Money,
    },
    /// A gift is issued: its money waits to be claimed (→ 2035).
    IssueGift {
        /// In whose name it waits.
        issuer: Owner,
        /// From what.
        source: CouponSource,
        /// All of it.
        money: Money,
    },
    /// A share of a gift is claimed (2035 → 2033.{kind}).
    ClaimGift {
        /// In whose name it waited.
        issuer: Owner,
        /// Who has it now.
        user: UserId,
        /// As stored value of which kind.
        kind: StoredKind,
        /// The share.
        money: Money,
        /// Where the user lives in another shard: the way there. The share is in transit then.
        away: Option<Way>,
    },
    /// What nobody claimed in time goes back (2035 → its source).
    ExpireGift {
        /// In whose name it waited.
        issuer: Owner,
        /// Back to what.
        source: CouponSource,
        /// What is left.
        money: Money,
    },
    /// A user is given points (5003 → 2034).
    GrantPoints {
        /// Who.
        user: UserId,
        /// How many.
        points: Amount,
    },
    /// Points that a user was given are taken back (2034 → 5003).
    ReversePoints {
        /// Of whom.
        user: UserId,
        /// How many.
        points: Amount,
    },
    /// A marketing budget is filled: the platform's from expense, a merchant's from its balance.
    FundBudget {
        /// Whose budget.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// The sandbox puts money on an owner's balance.
    Fund {
        /// A user or a merchant.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// A transfer leaves escrow for its payee in another shard; until it is there it is in transit. The fee stays.
    SendTransfer {
        /// What the payee gets.
        money: Money,
        /// Minor units that the platform keeps (4001).
        fee: i64,
        /// From which shard to which.
        way: Way,
    },
    /// A transfer that its payee's books refused is back with who sent it, its fee with it.
    ReturnTransfer {
        /// Who sent it.
        payer: Owner,
        /// What the payee did not get.
        money: Money,
        /// Minor units that the platform had kept.
        fee: i64,
        /// The way back.
        way: Way,
    },
    /// What another shard has sent and the books here refuse goes back there.
    TurnBack {
        /// How much.
        money: Money,
        /// The way it came.
        way: Way,
    },
    /// Money that another shard has sent comes to a purse.
    Arrive {
        /// Whose, of this shard.
        purse: Purse,
        /// How much.
        money: Money,
        /// From which shard to which.
        way: Way,
    },
}

/// Into what money comes that another shard has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purse {
    /// The balance of a user or a merchant (2001, 2002).
    Balance(Owner),
    /// A user's stored value of a kind (2033.{kind}).
    Stored(UserId, StoredKind),
}

/// The way of money between two shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// The shard that sends.
    pub from: i64,
    /// The shard that receives.
    pub to: i64,
}

impl Way {
    /// The other way round.
    #[must_use]
    pub const fn back(self) -> Self {
        Self { from: self.to, to: self.from }
    }
}

/// A command to accounting: one verb of one business fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The merchant and business that it belongs to; `None` for what belongs to no trade (the sandbox's funding).
    pub context: Option<Context>,
    /// The merchant in whose name escrow and such are kept.
    pub merchant: Option<MerchantId>,
    /// The trade's currency.
    pub currency: Currency,
    /// The object whose fact it is (`pay_…`, `ref_…`, `trd_…`, `cpn_…`), in text form.
    pub object: String,
    /// What happened.
    pub verb: Verb,
}

/// Why accounting refuses. Says all that a person needs to see why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The account's floor would be broken.
    #[error("{subject} has {available} available, {needed} needed")]
    Insufficient {
        /// The account.
        account: AccountId,
        /// Its subject.
        subject: String,
        /// What was asked of it, minor units.
        needed: i64,
        /// What it could give, minor units.
        available: i64,
        /// What is held on it, minor units.
        held: i64,
        /// Its floor, minor units.
        floor: i64,
    },
    /// The account is frozen or closed for this side.
    #[error("{subject} is frozen or closed")]
    Frozen {
        /// The account.
        account: AccountId,
        /// Its subject.
        subject: String,
    },
    /// A counter would leave its range.
    #[error("{subject} would leave the range of amounts")]
    OutOfRange {
        /// The account.
        account: AccountId,
        /// Its subject.
        subject: String,
    },
}
