//! Where a store is: `sqlite:DIR`, or `postgres://user:password@host:port/database`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::door::StoreError;

/// The address of a store.
#[derive(Clone, PartialEq, Eq)]
pub enum Url {
    /// A directory that holds (or will hold) the SQLite files.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as the driver takes it; may name a socket's directory as `?host=/run/postgresql`.
    Postgres(String),
}

impl FromStr for Url {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(directory) = text.strip_prefix("sqlite:").filter(|directory| !directory.is_empty()) {
            return Ok(Url::Sqlite(PathBuf::from(directory)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let config = tokio_postgres::Config::from_str(text);
            let named = config.ok().is_some_and(|config| config.get_dbname().is_some());
            return if named {
                Ok(Url::Postgres(text.to_owned()))
            } else {
                Err(StoreError::other("the address of the database is not postgres://user:password@host:port/database"))
            };
        }
        Err(StoreError::other("the address of a store starts with `sqlite:` or `postgres://`"))
    }
}

impl fmt::Display for Url {
    /// Without what may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Url::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            Url::Postgres(text) => {
                let (scheme, rest) = text.split_once("://").unwrap_or(("postgres", text));
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(f, "{scheme}://{place}")
            }
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
