//! The same orders on either database, on one shard and on several, come to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::tables::accounting::AccountRow;
use ::store::{Access, Ask, Opening, Ports, Row as _};

use crate::host::Host;
use crate::kills::{Figures, all_figures};
use crate::orders::Orders;
use crate::server::Settings;
use crate::store::{Engine, Store};

/// Orders played on each store.
const ORDERS: usize = 200;

/// What each owner has on each subject in each currency: debits and credits posted, debits and credits held.
type Sums = BTreeMap<(String, String, String), [i64; 4]>;

/// A store as its rows are.
async fn open(store: &Store) -> ::store::Store {
    let runtime = tokio::runtime::Handle::current();
    let ports = Ports {
        spawn: Arc::new(move |future| drop(runtime.spawn(future))),
        thread: Arc::new(|thread, run| {
            drop(std::thread::Builder::new().name(thread.name().into()).spawn(run).unwrap())
        }),
    };
    let opening = Opening { access: Access::Inspect, shards: 1, now: 0 };
    ::store::Store::open(&store.url.parse().unwrap(), opening, ports).await.unwrap()
}

/// The sums over all shards, and in how many shards there are trades' escrow accounts.
async fn sums(store: &Store) -> (Sums, usize) {
    let store = open(store).await;
    let (mut sums, mut used) = (Sums::new(), 0);
    for shard in store.shards().await.unwrap().all() {
        let ask = Ask { table: AccountRow::TABLE, keys: vec![Vec::new()] };
        let rows = store.reader().load(shard, vec![ask]).await.unwrap().rows.into_iter().flatten();
        let rows: Vec<_> = rows.map(|row| AccountRow::from_cells(row).unwrap()).collect();
        used += usize::from(rows.iter().any(|row| row.subject == "2004"));
        for row in rows {
            let sum = sums.entry((without_ids(&row.owner), row.subject.into(), row.currency.into())).or_default();
            for (sum, counter) in sum.iter_mut().zip([row.dp, row.cp, row.dh, row.ch]) {
                *sum += counter;
            }
        }
    }
    (sums, used)
}

/// An owner without the drawn id of its merchant; there is one merchant.
fn without_ids(owner: &str) -> String {
    let parts = owner.split(':').map(|part| if part.starts_with("mch_") { "mch" } else { part });
    parts.collect::<Vec<_>>().join(":")
}

fn replayed(engine: Engine, settings: Settings, orders: &Orders) -> Option<(Figures, Sums, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::start(engine, settings)?;
        let report = orders.replay(&host.store, &host.address).report();
        let figures = all_figures(&host, &report).await;
        let (sums, used) = sums(&host.store).await;
        host.end().await;
        Some((figures, sums, used))
    })
}

#[test]
fn the_same_orders_come_to_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let orders = Orders::write(directory.path(), ORDERS);
    let (figures, sums, used) = replayed(Engine::Sqlite, &[], &orders).unwrap();
    assert_eq!(used, 1);
    assert!(sums.len() > 20, "{sums:#?}");
    for (engine, settings, shards) in [
        (Engine::Sqlite, &[("shards", "4")] as Settings, 4),
        (Engine::Postgres, &[], 1),
        (Engine::Postgres, &[("shards", "4")], 4),
    ] {
        let Some(other) = replayed(engine, settings, &orders) else { continue };
        assert_eq!(other.2, shards, "{engine:?} with {settings:?}: every shard had trades");
        assert_eq!(other.1, sums, "{engine:?} with {settings:?}");
        assert_eq!(other.0, figures, "{engine:?} with {settings:?}");
    }
}
