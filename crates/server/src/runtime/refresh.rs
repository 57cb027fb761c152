//! Control data that another process has changed: read anew every two seconds.

use std::sync::Arc;
use std::time::Duration;

use engine::control::{Control, Shared};
use kernel::Shards;
use store::Reader;

/// Reads the newest versions every two seconds; a snapshot that has more of them replaces the shared one.
pub(super) async fn every_two_seconds(reader: Arc<dyn Reader>, control: Shared) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        match Control::load(&*reader, Shards::FIRST, &control.snapshot()).await {
            Ok(newest) => control.refresh(newest),
            Err(error) => tracing::warn!(%error, detail = error.detail(), "control data could not be refreshed"),
        }
    }
}
