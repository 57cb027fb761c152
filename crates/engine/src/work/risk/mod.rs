//! Asking the outside risk service (外部风控) about a payment, beside the lines.
//!
//! 1. A line plans a payment whose rules want it asked about, and nothing was heard of it. It has done nothing then, and
//!    gives the request here with the [`Question`].
//! 2. The question is asked, signed, within a time limit; or it is not, because so many are under way, the service has
//!    failed too often ([`breaker`]), or there is none.
//! 3. The request goes back to its line with what was heard, and is decided anew, by whatever holds by then.
//!
//! Nothing is on record until the line has written its answer: a crash loses a question and nothing else, and a request
//! that is repeated while it is asked about is asked about twice, which does no harm.

mod breaker;

use std::pin::pin;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use channel::Incoming;
use futures::StreamExt as _;
use futures::future::{BoxFuture, Either, FutureExt as _, select};
use futures::stream::FuturesUnordered;
use kernel::Time;
use kernel::message::risk::{Assessment, Heard};

use self::breaker::{Admission, Breaker};
use super::{measure, signed};
use crate::ports::{Clock, NoAnswer, RiskService};
use crate::question::{self, Question};
use crate::queue::Laid;
use crate::route::Queues;

/// Most requests that wait to be looked at; beyond them come those that are not asked about.
const MAX_WAITING: usize = 4_096;

/// A request that is to be asked about, and the shard whose line wants it.
pub(crate) struct Errand {
    laid: Laid,
    question: Box<Question>,
    shard: i64,
}

impl Errand {
    /// Back to the line with what was heard, or its caller is told why it is not let in.
    fn back(mut self: Box<Self>, assessment: Assessment, queues: &Queues, now: Time) {
        metrics::counter!(measure::RISK_ANSWERS, "outcome" => assessment.heard.as_str()).increment(1);
        self.laid.job.request.assessment = Some(assessment);
        queues.hand_over(self.shard, self.laid, now);
    }
}

/// The way from the lines to the one who asks; by default there is none, and nobody is asked. Clones share it. What waits
/// is boxed, so that places that are free take no room.
#[derive(Clone, Default)]
pub struct Inquiries(Option<Sender<Box<Errand>>>);

impl Inquiries {
    /// Takes a request that the line of a shard wants asked about.
    pub(crate) fn take(&self, laid: Laid, question: Box<Question>, shard: i64, queues: &Queues, now: Time) {
        let errand = Box::new(Errand { laid, question, shard });
        match &self.0 {
            None => errand.back(Assessment::unasked(Heard::NotConfigured), queues, now),
            Some(way) => {
                if let Err(full) = way.try_send(errand) {
                    full.into_inner().back(Assessment::unasked(Heard::Busy), queues, now);
                }
            }
        }
    }
}

/// What the one who asks works with.
pub struct Setup {
    /// The service.
    pub service: Arc<dyn RiskService>,
    /// What questions and answers are signed with, `whsec_…`.
    pub secret: String,
    /// Most questions under way.
    pub calls: usize,
    /// The ways back to the lines.
    pub queues: Queues,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The one who asks, for all lines of a process.
pub struct Asker {
    setup: Setup,
    came: Receiver<Box<Errand>>,
    flights: FuturesUnordered<BoxFuture<'static, Landed>>,
    breaker: Breaker,
}

/// A question that came to its end.
struct Landed {
    errand: Box<Errand>,
    admission: Admission,
    assessment: Assessment,
}

impl Asker {
    /// One who asks, and the way to it. [`run`](Self::run) lets it work.
    pub fn new(setup: Setup) -> (Self, Inquiries) {
        let (way, came) = async_channel::bounded(MAX_WAITING);
        let asker = Self { setup, came, flights: FuturesUnordered::new(), breaker: Breaker::new() };
        (asker, Inquiries(Some(way)))
    }

    /// Works until nobody is left who could want anything asked, or it is dropped.
    pub async fn run(mut self) {
        loop {
            let next = if self.flights.is_empty() {
                Either::Left(self.came.recv().await)
            } else {
                match select(pin!(self.came.recv()), self.flights.next()).await {
                    Either::Left((came, _)) => Either::Left(came),
                    Either::Right((landed, _)) => Either::Right(landed),
                }
            };
            match next {
                Either::Left(Ok(errand)) => self.begin(errand),
                Either::Left(Err(_)) => return,
                Either::Right(landed) => landed.into_iter().for_each(|landed| self.land(landed)),
            }
        }
    }

    fn begin(&mut self, errand: Box<Errand>) {
        let now = self.setup.clock.steady();
        let unasked = Assessment::unasked;
        let full = self.flights.len() >= self.setup.calls;
        let admission = if full { None } else { Some(self.breaker.admit(now)) };
        match admission {
            None => errand.back(unasked(Heard::Busy), &self.setup.queues, now),
            Some(Admission::No) => errand.back(unasked(Heard::BreakerOpen), &self.setup.queues, now),
            Some(admission) => {
                let (service, clock) = (Arc::clone(&self.setup.service), Arc::clone(&self.setup.clock));
                let secret = self.setup.secret.clone();
                let flight = async move {
                    let assessment = ask(&*service, &*clock, &secret, &errand.question).await;
                    Landed { errand, admission, assessment }
                };
                self.flights.push(flight.boxed());
            }
        }
    }

    fn land(&mut self, Landed { errand, admission, assessment }: Landed) {
        let now = self.setup.clock.steady();
        let answered = assessment.heard.answer().is_some();
        let before = self.breaker.is_closed();
        self.breaker.record(admission, answered, now);
        let closed = self.breaker.is_closed();
        match (before, closed) {
            (true, false) => tracing::warn!("the risk service fails too often and is not asked for a while"),
            (false, true) => tracing::info!("the risk service answers again"),
            (true, true) | (false, false) => {}
        }
        metrics::gauge!(measure::RISK_BREAKER).set(if closed { 0.0 } else { 1.0 });
        metrics::histogram!(measure::RISK_SECONDS).record(measure::seconds(i64::from(assessment.waited_ms) * 1_000));
        errand.back(assessment, &self.setup.queues, now);
    }
}

/// Asks one question to its end.
async fn ask(service: &dyn RiskService, clock: &dyn Clock, secret: &str, question: &Question) -> Assessment {
    let began = clock.steady();
    let id = question.id(clock.now());
    let body = crate::wire::json(question);
    let (heard, code) = match signed::headers(secret, id.clone(), clock.wall(), body.as_bytes()) {
        None => (Heard::Unreachable, None),
        Some(headers) => match service.ask(headers, body).await {
            Ok(answer) if is_its_own(&answer, secret, &id, clock.wall()) => question::read(&answer),
            Ok(_) | Err(NoAnswer::Broken) => (Heard::Wrong, None),
            Err(NoAnswer::Timeout) => (Heard::Late, None),
            Err(NoAnswer::Unreachable | NoAnswer::Refused) => (Heard::Unreachable, None),
        },
    };
    let waited_ms = u32::try_from(clock.steady().since(began) / 1_000).unwrap_or(u32::MAX);
    Assessment { heard, code, attempt: Some(question.attempt()), waited_ms }
}

/// Whether an answer is signed by the service, just now, and about the question of this id.
fn is_its_own(answer: &Incoming, secret: &str, id: &str, wall: Time) -> bool {
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| answer.header(name));
    let [Some(about), Some(timestamp), Some(signature)] = headers else { return false };
    about == id && signed::is_signed(secret, [about, timestamp, signature], wall, &answer.body)
}

#[cfg(test)]
mod tests;
