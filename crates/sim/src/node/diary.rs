//! What the lines of a node tell of themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender, bounded};
use engine::line::{Committed, Task};
use engine::ports::Observer;
use engine::query::Known;
use store::{StoreError, Work};

use crate::planted::{Planted, rows};

/// Why a node's first line that stopped did so.
#[derive(Clone, Default)]
pub(super) struct Stopped(Arc<Mutex<Option<StoreError>>>);

impl Stopped {
    /// A line stopped.
    pub(super) fn because(&self, error: StoreError) {
        self.inside().get_or_insert(error);
    }

    /// Why, if one did.
    pub(super) fn why(&self) -> Option<StoreError> {
        self.inside().clone()
    }

    fn inside(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shard's workers hear of its line.
pub(super) struct Hearing {
    pub(super) handed: Receiver<Vec<Task>>,
    pub(super) bell: Receiver<()>,
}

/// What one line tells.
pub(super) struct Diary {
    pub(super) known: Known,
    planted: Option<Planted>,
    handed: Sender<Vec<Task>>,
    bell: Sender<()>,
}

impl Diary {
    /// Nothing told yet; as many batches of tasks may wait to be heard.
    pub(super) fn new(planted: Option<Planted>, places: usize) -> (Self, Hearing) {
        let (handed, tasks) = bounded(places);
        let (bell, rung) = bounded(1);
        (Self { known: Known::default(), planted, handed, bell }, Hearing { handed: tasks, bell: rung })
    }
}

impl Observer for Diary {
    fn wrote(&self, work: Work) {
        self.known.wrote(rows::followed(self.planted, work));
    }

    fn committed(&self, committed: &Committed) {
        self.known.committed(committed);
        if !committed.tasks.is_empty() {
            // No room: the worker's next look at the table finds them.
            let _ = self.handed.try_send(committed.tasks.clone());
        }
        if committed.events > 0 {
            // No room: it is ringing already.
            let _ = self.bell.try_send(());
        }
    }

    /// The line itself says why, in more words.
    fn stopped(&self, _: &str) {}
}
