//! The way to the institution: calls take time, get lost, come twice or too late.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channel::{Incoming, Outgoing};
use engine::ports::{Alarm as _, Clock as _, NoAnswer, Outside};
use futures::future::{BoxFuture, Either, FutureExt as _, select};
use kernel::Time;

use crate::clock::VirtualClock;
use crate::institution::Institution;
use crate::mishap::Mishaps;
use crate::plan::WireFault;
use crate::planted::Planted;
use crate::planted::wire::answer_for_silence;
use crate::rng::Rng;

/// The wire. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inside>);

struct Inside {
    institution: Institution,
    clock: VirtualClock,
    mishaps: Mishaps,
    rng: Rng,
    planted: Option<Planted>,
    /// Who listens to webhooks.
    ear: Mutex<Ear>,
}

/// What a listener to webhooks has made of one event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hearing {
    /// Whether it has taken it.
    pub(crate) heard: bool,
    /// How often it has refused it.
    pub(crate) refused: usize,
}

/// A listener to webhooks: what it was told, by the events' ids.
#[derive(Default)]
struct Ear {
    told: BTreeMap<String, Hearing>,
    /// Whether it takes everything now.
    well: bool,
}

impl Wire {
    /// Between us and the institution.
    pub(crate) fn new(
        institution: Institution,
        clock: VirtualClock,
        mishaps: Mishaps,
        rng: Rng,
        planted: Option<Planted>,
    ) -> Self {
        Self(Arc::new(Inside { institution, clock, mishaps, rng, planted, ear: Mutex::default() }))
    }

    /// Who listens takes everything from now on.
    pub(crate) fn heal(&self) {
        self.0.ear().well = true;
    }

    /// What who listens was told, by the events' ids.
    pub(crate) fn told(&self) -> BTreeMap<String, Hearing> {
        self.0.ear().told.clone()
    }
}

impl Inside {
    fn ear(&self) -> MutexGuard<'_, Ear> {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A webhook arrives, or does not; its answer gets back, or does not.
    async fn delivered(&self, id: String, timeout_ms: u32) -> Result<u16, NoAnswer> {
        let deadline = self.clock.now().plus(i64::from(timeout_ms) * 1_000);
        self.clock.at(self.clock.now().plus(self.rng.between(1_000, 50_000))).await;
        let luck = if self.ear().well { 99 } else { self.rng.below(100) };
        let refuses = luck < 15;
        {
            let mut ear = self.ear();
            let hearing = ear.told.entry(id).or_default();
            hearing.heard |= !refuses;
            hearing.refused += usize::from(refuses);
        }
        if refuses {
            let ignored = self.planted == Some(Planted::WebhookRefusalIgnored);
            return Ok(if ignored { 200 } else { 503 });
        }
        if luck < 20 {
            self.clock.at(deadline).await;
            return Err(NoAnswer::Timeout);
        }
        Ok(200)
    }

    async fn call(&self, message: Outgoing, timeout_ms: u32) -> Result<Incoming, NoAnswer> {
        let fault = self.mishaps.wire();
        let sent = self.clock.now();
        let arrives = sent.plus(self.rng.between(1_000, 30_000));
        let deadline = sent.plus(i64::from(timeout_ms) * 1_000);
        match fault {
            Some(WireFault::Unreachable) => return Err(NoAnswer::Unreachable),
            Some(WireFault::CallLost) => return self.in_vain(deadline).await,
            Some(WireFault::CallLate(millis)) => {
                self.institution.send_copy(message, deadline.plus(i64::from(millis) * 1_000));
                return self.in_vain(deadline).await;
            }
            Some(WireFault::CallTwice) => {
                self.institution.send_copy(message.clone(), arrives.plus(self.rng.between(0, 5_000)));
            }
            Some(WireFault::AnswerLost | WireFault::AnswerSlow(_) | WireFault::AnswerGarbled) | None => {}
        }
        let answer = self.institution.send(message, arrives);
        let said = match select(answer, self.clock.at(deadline)).await {
            Either::Left((Ok(Some(said)), _)) => said,
            // Silence lasts until the caller's patience is over.
            Either::Left((Ok(None) | Err(_), _)) | Either::Right(_) => return self.in_vain(deadline).await,
        };
        match fault {
            Some(WireFault::AnswerLost) => self.in_vain(deadline).await,
            Some(WireFault::AnswerSlow(millis)) => {
                self.back(said, sent.plus(i64::from(millis) * 1_000), deadline).await
            }
            Some(WireFault::AnswerGarbled) => Ok(garbled(said)),
            _ => self.back(said, self.clock.now().plus(self.rng.between(1_000, 30_000)), deadline).await,
        }
    }

    /// The answer comes back, if there is still time.
    async fn back(&self, said: Incoming, at: Time, deadline: Time) -> Result<Incoming, NoAnswer> {
        if at > deadline {
            return self.in_vain(deadline).await;
        }
        self.clock.at(at).await;
        Ok(said)
    }

    async fn in_vain(&self, deadline: Time) -> Result<Incoming, NoAnswer> {
        self.clock.at(deadline).await;
        Err(NoAnswer::Timeout)
    }
}

/// One byte of the body is another.
fn garbled(mut said: Incoming) -> Incoming {
    let middle = said.body.len() / 2;
    if let Some(byte) = said.body.get_mut(middle) {
        *byte ^= 1;
    }
    said
}

impl Outside for Wire {
    fn call(&self, _: &str, message: Outgoing, timeout_ms: u32) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let inside = Arc::clone(&self.0);
        async move {
            let answer = inside.call(message.clone(), timeout_ms).await;
            match (&answer, inside.planted) {
                (Err(NoAnswer::Timeout), Some(planted)) => {
                    answer_for_silence(planted, &message, inside.clock.now()).map_or(answer, Ok)
                }
                _ => answer,
            }
        }
        .boxed()
    }

    fn deliver(
        &self,
        _: &str,
        headers: Vec<(&'static str, String)>,
        _: String,
        timeout_ms: u32,
    ) -> BoxFuture<'static, Result<u16, NoAnswer>> {
        let inside = Arc::clone(&self.0);
        let id = headers.into_iter().find(|(name, _)| *name == "webhook-id").map_or_else(String::new, |(_, id)| id);
        async move { inside.delivered(id, timeout_ms).await }.boxed()
    }
}
