//! What comes to a shard's line: a request with its caller, its idempotency key and one command.

use std::sync::Arc;

use channel::order::Told;
use kernel::message::payment::CaseAct;
use kernel::message::risk::{Assessment, BlockKind, CounterId, Signals, Switch};
use kernel::message::trade::{Command as TradeCommand, Create};
use kernel::{
    Amount, BillId, BlockId, CaseId, CouponId, CreditLineId, EndpointId, GiftId, KeyId, MerchantId, Money, Owner,
    PaymentId, PointsGrantId, StoredKind, Time, TradeId, UserId,
};
use payment::gift::Split;
use payment::{BillTerms, CouponTerms};
use rules::RuleBook;
use trade::TimerKind;

/// Who asks, as the door has proven it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A merchant's key.
    Merchant(MerchantId),
    /// A platform key.
    Platform,
    /// The platform itself: timers, institutions' answers.
    System,
}

impl Caller {
    /// The scope within which an idempotency key is unique: the credential's owner.
    pub fn scope(&self) -> String {
        match self {
            Self::Merchant(merchant) => merchant.to_string(),
            Self::Platform => "platform".to_owned(),
            Self::System => "system".to_owned(),
        }
    }

    /// Whether this caller may see what belongs to `merchant`.
    pub fn may_see(&self, merchant: Option<MerchantId>) -> bool {
        match self {
            Self::Merchant(own) => merchant == Some(*own),
            Self::Platform | Self::System => true,
        }
    }
}

/// A caller's idempotency key with what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// As sent.
    pub key: String,
    /// BLAKE3 over route and canonical body, 16 bytes of it.
    pub body_hash: [u8; 16],
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// Its idempotency key; `None` for the system's own requests, which are idempotent by state.
    pub idempotency: Option<Idempotency>,
    /// Shown in a problem's body.
    pub request_id: String,
    /// What it says of who pays.
    pub signals: Signals,
    /// What was heard of the outside risk service about it, once its line has wanted that.
    pub assessment: Option<Assessment>,
    /// What is asked.
    pub command: Command,
}

impl Request {
    /// One of the system itself, which is idempotent by state.
    pub fn of_system(request_id: impl Into<String>, command: Command) -> Self {
        let (caller, request_id) = (Caller::System, request_id.into());
        Self { caller, idempotency: None, request_id, signals: Signals::default(), assessment: None, command }
    }
}

/// What can be asked of a line.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open a trade, perhaps with its first payment.
    CreateTrade(Box<Create>),
    /// Anything said to one trade.
    Trade(TradeId, TradeCommand),
    /// End an open payment.
    CancelPayment(PaymentId),
    /// Do something about a case.
    Case {
        /// Which.
        case: CaseId,
        /// The key of whoever does it.
        by: KeyId,
        /// What.
        act: CaseAct,
    },
    /// Issue a coupon.
    IssueCoupon(Box<IssueCoupon>),
    /// A coupon's time is over.
    ExpireCoupon(CouponId),
    /// Issue a gift.
    IssueGift(Box<IssueGift>),
    /// Take a share of a gift.
    ClaimGift {
        /// Which.
        gift: GiftId,
        /// Who.
        user: UserId,
        /// BLAKE3 of the code that was shown, where one was.
        code_hash: Option<[u8; 32]>,
        /// A number drawn for it, evenly among all.
        luck: u64,
    },
    /// A gift's time is over.
    ExpireGift(GiftId),
    /// Give a user points.
    GrantPoints(Box<GrantPoints>),
    /// Take points back that a user was given.
    ReversePoints {
        /// Of which grant.
        grant: PointsGrantId,
        /// How many; all that are left of it where `None`.
        points: Option<Amount>,
    },
    /// Let a user pay on credit.
    OpenCredit {
        /// Who.
        user: UserId,
        /// Up to how much, and in what.
        limit: Money,
        /// When it is billed; never where `None`.
        terms: Option<BillTerms>,
    },
    /// Change a credit line.
    ChangeCredit {
        /// Which.
        line: CreditLineId,
        /// How.
        change: CreditChange,
    },
    /// A period of a credit line is over.
    BillCredit(CreditLineId),
    /// A bill is due.
    ExpireBill(BillId),
    /// Put money on an owner's balance (test environment).
    Fund {
        /// A user or a merchant.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// Fill a marketing budget.
    FundBudget {
        /// The platform or a merchant.
        owner: Owner,
        /// How much.
        money: Money,
    },
    /// Take in what another shard has sent.
    Arrive(Arrival),
    /// Add or change control data.
    Control(ControlCommand),
    /// A verified word of an institution about an order, or that a call brought none.
    Word(Told),
    /// A time has come.
    Timer(TradeId, TimerKind),
    /// A counter's time is over.
    CleanCounter {
        /// The shard where it stands.
        shard: i64,
        /// Which.
        counter: CounterId,
    },
    /// Answer a request whose shape is wrong from its key, if the key is known.
    Recall(kernel::Problem),
}

/// A message of another shard, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The shard that takes it in.
    pub to: i64,
    /// The shard that sent it.
    pub from: i64,
    /// Batch and number of the one before it.
    pub after: (i64, i64),
    /// Its own.
    pub place: (i64, i64),
}

/// A new coupon.
#[derive(Clone, Debug)]
pub struct IssueCoupon {
    /// Its id, drawn by the door.
    pub id: CouponId,
    /// The merchant where it may be used; the platform's where `None`.
    pub merchant: Option<MerchantId>,
    /// Its face.
    pub money: Money,
    /// Whose it is.
    pub user: UserId,
    /// Whether the issuer's marketing budget pays for it; else marketing expense does.
    pub budget: bool,
    /// On which terms.
    pub terms: CouponTerms,
    /// Until when it can be used.
    pub expires_at: Option<Time>,
}

/// A new gift.
#[derive(Clone, Debug)]
pub struct IssueGift {
    /// Its id, drawn by the door.
    pub id: GiftId,
    /// Who issues it; the platform where `None`.
    pub merchant: Option<MerchantId>,
    /// What its shares become.
    pub kind: StoredKind,
    /// All of it.
    pub money: Money,
    /// How many share it, from 1.
    pub shares: u16,
    /// How large each share is.
    pub split: Split,
    /// BLAKE3 of the code that a claim must show.
    pub code_hash: Option<[u8; 32]>,
    /// Whether the issuer's marketing budget pays for it; else marketing expense does.
    pub budget: bool,
    /// Until when it can be claimed.
    pub expires_at: Option<Time>,
}

/// What becomes of a credit line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditChange {
    /// Another limit; what is owed stays.
    Limit(Amount),
    /// It is billed by these terms from now on.
    Terms(BillTerms),
    /// Nothing can be paid with it.
    Freeze,
    /// It is as it was before.
    Unfreeze,
}

/// A new grant of points.
#[derive(Clone, Debug)]
pub struct GrantPoints {
    /// Its id, drawn by the door.
    pub id: PointsGrantId,
    /// Who is given them.
    pub user: UserId,
    /// How many.
    pub points: Amount,
    /// The platform's own number of what they are given for.
    pub reference: Option<String>,
}

/// Changes of control data.
#[derive(Clone, Debug)]
pub enum ControlCommand {
    /// What an empty store is born with: its salt and its first platform key. Done once, whoever asks.
    Bootstrap {
        /// Mixed into whatever is derived and must not be guessed.
        salt: [u8; 32],
        /// The platform key's id.
        key: KeyId,
        /// BLAKE3 of its secret.
        hash: [u8; 32],
    },
    /// A new merchant.
    CreateMerchant {
        /// Its id, drawn by the door.
        id: MerchantId,
        /// Its name.
        name: String,
    },
    /// A new API key. Only the secret's hash gets here, and the secret itself for the one answer that shows it.
    CreateKey {
        /// Its id, drawn by the door.
        id: KeyId,
        /// Whose; the platform's where `None`.
        merchant: Option<MerchantId>,
        /// What it may do.
        scopes: Vec<String>,
        /// BLAKE3 of the secret.
        hash: [u8; 32],
    },
    /// An API key is worth nothing any more.
    RevokeKey(KeyId),
    /// A new webhook endpoint.
    CreateEndpoint {
        /// Its id, drawn by the door.
        id: EndpointId,
        /// Whose events; all merchants' where `None` (platform).
        merchant: Option<MerchantId>,
        /// Where to.
        url: String,
        /// Which types; all where empty.
        types: Vec<String>,
        /// Its signing secret, `whsec_…`.
        secret: String,
    },
    /// A webhook endpoint gets nothing any more.
    DisableEndpoint(EndpointId),
    /// Risk control lets somebody or something pay nothing.
    CreateBlock {
        /// Its id, drawn by the door.
        id: BlockId,
        /// What it names.
        kind: BlockKind,
        /// Which one.
        value: String,
        /// Why, in words.
        reason: String,
        /// Until when; until it is lifted where `None`.
        until: Option<Time>,
        /// The key of the one who says so.
        by: KeyId,
    },
    /// A block holds no more.
    LiftBlock {
        /// Which.
        id: BlockId,
        /// The key of the one who says so.
        by: KeyId,
    },
    /// Something is switched off for a while, or on again.
    Throw {
        /// Which switch.
        switch: Switch,
        /// Whether what it is for is off now.
        on: bool,
        /// Why, in words.
        reason: String,
        /// The key of the one who says so.
        by: KeyId,
    },
    /// A new version of a rule book; it holds for nothing until it is released.
    UploadRules {
        /// Its text.
        source: String,
        /// The same, checked by the door.
        book: Arc<RuleBook>,
        /// The key of the one who uploads it.
        by: KeyId,
    },
    /// A version of a rule book comes into use.
    ReleaseRules {
        /// The book.
        book: String,
        /// Its version; 1 takes the book out of use.
        version: i64,
        /// From when on; at once where `None`.
        from: Option<Time>,
        /// Whether the version was in use before: then nobody has to approve it again.
        again: bool,
        /// The key of the one who says so.
        by: KeyId,
    },
}
