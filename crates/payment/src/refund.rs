//! A refund (退款): money on its way back, its parts by tool, and the machine of a part's states.
//!
//! What a merchant asks for takes from receivers; surplus and compensation take from money that never took effect. A refund
//! is never dropped: where the institution fails, it goes another way, or people decide.

use kernel::message::payment::RefundShare;
use kernel::{Amount, Money, Owner, Time};

/// Money given back for one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its number in the trade's tree.
    pub no: u16,
    /// The payment whose money it is; the first of them where several dues brought it. The parts name the instructions.
    pub payment: u16,
    /// The merchant's own number; none where the platform gives back by itself.
    pub merchant_refund_id: Option<String>,
    /// Free text of the merchant.
    pub reason: Option<String>,
    /// Why it exists.
    pub reason_code: ReasonCode,
    /// How much; money in suspense goes back in the currency it came in.
    pub money: Money,
    /// What it takes from whom; empty where no receiver ever had it.
    pub shares: Vec<RefundShare>,
    /// Where it stands.
    pub status: RefundStatus,
    /// Its parts, one per instruction.
    pub parts: Vec<Part>,
    /// In the test environment: what the simulated institution does.
    pub sandbox: Option<String>,
    /// How many public events it has had.
    pub sequence: i64,
    /// When it was opened.
    pub created_at: Time,
}

impl Refund {
    /// Whether a repeated request asks for the same: amount, text, and receivers where it names them.
    pub fn same_content(&self, request: &kernel::message::trade::Refund) -> bool {
        let taken = |receiver: &Owner| -> i64 {
            let of = self.shares.iter().filter(|share| share.receiver == *receiver);
            of.map(|share| share.before.saturating_add(share.after)).sum()
        };
        let named: i64 = request.splits.iter().map(|share| share.amount.minor()).sum();
        let same_splits = request.splits.is_empty()
            || named == self.money.amount.minor()
                && request.splits.iter().all(|share| taken(&share.receiver) == share.amount.minor());
        self.money.amount == request.amount
            && self.reason == request.reason
            && self.sandbox == request.sandbox
            && same_splits
    }

    /// The status that follows from the parts. Once everything was taken from the receivers it is `pending` no more; after
    /// that it says whether all of it has arrived.
    pub(crate) fn settled_status(&self) -> RefundStatus {
        let arrived = self.parts.iter().all(|part| part.status == PartStatus::Succeeded);
        let taken = self.parts.iter().all(|part| matches!(part.status, PartStatus::Succeeded | PartStatus::Returned));
        match self.status {
            RefundStatus::Pending if !taken => RefundStatus::Pending,
            RefundStatus::Pending | RefundStatus::Succeeded | RefundStatus::Returned => {
                if arrived {
                    RefundStatus::Succeeded
                } else {
                    RefundStatus::Returned
                }
            }
        }
    }
}

/// Why a refund exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    /// The merchant asked.
    Merchant,
    /// The due was paid already.
    Duplicate,
    /// The money came after the end.
    Late,
    /// Its payment came to nothing, or it was more than was asked.
    Compensation,
    /// It had been paid out, and came back.
    Returned,
    /// Another due of the trade was not paid.
    DueUnpaid,
}

impl ReasonCode {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Merchant, Self::Duplicate, Self::Late, Self::Compensation, Self::Returned, Self::DueUnpaid];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Compensation => "compensation",
            Self::Returned => "returned",
            Self::DueUnpaid => "due_unpaid",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether it takes what dues had brought, of which the trade keeps count; else no receiver ever had it.
    pub const fn is_of_dues(self) -> bool {
        match self {
            Self::Merchant | Self::DueUnpaid => true,
            Self::Duplicate | Self::Late | Self::Compensation | Self::Returned => false,
        }
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefundStatus {
    /// Reserved; not all of it is through.
    Pending,
    /// All of it arrived.
    Succeeded,
    /// It was through, but a part of it came back and has not arrived yet.
    Returned,
}

impl RefundStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Returned];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Returned => "returned",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What a refund gives back of one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number through all refunds of the trade.
    pub no: u16,
    /// The instruction that brought the money.
    pub instruction: u16,
    /// How much, in the refund's currency.
    pub amount: Amount,
    /// How many points go with it; 0 where it is of another tool, or too small for one.
    pub points: i64,
    /// Where it stands.
    pub status: PartStatus,
    /// The channel order that serves it; the latest where it was tried again.
    pub order: Option<u16>,
    /// Where the money is now.
    pub source: PartSource,
    /// Where it goes.
    pub way: Way,
    /// What it takes from whom; empty where no receiver ever had it.
    pub lines: Vec<Line>,
}

/// What a part takes from one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number through all refunds of the trade.
    pub no: u16,
    /// Whose money it is.
    pub receiver: Owner,
    /// Whether the receiver already had it; else it is taken from escrow.
    pub released: bool,
    /// How much.
    pub amount: Amount,
}

/// Where the money of a part is until it goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartSource {
    /// With the receivers or in escrow, as the part's lines say.
    Receivers,
    /// Received, not effective (2022).
    Received,
    /// In suspense (2021).
    Suspense,
    /// Paid out, and back (1011.out).
    PaidOut,
}

impl PartSource {
    /// Every place.
    pub const ALL: [Self; 4] = [Self::Receivers, Self::Received, Self::Suspense, Self::PaidOut];

    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receivers => "receivers",
            Self::Received => "received",
            Self::Suspense => "suspense",
            Self::PaidOut => "paid_out",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Where a part goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// To the payer's balance.
    Balance,
    /// To where the coupon came from; the coupon stays spent.
    CouponSource,
    /// Back into the coupon, which becomes usable again.
    CouponAgain,
    /// Back to the user's stored value of the same kind.
    Stored,
    /// The points to the user, and their money to what had paid it.
    Points,
    /// To what the user owes us, and beyond that to the user's balance.
    Credit,
    /// Through the institution.
    Channel,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 7] =
        [Self::Balance, Self::CouponSource, Self::CouponAgain, Self::Stored, Self::Points, Self::Credit, Self::Channel];

    /// The word in rows and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::CouponSource => "coupon_source",
            Self::CouponAgain => "coupon_again",
            Self::Stored => "stored",
            Self::Points => "points",
            Self::Credit => "credit",
            Self::Channel => "channel",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Where a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartStatus {
    /// On its way.
    Pending,
    /// Sent, and the institution never said what became of it.
    Unknown,
    /// Arrived.
    Succeeded,
    /// The institution refused for good; people decide.
    Failed,
    /// Had arrived, but came back; people decide.
    Returned,
}

impl PartStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Unknown, Self::Succeeded, Self::Failed, Self::Returned];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The machine. `None` where a step does not apply: nothing changes then.
    pub const fn after(self, step: PartStep) -> Option<Self> {
        match (self, step) {
            // Whatever has not arrived may arrive: by the institution's word, or another way by people's.
            (Self::Pending | Self::Unknown | Self::Failed | Self::Returned, PartStep::Succeed) => Some(Self::Succeeded),
            (Self::Succeeded, PartStep::Succeed) => None,
            // A sure no, only about what is on its way.
            (Self::Pending | Self::Unknown, PartStep::Fail) => Some(Self::Failed),
            (Self::Succeeded | Self::Failed | Self::Returned, PartStep::Fail) => None,
            (Self::Pending, PartStep::Lose) => Some(Self::Unknown),
            (Self::Unknown | Self::Succeeded | Self::Failed | Self::Returned, PartStep::Lose) => None,
            // Tried again only after a sure no.
            (Self::Failed | Self::Returned, PartStep::Retry) => Some(Self::Pending),
            (Self::Pending | Self::Unknown | Self::Succeeded, PartStep::Retry) => None,
            // Only what had arrived can come back.
            (Self::Succeeded, PartStep::Return) => Some(Self::Returned),
            (Self::Pending | Self::Unknown | Self::Failed | Self::Returned, PartStep::Return) => None,
        }
    }
}

/// What can happen to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartStep {
    /// It arrived.
    Succeed,
    /// Refused for good.
    Fail,
    /// Nobody knows.
    Lose,
    /// Another order tries it again.
    Retry,
    /// It came back.
    Return,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [PartStep; 5] = [PartStep::Succeed, PartStep::Fail, PartStep::Lose, PartStep::Retry, PartStep::Return];

    #[test]
    fn the_whole_machine_of_a_part() {
        insta::assert_snapshot!(crate::case::grid::of(
            PartStatus::ALL.map(|status| (status.as_str(), status)),
            STEPS.map(|step| (format!("{step:?}"), step)),
            |status, step| status.after(step).map(PartStatus::as_str),
        ));
    }

    #[test]
    fn words_come_back() {
        assert!(PartStatus::ALL.iter().all(|s| PartStatus::parse(s.as_str()) == Some(*s)));
        assert!(RefundStatus::ALL.iter().all(|s| RefundStatus::parse(s.as_str()) == Some(*s)));
        assert!(PartSource::ALL.iter().all(|s| PartSource::parse(s.as_str()) == Some(*s)));
        assert!(ReasonCode::ALL.iter().all(|s| ReasonCode::parse(s.as_str()) == Some(*s)));
        assert!(Way::ALL.iter().all(|s| Way::parse(s.as_str()) == Some(*s)));
    }
}
