//! `suanpan migrate`

use super::{Common, Exit, block, exit, say};
use crate::ports::SystemClock;
use crate::runtime;
use crate::telemetry;

/// Brings the tables up to this program, from nothing if need be.
pub(super) fn run(common: &Common) -> Result<Exit, Exit> {
    let config = common.load()?.config;
    telemetry::start_log(&config.log);
    block(async move {
        runtime::open(&config, store::Access::Migrate, &SystemClock).await.map_err(|failure| exit::report(&failure))?;
        say(&format!("{} has schema {}", config.store, store::SCHEMA));
        Ok(Exit::Ok)
    })
}
