//! What the trade core (交易核心) can be told.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::destination::Destination;
use crate::id::TradeId;
use crate::message::payment::{ParentPaid, ToolRequest};
use crate::money::{Amount, Money};
use crate::owner::Owner;
use crate::time::Time;

/// What happens to money that arrives after the trade was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LateSuccess {
    /// It goes back to where it came from.
    #[default]
    Refund,
    /// The trade is opened again and paid, where that is still possible.
    Reopen,
}

/// What becomes of the money that a trade's dues brought where another of them is not paid in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum UnpaidDue {
    /// It goes back to where it came from.
    #[default]
    Return,
    /// It is the receivers' (定金不退).
    Forfeit,
}

impl UnpaidDue {
    /// Every way there is.
    pub const ALL: [Self; 2] = [Self::Return, Self::Forfeit];

    /// The word in rows, in rule books and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Forfeit => "forfeit",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// A part of a new trade's amount that is paid by a payment of its own (应付款项).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRequest {
    /// How much.
    pub amount: Amount,
    /// From when on it can be paid; with the one before it where `None`, the first at once.
    pub opens_at: Option<Time>,
    /// Until when it can be paid; the default life from its opening where `None`.
    pub expires_at: Option<Time>,
}

/// One receiver's part of a trade or of a partial operation (分账).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who receives.
    pub receiver: Owner,
    /// How much.
    pub amount: Amount,
}

/// A new trade, its shape already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Its id, drawn by the door.
    pub id: TradeId,
    /// Merchant, type, scene.
    pub context: Context,
    /// The merchant's own number, unique for ever within the merchant.
    pub merchant_order_id: String,
    /// The whole amount.
    pub money: Money,
    /// Whose money it is, and to whose balance it may go back: the buyer, or whose balance is transferred or paid out;
    /// of a top-up, whose balance it fills.
    pub payer: Owner,
    /// What it is for, shown to people.
    pub subject: Option<String>,
    /// Until when it can be paid; the default where `None`.
    pub expires_at: Option<Time>,
    /// When escrow is released without a word from the merchant; the default where `None`.
    pub confirm_by: Option<Time>,
    /// Where the cashier sends the buyer back to.
    pub return_url: Option<String>,
    /// The merchant's own notes, given back as they are.
    pub metadata: BTreeMap<String, String>,
    /// Receivers; where empty, all to the merchant, or to the payer of a top-up or a payout. A transfer has
    /// one, its payee.
    pub splits: Vec<Share>,
    /// What happens to late money; the default where `None`.
    pub late_success: Option<LateSuccess>,
    /// The parts that are paid one by one; where empty, the whole is paid at once.
    pub dues: Vec<DueRequest>,
    /// What becomes of earlier dues' money where a later one is not paid; the default where `None`.
    pub unpaid_due: Option<UnpaidDue>,
    /// Where a payout goes.
    pub destination: Option<Destination>,
    /// The trades that are paid by this one, in the client's order; only a combined one has such. Each names this one.
    pub children: Vec<Create>,
    /// The trade that pays this one.
    pub parent: Option<TradeId>,
    /// A first payment in the same call.
    pub pay: Option<Vec<ToolRequest>>,
}

/// What a child hears of its parent in a combined checkout (合并支付). Never refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfParent {
    /// The parent is paid, and the child with it.
    Paid(Box<ParentPaid>),
    /// The parent closed unpaid, and the child with it.
    Closed {
        /// Whether time ended it (else somebody did).
        expired: bool,
    },
}

/// A merchant's refund request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The merchant's own number, unique within the trade.
    pub merchant_refund_id: String,
    /// How much of what was paid.
    pub amount: Amount,
    /// Free text.
    pub reason: Option<String>,
    /// From which receivers; over what is left of each where empty.
    pub splits: Vec<Share>,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
    /// Whether who asks may spend users' own money; what goes back of a user's top-up is.
    pub users_debit: bool,
}

/// A command to one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open it.
    Create(Box<Create>),
    /// Pay a due.
    Pay {
        /// Its number; the first that is open and unpaid where `None`.
        due: Option<u16>,
        /// With what.
        tools: Vec<ToolRequest>,
    },
    /// Release escrow: all that is left, a part by amount, or a part by receivers (确认收货).
    Confirm {
        /// A part; the rest where `None`.
        amount: Option<Amount>,
        /// Which receivers get how much; spread where empty.
        splits: Vec<Share>,
    },
    /// Close it unpaid.
    Close,
    /// Its time to be paid is over (a timer says so).
    Expire,
    /// Its time to be confirmed is over (a timer says so).
    ConfirmByTime,
    /// Give money back.
    Refund(Refund),
}
