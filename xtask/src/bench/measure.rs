//! Single measurements: a new store each, a command of the program on it, its rows.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::options::Options;
use super::postgres::Postgres;
use super::program::Program;
use super::report::{middle, rows, with};
use crate::failure::Failure;

/// Which database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(super) const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What is measured, and on what.
pub(super) struct Bench {
    pub(super) program: Program,
    pub(super) postgres: Postgres,
    folder: PathBuf,
    runs: usize,
    duration: String,
    warm_up: String,
    stores: Cell<u32>,
}

/// An empty store, gone when dropped.
pub(super) struct Store<'b> {
    /// As `--store` takes it.
    pub(super) url: String,
    engine: Engine,
    name: String,
    directory: PathBuf,
    postgres: &'b Postgres,
}

impl Store<'_> {
    /// Bytes on the disk.
    pub(super) fn size(&self) -> Result<u64, Failure> {
        match self.engine {
            Engine::Postgres => self.postgres.size(&self.name),
            Engine::Sqlite => {
                let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
                Ok(files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum())
            }
        }
    }
}

impl Drop for Store<'_> {
    fn drop(&mut self) {
        // The whole folder goes at the end anyway.
        let _ = match self.engine {
            Engine::Sqlite => fs::remove_dir_all(&self.directory).map_err(|error| Failure::new(error.to_string())),
            Engine::Postgres => self.postgres.drop_database(&self.name),
        };
    }
}

impl Bench {
    pub(super) fn new(root: &Path, folder: &Path, options: &Options) -> Result<Self, Failure> {
        Ok(Self {
            program: Program::new(root, folder),
            postgres: Postgres::start(&folder.join("postgres"), None)?,
            folder: folder.to_owned(),
            runs: options.runs,
            duration: options.duration.to_string(),
            warm_up: options.warm_up.to_string(),
            stores: Cell::new(0),
        })
    }

    /// A new store.
    pub(super) fn store(&self, engine: Engine) -> Result<Store<'_>, Failure> {
        self.store_in(engine, &self.postgres)
    }

    /// A new store; on PostgreSQL in that server.
    pub(super) fn store_in<'b>(&self, engine: Engine, postgres: &'b Postgres) -> Result<Store<'b>, Failure> {
        self.stores.set(self.stores.get() + 1);
        let name = format!("bench_{}", self.stores.get());
        let directory = self.folder.join(&name);
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", directory.display()),
            Engine::Postgres => postgres.database(&name)?,
        };
        Ok(Store { url, engine, name, directory, postgres })
    }

    /// Another PostgreSQL, on one processor.
    pub(super) fn pinned_postgres(&self, cpu: &str) -> Result<Postgres, Failure> {
        Postgres::start(&self.folder.join("postgres_pinned"), Some(cpu))
    }

    /// `suanpan bench pay` on a new store, as often as there are runs; each row with its store and scenario.
    pub(super) fn pay(&self, engine: Engine, scenario: &str, arguments: &[&str]) -> Result<Vec<Value>, Failure> {
        let mut all = vec!["pay", "--scenario", scenario];
        all.extend(arguments);
        let rows = self.runs(engine, &all)?;
        Ok(rows.into_iter().map(|row| with(row, &[("scenario", json!(scenario))])).collect())
    }

    /// `suanpan bench WORD …` on a new store, as often as there are runs; each row with its store.
    pub(super) fn runs(&self, engine: Engine, arguments: &[&str]) -> Result<Vec<Value>, Failure> {
        let mut runs = Vec::new();
        for _ in 0..self.runs {
            let store = self.store(engine)?;
            let pid = self.postgres.pid.to_string();
            let mut all = vec!["bench"];
            all.extend(arguments);
            all.extend(["--store", &store.url, "--duration", &self.duration, "--warm-up", &self.warm_up]);
            if engine == Engine::Postgres {
                all.extend(["--database-pid", &pid]);
            }
            runs.push(rows(&self.program.report(&all, None)?)?);
        }
        Ok(middle(&runs).into_iter().map(|row| with(row, &[("store", json!(engine.name()))])).collect())
    }
}
