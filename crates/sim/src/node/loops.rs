//! The workers' loops: tick while there is something to do, else nap until there may be.

use engine::ports::{Alarm as _, Clock as _};
use engine::work::Progress;
use engine::work::couriers::Courier;
use engine::work::projections::Projections;
use engine::work::tasks::Tasks;
use engine::work::webhooks::Webhooks;
use futures::future::select;
use kernel::time::SECOND_US;
use store::StoreError;

use crate::clock::VirtualClock;

/// Tasks, batches, or messages begun per tick.
const LIMIT: usize = 32;
/// Pause of a worker after the store could not be reached, in microseconds.
const PAUSE_US: i64 = SECOND_US / 2;
/// How long projections wait for more commits to go along, in microseconds.
const GATHER_US: i64 = 60 * SECOND_US;
/// Between two looks of the projections at what the other node has committed, in microseconds.
const LOOK_US: i64 = 600 * SECOND_US;

pub(super) async fn work_on_tasks(mut tasks: Tasks, clock: VirtualClock) {
    loop {
        match tasks.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(Progress { next, .. }) => {
                let nap = clock.nap(next.unwrap_or(clock.now().plus(SECOND_US)));
                select(std::pin::pin!(tasks.rouse()), nap).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

pub(super) async fn work_on_webhooks(mut webhooks: Webhooks, clock: VirtualClock) {
    loop {
        match webhooks.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(Progress { next, .. }) => {
                let nap = clock.nap(next.unwrap_or(clock.now().plus(SECOND_US)));
                select(std::pin::pin!(webhooks.rouse()), nap).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

pub(super) async fn work_on_projections(mut projections: Projections, clock: VirtualClock) {
    loop {
        match projections.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(_) => {
                let nap = clock.nap(clock.now().plus(LOOK_US));
                select(std::pin::pin!(projections.rouse()), nap).await;
                clock.at(clock.now().plus(GATHER_US)).await;
            }
            Err(error) => rest(&clock, &error).await,
        }
    }
}

pub(super) async fn work_as_courier(mut courier: Courier, clock: VirtualClock) {
    loop {
        match courier.tick(LIMIT).await {
            Ok(Progress { more: true, .. }) => {}
            Ok(Progress { next, .. }) => clock.nap(next.unwrap_or(clock.now().plus(SECOND_US))).await,
            Err(error) => rest(&clock, &error).await,
        }
    }
}

/// A store that is away may come back. One in which something is broken is looked at again, seldom.
async fn rest(clock: &VirtualClock, error: &StoreError) {
    let factor = if error.is_fatal() { 7_200 } else { 1 };
    clock.at(clock.now().plus(PAUSE_US * factor)).await;
}
