//! The stage of every attack: a server, two merchants, everybody's keys, and the question what a refusal changed.

use std::cell::RefCell;
use std::time::Duration;

use kernel::Code;
use serde_json::Value;

use super::rows::Rows;
use super::wire::{Answer, Call};
use crate::api::Api;
use crate::host::{Host, play};
use crate::server::Settings;
use crate::shop::Shop;
use crate::store::Engine;

/// Words that no answer may hold: they say how the platform is built.
const LEAKS: [&str; 10] =
    ["panicked", "RUST_", "SELECT ", "INSERT ", "sqlite", "postgres", ".rs:", "stack backtrace", "/crates/", "whsec_"];

/// Who and what is there.
pub(super) struct Stage<'a> {
    pub(super) host: &'a Host,
    /// The platform's key.
    pub(super) platform: Api,
    /// The merchant whose things are attacked; its key may spend users' money.
    pub(super) shop: Shop,
    /// A key of the same merchant as it comes: to read and to write.
    pub(super) plain: Api,
    /// A key of the same merchant that may only read.
    pub(super) reader: Api,
    /// Another merchant.
    pub(super) other: Shop,
    rows: RefCell<Rows>,
}

/// Plays an attack on a stage of its own, on each database, to the common end of all stories.
pub(super) fn attack(attack: impl AsyncFn(&Stage<'_>)) {
    attack_with(&[], attack);
}

/// The same where institutions are not asked again for a long time, so that what waits for their word stays at rest.
pub(super) fn attack_in_silence(attack: impl AsyncFn(&Stage<'_>)) {
    attack_with(&[("sandbox.first_query_ms", "600000")], attack);
}

/// The same with settings.
pub(super) fn attack_with(settings: Settings, attack: impl AsyncFn(&Stage<'_>)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        on(engine, settings, &attack);
    }
}

/// The same where the attacker also reaches into SQLite's files.
pub(super) fn attack_on_files(attack: impl AsyncFn(&Stage<'_>)) {
    on(Engine::Sqlite, &[], &attack);
}

fn on(engine: Engine, settings: Settings, attack: &impl AsyncFn(&Stage<'_>)) {
    play(engine, settings, async |host: &Host| {
        let stage = Stage::set(host).await;
        attack(&stage).await;
    });
}

impl<'a> Stage<'a> {
    async fn set(host: &'a Host) -> Self {
        let platform: Api = (**host).clone();
        let (shop, other) = (platform.shop().await, platform.shop().await);
        let plain = platform.with_key(&platform.merchant_key(&shop.id, &["read", "write"]).await);
        let reader = platform.with_key(&platform.merchant_key(&shop.id, &["read"]).await);
        let rows = RefCell::new(Rows::read(&host.store.url));
        Self { host, platform, shop, plain, reader, other, rows }
    }

    /// Waits until nothing moves by itself any more, and takes that as the state in which attacks find the store.
    pub(super) async fn settle(&self) {
        for _ in 0..100 {
            let before = self.rows();
            tokio::time::sleep(Duration::from_millis(150)).await;
            let after = self.rows();
            let still = after.same_business(&before);
            *self.rows.borrow_mut() = after;
            if still {
                return;
            }
        }
        panic!("the store never comes to rest");
    }

    /// The store as it is now.
    pub(super) fn rows(&self) -> Rows {
        Rows::read(&self.host.store.url)
    }

    /// Sends a call that must be refused, with this code, for this field, and must change nothing. Gives the problem.
    #[track_caller]
    pub(super) fn refused(&self, call: &Call, code: Code, param: Option<&str>) -> Value {
        let problem = self.refused_anywhere(call, code);
        assert_eq!(problem["param"].as_str(), param, "{call}\n{problem:#}");
        problem
    }

    /// The same where the field is looked at by the caller.
    #[track_caller]
    pub(super) fn refused_anywhere(&self, call: &Call, code: Code) -> Value {
        let answer = call.send(&self.platform.address);
        let problem = assert_problem(&answer, code, &call.to_string());
        self.unchanged(&call.to_string());
        problem
    }

    /// Nothing changed since the last look.
    #[track_caller]
    pub(super) fn unchanged(&self, what: &str) {
        let after = self.rows();
        after.assert_unchanged(&self.rows.borrow(), 1, what);
        *self.rows.borrow_mut() = after;
    }

    /// Sends a call that only asks whether this address is still alive and well.
    #[track_caller]
    pub(super) fn still_serves(&self) {
        assert_eq!(Call::new("GET", "/readyz", "").send(&self.platform.address).status, 200);
    }
}

/// A refusal with this code and all that every refusal has, which tells nothing about how the platform is built.
#[track_caller]
pub(super) fn assert_problem(answer: &Answer, code: Code, asked: &str) -> Value {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{asked}\n{} {}", answer.status, answer.body);
    let problem = answer.json();
    assert_eq!(problem["code"], code.as_str(), "{asked}\n{problem:#}");
    assert_eq!(answer.status, code.kind().status(), "{asked}\n{problem:#}");
    assert_eq!(problem["status"], answer.status, "{asked}");
    assert_eq!(problem["type"], format!("/docs/errors/{code}"), "{asked}");
    assert_eq!(problem["title"], code.title(), "{asked}");
    assert_eq!(problem["retryable"], code.kind().retryable(), "{asked}");
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{asked}");
    let request_id = answer.header("request-id");
    assert!(request_id.starts_with("req_"), "{asked}\n{request_id}");
    // A refusal that was kept is answered byte by byte, with the id of the request that was refused first.
    let replayed = !answer.header("idempotent-replayed").is_empty();
    assert!(replayed || problem["request_id"] == request_id, "{asked}\n{problem:#}");
    for leak in LEAKS {
        assert!(!answer.body.contains(leak), "{leak} in {}", answer.body);
    }
    problem
}
