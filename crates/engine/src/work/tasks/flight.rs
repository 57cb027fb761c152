//! One task on its way: to the line, or to an institution and with the answer to the line.

use std::sync::Arc;

use channel::order::Told;
use channel::{Adapter, Answer, Call, signature};
use futures::channel::oneshot;
use futures::future::BoxFuture;
use kernel::time::MINUTE_US;
use kernel::{Code, Problem};
use metrics::counter;

use crate::channels::Channels;
use crate::line::{Job, Task};
use crate::ports::{Clock, Outside};
use crate::queue::Entrance;
use crate::request::{Command, Request};
use crate::work::gateway::Gateway;
use crate::work::measure;

/// How long the line may take for what a worker tells it, in microseconds; nobody is waiting at a screen.
const PATIENCE_US: i64 = 5 * MINUTE_US;
/// What stands for the digest of no message.
const NO_MESSAGE: [u8; 32] = [0; 32];

/// A task under way.
pub(super) type Flight = BoxFuture<'static, Landed>;

/// A task that came to its end.
pub(super) struct Landed {
    pub(super) task: Task,
    /// The account whose place it took.
    pub(super) account: Option<String>,
    pub(super) outcome: Outcome,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The line has taken it in.
    Done,
    /// Nothing came of it; its row is still there.
    Again,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
        }
    }
}

/// What all flights share.
pub(super) struct Crew {
    pub(super) line: Entrance,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) channels: Arc<Channels>,
}

impl Crew {
    /// Tells the line something that needs nothing from outside.
    pub(super) async fn tell(self: Arc<Self>, command: Command, task: Task) -> Landed {
        let outcome = self.submit(command).await;
        landed(task, None, outcome)
    }

    /// Calls an institution and tells the line what it said.
    pub(super) async fn call(self: Arc<Self>, call: Call, account: String, task: Task) -> Landed {
        let outcome = match self.ask(call).await {
            Some(told) => self.submit(Command::Word(told)).await,
            None => Outcome::Again,
        };
        landed(task, Some(account), outcome)
    }

    /// The institution's word; `None` where it was not asked.
    async fn ask(&self, call: Call) -> Option<Told> {
        let Some((adapter, account)) = self.gateway.get(&call.channel_account) else {
            tracing::error!(account = %call.channel_account, "there is no such channel account in this deployment");
            return None;
        };
        let message = match adapter.encode(&call, account, self.clock.wall()) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(account = %account.name, %error, "a call cannot be put into the institution's words");
                return None;
            }
        };
        let timeout_ms = self.channels.profiles.get(&account.name).map_or(10_000, |profile| profile.call_timeout_ms);
        let answer = self.outside.call(&account.name, message, timeout_ms).await;
        let (word, digest, outcome) = match &answer {
            Ok(answer) => {
                let word = adapter.decode(&call, answer, account, self.clock.wall());
                let outcome = if word == Answer::Unknown { "unclear" } else { "answered" };
                (word, signature::digest(&answer.body), outcome)
            }
            Err(error) => {
                tracing::debug!(account = %account.name, order = %call.order, %error, "an institution gave no answer");
                (Answer::Unknown, NO_MESSAGE, "no_answer")
            }
        };
        count(adapter, &account.name, &call, outcome);
        Some(Told { order: call.order, word, source: call.source(), digest })
    }

    /// Hands a command to the line and waits for its end.
    async fn submit(&self, command: Command) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let request = Request::of_system("", command);
        let now = self.clock.steady();
        let job = Job { request, deadline: now.plus(PATIENCE_US), reply };
        if self.line.lay_own(job, now).is_err() {
            return Outcome::Again;
        }
        match answer.await {
            Ok(Ok(reply)) if !reply.problem => Outcome::Done,
            Ok(Ok(reply)) => {
                tracing::warn!(status = reply.status, body = %reply.body, "the line refused what a worker told it");
                Outcome::Again
            }
            Ok(Err(problem)) => {
                report(&problem);
                Outcome::Again
            }
            // The line stopped; it says why itself.
            Err(_) => Outcome::Again,
        }
    }
}

/// What passes by itself is no news.
fn report(problem: &Problem) {
    match problem.code {
        Code::store_unavailable | Code::deadline_exceeded | Code::draining => {
            tracing::debug!(%problem, "the line could not take a worker's word now");
        }
        _ => tracing::warn!(%problem, "the line refused what a worker told it"),
    }
}

fn landed(task: Task, account: Option<String>, outcome: Outcome) -> Landed {
    counter!(measure::TASKS, "kind" => task.kind, "outcome" => outcome.as_str()).increment(1);
    Landed { task, account, outcome }
}

fn count(adapter: &dyn Adapter, account: &str, call: &Call, outcome: &'static str) {
    use channel::Task::{Close, Pay, Payout, Query, QueryPayout, QueryRefund, Refund};
    let operation = match call.task {
        Pay { .. } => "pay",
        Query => "query",
        Close => "close",
        Refund { .. } => "refund",
        QueryRefund { .. } => "query_refund",
        Payout { .. } => "payout",
        QueryPayout => "query_payout",
    };
    let labels = [
        ("account", account.to_owned()),
        ("adapter", adapter.name().to_owned()),
        ("operation", operation.to_owned()),
        ("outcome", outcome.to_owned()),
    ];
    counter!(measure::CHANNEL_CALLS, &labels).increment(1);
}
