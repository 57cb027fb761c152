//! Bugs at the doors: what a request says of its caller, its key and its body.

use engine::control::Control;
use engine::request::{Caller, Command, Request};
use kernel::message::payment::CaseAct;
use kernel::message::trade::Command as TradeCommand;

use super::Planted;
use crate::people;

/// What a node with this bug knows of control data.
pub(crate) fn known(planted: Option<Planted>, mut control: Control) -> Control {
    if planted == Some(Planted::BlockIgnored) {
        control.blocks.clear();
    }
    control
}

/// The request as a door with this bug hands it on.
pub(crate) fn asked(planted: Option<Planted>, mut request: Request) -> Request {
    match planted {
        // One scope for all, where what is asked for says whose it is.
        Some(Planted::KeyNotScoped) => request.caller = Caller::Platform,
        Some(Planted::BodyNotCompared) => {
            if let Some(idempotency) = &mut request.idempotency {
                idempotency.body_hash = [0; 16];
            }
        }
        // The keys stay scoped as they were.
        Some(Planted::TenantNotChecked) => {
            if let (Command::Trade(..) | Command::CancelPayment(_), Some(idempotency)) =
                (&request.command, &mut request.idempotency)
            {
                idempotency.key = format!("{}/{}", request.caller.scope(), idempotency.key);
                request.caller = Caller::Platform;
            }
        }
        Some(Planted::ConsentNotChecked) => {
            if let Command::Trade(_, TradeCommand::Refund(refund)) = &mut request.command {
                refund.users_debit = true;
            }
        }
        Some(Planted::SecondPersonNotChecked) => {
            if let Command::Case { by, act: CaseAct::Approve, .. } = &mut request.command {
                *by = people::desk(u32::MAX);
            }
        }
        Some(_) | None => {}
    }
    request
}
