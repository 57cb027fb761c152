//! What a request to open a trade would come to (试行). It runs through the very rules of a line, first payment and all, and
//! what it did is thrown away; so what is refused here is refused there, for the same reason, as long as nothing changes.

use kernel::Problem;
use kernel::message::risk::Signals;
use kernel::message::trade::Create;
use payment::Payments;
use trade::Trade;

use super::what_if::WhatIf;
use super::{Found, Queries, broken};
use crate::flows::{self, Outcome};
use crate::stop::Stop;
use crate::view::View;
use crate::wire;

/// Where a request led to.
enum Led {
    /// To a trade, as its preview shows it.
    To(String),
    /// Its order number is another shard's business.
    Elsewhere(i64),
}

impl Queries {
    /// What a request to open a trade would come to; `signals` are what it says of who pays.
    ///
    /// # Errors
    /// What would refuse it; or the store cannot be read.
    pub async fn preview(&self, create: &Create, signals: &Signals) -> Result<Found, Problem> {
        let mut home = self.home(create.id.0.bucket())?;
        // An order number leads to one other shard at most.
        for _ in 0..2 {
            match WhatIf::new(self, home).attempt(|view| open(view, create, signals)).await?? {
                Led::To(body) => return Ok(Found { merchant: Some(create.context.merchant), body }),
                Led::Elsewhere(shard) => home = self.shard(shard).ok_or_else(broken)?,
            }
        }
        Err(broken())
    }
}

fn open(view: &mut View<'_>, create: &Create, signals: &Signals) -> Result<Led, Stop> {
    view.signals.clone_from(signals);
    let (id, is_new) = match flows::trade::open(view, create) {
        Ok(Outcome::TradeOpened(id)) => (id, true),
        Ok(Outcome::Trade(id)) => (id, false),
        Ok(_) => return Err(Stop::Broken("opening a trade led elsewhere".to_owned())),
        Err(Stop::Elsewhere(shard)) => return Ok(Led::Elsewhere(shard)),
        Err(stop) => return Err(stop),
    };
    let trade = view.get::<Trade>(id)?.ok_or_else(|| Stop::Broken("an opened trade is not there".to_owned()))?;
    let payments = view.get::<Payments>(id)?;
    Ok(Led::To(wire::trade::preview(&trade, payments.as_deref(), is_new)))
}
