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

/// How far a thread steps back for others, where processors are short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Behind those that read requests: it has a third of what they have.
    Second,
    /// Behind those as well: it has a third of that.
    Third,
}

/// Lets other threads go before the one that calls. Where the system knows no priorities of threads or does not allow it,
/// nothing changes.
pub(crate) fn give_way(rank: Rank) {
    let nice = match rank {
        Rank::Second => 5,
        Rank::Third => 10,
    };
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice) {
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
        thread: Arc::new(|role, work| {
            let work = move || {
                if role.is_background() {
                    give_way(Rank::Third);
                }
                work();
            };
            // Without the thread the store's calls are answered `Unreachable`, because their queue has no taker.
            if let Err(error) = thread(role.name(), work) {
                tracing::error!(%error, name = role.name(), "a thread could not be started");
            }
        }),
    }
}
