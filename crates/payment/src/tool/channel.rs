//! An outside institution (渠道): its money is asked for there, and goes back through it.

use kernel::message::accounting::InternalTool;
use kernel::message::payment::Tool;
use kernel::{Amount, Owner};

use super::{Asked, ToolRules};
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Channel;

impl ToolRules for Channel {
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal> {
        if let Tool::Channel { method, .. } = &leg.tool {
            let account = asked.draft.known.routes.account_for(method);
            let account = account.ok_or(Refusal::MethodNotSupported { place: asked.place })?;
            leg.channel_account = Some(account.to_owned());
        }
        Ok(())
    }

    fn purse(&self, _: &Instruction, _: &Owner) -> Option<InternalTool> {
        None
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Channel
    }
}
