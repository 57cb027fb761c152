//! PostgreSQL goes away at the wrong moment.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Instant;

use store::{Access, Line, Url, Written};
use tokio_postgres::{Client, Config, NoTls};

use crate::proxy::{DEAF, Loss, Proxy};
use crate::world::{Engine, Piece, World, after, all, inserts, on, open, piece, write};

/// Another client of the same database.
async fn client(url: &Url) -> Client {
    let Url::Postgres(text) = url else { panic!("a database") };
    let (client, connection) = Config::from_str(text).unwrap().connect(NoTls).await.unwrap();
    tokio::runtime::Handle::current().spawn(connection);
    client
}

/// Kills every session of the store.
async fn kill_sessions(url: &Url) {
    let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'suanpan'";
    client(url).await.batch_execute(kill).await.unwrap();
}

async fn lose(loss: Loss, world: &World) -> (Written, Box<dyn Line>) {
    let url = world.url.as_ref().unwrap();
    let proxy = Proxy::start(url, loss).await;
    let store = open(&proxy.url, Access::Serve { create: false }).await.unwrap();
    let mut line = store.line().unwrap();
    assert_eq!(write(&mut *line, 0, vec![]).await, Ok(Written::Done), "the proxy passes what it should");
    let head = line.load(0, &[], false).await.unwrap().head;
    let work = after(&head, vec![inserts(&[piece(1, "a", 1)])]);
    proxy.arm();
    let written = line.write(Arc::clone(&work)).await.unwrap();
    (written, line)
}

#[test]
fn a_commit_whose_answer_is_lost_is_found() {
    on(Engine::Postgres, async |world: World| {
        let (written, mut line) = lose(Loss::Answer, &world).await;
        assert_eq!(written, Written::Unknown);
        assert_eq!(line.resolve(0).await.unwrap().seq, 2, "it was committed");
        assert_eq!(all::<Piece>(&mut *line, 0).await, [piece(1, "a", 1)]);
    });
}

#[test]
fn a_commit_that_is_lost_is_waited_out() {
    on(Engine::Postgres, async |world: World| {
        #[expect(clippy::disallowed_methods, reason = "a test measures a wait")]
        let began = Instant::now();
        let (written, mut line) = lose(Loss::Commit, &world).await;
        assert_eq!(written, Written::Unknown);
        assert_eq!(line.load(0, &[], false).await.unwrap().head.seq, 1, "a plain read answers too early");
        assert_eq!(line.resolve(0).await.unwrap().seq, 1, "it was not committed, and cannot be any more");
        assert!(began.elapsed() >= DEAF, "resolve waited for the lost transaction to end");
        assert_eq!(write(&mut *line, 0, vec![inserts(&[piece(1, "a", 1)])]).await, Ok(Written::Done));
        assert_eq!(line.load(0, &[], false).await.unwrap().head.seq, 2);
    });
}

#[test]
fn a_session_that_is_killed_is_replaced() {
    on(Engine::Postgres, async |world: World| {
        let url = world.url.clone().unwrap();
        let mut line = world.line();
        let head = line.load(0, &[], false).await.unwrap().head;
        kill_sessions(&url).await;
        let work = after(&head, vec![inserts(&[piece(1, "a", 1)])]);
        // The news may reach us before the write or through it; in neither case is anything in doubt.
        let mut written = line.write(Arc::clone(&work)).await;
        if let Err(error) = &written {
            assert_eq!(error.code(), "store_unreachable");
            written = line.write(Arc::clone(&work)).await;
        }
        assert_eq!(written, Ok(Written::Done));
        kill_sessions(&url).await;
        let reader = world.store.reader();
        let mut read = reader.load(0, vec![]).await;
        if read.is_err() {
            read = reader.load(0, vec![]).await;
        }
        assert_eq!(read.unwrap().head.seq, 1);
    });
}

/// A session that is killed while its transaction waits for a lock: nothing is committed, and nothing is in doubt.
#[test]
fn a_write_that_is_cut_off_is_not_done() {
    on(Engine::Postgres, async |world: World| {
        let url = world.url.clone().unwrap();
        let holder = client(&url).await;
        holder.batch_execute("BEGIN; SELECT seq FROM shard WHERE shard = 0 FOR UPDATE").await.unwrap();
        let mut line = world.line();
        let head = line.load(0, &[], false).await.unwrap().head;
        let work = after(&head, vec![inserts(&[piece(1, "a", 1)])]);
        let cut = async {
            tokio::time::sleep(DEAF).await;
            kill_sessions(&url).await;
        };
        let (written, ()) = futures::future::join(line.write(Arc::clone(&work)), cut).await;
        assert_eq!(written.unwrap_err().code(), "store_unreachable");
        holder.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(line.write(Arc::clone(&work)).await, Ok(Written::Done));
    });
}

#[test]
fn nobody_there_is_unreachable() {
    on(Engine::Postgres, async |world: World| {
        drop(world);
        let url: Url = "postgres://postgres@127.0.0.1:1/none".parse().unwrap();
        let error = open(&url, Access::Serve { create: true }).await.err().unwrap();
        assert_eq!(error.code(), "store_unreachable");
    });
}

#[test]
fn a_socket_does_as_well() {
    on(Engine::Postgres, async |world: World| {
        let server = testkit::postgres::shared().unwrap();
        let Some(Url::Postgres(tcp)) = &world.url else { panic!("a database") };
        let name = tcp.rsplit('/').next().unwrap();
        let directory = server.socket_directory().display();
        let url = format!("postgres://postgres@/{name}?host={directory}&port={}", server.port());
        let store = open(&url.parse().unwrap(), Access::Serve { create: false }).await.unwrap();
        assert_eq!(write(&mut *store.line().unwrap(), 0, vec![]).await, Ok(Written::Done));
    });
}
