//! The PostgreSQL driver.
//!
//! A line owns two connections, to write a batch and to read for the next one, a side writer one; readers share a few. Statements are prepared once per connection;
//! what does not depend on an answer is sent without waiting for one, so that a load is one round trip and a write is
//! two: everything up to the counts, then the commit.

mod fault;
mod line;
mod link;
pub mod naive;
mod pool;
mod run;
mod wire;

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use futures::lock::Mutex;
use tokio_postgres::Config;

use self::line::{PgLine, PgSide};
use self::link::{Link, Server, Use};
use self::pool::Pool;
use crate::door::{Dialect, Line, Place, Reader, Side, StoreError};
use crate::migrate::{self, Birth};
use crate::{Access, Spawn};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// Silence after which a peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// Connections that read for callers.
const READERS: usize = 4;
/// Connections that read for one who works.
const OWN_READERS: usize = 2;

/// An open database.
pub(crate) struct Postgres {
    server: Arc<Server>,
    pool: Arc<Pool>,
    access: Access,
}

impl Postgres {
    /// Opens a database; see [`Store::open`](crate::Store::open).
    pub(crate) async fn open(url: &str, access: Access, birth: Birth, spawn: Spawn) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(|error| StoreError::other(error.to_string()))?;
        config.keepalives_idle(KEEPALIVE).tcp_user_timeout(UNACKNOWLEDGED).application_name("suanpan");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        let server = Arc::new(Server { config, spawn });
        migrate(Link::new(Arc::clone(&server), Use::Write), access, birth).await?;
        let pool = Arc::new(Pool::new(&server, READERS));
        Ok(Self { server, pool, access })
    }

    /// A line; it connects at its first calls.
    pub(crate) fn line(&self) -> Result<Box<dyn Line>, StoreError> {
        let writer = Arc::new(Mutex::new(self.writer()?));
        let reader = Link::new(Arc::clone(&self.server), Use::Read);
        Ok(Box::new(PgLine { writer, reader, spawn: Arc::clone(&self.server.spawn) }))
    }

    /// A reader.
    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.pool) as Arc<dyn Reader>
    }

    /// A reader with connections of its own.
    pub(crate) fn own_reader(&self) -> Arc<dyn Reader> {
        Arc::new(Pool::new(&self.server, OWN_READERS))
    }

    /// A writer of small transactions; it connects at its first call. All places are this database.
    pub(crate) fn side(&self, _: Place) -> Result<Box<dyn Side>, StoreError> {
        Ok(Box::new(PgSide(self.writer()?)))
    }

    fn writer(&self) -> Result<Link, StoreError> {
        if self.access == Access::Inspect {
            return Err(StoreError::other("a store that is only inspected has no writers"));
        }
        Ok(Link::new(Arc::clone(&self.server), Use::Write))
    }
}

async fn migrate(mut link: Link, access: Access, birth: Birth) -> Result<(), StoreError> {
    let open = link.ready().await?;
    let found = run::schema(open).await?;
    if let Some(script) = migrate::plan(found, access, &Place::ALL, Dialect::Postgres, birth)? {
        run::migrate(open, &script).await?;
    }
    let found = run::schema(open).await?;
    migrate::plan(found, Access::Inspect, &Place::ALL, Dialect::Postgres, birth).map(|_| ())
}
