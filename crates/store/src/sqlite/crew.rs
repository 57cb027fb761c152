//! Threads with a connection each that take calls from any task.

use futures::channel::oneshot;

use super::core::Core;
use crate::door::StoreError;
use crate::{SpawnThread, Thread};

/// Calls that may wait for a thread before callers wait themselves.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Core) + Send>;

/// A crew: as many threads as connections. They end when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Crew {
    jobs: async_channel::Sender<Job>,
}

impl Crew {
    /// Starts one thread per connection.
    pub(super) fn start(thread: Thread, cores: Vec<Core>, spawn: &SpawnThread) -> Self {
        let (jobs, queue) = async_channel::bounded::<Job>(QUEUE);
        for mut core in cores {
            let queue = queue.clone();
            spawn(
                thread,
                Box::new(move || {
                    while let Ok(job) = queue.recv_blocking() {
                        job(&mut core);
                    }
                }),
            );
        }
        Self { jobs }
    }

    /// Runs a call on whichever thread is free.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Core) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |core| {
            // Nobody waits any more when the caller was dropped; the call has had its effect all the same.
            let _ = answer.send(call(core));
        });
        self.jobs.send(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Leaves a call to whichever thread is free; false where there is no room or no thread.
    pub(super) fn leave(&self, call: impl FnOnce(&mut Core) + Send + 'static) -> bool {
        self.jobs.try_send(Box::new(call)).is_ok()
    }
}

fn gone() -> StoreError {
    StoreError::Unreachable { detail: "the threads of the store have ended".to_owned() }
}
