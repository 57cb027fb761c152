//! The window of the institution: calls come in here, and its own letters' acknowledgements.

use std::time::Duration;

use async_channel::{Receiver, Sender};
use channel::{Incoming, Outgoing};
use engine::ports::NoAnswer;
use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt as _};

/// Errands that may wait; beyond that callers wait to be let in.
const QUEUE: usize = 1_024;
/// How long it gathers what comes in, once something has: it answers within a few milliseconds, sooner than any
/// institution, and keeps its records of all of it in one transaction.
const GATHER: Duration = Duration::from_millis(2);
/// Longest time without a look at what is due, in microseconds.
const LONGEST_WAIT_US: u64 = 1_000_000;

/// Where an answer goes; nothing means silence.
pub(super) type Reply = oneshot::Sender<Option<Incoming>>;

/// What the institution is asked, or told.
pub(super) enum Errand {
    /// A request of ours.
    Call { message: Outgoing, reply: Reply },
    /// A letter was taken.
    Acknowledged { number: String, letter: u16 },
}

/// The side of the callers.
#[derive(Clone)]
pub(crate) struct Teller(Sender<Errand>);

/// The side of the institution.
pub(super) struct Window(Receiver<Errand>);

/// Both sides.
pub(super) fn open() -> (Teller, Window) {
    let (teller, window) = async_channel::bounded(QUEUE);
    (Teller(teller), Window(window))
}

impl Teller {
    /// Asks, and waits for the answer as long as a caller over a network would.
    pub(crate) fn call(&self, message: Outgoing, timeout_ms: u32) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let teller = self.0.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            let call = async {
                teller.send(Errand::Call { message, reply }).await.ok()?;
                match answer.await {
                    Ok(Some(answer)) => Some(answer),
                    // Silence is heard as nothing until the caller's patience is over.
                    Ok(None) | Err(_) => futures::future::pending().await,
                }
            };
            match tokio::time::timeout(Duration::from_millis(timeout_ms.into()), call).await {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) => Err(NoAnswer::Unreachable),
                Err(_) => Err(NoAnswer::Timeout),
            }
        }
        .boxed()
    }

    /// Tells that a letter was taken.
    pub(super) async fn acknowledged(&self, number: String, letter: u16) {
        // When the institution is closed, the letter is sent again after its next opening.
        let _ = self.0.send(Errand::Acknowledged { number, letter }).await;
    }
}

impl Window {
    /// Whatever has come in; waits for something at most `wait_us`. `None` when nobody is left who could come.
    pub(super) async fn take(&self, limit: usize, wait_us: u64) -> Option<Vec<Errand>> {
        let wait = Duration::from_micros(wait_us.min(LONGEST_WAIT_US));
        let mut errands = match tokio::time::timeout(wait, self.0.recv()).await {
            Ok(Ok(first)) => vec![first],
            Ok(Err(_closed)) => return None,
            Err(_nobody) => return Some(Vec::new()),
        };
        tokio::time::sleep(GATHER).await;
        while errands.len() < limit
            && let Ok(errand) = self.0.try_recv()
        {
            errands.push(errand);
        }
        Some(errands)
    }
}
