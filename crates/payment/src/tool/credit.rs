//! The payer's credit line (先用后付): paid now, owed to us until it is repaid. Whether enough of the limit is free is the books' to
//! say; a refund makes the debt less, and what exceeds it is the payer's balance.

use kernel::message::accounting::InternalTool;
use kernel::{Amount, Owner};

use super::{Asked, ToolRules};
use crate::credit::CreditLine;
use crate::draft::Draft;
use crate::input::Known;
use crate::instruction::Instruction;
use crate::payment::Failure;
use crate::refund::Way;
use crate::refusal::Refusal;

/// See the module.
pub(super) struct Credit;

impl ToolRules for Credit {
    fn plan(&self, asked: &Asked<'_>, leg: &mut Instruction) -> Result<(), Refusal> {
        let refused = |why| Refusal::ToolNotApplicable { place: asked.place, why };
        let line = line(asked.draft.known, &asked.pay.payer);
        let line = line.filter(|line| line.currency == asked.pay.money.currency);
        leg.credit_limit = Some(line.ok_or(refused("the payer has no credit line in this currency"))?.limit);
        Ok(())
    }

    fn purse(&self, leg: &Instruction, payer: &Owner) -> Option<InternalTool> {
        Some(InternalTool::Credit { user: payer.user()?.clone(), limit: leg.credit_limit? })
    }

    fn way_back(&self, _: &Draft<'_>, _: &Instruction, _: Amount) -> Way {
        Way::Credit
    }

    fn taken(&self, draft: &Draft<'_>, _: &Instruction) -> Option<Failure> {
        draft.known.credit?.stopped(draft.known.now)
    }

    fn again(&self, known: &Known<'_>, leg: &Instruction) -> bool {
        let pays = |line: &CreditLine| line.stopped(known.now).is_none() && Some(line.limit) >= leg.credit_limit;
        known.credit.is_some_and(pays)
    }
}

fn line<'a>(known: &Known<'a>, payer: &Owner) -> Option<&'a CreditLine> {
    known.credit.filter(|line| payer.user() == Some(&line.user))
}
