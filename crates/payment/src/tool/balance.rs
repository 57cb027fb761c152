//! The payer's balance (余额): spent at will, and given back to it.

use kernel::message::accounting::InternalTool;
use kernel::{Amount, Owner};

use super::{Asked, ToolRules};
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Balance;

impl ToolRules for Balance {
    fn plan(&self, _: &Asked<'_>, _: &mut Instruction) -> Result<(), Refusal> {
        Ok(())
    }

    fn purse(&self, _: &Instruction, payer: &Owner) -> Option<InternalTool> {
        Some(InternalTool::Balance(payer.clone()))
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Balance
    }
}
