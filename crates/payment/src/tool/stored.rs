//! Stored value (储值) of any kind: what a user has of it on the books is spent like a balance, and given back as what it
//! was. Whether it is enough is the books' to say.

use kernel::message::accounting::InternalTool;
use kernel::message::payment::Tool;
use kernel::{Amount, Owner, StoredKind};

use super::{Asked, ToolRules};
use crate::draft::Draft;
use crate::instruction::Instruction;
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Stored;

impl ToolRules for Stored {
    fn plan(&self, asked: &Asked<'_>, _: &mut Instruction) -> Result<(), Refusal> {
        match asked.pay.payer {
            Owner::User(_) => Ok(()),
            Owner::Merchant(_) | Owner::Seller(..) | Owner::Platform | Owner::Channel(_) => {
                Err(Refusal::ToolNotApplicable { place: asked.place, why: "only users have stored value" })
            }
        }
    }

    /// A gift card was bought; a red packet was given.
    fn is_marketing(&self, tool: &Tool) -> bool {
        matches!(tool, Tool::Stored(kind) if *kind == StoredKind::RED_PACKET)
    }

    fn purse(&self, leg: &Instruction, payer: &Owner) -> Option<InternalTool> {
        match &leg.tool {
            Tool::Stored(kind) => Some(InternalTool::Stored(payer.user()?.clone(), kind.clone())),
            Tool::Balance
            | Tool::Coupon(_)
            | Tool::Points
            | Tool::Credit
            | Tool::Channel { .. }
            | Tool::Payout { .. } => None,
        }
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Stored
    }
}
