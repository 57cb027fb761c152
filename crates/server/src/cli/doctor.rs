//! `suanpan doctor`: what is right, what is wrong, and how to mend it. Changes nothing and takes no lock.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use engine::ports::Clock as _;
use kernel::{Shards, Time};
use store::{Access, Snapshot, Store, StoreError, Url};

use super::{Common, Exit, block, complain, fsync, say};
use crate::config::{Config, Environment};
use crate::ports::{SystemClock, Web};
use crate::runtime::{self, Failure};

/// The oldest SQLite that writes safely with several connections.
const LEAST_SQLITE: [u32; 3] = [3, 51, 3];
/// A flush that takes longer than this makes every answer slow, in microseconds.
const SLOW_FLUSH_US: i64 = 5_000;

/// What a check found.
enum Finding {
    Good(String),
    /// Worth knowing; the server runs.
    Odd(String, &'static str),
    /// The server would not run, or not safely.
    Bad(String, String),
}

use Finding::{Bad, Good, Odd};

/// Checks everything that can be checked from here.
pub(super) fn run(common: &Common) -> Result<Exit, Exit> {
    let loaded = common.load().inspect_err(|_| complain("config: see `suanpan config keys` for what is allowed"))?;
    let config = loaded.config;
    let mut sound = true;
    let mut tell = |name: &str, finding: Finding| {
        sound &= !matches!(finding, Bad(..));
        say(&match finding {
            Good(found) => format!("ok    {name}: {found}"),
            Odd(found, fix) => format!("note  {name}: {found}\n      fix: {fix}"),
            Bad(found, fix) => format!("WRONG {name}: {found}\n      fix: {fix}"),
        });
    };
    tell("config", Good("read and allowed".to_owned()));
    tell("environment", environment(&config));
    tell("clock", clock(SystemClock.now()));
    tell("address", address(&config));
    if let Url::Sqlite(directory) = &config.store.0 {
        tell("sqlite", sqlite(store::sqlite_version()));
        tell("disk", disk(directory));
    }
    block(async {
        tell("outside", outside(&config));
        for (name, finding) in store_checks(&config).await {
            tell(name, finding);
        }
        Ok(())
    })?;
    Ok(if sound { Exit::Ok } else { Exit::Findings })
}

fn environment(config: &Config) -> Finding {
    match (config.environment, config.listen.ip().is_loopback()) {
        (Environment::Live, _) if config.public_url.is_none() => Odd(
            "live, without a public_url".to_owned(),
            "set public_url to the https address that clients and institutions call",
        ),
        (Environment::Test, false) => Odd(
            format!("test, and {} is not loopback: anybody who reaches it can make up money", config.listen),
            "listen on 127.0.0.1, or make sure that only your own systems reach it",
        ),
        (environment, _) => Good(environment.to_string()),
    }
}

fn clock(now: Time) -> Finding {
    let (least, most) = (1_767_225_600_000_000, 4_102_444_800_000_000); // 2026 and 2100
    if (least..most).contains(&now.micros()) {
        Good(now.to_string())
    } else {
        Bad(format!("{now} cannot be"), "set the machine's clock; run a time service".to_owned())
    }
}

fn address(config: &Config) -> Finding {
    match TcpListener::bind(config.listen) {
        Ok(_) => Good(format!("{} is free", config.listen)),
        Err(error) => Odd(
            format!("{}: {error}", config.listen),
            "if that is not suanpan itself, choose another --listen or stop who is there",
        ),
    }
}

fn sqlite(version: &str) -> Finding {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let parts = [(); 3].map(|()| parts.next().unwrap_or(0));
    if parts >= LEAST_SQLITE {
        Good(version.to_owned())
    } else {
        Bad(
            format!("{version} can corrupt a file that two connections write to"),
            "build with the bundled SQLite, which is newer".to_owned(),
        )
    }
}

fn disk(directory: &Path) -> Finding {
    let Some(there) = nearest(directory) else {
        return Bad(format!("{} cannot be made", directory.display()), "name a directory that can".to_owned());
    };
    match fsync::median_us(&there) {
        Ok(us) if us <= SLOW_FLUSH_US => Good(format!("a flush takes {us} µs in {}", there.display())),
        Ok(us) => Odd(
            format!("a flush takes {us} µs in {}; every answer waits for one", there.display()),
            "use a local disk with power-loss protection for the store",
        ),
        Err(error) => Bad(format!("{}: {error}", there.display()), "let this user write there".to_owned()),
    }
}

/// The directory, or the nearest one above it that exists.
fn nearest(directory: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(directory).ok()?;
    absolute.ancestors().find(|path| path.is_dir()).map(Path::to_owned)
}

fn outside(config: &Config) -> Finding {
    match Web::new(config.environment, None) {
        Ok(web) if web.has_authorities() => Good("certificate authorities are installed".to_owned()),
        Ok(_) => Odd(
            "no certificate authorities: https webhooks cannot be delivered".to_owned(),
            "install the package ca-certificates",
        ),
        Err(error) => Bad(error.to_string(), "install the package ca-certificates".to_owned()),
    }
}

async fn store_checks(config: &Config) -> Vec<(&'static str, Finding)> {
    match runtime::open(config, Access::Inspect, &SystemClock).await {
        Ok(store) => {
            let schema = Good(format!("version {}", store::SCHEMA));
            vec![("store", Good(format!("{} opens", config.store))), ("schema", schema), ("head", head(&store).await)]
        }
        Err(Failure::Store { error, .. }) => vec![("store", cannot_open(config, &error))],
        Err(other) => vec![("store", Bad(other.to_string(), "see above".to_owned()))],
    }
}

fn cannot_open(config: &Config, error: &StoreError) -> Finding {
    let found = format!("{}: {error}", config.store);
    match (error, &config.store.0) {
        (StoreError::Schema { found: 0, .. }, _) => Odd(found, "`suanpan serve` makes the tables at its first start"),
        (StoreError::Schema { .. } | StoreError::Tables { .. }, _) => {
            Bad(found, "use the program that made it, or another store".to_owned())
        }
        (StoreError::Unreachable { .. }, Url::Sqlite(_)) => {
            Odd(found, "there is nothing yet; `suanpan serve` makes it at its first start")
        }
        (StoreError::Unreachable { .. }, Url::Postgres(_)) => {
            Bad(format!("{found} ({})", error.detail()), "is PostgreSQL running, and is the address right?".to_owned())
        }
        _ => Bad(format!("{found} ({})", error.detail()), "see the detail".to_owned()),
    }
}

/// Whether a shard's last batch lies in the future: then this clock, or another node's, went back. Of several shards the
/// one whose last batch is the newest speaks.
async fn head(store: &Store) -> Finding {
    match newest_head(store).await {
        Ok(snapshot) => {
            let (last, now) = (Time::from_micros(snapshot.head.last_time), SystemClock.now());
            if last.since(now) > kernel::time::SECOND_US {
                Odd(
                    format!("the last batch {} is of {last}, which is still to come", snapshot.head.seq),
                    "set the machines' clocks; times go on from there until they have caught up",
                )
            } else {
                Good(format!("batch {} of {last}", snapshot.head.seq))
            }
        }
        Err(error) => Bad(format!("{error} ({})", error.detail()), "restore a backup, and tell us".to_owned()),
    }
}

async fn newest_head(store: &Store) -> Result<Snapshot, StoreError> {
    let reader = store.reader();
    let mut newest = reader.load(Shards::FIRST, Vec::new()).await?;
    for shard in store.shards().await?.all().skip(1) {
        let snapshot = reader.load(shard, Vec::new()).await?;
        if snapshot.head.last_time > newest.head.last_time {
            newest = snapshot;
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for good in ["3.51.3", "3.54.1", "3.100.0", "4.0"] {
            assert!(matches!(sqlite(good), Good(_)), "{good}");
        }
        for bad in ["3.51.2", "3.9.9", "2.99.99", ""] {
            assert!(matches!(sqlite(bad), Bad(..)), "{bad}");
        }
    }

    #[test]
    fn a_clock_without_a_battery_is_seen() {
        assert!(matches!(clock(Time::from_micros(0)), Bad(..)));
        assert!(matches!(clock(Time::parse("2026-11-23T00:00:00Z").unwrap()), Good(_)));
    }
}
