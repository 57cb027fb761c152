//! A payment (支付单): one attempt to pay one due, and the machine of its states.
//!
//! Terminal states stay terminal; the one exception is a late success that the trade's rule wants to keep (*reopen*).

use std::collections::BTreeSet;

use kernel::message::payment::ToolRequest;
use kernel::message::risk::{Assessment, Signals, Switch};
use kernel::message::rules::Paying;
use kernel::message::trade::{LateSuccess, Share};
use kernel::{Context, Money, Owner, PaymentId, Time};

use crate::instruction::Instruction;

/// One attempt to pay a due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its number in the trade's tree.
    pub no: u16,
    /// The due it pays.
    pub due: u16,
    /// The payment of a combined trade whose share it is. It took effect with that one, and its instructions are shares of
    /// that one's, under their numbers; their channel orders are in that one's tree.
    pub parent: Option<PaymentId>,
    /// The trade's context.
    pub context: Context,
    /// How much: the due's amount, and exactly the sum of its instructions.
    pub money: Money,
    /// Whose money it is, and to whose balance it may go back.
    pub payer: Owner,
    /// Who gets the money at once when it takes effect; empty where it waits in escrow. Of a payout, the platform's fee.
    pub receivers: Vec<Share>,
    /// When its time is over: with the trade's, or sooner where a rule bounds the life of its orders.
    pub expires_at: Time,
    /// What becomes of money that comes after the end.
    pub late_success: LateSuccess,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// As what it will end once the institution has let go of its open leg: somebody asked for it.
    pub ending: Option<Ending>,
    /// Whether the trade stopped taking payments; set on every payment of the trade at once.
    pub stopped: bool,
    /// The version of the rule book that planned it; 1 is the built-in book.
    pub rule_version: i64,
    /// What its request said of who pays.
    pub signals: Signals,
    /// What was switched off when it was planned.
    pub switches: BTreeSet<Switch>,
    /// What was heard of the outside risk service; `None` where its rules did not want it asked, or it was not asked because
    /// the payment failed anyway.
    pub assessment: Option<Assessment>,
    /// How many public events it has had.
    pub sequence: i64,
    /// When it was opened.
    pub created_at: Time,
    /// Its legs, in the order in which they are used.
    pub instructions: Vec<Instruction>,
}

impl Payment {
    /// Its tools with their parts, in the order in which they are used.
    pub fn tools(&self) -> Vec<ToolRequest> {
        let request = |leg: &Instruction| ToolRequest { tool: leg.tool.clone(), amount: leg.amount };
        self.instructions.iter().map(request).collect()
    }

    /// Its legs at institutions, in order.
    pub fn external(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions.iter().filter(|leg| leg.is_external())
    }

    /// Its legs on our own books, in order.
    pub fn internal(&self) -> impl Iterator<Item = &Instruction> {
        self.instructions.iter().filter(|leg| !leg.is_external())
    }

    /// The payment as the rules that planned it are asked about it once more; `tools` are its own.
    pub fn paying<'a>(&'a self, tools: &'a [ToolRequest]) -> Paying<'a> {
        Paying {
            context: &self.context,
            money: self.money,
            attempt: self.no,
            due: self.due,
            tools,
            signals: &self.signals,
            switches: &self.switches,
            at: self.created_at,
            rule_version: Some(self.rule_version),
        }
    }

    /// The leg of a payout; there is no other beside it.
    pub fn payout(&self) -> Option<&Instruction> {
        self.instructions.iter().find(|leg| leg.is_payout())
    }

    /// Minor units that the platform keeps of what a payout takes from the balance.
    pub fn payout_fee(&self) -> i64 {
        self.receivers.iter().map(|share| share.amount.minor()).sum()
    }

    /// The leg whose outside action the buyer must take now, where there is one.
    pub fn next_action(&self) -> Option<&Instruction> {
        let waits = |leg: &&Instruction| leg.status.awaits_money() && leg.credential.is_some();
        self.instructions.iter().find(waits).filter(|_| self.status == PaymentStatus::RequiresAction)
    }
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaymentStatus {
    /// Opened; nothing has been asked of anybody outside.
    Created,
    /// The buyer must act at an institution.
    RequiresAction,
    /// Under way outside.
    Processing,
    /// Took effect.
    Succeeded,
    /// A sure no.
    Failed,
    /// Ended by somebody, or by a newer payment.
    Canceled,
    /// Ended by time.
    Expired,
    /// Other money came than was asked; people decide.
    Review,
}

impl PaymentStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::RequiresAction,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
        Self::Review,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Review => "review",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether it still runs by itself; a payment in review is open too, but only people move it.
    pub const fn is_running(self) -> bool {
        match self {
            Self::Created | Self::RequiresAction | Self::Processing => true,
            Self::Succeeded | Self::Failed | Self::Canceled | Self::Expired | Self::Review => false,
        }
    }

    /// Whether it may still take effect without being opened again.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Created | Self::RequiresAction | Self::Processing | Self::Review => true,
            Self::Succeeded | Self::Failed | Self::Canceled | Self::Expired => false,
        }
    }

    /// Whether it counts for limits within a time: it took effect, or still may.
    pub const fn counts(self) -> bool {
        self.is_open() || matches!(self, Self::Succeeded)
    }

    /// The machine. `None` where a step does not apply: nothing changes then.
    pub const fn after(self, step: PaymentStep) -> Option<Self> {
        match (self, step) {
            // The buyer is asked to act only where an order is under way.
            (Self::Processing, PaymentStep::Act) => Some(Self::RequiresAction),
            (Self::Created | Self::RequiresAction | Self::Review, PaymentStep::Act) => None,
            // An order was sent or is being worked on; people accepted one leg and the next one follows.
            (Self::Created | Self::RequiresAction | Self::Review, PaymentStep::Work) => Some(Self::Processing),
            (Self::Processing, PaymentStep::Work) => None,
            // Other money than asked came for an open leg.
            (Self::RequiresAction | Self::Processing, PaymentStep::Review) => Some(Self::Review),
            (Self::Created | Self::Review, PaymentStep::Review) => None,
            // Whatever is open may end in any way.
            (Self::Created | Self::RequiresAction | Self::Processing | Self::Review, PaymentStep::Succeed) => {
                Some(Self::Succeeded)
            }
            (Self::Created | Self::RequiresAction | Self::Processing | Self::Review, PaymentStep::Fail) => {
                Some(Self::Failed)
            }
            (Self::Created | Self::RequiresAction | Self::Processing | Self::Review, PaymentStep::Cancel) => {
                Some(Self::Canceled)
            }
            (Self::Created | Self::RequiresAction | Self::Processing | Self::Review, PaymentStep::Expire) => {
                Some(Self::Expired)
            }
            // Reopen: late money is kept, because the trade's rule says so.
            (Self::Canceled | Self::Expired, PaymentStep::Succeed) => Some(Self::Succeeded),
            // Terminal is terminal.
            (
                Self::Canceled | Self::Expired,
                PaymentStep::Act
                | PaymentStep::Work
                | PaymentStep::Review
                | PaymentStep::Fail
                | PaymentStep::Cancel
                | PaymentStep::Expire,
            )
            | (
                Self::Succeeded | Self::Failed,
                PaymentStep::Act
                | PaymentStep::Work
                | PaymentStep::Review
                | PaymentStep::Succeed
                | PaymentStep::Fail
                | PaymentStep::Cancel
                | PaymentStep::Expire,
            ) => None,
        }
    }
}

/// What can happen to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaymentStep {
    /// The buyer must act.
    Act,
    /// Something outside works on it.
    Work,
    /// People must decide.
    Review,
    /// It takes effect.
    Succeed,
    /// A sure no.
    Fail,
    /// Somebody ended it.
    Cancel,
    /// Time ended it.
    Expire,
}

/// As what a payment ends that somebody wants ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Somebody asked.
    Canceled,
    /// The trade's time is over.
    Expired,
}

impl Ending {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Canceled, Self::Expired].into_iter().find(|known| known.as_str() == text)
    }

    pub(crate) const fn step(self) -> PaymentStep {
        match self {
            Self::Canceled => PaymentStep::Cancel,
            Self::Expired => PaymentStep::Expire,
        }
    }
}

/// Why a payment failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs.
    pub code: FailureCode,
    /// For people; where an institution spoke, with its own code.
    pub message: String,
}

/// The stable reasons of failed payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureCode {
    /// The buyer's balance does not cover the part.
    InsufficientBalance,
    /// The coupon was used or held by another payment just before.
    CouponTaken,
    /// An account that should pay is frozen or closed.
    AccountFrozen,
    /// The institution refused.
    Declined,
    /// Other money came than was asked, and people gave it back.
    AmountMismatch,
    /// Less of the payer's credit limit is free than the part takes.
    CreditExceeded,
    /// The payer's credit line is frozen.
    CreditFrozen,
    /// A bill of the payer's credit line is overdue.
    CreditOverdue,
    /// Less is owed on credit than a balance would repay.
    RepaymentExceedsOwed,
    /// The marketing budget that pays for points does not cover them.
    BudgetExhausted,
    /// The books could not take it.
    LedgerRefused,
    /// More, or more often, than a rule lets through within a time.
    VelocityExceeded,
    /// Risk control refused.
    RiskRefused,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::InsufficientBalance,
        Self::CouponTaken,
        Self::AccountFrozen,
        Self::Declined,
        Self::AmountMismatch,
        Self::CreditExceeded,
        Self::CreditFrozen,
        Self::CreditOverdue,
        Self::RepaymentExceedsOwed,
        Self::BudgetExhausted,
        Self::LedgerRefused,
        Self::VelocityExceeded,
        Self::RiskRefused,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientBalance => "insufficient_balance",
            Self::CouponTaken => "coupon_taken",
            Self::AccountFrozen => "account_frozen",
            Self::Declined => "declined",
            Self::AmountMismatch => "amount_mismatch",
            Self::CreditExceeded => "credit_exceeded",
            Self::CreditFrozen => "credit_frozen",
            Self::CreditOverdue => "credit_overdue",
            Self::RepaymentExceedsOwed => "repayment_exceeds_owed",
            Self::BudgetExhausted => "budget_exhausted",
            Self::LedgerRefused => "ledger_refused",
            Self::VelocityExceeded => "velocity_exceeded",
            Self::RiskRefused => "risk_refused",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [PaymentStep; 7] = [
        PaymentStep::Act,
        PaymentStep::Work,
        PaymentStep::Review,
        PaymentStep::Succeed,
        PaymentStep::Fail,
        PaymentStep::Cancel,
        PaymentStep::Expire,
    ];

    #[test]
    fn the_whole_machine() {
        insta::assert_snapshot!(crate::case::grid::of(
            PaymentStatus::ALL.map(|status| (status.as_str(), status)),
            STEPS.map(|step| (format!("{step:?}"), step)),
            |status, step| status.after(step).map(PaymentStatus::as_str),
        ));
    }

    #[test]
    fn words_come_back() {
        assert!(PaymentStatus::ALL.iter().all(|s| PaymentStatus::parse(s.as_str()) == Some(*s)));
        assert!(FailureCode::ALL.iter().all(|c| FailureCode::parse(c.as_str()) == Some(*c)));
        assert_eq!(Ending::parse("expired"), Some(Ending::Expired));
        assert_eq!(PaymentStatus::parse("paid"), None);
    }
}
