//! Starting things: tasks on the runtime, threads beside it.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts a task.
#[allow(clippy::disallowed_methods, reason = "this is the spawning port")]
pub(crate) fn task<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn(work)
}

/// Starts a thread under a name.
pub(crate) fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// How much less of a processor a thread that gives way has: at 5 a third of what others have.
const GIVING_WAY: i32 = 5;

/// Lets other threads go before the one that calls, where processors are short. Where the system knows no priorities of
/// threads or does not allow it, nothing changes.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), GIVING_WAY) {
        tracing::debug!(%error, "this thread has the priority of all others");
    }
}

/// Runs a future to its end on this thread, which belongs to it alone.
pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    futures::executor::block_on(work)
}

/// What the store needs: tasks on this runtime, and threads.
pub(crate) fn store_ports() -> store::Ports {
    let runtime = tokio::runtime::Handle::current();
    store::Ports {
        spawn: Arc::new(move |work| drop(runtime.spawn(work))),
        thread: Arc::new(|name, work| {
            // Without the thread the store's calls are answered `Unreachable`, because their queue has no taker.
            if let Err(error) = thread(name, work) {
                tracing::error!(%error, name, "a thread could not be started");
            }
        }),
    }
}
