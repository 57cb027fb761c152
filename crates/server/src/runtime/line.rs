//! Where the lines run, one per shard, and how their end is heard.

use std::sync::Arc;

use engine::channels::Channels;
use engine::control::Shared;
use engine::line::Setup;
use engine::ports::{Clock, Observer, Random as _};
use engine::queue::Exit;
use engine::route::Queues;
use engine::work::risk::Inquiries;
use futures::future::{FutureExt as _, join_all, select_all};
use store::StoreError;
use tokio::sync::oneshot;

use super::Failure;
use crate::config::Config;
use crate::ports::{self, SystemRandom};

/// What a line is made of, beside the configuration.
pub(super) struct Parts {
    pub(super) shard: i64,
    pub(super) queues: Queues,
    pub(super) line: Box<dyn store::Line>,
    pub(super) jobs: Exit,
    pub(super) inquiries: Inquiries,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) control: Shared,
    pub(super) channels: Arc<Channels>,
}

/// Hears the ends of all lines.
pub(super) struct Lines(pub(super) Vec<LineEnd>);

impl Lines {
    /// Waits until one of them ends; why it ended by itself, empty where it was told to.
    pub(super) async fn first_end(&mut self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        select_all(self.0.iter_mut().map(|line| line.ended().boxed())).await.0
    }

    /// Waits until all have ended; why one ended by itself, empty where all were told to.
    pub(super) async fn end(&mut self) -> String {
        let ends = join_all(self.0.iter_mut().map(LineEnd::ended)).await;
        ends.into_iter().find(|why| !why.is_empty()).unwrap_or_default()
    }
}

/// Hears the end of a line.
pub(super) struct LineEnd(Option<oneshot::Receiver<Result<(), StoreError>>>);

impl LineEnd {
    /// Waits for the end; why it ended by itself, empty where it was told to.
    async fn ended(&mut self) -> String {
        let Some(end) = &mut self.0 else { return String::new() };
        let end = end.await;
        self.0 = None;
        match end {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => format!("{error} ({})", error.detail()),
            // The thread is gone without a word: it panicked, and the panic was printed.
            Err(_) => "a fault in the program".to_owned(),
        }
    }
}

/// Starts a line.
pub(super) fn start(config: &Config, parts: Parts) -> Result<LineEnd, Failure> {
    let setup = Setup {
        shard: parts.shard,
        writer: i64::from_le_bytes(SystemRandom.bits().to_le_bytes().first_chunk().copied().unwrap_or_default()),
        store: parts.line,
        queue: parts.jobs,
        queues: parts.queues,
        inquiries: parts.inquiries,
        clock: parts.clock,
        alarm: Arc::new(ports::SystemClock),
        observer: parts.observer,
        control: parts.control,
        channels: parts.channels,
        approvals: Arc::new(config.cases.approvals()),
        zone: config.book.zone.0.clone(),
        batch_limit: config.limits.batch,
        memory_limit: config.limits.memory,
    };
    let (end, ended) = oneshot::channel();
    match &config.store.0 {
        store::Url::Sqlite(_) => {
            // The line's alarm is the runtime's.
            let runtime = tokio::runtime::Handle::current();
            let work = move || {
                let _context = runtime.enter();
                // Who reads requests goes first: what waits unread cannot be refused, and a line that waits has larger
                // batches, which cost less.
                ports::give_way(ports::Rank::Second);
                // Nobody listens any more only where the process is ending.
                let _ = end.send(ports::block(engine::line::run(setup)));
            };
            ports::thread("line", work)
                .map_err(|error| Failure::Machine(format!("no thread for the line: {error}")))?;
        }
        store::Url::Postgres(_) => {
            ports::task(async move {
                let _ = end.send(engine::line::run(setup).await);
            });
        }
    }
    Ok(LineEnd(Some(ended)))
}
