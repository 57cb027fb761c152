//! A plan: everything that will be asked and everything that will go wrong, as data.
//!
//! A plan is drawn from a seed and then played; it can be written down, shortened, and played again. Acts name each other
//! by number, so any of them can be left out: what refers to one that is not there is not played.

mod draw;

use channel::sandbox::word::{PayWord, PayoutWord, RefundWord};
use kernel::message::risk::Switch;
use serde::{Deserialize, Serialize};

pub(crate) use draw::{draw, points};

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What everything that is not in the acts is drawn from: ids, and how long a call to the store takes.
    pub seed: u64,
    /// Whether workers of the two nodes agree on who works by a lease; else both do everything.
    pub leases: bool,
    /// Whether somebody listens to webhooks; it costs much, so only some worlds have it.
    #[serde(default)]
    pub listens: bool,
    /// How many shards the store has: a power of two.
    #[serde(default = "one")]
    pub shards: i64,
    /// The rule book that everything goes by; the built-in one where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Whom or what risk control lets pay nothing, from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocked>,
    /// What is switched off from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<Switch>,
    /// In order.
    pub acts: Vec<Act>,
}

/// Who or what is blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// A user.
    User(u8),
    /// A device.
    Device(String),
    /// A card, by its fingerprint.
    Card(String),
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its number; others refer to it by this.
    pub no: u32,
    /// How long after the act before it, in milliseconds.
    pub wait_ms: u32,
    /// At which node: 0 or 1.
    pub node: usize,
    /// Of a fault: how many calls that could meet it go well before it strikes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after: u32,
    /// What.
    pub what: What,
}

const fn one() -> i64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(after: &u32) -> bool {
    *after == 0
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "fields are the words of the glossary; amounts are minor units")]
pub enum What {
    /// Money is put on a user's balance.
    Fund { user: u8, amount: i64 },
    /// Money is put on a merchant's balance.
    FundMerchant { merchant: u8, amount: i64 },
    /// A marketing budget is filled: a merchant's, or the platform's.
    FundBudget { merchant: Option<u8>, amount: i64 },
    /// A coupon is issued.
    Issue { user: u8, merchant: Option<u8>, amount: i64, budget: bool, life_s: Option<u32> },
    /// A gift is issued.
    Give(Gift),
    /// A user claims a share of the gift that an act issued, with its code or another one, through a merchant or the
    /// platform.
    Claim { gift: u32, user: u8, code: bool, by: Option<u8> },
    /// A user is given points.
    Grant { user: u8, points: i64 },
    /// Points of the grant that an act made are taken back.
    TakeBack { grant: u32, points: i64 },
    /// A user may pay on credit, up to a limit; perhaps billed on a day of each month, with days to pay.
    Lend {
        user: u8,
        limit: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bills: Option<(u8, u8)>,
    },
    /// The user's credit line gets another limit, or is frozen, or free again.
    Relend { user: u8, limit: i64, way: u8 },
    /// A trade is opened.
    Sell(Sale),
    /// Trades of one buyer, perhaps of several merchants, are opened with one that pays them.
    Cart { cart: Sale, children: Vec<Sale> },
    /// Something is asked of a child of a cart.
    OfChild { cart: u32, child: u8, what: OfChild },
    /// The same order number again under another key, with the same content or another subject; perhaps by another buyer,
    /// who may live in another shard.
    SellAgain {
        sale: u32,
        other: bool,
        #[serde(default)]
        buyer: Option<u8>,
    },
    /// A trade is paid, or a due of it.
    Pay {
        sale: u32,
        tools: Vec<Slice>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<u16>,
    },
    /// One of its payments is canceled.
    Cancel { sale: u32, payment: u16 },
    /// It is closed.
    Close { sale: u32 },
    /// Its escrow is released, whole or in part.
    Confirm { sale: u32, amount: Option<i64> },
    /// A part of it is given back.
    Refund { sale: u32, amount: i64, word: Option<RefundWord> },
    /// An earlier refund number again, with the same amount or another.
    RefundAgain { refund: u32, other: bool },
    /// An account is frozen for what comes in, or free again: the nodes are stopped, its row is changed by hand, and they
    /// are started again.
    Freeze { user: u8, frozen: bool },
    /// Somebody does something about the trade's first case that waits: resolves it, proposes, approves, rejects, remarks.
    Resolve { sale: u32, way: u8 },
    /// An earlier act is asked again under its key; `other` says with another body.
    Repeat { act: u32, other: bool },
    /// An act on a trade is asked by a merchant that it does not belong to.
    Trespass { act: u32 },
    /// What an act made is read.
    Read { act: u32 },
    /// The node dies and comes back from the store.
    Crash,
    /// The next call of this kind from the node to the store goes wrong, or the one that the act names.
    Store(StoreFault),
    /// The next call to the institution goes wrong, or the one that the act names.
    Wire(WireFault),
    /// The institution's next notification goes wrong, or the one that the act names.
    Post(PostFault),
    /// All invariants are looked at in the middle of everything.
    Verify,
}

/// What is asked of a trade that another one pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of the glossary; amounts are minor units")]
pub enum OfChild {
    /// To be paid by itself, by balance.
    Pay {
        amount: i64,
    },
    /// To be closed by itself.
    Close,
    Confirm {
        amount: Option<i64>,
    },
    Refund {
        amount: i64,
    },
}

/// Whose balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of the glossary, by number")]
pub enum Party {
    User(u8),
    Merchant(u8),
}

/// What a new trade is beside a sale to its buyer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing: a sale.
    #[default]
    Goods,
    /// A top-up of this balance.
    TopUp(Party),
    /// A repayment of what this user owes on credit.
    Repay(u8),
    /// A transfer from one balance to another.
    Transfer(Party, Party),
    /// A payout of this balance; the word says what becomes of it.
    PayOut(Party, PayoutWord),
}

/// A new gift: a gift card or a red packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words of the glossary; amounts are minor units")]
pub struct Gift {
    pub merchant: Option<u8>,
    pub card: bool,
    pub amount: i64,
    pub shares: u16,
    pub lucky: bool,
    pub code: bool,
    pub budget: bool,
    pub life_s: Option<u32>,
}

/// A new trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words of the glossary; amounts are minor units")]
pub struct Sale {
    #[serde(default)]
    pub kind: Kind,
    pub merchant: u8,
    pub buyer: u8,
    pub escrow: bool,
    pub amount: i64,
    /// Receivers and their parts: 0 is the merchant, 1 and 2 its sellers, 3 the platform. Empty: all to the merchant.
    pub splits: Vec<(u8, i64)>,
    pub pay: Option<Vec<Slice>>,
    pub life_s: u32,
    pub confirm_s: Option<u32>,
    pub reopen: bool,
    /// Its dues; none where the whole is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dues: Vec<Portion>,
    /// Whether what dues brought is forfeited where another is not paid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forfeit: bool,
}

/// A due of a new trade: when it opens, counted from the opening of the trade, and how long it can be paid then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words of the glossary; amounts are minor units")]
pub struct Portion {
    pub amount: i64,
    pub opens_s: u32,
    pub life_s: u32,
}

/// A tool with its part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Which.
    pub tool: Means,
    /// Its part, minor units.
    pub amount: i64,
}

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// The buyer's balance.
    Balance,
    /// The coupon that this act issued.
    Coupon(u32),
    /// What the buyer has of gift cards, or of red packets.
    Stored {
        /// Gift cards.
        card: bool,
    },
    /// The buyer's points.
    Points,
    /// The buyer's credit line.
    Credit,
    /// The institution, by card or by code; the word says what becomes of it.
    Channel {
        /// By code, so that the buyer must act.
        code: bool,
        /// What the institution does.
        word: PayWord,
    },
}

/// What the store can do instead of what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreFault {
    /// A line's read: the store is away.
    LoadAway,
    /// A line's write: the store is away, nothing was written.
    WriteAway,
    /// A line's write: the disk is full, nothing was written.
    WriteFull,
    /// A line's write: somebody holds the files; the node gives up and is started again.
    WriteBusy,
    /// A line's write: a serialization failure, nothing was written.
    WriteConflict,
    /// A line's write: the answer of the commit is lost, and it did not take place.
    CommitLostBefore,
    /// A line's write: the answer of the commit is lost, and it took place.
    CommitLostAfter,
    /// A line's write: it takes this many milliseconds.
    WriteSlow(u32),
    /// A line's write: it took place, and the node dies before it hears so.
    DiesAfterCommit,
    /// A line's write: the node dies while it is on its way, and the store goes on with it this many milliseconds later,
    /// beside the node that has started again.
    DiesInWrite(u32),
    /// A line asks what became of a commit: the store is away.
    ResolveAway,
    /// A worker's read: the store is away.
    ReadAway,
    /// A worker's small transaction: the store is away.
    SideAway,
    /// A worker's small transaction: done, and its answer is lost.
    SideLost,
}

/// What the way to the institution can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireFault {
    /// The request never arrives.
    CallLost,
    /// The request arrives this many milliseconds later, when nobody waits any more.
    CallLate(u32),
    /// The request arrives twice.
    CallTwice,
    /// The answer never arrives.
    AnswerLost,
    /// The answer takes this many milliseconds.
    AnswerSlow(u32),
    /// The answer arrives with a changed byte.
    AnswerGarbled,
    /// Nobody is there.
    Unreachable,
}

/// What the post can do to a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostFault {
    /// It never arrives.
    Lost,
    /// It arrives, and that it was taken is never heard.
    Unheard,
    /// It arrives this often more, side by side.
    Copies(u8),
    /// It arrives this many seconds later, perhaps behind a later one.
    Late(u32),
    /// Somebody else sends one like it that says the order is paid, signed with another key.
    Forged,
}
