//! Why the trade core says no, and what a client is told about it.

use kernel::{Code, Problem, Time, TradeId};

use crate::Status;

/// A reason to refuse a command. A refused command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The merchant order number belongs to this trade, which has other content.
    #[error("the merchant order number belongs to {0}, which has other content")]
    OrderExists(TradeId),
    /// The state does not allow the action.
    #[error("a trade that is {status} cannot be {action}")]
    InvalidState {
        /// Where it stands.
        status: Status,
        /// What should have been done to it: `confirmed`, `closed`, `refunded`.
        action: &'static str,
    },
    /// Not open for payment.
    #[error("a trade that is {0} cannot be paid")]
    NotPayable(Status),
    /// Open, but the time of its due has not begun or is over.
    #[error("no due of the trade can be paid at this time")]
    NoDueOpen,
    /// There is no due of this number; so many there are.
    #[error("the trade has dues 1 to {0}")]
    DueUnknown(usize),
    /// This due is paid already.
    #[error("due {0} of the trade is paid")]
    DueIsPaid(u16),
    /// This due's time has not begun.
    #[error("due {no} of the trade can be paid from {opens_at} on")]
    DueNotOpen {
        /// Its number.
        no: u16,
        /// When its time begins.
        opens_at: Time,
    },
    /// More dues than a trade may have.
    #[error("a trade has at most {} dues", kernel::limits::MAX_DUES)]
    TooManyDues,
    /// The amount does not cover the platform's fee, which is so many minor units.
    #[error("the amount does not cover the fee of {0} minor units")]
    BelowFee(i64),
    /// The due at this place of `dues` opens before the one before it.
    #[error("a due does not open before the one before it")]
    OpensAtInvalid(usize),
    /// The due at this place of `dues` expires too soon after its opening, or too far from now.
    #[error("a due can be paid for 2 minutes at least, and ends within 90 days")]
    DueExpiryInvalid(usize),
    /// Dues where no sale is paid, or this field where dues say it better.
    #[error("a trade with these dues, or without any, does not take the field")]
    NotWithDues(&'static str),
    /// The expiry is too near or too far.
    #[error("a trade must expire 2 minutes to 90 days after it is opened")]
    ExpiresAtInvalid,
    /// Automatic confirmation where nothing waits in escrow, in the past, or too far.
    #[error("automatic confirmation needs an escrow trade and a time within the next 365 days")]
    ConfirmByInvalid,
    /// More receivers than a trade may have.
    #[error("a trade has at most {} receivers", kernel::limits::MAX_SPLITS)]
    TooManySplits,
    /// The receiver at this place of `splits` stands there twice.
    #[error("the receiver stands in the list twice")]
    DuplicateReceiver(usize),
    /// The owner at this place of `splits` cannot receive this trade's money.
    #[error("only the trade's merchant, its sellers and the platform can receive its money")]
    ReceiverNotApplicable(usize),
    /// This field names an owner who cannot pay such a trade.
    #[error("a user pays a sale; what leaves a merchant's balance is the trade's own merchant's")]
    PayerNotApplicable(&'static str),
    /// The payee has no balance, is another merchant whose balance a top-up cannot fill, or the payer of a transfer.
    #[error("this owner's balance cannot be filled by this trade")]
    PayeeNotApplicable,
    /// A payout without a destination, or another trade with one.
    #[error("a payout has a destination, and nothing else has")]
    DestinationNotApplicable,
    /// Giving it back takes a user's own money, which who asks may not.
    #[error("what a user's balance was filled with is the user's own money: this needs the scope users:debit")]
    ConsentRequired,
    /// What a trade of this type moved is not given back by a refund.
    #[error("what left a balance by a transfer or a payout is not given back by a refund")]
    NotRefundable,
    /// A child of a combined checkout is paid and closed with its parent.
    #[error("the trade is part of a combined checkout: it is paid and closed with its parent")]
    OfParent,
    /// What a combined trade brought is confirmed and refunded child by child.
    #[error("a combined trade pays others: each of its children is confirmed and refunded by itself")]
    OfChildren,
    /// A combined trade without children, or another trade with such.
    #[error("a combined trade has children, and nothing else has")]
    ChildrenNotApplicable,
    /// More children than a combined trade may have.
    #[error("a combined trade has at most {} children", kernel::limits::MAX_CHILDREN)]
    TooManyChildren,
    /// The child at this place of `children` is no sale to the parent's buyer in its currency.
    #[error("a child is a sale to its parent's buyer, in its parent's currency, that is paid whole")]
    ChildNotApplicable(usize),
    /// The tool at this place of this list cannot pay a trade of this type.
    #[error("a trade of this type is not paid with this tool")]
    ToolNotApplicable {
        /// The list of tools.
        field: &'static str,
        /// The place in it, from 0.
        place: usize,
    },
    /// The owner at this place of `splits` receives nothing of this trade.
    #[error("the receiver has no part in this trade")]
    ReceiverUnknown(usize),
    /// The parts are not the whole.
    #[error("the parts sum to {sum}, not to {whole}")]
    SumMismatch {
        /// The list of parts.
        field: &'static str,
        /// Their sum, minor units.
        sum: i64,
        /// What it should be, minor units.
        whole: i64,
    },
    /// The sum of this list is no amount any more.
    #[error("the sum of the parts is out of range")]
    SumOutOfRange(&'static str),
    /// More should be released than waits in escrow unreserved; with nothing left, any amount is.
    #[error("{} minor units can be released", .0.left)]
    NothingToConfirm(Excess),
    /// More should be refunded than is left, refunds under way counted.
    #[error("{} minor units can be refunded", .0.left)]
    RefundExceedsPaid(Excess),
}

/// Something asked for more than is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The place in `splits` of the receiver who has too little left; `None` where the whole is too much.
    pub place: Option<usize>,
    /// What is left there, in minor units.
    pub left: i64,
}

impl Excess {
    pub(crate) const fn whole(left: i64) -> Self {
        Self { place: None, left }
    }

    pub(crate) const fn of(place: usize, left: i64) -> Self {
        Self { place: Some(place), left }
    }

    fn param(&self) -> String {
        self.place.map_or_else(|| "amount".to_owned(), |place| format!("splits[{place}].amount"))
    }
}

impl Refusal {
    fn code(&self) -> Code {
        match self {
            Self::OrderExists(_) => Code::order_exists,
            Self::InvalidState { .. } => Code::invalid_state,
            Self::NotPayable(_) | Self::NoDueOpen | Self::DueIsPaid(_) => Code::trade_not_payable,
            Self::DueUnknown(_) => Code::due_unknown,
            Self::DueNotOpen { .. } => Code::due_not_open,
            Self::OpensAtInvalid(_) => Code::opens_at_invalid,
            Self::NotWithDues(_) => Code::field_not_applicable,
            Self::ExpiresAtInvalid | Self::DueExpiryInvalid(_) => Code::expires_at_invalid,
            Self::ConfirmByInvalid => Code::confirm_by_invalid,
            Self::TooManySplits | Self::TooManyDues | Self::TooManyChildren => Code::too_many_objects,
            Self::BelowFee(_) => Code::amount_out_of_range,
            Self::DuplicateReceiver(_) => Code::duplicate_receiver,
            Self::ReceiverNotApplicable(_) | Self::PayeeNotApplicable => Code::receiver_not_applicable,
            Self::PayerNotApplicable(_) => Code::payer_not_applicable,
            Self::ConsentRequired => Code::payer_consent_required,
            Self::NotRefundable => Code::not_refundable,
            Self::OfParent | Self::OfChildren => Code::combined_trade,
            Self::ChildrenNotApplicable | Self::ChildNotApplicable(_) => Code::field_not_applicable,
            Self::DestinationNotApplicable => Code::field_not_applicable,
            Self::ToolNotApplicable { .. } => Code::tool_not_applicable,
            Self::ReceiverUnknown(_) => Code::receiver_unknown,
            Self::SumMismatch { .. } => Code::amount_sum_mismatch,
            Self::SumOutOfRange(_) => Code::amount_out_of_range,
            Self::NothingToConfirm(_) => Code::nothing_to_confirm,
            Self::RefundExceedsPaid(_) => Code::refund_exceeds_paid,
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::OrderExists(_) => Some("merchant_order_id".to_owned()),
            Self::InvalidState { .. }
            | Self::NotPayable(_)
            | Self::NoDueOpen
            | Self::ConsentRequired
            | Self::NotRefundable
            | Self::OfParent
            | Self::OfChildren => None,
            Self::ChildrenNotApplicable | Self::TooManyChildren => Some("children".to_owned()),
            Self::ChildNotApplicable(place) => Some(format!("children[{place}]")),
            Self::DueUnknown(_) | Self::DueIsPaid(_) | Self::DueNotOpen { .. } => Some("due".to_owned()),
            Self::TooManyDues => Some("dues".to_owned()),
            Self::BelowFee(_) => Some("amount".to_owned()),
            Self::OpensAtInvalid(place) => Some(format!("dues[{place}].opens_at")),
            Self::DueExpiryInvalid(place) => Some(format!("dues[{place}].expires_at")),
            Self::ExpiresAtInvalid => Some("expires_at".to_owned()),
            Self::ConfirmByInvalid => Some("confirm_by".to_owned()),
            Self::TooManySplits => Some("splits".to_owned()),
            Self::DuplicateReceiver(place) | Self::ReceiverNotApplicable(place) | Self::ReceiverUnknown(place) => {
                Some(format!("splits[{place}].receiver"))
            }
            Self::ToolNotApplicable { field, place } => Some(format!("{field}[{place}].tool")),
            Self::PayeeNotApplicable => Some("payee".to_owned()),
            Self::DestinationNotApplicable => Some("destination".to_owned()),
            Self::SumMismatch { field, .. }
            | Self::SumOutOfRange(field)
            | Self::PayerNotApplicable(field)
            | Self::NotWithDues(field) => Some((*field).to_owned()),
            Self::NothingToConfirm(excess) | Self::RefundExceedsPaid(excess) => Some(excess.param()),
        }
    }

    fn object(&self) -> Option<String> {
        match self {
            Self::OrderExists(trade) => Some(trade.to_string()),
            _ => None,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (param, object) = (refusal.param(), refusal.object());
        Self { param, object, ..Self::new(refusal.code(), refusal.to_string()) }
    }
}
