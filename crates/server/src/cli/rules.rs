//! `suanpan rules`: reads a rule book from a file and says everything that is wrong with it, prints the books that come with
//! the program, and does with a server's books what its API does.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use rules::RuleBook;
use serde_json::{Value, json};

use super::remote::{Remote, lines, word};
use super::{Exit, block, complain, say};

/// Works on rule books.
#[derive(Debug, Subcommand)]
pub(super) enum Rules {
    /// Check a rule book; a bad one is told with every place and reason
    Check {
        /// The book, a TOML file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print a rule book that comes with the program, or say which there are
    Sample {
        /// Its name, as shop.checkout
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// List a server's books
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Print a server's book: the text of a version, or what versions and releases there are
    Show {
        /// Its name
        #[arg(value_name = "BOOK")]
        book: String,
        /// The text of this version
        #[arg(long, value_name = "NUMBER")]
        version: Option<u32>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Say what a book would have changed of a server's recorded trades; keeps nothing
    DryRun {
        /// The book, a TOML file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Of so many trades, the newest first
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        trades: u64,
        #[command(flatten)]
        remote: Remote,
    },
    /// Keep a book at a server as a draft
    Upload {
        /// The book, a TOML file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        remote: Remote,
    },
    /// Bring into use what somebody else uploaded
    Approve {
        /// Its name
        #[arg(value_name = "BOOK")]
        book: String,
        /// Its version
        #[arg(value_name = "NUMBER")]
        version: u32,
        /// From when on, as 2027-01-01T00:00:00Z; at once where left out
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Go back to a version that was in use, at once; version 1 takes the book out of use
    Rollback {
        /// Its name
        #[arg(value_name = "BOOK")]
        book: String,
        /// Its version
        #[arg(value_name = "NUMBER")]
        version: u32,
        #[command(flatten)]
        remote: Remote,
    },
}

impl Rules {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        match self {
            Self::Check { file } => check(&file),
            Self::Sample { name } => sample(name.as_deref()),
            Self::List { remote } => block(async move {
                let page = remote.get("/v1/rules", &[]).await?;
                for book in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                    let current = word(book, "current_version");
                    let state = if current.is_empty() { "not in use".to_owned() } else { format!("version {current}") };
                    say(&format!("{}: {state}", word(book, "book")));
                }
                Ok(Exit::Ok)
            }),
            Self::Show { book, version, remote } => block(show(book, version, remote)),
            Self::DryRun { file, trades, remote } => {
                let (source, book) = load(&file)?;
                block(dry_run(source, book.name, trades, remote))
            }
            Self::Upload { file, remote } => {
                let (source, book) = load(&file)?;
                block(async move {
                    let path = format!("/v1/rules/{}", book.name);
                    let kept = remote.post(&path, &json!({"lines": lines(&source)})).await?;
                    say(&format!("{}: version {} is kept as a draft", book.name, word(&kept, "version")));
                    Ok(Exit::Ok)
                })
            }
            Self::Approve { book, version, from, remote } => {
                block(release(remote, book, "approve", json!({"version": version, "from": from})))
            }
            Self::Rollback { book, version, remote } => {
                block(release(remote, book, "rollback", json!({"version": version})))
            }
        }
    }
}

async fn show(book: String, version: Option<u32>, remote: Remote) -> Result<Exit, Exit> {
    let path = format!("/v1/rules/{book}");
    let Some(version) = version else {
        say(&format!("{:#}", remote.get(&path, &[]).await?));
        return Ok(Exit::Ok);
    };
    let found = remote.get(&path, &[("version", &version.to_string())]).await?;
    let text = found.get("lines").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    text.for_each(say);
    Ok(Exit::Ok)
}

async fn release(remote: Remote, book: String, act: &str, body: Value) -> Result<Exit, Exit> {
    let shown = remote.post(&format!("/v1/rules/{book}/{act}"), &body).await?;
    let releases = shown.get("releases").and_then(Value::as_array);
    let newest = releases.and_then(|releases| releases.iter().max_by_key(|release| word(release, "created_at")));
    let from = newest.map(|release| word(release, "from")).unwrap_or_default();
    say(&format!("{book}: version {} from {from} on", word(&body, "version")));
    Ok(Exit::Ok)
}

/// Page by page, so that no answer has to wait for all of it.
async fn dry_run(source: String, book: String, trades: u64, remote: Remote) -> Result<Exit, Exit> {
    const PAGE: u64 = 100;
    let (path, lines) = (format!("/v1/rules/{book}/dry_run"), lines(&source));
    let (mut cursor, mut sums) = (Value::Null, [0_u64; 4]);
    let names = ["trades", "payments", "concerned", "refused"];
    let mut changed = 0_usize;
    while sums[0] < trades {
        let limit = PAGE.min(trades - sums[0]);
        let page = remote.post(&path, &json!({"lines": lines, "limit": limit, "cursor": cursor})).await?;
        for (sum, name) in sums.iter_mut().zip(names) {
            *sum += page.get(name).and_then(Value::as_u64).unwrap_or_default();
        }
        for change in page.get("changes").and_then(Value::as_array).into_iter().flatten() {
            changed += 1;
            let payment = word(change, "payment_id");
            let about = if payment.is_empty() { word(change, "trade_id") } else { payment };
            let (what, was, would) = (word(change, "change"), word(change, "was"), word(change, "would"));
            let shown = |text: &str| if text.is_empty() { "nothing said".to_owned() } else { text.to_owned() };
            say(&match what.as_str() {
                "refused" => format!("{about}: refused: {would}"),
                _ => format!("{about}: {what}: {}, was {}", shown(&would), shown(&was)),
            });
        }
        cursor = page.get("next_cursor").cloned().unwrap_or_default();
        if cursor.is_null() {
            break;
        }
    }
    let [trades, payments, concerned, refused] = sums;
    say(&format!(
        "{trades} trades and {payments} payments, {concerned} of them this book's: {changed} changes, {refused} payments refused"
    ));
    Ok(Exit::Ok)
}

/// A book that loads; everything that is wrong with one that does not is told.
fn load(file: &Path) -> Result<(String, RuleBook), Exit> {
    let source = read(file)?;
    match RuleBook::load(&source) {
        Ok(book) => Ok((source, book)),
        Err(findings) => {
            findings.iter().for_each(|finding| say(&format!("{}: {finding}", file.display())));
            Err(Exit::Findings)
        }
    }
}

fn read(file: &Path) -> Result<String, Exit> {
    std::fs::read_to_string(file).map_err(|error| {
        complain(&format!("{}: {error}", file.display()));
        Exit::Machine
    })
}

fn check(file: &Path) -> Result<Exit, Exit> {
    let (_, book) = load(file)?;
    say(&format!("book {}: {}", book.name, book.about));
    Ok(Exit::Ok)
}

fn sample(name: Option<&str>) -> Result<Exit, Exit> {
    let Some(name) = name else {
        for (name, source) in rules::SAMPLES {
            let about = RuleBook::load(source).map(|book| book.about).unwrap_or_default();
            say(&format!("{name}: {about}"));
        }
        return Ok(Exit::Ok);
    };
    let Some(source) = rules::sample(name) else {
        complain(&format!("there is no book {name}; `suanpan rules sample` says which there are"));
        return Err(Exit::Usage);
    };
    say(source.trim_end());
    Ok(Exit::Ok)
}
