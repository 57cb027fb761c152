//! Paying out (提现) as a tool: the institution that will do it is chosen here. The whole payment is the one leg, and goes its
//! own way from then on ([`mod@crate::payout`]): its balance is held towards the institution, by a verb of its own.

use kernel::message::accounting::InternalTool;
use kernel::message::payment::Tool;
use kernel::{Amount, Owner};

use super::{Asked, ToolRules};
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::payout;
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Payout;

impl ToolRules for Payout {
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal> {
        if let Tool::Payout { to, .. } = &leg.tool {
            leg.channel_account = Some(payout::account(asked.draft, asked.pay, to.as_str())?);
        }
        Ok(())
    }

    fn purse(&self, _: &Instruction, _: &Owner) -> Option<InternalTool> {
        None
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Balance
    }
}
