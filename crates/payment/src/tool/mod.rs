//! Tools (支付工具): what each does when it is planned, held, spent, let go of and given back.
//!
//! The payment core runs every payment the same way and asks the tool of each leg where tools differ ([`ToolRules`]). A
//! tool is one file here and one line in [`rules_of`]. One that is nothing but money of its own kind needs neither: it is a
//! kind of stored value, and those share one file ([`mod@stored`]).

mod balance;
mod channel;
mod coupon;
mod credit;
mod payout;
pub(crate) mod points;
mod stored;

use kernel::message::accounting::InternalTool;
use kernel::message::payment::{Pay, Tool};
use kernel::message::rules::PaymentTerms;
use kernel::{Amount, InstructionId, Owner};

use crate::draft::Draft;
use crate::event::Event;
use crate::input::Known;
use crate::instruction::Instruction;
use crate::payment::Failure;
use crate::refund::Way;
use crate::refusal::Refusal;

/// The rules of a tool.
pub(crate) fn rules_of(tool: &Tool) -> &'static dyn ToolRules {
    match tool {
        Tool::Balance => &balance::Balance,
        Tool::Coupon(_) => &coupon::Coupon,
        Tool::Stored(_) => &stored::Stored,
        Tool::Points => &points::Points,
        Tool::Credit => &credit::Credit,
        Tool::Channel { .. } => &channel::Channel,
        Tool::Payout { .. } => &payout::Payout,
    }
}

/// What a tool is asked when a payment is planned.
pub(crate) struct Asked<'a> {
    /// The payment being planned.
    pub(crate) pay: &'a Pay,
    /// The state and what is known.
    pub(crate) draft: &'a Draft<'a>,
    /// The tool's place in the request, from 0.
    pub(crate) place: usize,
    /// What the rules say of the payment.
    pub(crate) terms: &'a PaymentTerms,
    /// The legs that were planned before it.
    pub(crate) before: &'a [Instruction],
}

/// What happens to an internal leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Its money is held.
    Held,
    /// It took effect.
    Spent,
    /// It came to nothing; what was held is free.
    Freed,
    /// All that it brought was given back into the tool.
    Restored,
}

/// What the payment core asks of a tool. Everything is a function of what is known: nothing is read, nothing waits.
pub(crate) trait ToolRules {
    /// Checks what can be known from the request, and notes on the leg what later steps need.
    ///
    /// # Errors
    /// What is wrong with the request; it changes nothing then.
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal>;

    /// Whether marketing pays for it, so that it can be switched off.
    fn is_marketing(&self, _tool: &Tool) -> bool {
        false
    }

    /// Where the books find the leg's money, to hold, capture and release it; `None` where an institution has it.
    fn purse(&self, leg: &Instruction, payer: &Owner) -> Option<InternalTool>;

    /// Where a part of the leg goes that is given back.
    fn way_back(&self, draft: &Draft<'_>, leg: &Instruction, part: Amount) -> Way;

    /// Why the payment fails although nothing is wrong with the request: somebody else was faster.
    fn taken(&self, _draft: &Draft<'_>, _leg: &Instruction) -> Option<Failure> {
        None
    }

    /// Whether a leg that had ended may be used once more, as far as the tool knows; the books are asked besides.
    fn again(&self, _known: &Known<'_>, _leg: &Instruction) -> bool {
        true
    }

    /// What a thing of the tool's own is told, where it has one.
    fn told(&self, _leg: &Instruction, _moment: Moment, _by: InstructionId) -> Option<Event> {
        None
    }
}
