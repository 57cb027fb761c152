//! An instruction (支付指令): one tool's part of a payment, and the machine of its states.
//!
//! `unknown` is a state and not an error: only the institution's own word moves money, a time-out never does. Money that
//! comes for a leg that was over moves the leg to `succeeded` all the same, because it was received; it is then surplus.

use kernel::message::accounting::{CouponSource, InternalTool};
use kernel::message::channel::Credential;
use kernel::message::payment::Tool;
use kernel::{Amount, CouponId, Owner};

use crate::tool::rules_of;

/// One tool's part of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its number through all payments of the trade.
    pub no: u16,
    /// The tool, as the client named it.
    pub tool: Tool,
    /// Its part, in the payment's currency.
    pub amount: Amount,
    /// What must be remembered of a coupon.
    pub coupon: Option<CouponUse>,
    /// What must be remembered of points.
    pub points: Option<PointsUse>,
    /// What the payer's credit was limited to, in minor units, when it was planned.
    pub credit_limit: Option<i64>,
    /// The channel account that serves an external leg, or pays one out.
    pub channel_account: Option<String>,
    /// The number of its channel order, once there is one.
    pub order: Option<u16>,
    /// Whether that order may still bring money: neither paid, closed, surely refused, nor past its lifetime and grace.
    pub open: bool,
    /// Where it stands.
    pub status: InstructionStatus,
    /// Minor units it brought in the payment's currency, all receipts; what waits in suspense is not counted.
    pub received: i64,
    /// Minor units of these that are on their way back, or owed back.
    pub returning: i64,
    /// Minor units of these that went back.
    pub returned: i64,
    /// How many receipts its order had; the channel gateway numbers them.
    pub receipts: u16,
    /// Whether its money counts for no payment.
    pub surplus: bool,
    /// Whether its money lies in suspense, because people accepted another amount than was asked.
    pub suspended: bool,
    /// What the buyer must do.
    pub credential: Option<Credential>,
}

/// What a leg remembers of its coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponUse {
    /// Where its money came from.
    pub source: CouponSource,
    /// Minor units of its face beyond the part used; they go back to the source when it is spent.
    pub rest: i64,
}

/// What a leg remembers of the points it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointsUse {
    /// How many; a small share of what paid a cart may have none.
    pub points: i64,
    /// What pays the money.
    pub source: CouponSource,
}

impl Instruction {
    /// Whether it is a balance that an institution pays out: held on our books while the institution works on it.
    pub fn is_payout(&self) -> bool {
        matches!(self.tool, Tool::Payout { .. })
    }

    /// Whether an institution brings its money.
    pub fn is_external(&self) -> bool {
        matches!(self.tool, Tool::Channel { .. })
    }

    /// Its coupon, where it is one.
    pub fn coupon_id(&self) -> Option<CouponId> {
        match self.tool {
            Tool::Coupon(coupon) => Some(coupon),
            Tool::Balance
            | Tool::Stored(_)
            | Tool::Points
            | Tool::Credit
            | Tool::Channel { .. }
            | Tool::Payout { .. } => None,
        }
    }

    /// What is paid with at the institution; of a payout, to what kind of account.
    pub fn method(&self) -> Option<&str> {
        match &self.tool {
            Tool::Channel { method, .. } => Some(method),
            Tool::Payout { to, .. } => Some(to.as_str()),
            Tool::Balance | Tool::Coupon(_) | Tool::Stored(_) | Tool::Points | Tool::Credit => None,
        }
    }

    /// The books' name for an internal tool.
    pub fn internal_tool(&self, payer: &Owner) -> Option<InternalTool> {
        rules_of(&self.tool).purse(self, payer)
    }

    /// Minor units that it brought and that are neither back nor on their way back.
    pub fn left(&self) -> i64 {
        self.received.saturating_sub(self.returned).saturating_sub(self.returning).max(0)
    }
}

/// Where an instruction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionStatus {
    /// Planned.
    Created,
    /// An internal tool's money is held.
    Held,
    /// The order is durable; no answer yet.
    Sent,
    /// The institution has it.
    Pending,
    /// No answer that can be trusted.
    Unknown,
    /// Its money is there.
    Succeeded,
    /// A sure no.
    Failed,
    /// Never took effect: not started, released, or closed at the institution.
    Canceled,
    /// A newer payment took its place.
    Superseded,
    /// Had succeeded; everything it brought was given back.
    Reversed,
}

impl InstructionStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Held,
        Self::Sent,
        Self::Pending,
        Self::Unknown,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Superseded,
        Self::Reversed,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
            Self::Reversed => "reversed",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether an institution was asked and its money is still expected.
    pub const fn awaits_money(self) -> bool {
        matches!(self, Self::Sent | Self::Pending | Self::Unknown)
    }

    /// Whether an institution was asked and has given no answer that can be trusted.
    pub const fn is_unanswered(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }

    /// The machine. `None` where a step does not apply: nothing changes then.
    pub const fn after(self, step: LegStep) -> Option<Self> {
        match step {
            // Only what was not started is held or sent.
            LegStep::Hold => match self {
                Self::Created => Some(Self::Held),
                Self::Held
                | Self::Sent
                | Self::Pending
                | Self::Unknown
                | Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
            LegStep::Send => match self {
                Self::Created => Some(Self::Sent),
                Self::Held
                | Self::Sent
                | Self::Pending
                | Self::Unknown
                | Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
            // An answer ends not-knowing; silence after an answer is not-knowing again.
            LegStep::Wait => match self {
                Self::Sent | Self::Unknown => Some(Self::Pending),
                Self::Created
                | Self::Held
                | Self::Pending
                | Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
            LegStep::Lose => match self {
                Self::Sent | Self::Pending => Some(Self::Unknown),
                Self::Created
                | Self::Held
                | Self::Unknown
                | Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
            // Money that came is received, whatever had been said about the leg before.
            LegStep::Succeed => match self {
                Self::Created
                | Self::Held
                | Self::Sent
                | Self::Pending
                | Self::Unknown
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => Some(Self::Succeeded),
                Self::Succeeded => None,
            },
            // A no: from the books for what was not yet started, from the institution for what was.
            LegStep::Fail => match self {
                Self::Created | Self::Sent | Self::Pending | Self::Unknown => Some(Self::Failed),
                Self::Held | Self::Succeeded | Self::Failed | Self::Canceled | Self::Superseded | Self::Reversed => {
                    None
                }
            },
            LegStep::Cancel => match self {
                Self::Created | Self::Held | Self::Sent | Self::Pending | Self::Unknown => Some(Self::Canceled),
                Self::Succeeded | Self::Failed | Self::Canceled | Self::Superseded | Self::Reversed => None,
            },
            // A newer payment does not wait for the institution to let go.
            LegStep::Supersede => match self {
                Self::Sent | Self::Pending | Self::Unknown => Some(Self::Superseded),
                Self::Created
                | Self::Held
                | Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
            LegStep::Reverse => match self {
                Self::Succeeded => Some(Self::Reversed),
                Self::Created
                | Self::Held
                | Self::Sent
                | Self::Pending
                | Self::Unknown
                | Self::Failed
                | Self::Canceled
                | Self::Superseded
                | Self::Reversed => None,
            },
        }
    }
}

/// What can happen to an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegStep {
    /// Its money is held on our books.
    Hold,
    /// Its order is on its way to the institution.
    Send,
    /// The institution has it.
    Wait,
    /// Nobody knows.
    Lose,
    /// Its money came.
    Succeed,
    /// A sure no.
    Fail,
    /// It never takes effect.
    Cancel,
    /// A newer payment takes its place.
    Supersede,
    /// All its money went back.
    Reverse,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [LegStep; 9] = [
        LegStep::Hold,
        LegStep::Send,
        LegStep::Wait,
        LegStep::Lose,
        LegStep::Succeed,
        LegStep::Fail,
        LegStep::Cancel,
        LegStep::Supersede,
        LegStep::Reverse,
    ];

    #[test]
    fn the_whole_machine() {
        insta::assert_snapshot!(crate::case::grid::of(
            InstructionStatus::ALL.map(|status| (status.as_str(), status)),
            STEPS.map(|step| (format!("{step:?}"), step)),
            |status, step| status.after(step).map(InstructionStatus::as_str),
        ));
    }

    #[test]
    fn words_come_back() {
        assert!(InstructionStatus::ALL.iter().all(|s| InstructionStatus::parse(s.as_str()) == Some(*s)));
    }
}
