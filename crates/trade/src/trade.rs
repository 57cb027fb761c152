//! The aggregate: one trade with its dues and its receivers, and the figures that follow from them.

use std::collections::BTreeMap;

use kernel::message::accounting::Way;
use kernel::message::risk::BlockKind;
use kernel::message::trade::{LateSuccess, Share, UnpaidDue};
use kernel::{Amount, Context, Destination, MerchantId, Money, OrderType, Owner, Time, TradeId};

use crate::{ClosedReason, Moved, Status};

/// A trade (交易). Plain data: it changes by [`Trade::apply`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Its id, the root of its tree.
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
    /// When it was opened.
    pub created_at: Time,
    /// From then on it cannot be paid: when the last of its dues expires.
    pub expires_at: Time,
    /// Whether the client named `expires_at`; needed to tell whether a repeated order has the same content.
    pub expiry_given: bool,
    /// When escrow is released without a word from the merchant; never where `None`.
    pub confirm_by: Option<Time>,
    /// Where the cashier sends the buyer back to.
    pub return_url: Option<String>,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// What happens to money that arrives after it was closed.
    pub late_success: LateSuccess,
    /// Where it stands.
    pub status: Status,
    /// How many public events it had; the newest has this number.
    pub sequence: i64,
    /// What was paid, in minor units: the sum of the paid dues.
    pub paid: i64,
    /// Where what was paid has gone; the sum of the receivers' counters.
    pub moved: Moved,
    /// What is to be paid, and when. Never empty.
    pub dues: Vec<Due>,
    /// What becomes of the dues that are paid where another is not; a trade of one due has no such.
    pub unpaid_due: Option<UnpaidDue>,
    /// Who receives how much (分账); sums to the whole. Of a payout it is the payer, to whose account it goes. Empty in a
    /// combined trade only.
    pub splits: Vec<Split>,
    /// Of a transfer whose payee lives in another shard: the way there.
    pub away: Option<Way>,
    /// The trades that it pays, in the client's order; they sum to the whole. Only a combined trade has such.
    pub children: Vec<Child>,
    /// The combined trade that pays this one.
    pub parent: Option<TradeId>,
    /// Where a payout goes; nothing else has one.
    pub destination: Option<Destination>,
}

/// A trade that is paid by a combined one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its id.
    pub trade: TradeId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its whole amount.
    pub amount: Amount,
}

/// A part of the amount that is paid by one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number in the trade, from 1.
    pub no: u16,
    /// How much.
    pub amount: Amount,
    /// From when on it can be paid.
    pub opens_at: Time,
    /// From then on it cannot be paid.
    pub expires_at: Time,
    /// The payment that paid it.
    pub paid: Option<DuePaid>,
}

/// How a due was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuePaid {
    /// The number of the payment.
    pub payment: u16,
    /// When.
    pub at: Time,
}

/// One receiver's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Its number in the trade, from 1, in the client's order; ties of rounding go to the earlier one.
    pub no: u16,
    /// Who receives.
    pub receiver: Owner,
    /// How much of the whole.
    pub amount: Amount,
    /// Where it has gone; meaningful once the trade is paid.
    pub moved: Moved,
}

impl Split {
    /// Minor units that can be released to this receiver once the trade is paid.
    pub const fn free_in_escrow(&self) -> i64 {
        self.moved.free_in_escrow(self.amount.minor())
    }

    /// The same without its counters.
    pub(crate) fn share(&self) -> Share {
        Share { receiver: self.receiver.clone(), amount: self.amount }
    }
}

impl Trade {
    /// Minor units in escrow, those reserved by refunds under way included.
    pub const fn escrow_amount(&self) -> i64 {
        self.moved.in_escrow(self.paid)
    }

    /// Minor units in escrow that nobody asked back: what a confirmation can release.
    pub const fn confirmable_amount(&self) -> i64 {
        self.moved.free_in_escrow(self.paid)
    }

    /// Minor units that can still be refunded; what refunds under way reserved does not count.
    /// What pays itself or pays others is not refunded, nor is anything before every due is paid.
    pub const fn refundable_amount(&self) -> i64 {
        if self.context.order_type.pays_itself()
            || self.is_combined()
            || matches!(self.status, Status::Created | Status::Closing(_))
        {
            return 0;
        }
        self.moved.refundable(self.paid)
    }

    /// Whom and what a payment of it is about, as blocks name them: whoever pays, is paid, or sells, and where a payout
    /// goes to.
    pub fn takes_part(&self) -> Vec<(BlockKind, String)> {
        let seller = Owner::Merchant(self.context.merchant);
        let owners = self.splits.iter().map(|split| &split.receiver).chain([&self.payer, &seller]);
        let sellers = self.children.iter().map(|child| (BlockKind::Merchant, child.merchant.to_string()));
        let named = owners.filter_map(|owner| match owner {
            Owner::User(user) => Some((BlockKind::User, user.to_string())),
            Owner::Merchant(merchant) => Some((BlockKind::Merchant, merchant.to_string())),
            Owner::Seller(..) | Owner::Platform | Owner::Channel(_) => None,
        });
        let destination = self.destination.as_ref().map(|to| (BlockKind::Destination, to.account.clone()));
        named.chain(sellers).chain(destination).collect()
    }

    /// Minor units of its amount that the platform keeps: of a top-up, a transfer or a payout, whose receivers nobody
    /// names.
    pub fn fee(&self) -> i64 {
        let kept = self.splits.iter().find(|split| split.receiver == Owner::Platform);
        match self.context.order_type {
            OrderType::Topup | OrderType::Transfer | OrderType::Payout => kept.map_or(0, |split| split.amount.minor()),
            OrderType::Instant | OrderType::Escrow | OrderType::Repayment | OrderType::Combined => 0,
        }
    }

    /// How many receivers it has, the platform's fee left out; of a combined trade, how many trades it pays.
    pub fn receivers(&self) -> usize {
        (self.splits.len() - usize::from(self.fee() > 0)).max(self.children.len())
    }

    /// Whether it pays other trades.
    pub const fn is_combined(&self) -> bool {
        matches!(self.context.order_type, OrderType::Combined)
    }

    /// Whether it is paid by several payments.
    pub const fn has_dues(&self) -> bool {
        self.dues.len() > 1
    }

    /// From when on some part of it cannot be paid any more that is not paid yet.
    pub fn ends_at(&self) -> Time {
        let unpaid = self.dues.iter().filter(|due| due.paid.is_none());
        unpaid.map(|due| due.expires_at).min().unwrap_or(self.expires_at)
    }

    /// Minor units of what was paid that went back: by merchants' refunds, or because a due was not paid. (Surplus money
    /// never belonged to the trade.)
    pub const fn refunded_amount(&self) -> i64 {
        self.moved.refunded()
    }

    /// Minor units of this receiver's part that were paid. Of forfeited dues only what was released is there.
    pub(crate) const fn paid_to(&self, split: &Split) -> i64 {
        match self.status {
            Status::Closed(ClosedReason::Forfeited) => split.moved.released,
            Status::Created | Status::Closing(_) | Status::Paid | Status::Completed | Status::Closed(_) => {
                split.amount.minor()
            }
        }
    }

    pub(crate) fn split(&self, receiver: &Owner) -> Option<&Split> {
        self.splits.iter().find(|split| split.receiver == *receiver)
    }

    pub(crate) fn split_mut(&mut self, receiver: &Owner) -> Option<&mut Split> {
        self.splits.iter_mut().find(|split| split.receiver == *receiver)
    }
}
