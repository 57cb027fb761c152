//! Those who work are not kept waiting by those who ask.

use futures::future::{Either, join_all, select};
use store::{Access, Statement};

use crate::world::{new_database, open};

static SLOW: Statement = Statement {
    name: "test.slow",
    text: "SELECT CAST(1 AS BIGINT) AS one FROM pg_sleep(1)",
    params: &[],
    sqlite: None,
};

#[test]
fn who_works_reads_on_connections_of_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(url) = new_database() else { return };
        let store = open(&url, Access::Migrate).await.unwrap();
        let (callers, worker) = (store.reader(), store.own_reader());
        // More than there are connections for.
        let asked = join_all((0..16).map(|_| callers.query(&SLOW, Vec::new())));
        let works = worker.load(0, Vec::new());
        match select(asked, works).await {
            Either::Right((read, asked)) => {
                read.unwrap();
                assert!(asked.await.iter().all(Result::is_ok));
            }
            Either::Left(_) => panic!("whoever works waits until all who ask are served"),
        }
    });
}
