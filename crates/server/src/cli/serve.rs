//! `suanpan serve`

use clap::Args;

use super::{Common, Exit, block, exit, say, told_to_stop};
use crate::runtime;
use crate::telemetry::{self, Metrics};

/// Serves until SIGTERM or Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    common: Common,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let config = self.common.load()?.config;
        telemetry::start_log(&config.log);
        let metrics = Metrics::start();
        block(async move {
            let running = runtime::start(&config, metrics).await.map_err(|failure| exit::report(&failure))?;
            if let Some(key) = &running.new_key {
                say(&format!("platform key of this new store, shown only now: {key}"));
            }
            say(&format!("listening on http://{}", running.address));
            running.until_stopped(told_to_stop()).await.map_err(|failure| exit::report(&failure))?;
            Ok(Exit::Ok)
        })
    }
}
