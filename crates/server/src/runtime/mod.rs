//! Putting the parts together: from a configuration to a running server, and back to nothing.
//!
//! 1. Open the store; an empty one is given its tables.
//! 2. Start the lines, one per shard: each on a thread of its own for SQLite, whose calls run where they are made; as a
//!    task for PostgreSQL.
//! 3. Give a new store its birth through the first of them.
//! 4. Start the workers and the sandbox.
//! 5. Serve.
//!
//! The way down ([`Running::until_stopped`]) is the same backwards: stop accepting, let open requests end, stop the
//! workers, close the queues, let the lines empty them, end. A line that stops by itself ends the process with an error: what
//! is not durable is never acknowledged, and a supervisor starts us anew.

mod birth;
mod institutions;
mod line;
mod listen;
mod lookup;
mod observer;
mod queue;
mod refresh;
mod waiters;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::channels::Channels;
use engine::control::{Control, Shared};
use engine::ports::{Clock, Outside, Random, RiskService};
use engine::query::watermark::Watermark;
use engine::query::{self, Known, Queries};
use engine::route::Queues;
use engine::work::Gateway;
use engine::work::risk::{self, Asker, Inquiries};
use kernel::message::risk::Switch;
use kernel::{Shards, Time};
use store::{Access, Opening, Store, StoreError};
use tokio::sync::watch;

use crate::bank::{self, Bank};
use crate::config::{Config, Environment};
use crate::http::{self, Doors, Rate, Rates};
use crate::ports::{self, PlatformClock, RiskWeb, SystemClock, SystemRandom, Web};
use crate::telemetry::{self, Metrics};

use self::birth::Birth;
use self::institutions::Institutions;
use self::line::Lines;
use self::observer::Watcher;
use self::waiters::Waiters;
use self::workers::Workers;

/// Why a server could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The store.
    #[error("{store}: {error}{}", hint(.error))]
    Store {
        /// Which.
        store: String,
        /// What it said.
        error: StoreError,
    },
    /// The store has other shards than the configuration asks for.
    #[error(
        "{store}: the store was made with {found} shards and keeps them, but the configuration asks for {asked}; leave \
         `shards` out, or say {found}"
    )]
    Shards {
        /// Which.
        store: String,
        /// How many it has.
        found: i64,
        /// How many were asked for.
        asked: i64,
    },
    /// The address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Anything that the machine refuses.
    #[error("{0}")]
    Machine(String),
    /// A line stopped.
    #[error("the line stopped: {0}; nothing unfinished was acknowledged")]
    LineStopped(String),
}

fn hint(error: &StoreError) -> &'static str {
    match error {
        StoreError::Busy { .. } => "; stop the other process first, or use another directory",
        StoreError::Unreachable { .. } => "; is the address right, and is a store there?",
        _ => "",
    }
}

/// A running server.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The platform key that was made for a new store, to be shown once.
    pub(crate) new_key: Option<String>,
    queues: Queues,
    ready: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    workers: Workers,
    lines: Lines,
}

/// Starts a server.
pub(crate) async fn start(config: &Config, metrics: Metrics) -> Result<Running, Failure> {
    let platform = Arc::new(PlatformClock::new());
    let clock: Arc<dyn Clock> = Arc::<PlatformClock>::clone(&platform);
    let listener = listen::bind(config.listen).await?;
    let address = listener.local_addr().map_err(|error| Failure::Machine(error.to_string()))?;
    let store = open(config, Access::Serve { create: true }, &*clock).await?;
    let failed = |error| Failure::Store { store: config.store.to_string(), error };

    let reader = store.reader();
    let control = Shared::new(Control::load(&*reader, Shards::FIRST, &Control::default()).await.map_err(failed)?);
    let channels = Arc::new(channels(config));
    let shards = store.shards().await.map_err(failed)?;
    for shard in shards.all() {
        let head = reader.load(shard, Vec::new()).await.map_err(failed)?.head;
        platform.heed(Time::from_micros(head.last_time));
    }
    let (queues, exits) = Queues::new(shards, queue::terms(&config.limits));
    let asking = asking(config, &control.snapshot().salt, &queues, &clock);
    let (asker, inquiries) = asking.map_err(|error| Failure::Machine(error.to_string()))?.unzip();
    let inquiries = inquiries.unwrap_or_default();
    let waiters = Waiters::default();
    let (mut lines, mut followed) = (Lines(Vec::new()), Vec::new());
    for (shard, jobs) in shards.all().zip(exits) {
        let Some(queue) = queues.of(shard).cloned() else { continue };
        let known = Known::default();
        let (watcher, hearing) = Watcher::new(waiters.clone(), known.clone());
        lines.0.push(line::start(
            config,
            line::Parts {
                shard,
                queues: queues.clone(),
                inquiries: inquiries.clone(),
                line: store.line().map_err(failed)?,
                jobs,
                clock: Arc::clone(&clock),
                observer: Arc::new(watcher),
                control: control.clone(),
                channels: Arc::clone(&channels),
            },
        )?);
        followed.push(workers::Followed { shard, queue, hearing, known });
    }
    let birth = Birth { config, queues: &queues, control: &control, reader: &*reader, clock: &*clock };
    let new_key = tokio::select! {
        born = birth.attend() => born?,
        end = lines.first_end() => return Err(Failure::LineStopped(end)),
    };

    let gateway = Arc::new(gateway(config.environment, &control.snapshot().salt));
    let (stop, stopping) = watch::channel(false);
    let mut workers = Workers::new(stopping.clone());
    asker.into_iter().for_each(|asker| workers.also(asker.run()));
    let teller = match gateway.get(bank::NAME) {
        Some((_, account)) => {
            let (bank, teller) = Bank::open(bank::Setup {
                reader: store.own_reader(),
                side: store.side(store::Place::Bank).map_err(failed)?,
                clock: Arc::clone(&clock),
                account: account.clone(),
                notify: config.sandbox.notify.then(|| listen::own_url(address)),
            })
            .map_err(|error| Failure::Machine(error.to_string()))?;
            workers.also(bank.run());
            Some(teller)
        }
        None => None,
    };
    let outside = Web::new(config.environment, teller).map_err(|error| Failure::Machine(error.to_string()))?;
    let outside: Arc<dyn Outside> = Arc::new(outside);
    let known: Vec<Known> = followed.iter().map(|followed| followed.known.clone()).collect();
    let parts = workers::Parts {
        config,
        store: &store,
        control: &control,
        platform: &platform,
        outside: &outside,
        gateway: &gateway,
        channels: &channels,
        shards,
    };
    for followed in followed {
        workers.start(&parts, followed).map_err(failed)?;
    }
    workers.also(refresh::every_two_seconds(Arc::clone(&reader), control.clone()));
    workers.also(upkeep(metrics.clone()));
    workers.also(queue::sweep(queues.clone(), Arc::clone(&clock)));

    let ready = Arc::new(AtomicBool::new(true));
    let watermarks: Vec<_> = shards.all().zip(known.iter().map(|known| known.watermark.clone())).collect();
    let desk = http::Desk::new(
        queues.clone(),
        Arc::clone(&clock),
        i64::try_from(config.limits.request_timeout_ms).unwrap_or(i64::MAX).saturating_mul(1_000),
    );
    let doors = Doors {
        lookup: Arc::new(Queries::new(
            shards,
            query::Setup {
                stored: config.tools.kinds(),
                known,
                reader: Arc::clone(&reader),
                control: control.clone(),
                channels: Arc::clone(&channels),
                clock: Arc::clone(&clock),
                alarm: Arc::new(SystemClock),
            },
        )),
        waiters: Arc::new(waiters),
        institutions: Arc::new(Institutions {
            gateway: Arc::clone(&gateway),
            channels: Arc::clone(&channels),
            desk: desk.clone(),
            reader: Arc::clone(&reader),
            shards,
            clock: Arc::clone(&clock),
            zone: config.book.zone.0.clone(),
        }),
        webhooks: Arc::new(workers::Resender::new(
            store.side(store::Place::Main).map_err(failed)?,
            Arc::clone(&reader),
            control.clone(),
            Arc::clone(&clock),
        )),
        desk,
        control: control.clone(),
        clock,
        random: Arc::new(SystemRandom),
        environment: config.environment,
        base_url: public_url(config, address),
        metrics: {
            let queues = queues.clone();
            Arc::new(move || {
                queue::publish(&queues.figures());
                publish_switches(&control.snapshot());
                publish_projections(&watermarks);
                metrics.render()
            })
        },
        ready: {
            let ready = Arc::clone(&ready);
            Arc::new(move || ready.load(Ordering::Relaxed))
        },
        stored: config.tools.kinds(),
        rates: Rates {
            requests: Rate {
                burst: config.limits.rate_per_key.saturating_mul(2),
                per_second: config.limits.rate_per_key,
            },
            ..Rates::default()
        },
    };
    let bounds = http::Bounds {
        connections: config.limits.connections,
        head: Duration::from_millis(config.limits.header_timeout_ms),
        drain: Duration::from_millis(config.limits.drain_ms),
    };
    let site = http::open(doors);
    let server = ports::task(async move {
        let mut stopping = stopping;
        // Whoever could say so is gone: that is the end as well.
        let end = async move { drop(stopping.wait_for(|stop| *stop).await) };
        let answer = move |visitor, request| site.clone().answer(visitor, request);
        http::serve(listener, answer, bounds, end).await;
    });
    tracing::info!(%address, store = %config.store, environment = config.environment.as_str(), "serving");
    Ok(Running { address, new_key, queues, ready, stop, server, workers, lines })
}

impl Running {
    /// Serves until `signal` is ready, then comes down in order; an error where the line stopped by itself.
    pub(crate) async fn until_stopped(mut self, signal: impl Future<Output = ()>) -> Result<(), Failure> {
        tokio::select! {
            () = signal => {}
            why = self.lines.first_end() => return Err(Failure::LineStopped(why)),
        }
        tracing::info!("stopping: open requests are answered, new ones are not taken");
        self.ready.store(false, Ordering::Relaxed);
        let _ = self.stop.send(true);
        // It bounds its own end; a panic in it was printed.
        let _ = (&mut self.server).await;
        self.workers.stop().await;
        self.queues.close();
        let why = self.lines.end().await;
        if why.is_empty() { Ok(()) } else { Err(Failure::LineStopped(why)) }
    }
}

/// Opens the configured store, which must have the shards that were asked for, if any were.
pub(crate) async fn open(config: &Config, access: Access, clock: &dyn Clock) -> Result<Store, Failure> {
    let opening = Opening { access, shards: config.shards.unwrap_or(1), now: clock.now().micros() };
    let failed = |error| Failure::Store { store: config.store.to_string(), error };
    let store = Store::open(&config.store.0, opening, ports::store_ports()).await.map_err(failed)?;
    let Some(asked) = config.shards else { return Ok(store) };
    let found = store.shards().await.map_err(failed)?.count();
    if found == asked { Ok(store) } else { Err(Failure::Shards { store: config.store.to_string(), found, asked }) }
}

/// What clients call us; the address that was bound where nothing else was configured.
fn public_url(config: &Config, address: SocketAddr) -> String {
    match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => listen::own_url(address),
    }
}

/// The channel accounts of this deployment: the sandbox in the test environment, none elsewhere yet.
fn channels(config: &Config) -> Channels {
    let registry = registry(config.environment);
    let mut profiles = channel::Profiles::new();
    if let Some(adapter) = registry.get(bank::NAME) {
        let mut profile = adapter.profile();
        profile.lifetime_s = config.sandbox.lifetime_s;
        profile.first_query_ms = config.sandbox.first_query_ms;
        profiles.insert(bank::NAME.to_owned(), profile);
    }
    Channels::new(profiles)
}

fn registry(environment: Environment) -> channel::Registry {
    match environment {
        Environment::Test => channel::Registry::test(),
        Environment::Live => channel::Registry::live(),
    }
}

/// The one who asks the outside risk service, and the way to it; in the test environment the sandbox plays the service
/// where none is configured.
fn asking(
    config: &Config,
    salt: &[u8; 32],
    queues: &Queues,
    clock: &Arc<dyn Clock>,
) -> Result<Option<(Asker, Inquiries)>, reqwest::Error> {
    let timeout_ms = config.risk.timeout_ms;
    let (service, secret): (Arc<dyn RiskService>, String) = match (&config.risk.url, &config.risk.secret) {
        (Some(url), Some(secret)) => (Arc::new(RiskWeb::new(url, timeout_ms)?), secret.reveal().to_owned()),
        _ if config.environment == Environment::Test => {
            let secret = bank::risk::secret(salt);
            let patience = Duration::from_millis(timeout_ms);
            (Arc::new(bank::risk::Risk { secret: secret.clone(), patience, clock: Arc::clone(clock) }), secret)
        }
        _ => return Ok(None),
    };
    let (queues, clock) = (queues.clone(), Arc::clone(clock));
    Ok(Some(Asker::new(risk::Setup { service, secret, calls: config.risk.calls, queues, clock })))
}

fn gateway(environment: Environment, salt: &[u8; 32]) -> Gateway {
    let gateway = Gateway::new(registry(environment));
    match environment {
        Environment::Test => {
            let key = blake3::Hash::from(blake3::derive_key("suanpan sandbox channel account, signing key", salt));
            let keys = vec![channel::signature::Secret::new(key.to_hex().to_string())];
            gateway.with(bank::NAME, channel::Account { name: bank::NAME.to_owned(), keys, sandbox: None })
        }
        Environment::Live => gateway,
    }
}

fn publish_switches(control: &Control) {
    for switch in Switch::ALL {
        let on = if control.is_off(*switch) { 1.0 } else { 0.0 };
        metrics::gauge!(telemetry::SWITCH, "name" => switch.as_str()).set(on);
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn publish_projections(watermarks: &[(i64, Watermark)]) {
    for (shard, watermark) in watermarks {
        metrics::gauge!(telemetry::PROJECTIONS_BEHIND, "shard" => shard.to_string()).set(watermark.behind_by() as f64);
    }
}

async fn upkeep(metrics: Metrics) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.upkeep();
    }
}

/// Random bits as bytes.
fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    for half in bytes.chunks_mut(16) {
        half.copy_from_slice(&SystemRandom.bits().to_le_bytes());
    }
    bytes
}

/// What a reader is told when the store cannot be read; the log is told why.
fn unavailable(error: &StoreError) -> kernel::Problem {
    tracing::warn!(%error, detail = error.detail(), "the store could not be read");
    kernel::Problem::new(kernel::Code::store_unavailable, error.to_string())
}
