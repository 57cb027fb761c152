//! A connection that comes about when it is needed, again after it was lost.
//!
//! A call that was dropped or cut off in the middle of a transaction leaves its connection marked; the next call takes a
//! new one rather than find itself inside somebody's unfinished work. How long to wait before the next try is the
//! caller's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::FutureExt as _;
use tokio_postgres::{Client, Config, NoTls};

use super::fault::fault;
use super::wire::scalar;
use crate::Spawn;
use crate::door::bulk::{Verb, insert_text};
use crate::door::{Dialect, Statement, StoreError, Table};

/// Settings of every connection. A session that stays idle inside a transaction holds the head of a shard: the server
/// ends it, so that a node that vanished stops nobody for longer than that.
const SESSION: &str = "SET synchronous_commit = on; SET client_min_messages = warning; SET jit = off; \
    SET idle_in_transaction_session_timeout = '10s'";
/// Writers only touch rows by key. Their plans are made once and must not depend on how small a table was that day.
const WRITER: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off";
/// A read that takes longer is a mistake.
const READER: &str = "SET default_transaction_read_only = on; SET statement_timeout = '30s'";

/// How often the same tables must be inserted into together before a statement for all of them is prepared.
const OFTEN: u32 = 8;
/// Most sets of tables that are counted, and most that are prepared: each is a plan that the server keeps for the
/// connection.
const MOST_SETS: usize = 1_024;
const MOST_PREPARED: usize = 64;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

/// Where to connect, and who drives connections.
pub(super) struct Server {
    pub(super) config: Config,
    pub(super) spawn: Spawn,
}

/// A connection, or the place where one will be.
pub(super) struct Link {
    server: Arc<Server>,
    purpose: Use,
    open: Option<Open>,
}

/// An open connection and what is prepared on it.
pub(super) struct Open {
    pub(super) client: Client,
    /// Whether a transaction may be open on it.
    pub(super) inside: bool,
    bulks: BTreeMap<(&'static str, Verb), tokio_postgres::Statement>,
    statements: BTreeMap<&'static str, tokio_postgres::Statement>,
    /// Inserts into several tables, by their names; `None` where the server would not prepare one.
    joint: BTreeMap<Vec<&'static str>, Option<tokio_postgres::Statement>>,
    /// How often tables were inserted into together that are not among those.
    met: BTreeMap<Vec<&'static str>, u32>,
}

impl Link {
    /// A link that connects when it is needed.
    pub(super) fn new(server: Arc<Server>, purpose: Use) -> Self {
        Self { server, purpose, open: None }
    }

    /// An open connection outside any transaction.
    pub(super) async fn ready(&mut self) -> Result<&mut Open, StoreError> {
        if self.open.as_ref().is_some_and(|open| open.inside || open.client.is_closed()) {
            self.open = None;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => self.server.connect(self.purpose).await?,
        };
        Ok(self.open.insert(open))
    }

    /// Gives up the connection; the next call takes a new one.
    pub(super) fn renew(&mut self) {
        self.open = None;
    }
}

impl Server {
    async fn connect(&self, purpose: Use) -> Result<Open, StoreError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(|error| fault(&error))?;
        (self.spawn)(
            async move {
                // How it ended is told to whoever waits for an answer on it.
                let _ = connection.await;
            }
            .boxed(),
        );
        let purpose = if purpose == Use::Write { WRITER } else { READER };
        for settings in [SESSION, purpose] {
            client.batch_execute(settings).await.map_err(|error| fault(&error))?;
        }
        Ok(Open {
            client,
            inside: false,
            bulks: BTreeMap::new(),
            statements: BTreeMap::new(),
            joint: BTreeMap::new(),
            met: BTreeMap::new(),
        })
    }
}

impl Open {
    /// The prepared text of a verb on a table.
    pub(super) async fn bulk(
        &mut self,
        table: &'static Table,
        verb: Verb,
    ) -> Result<tokio_postgres::Statement, StoreError> {
        if let Some(prepared) = self.bulks.get(&(table.name, verb)) {
            return Ok(prepared.clone());
        }
        let text = verb.text(table, Dialect::Postgres, 1);
        let prepared = self.client.prepare(&text).await.map_err(|error| fault(&error))?;
        self.bulks.insert((table.name, verb), prepared.clone());
        Ok(prepared)
    }

    /// The prepared text that inserts into all of these tables; `None` where they are not met so often that it pays to
    /// have one.
    pub(super) async fn insert_into_all(
        &mut self,
        tables: &[&'static Table],
    ) -> Result<Option<tokio_postgres::Statement>, StoreError> {
        let names: Vec<&'static str> = tables.iter().map(|table| table.name).collect();
        if let Some(prepared) = self.joint.get(&names) {
            return Ok(prepared.clone());
        }
        let is_new = !self.met.contains_key(&names);
        if tables.len() < 2 || self.joint.len() >= MOST_PREPARED || (is_new && self.met.len() >= MOST_SETS) {
            return Ok(None);
        }
        let met = self.met.entry(names.clone()).or_default();
        *met += 1;
        if *met <= OFTEN {
            return Ok(None);
        }
        let prepared = match self.client.prepare(&insert_text(tables)).await {
            Ok(prepared) => Some(prepared),
            Err(error) if self.client.is_closed() => return Err(fault(&error)),
            // Each table by itself does as well.
            Err(error) => {
                let error = fault(&error);
                tracing::warn!(error = error.detail(), "rows of several tables cannot go in one statement");
                None
            }
        };
        self.met.remove(&names);
        self.joint.insert(names, prepared.clone());
        Ok(prepared)
    }

    /// A prepared statement.
    pub(super) async fn statement(
        &mut self,
        statement: &'static Statement,
    ) -> Result<tokio_postgres::Statement, StoreError> {
        if let Some(prepared) = self.statements.get(statement.name) {
            return Ok(prepared.clone());
        }
        let prepared = self.prepare(statement).await.map_err(|error| fault(&error))?;
        self.statements.insert(statement.name, prepared.clone());
        Ok(prepared)
    }

    /// Prepares a statement with the kinds it states.
    pub(super) async fn prepare(
        &self,
        statement: &'static Statement,
    ) -> Result<tokio_postgres::Statement, tokio_postgres::Error> {
        let kinds: Vec<_> = statement.params.iter().map(|kind| scalar(*kind)).collect();
        self.client.prepare_typed(&statement.text_for(Dialect::Postgres), &kinds).await
    }
}
