//! The outside risk service: it has moods of its own, and remembers what it has said of whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channel::Incoming;
use engine::ports::{Alarm as _, Clock as _, NoAnswer, RiskService};
use engine::work::signed;
use futures::future::{BoxFuture, FutureExt as _};
use kernel::message::risk::Heard;
use kernel::time::SECOND_US;
use serde::Deserialize;

use crate::clock::VirtualClock;
use crate::planted::Planted;
use crate::rng::Rng;

/// What questions and answers are signed with.
pub(crate) const SECRET: &str = "whsec_cmlzay1zZXJ2aWNlLW9mLXRoZS13b3JsZA==";
/// Most questions that a node has under way.
pub(crate) const CALLS: usize = 6;
/// How long is waited for an answer, in microseconds.
const PATIENCE_US: i64 = 300_000;
/// How long a mood of the whole service lasts.
const MOOD_US: i64 = 40 * SECOND_US;

/// What was said, by trade and attempt.
type Said = BTreeMap<(String, u16), BTreeSet<Heard>>;

/// The service. Clones share it.
#[derive(Clone)]
pub(crate) struct RiskModel(Arc<Inside>);

struct Inside {
    seed: u64,
    clock: VirtualClock,
    rng: Rng,
    planted: Option<Planted>,
    said: Mutex<Said>,
}

/// What it looks at of a question.
#[derive(Deserialize)]
struct Question {
    trade_id: String,
    attempt: u16,
}

impl RiskModel {
    /// Has said nothing yet.
    pub(crate) fn new(seed: u64, clock: VirtualClock, rng: Rng, planted: Option<Planted>) -> Self {
        Self(Arc::new(Inside { seed, clock, rng, planted, said: Mutex::default() }))
    }

    /// What it has said of a payment.
    pub(crate) fn said(&self, trade: &str, attempt: u16) -> BTreeSet<Heard> {
        self.0.said().get(&(trade.to_owned(), attempt)).cloned().unwrap_or_default()
    }
}

impl Inside {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first word about a trade, whichever payment it was about.
    fn first_said(&self, trade: &str) -> Option<Heard> {
        let of_trade = (trade.to_owned(), 0)..=(trade.to_owned(), u16::MAX);
        self.said().range(of_trade).find_map(|(_, heard)| heard.first().copied())
    }

    async fn ask(&self, headers: Vec<(&'static str, String)>, body: String) -> Result<Incoming, NoAnswer> {
        let asked_at = self.clock.now();
        self.clock.at(asked_at.plus(self.rng.between(500, PATIENCE_US / 2))).await;
        let header = |name| headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str());
        let named = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
        let signed = signed::is_signed(SECRET, named, self.clock.wall(), body.as_bytes());
        let (true, Ok(question)) = (signed, serde_json::from_str::<Question>(&body)) else {
            return Err(NoAnswer::Broken);
        };
        let answer = |body: &str| {
            let headers = signed::headers(SECRET, named[0].to_owned(), self.clock.wall(), body.as_bytes());
            let headers = headers.unwrap_or_default().into_iter().map(|(name, value)| (name.to_owned(), value));
            Ok(Incoming { status: 200, headers: headers.collect(), body: body.as_bytes().to_vec() })
        };
        let pass = || answer(r#"{"verdict":"pass"}"#);
        if self.planted == Some(Planted::RiskWordKept)
            && let Some(heard) = self.first_said(&question.trade_id)
        {
            return if heard == Heard::Pass { pass() } else { answer(r#"{"verdict":"refuse"}"#) };
        }
        let says = |heard| {
            self.said().entry((question.trade_id.clone(), question.attempt)).or_default().insert(heard);
        };
        // In some of its moods it is away for everybody.
        let mood = Rng::new(self.seed, asked_at.micros().div_euclid(MOOD_US).unsigned_abs()).below(8);
        let luck = if mood == 0 { 99 } else { self.rng.below(100) };
        match luck {
            0..=64 => {
                says(Heard::Pass);
                pass()
            }
            65..=84 => {
                says(Heard::Refuse);
                match self.planted {
                    Some(Planted::RiskRefusalIgnored) => pass(),
                    _ => answer(r#"{"verdict":"refuse","code":"R-1"}"#),
                }
            }
            85..=89 => answer(r#"{"verdict":"perhaps"}"#),
            90..=92 => Ok(Incoming { status: 200, headers: Vec::new(), body: br#"{"verdict":"pass"}"#.to_vec() }),
            _ => {
                self.clock.at(asked_at.plus(PATIENCE_US)).await;
                match self.planted {
                    Some(Planted::RiskSilenceIsPass) => pass(),
                    _ => Err(NoAnswer::Timeout),
                }
            }
        }
    }
}

impl RiskService for RiskModel {
    fn ask(
        &self,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let inside = Arc::clone(&self.0);
        async move { inside.ask(headers, body).await }.boxed()
    }
}
