//! `suanpan rules`: reads a rule book from a file and says everything that is wrong with it; prints the books that come with
//! the program.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use rules::RuleBook;

use super::{Exit, complain, say};

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
}

impl Rules {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        match self {
            Self::Check { file } => check(&file),
            Self::Sample { name } => sample(name.as_deref()),
        }
    }
}

fn check(file: &Path) -> Result<Exit, Exit> {
    let source = std::fs::read_to_string(file).map_err(|error| {
        complain(&format!("{}: {error}", file.display()));
        Exit::Machine
    })?;
    Ok(match RuleBook::load(&source) {
        Ok(book) => {
            say(&format!("book {}: {}", book.name, book.about));
            Exit::Ok
        }
        Err(findings) => {
            findings.iter().for_each(|finding| say(&format!("{}: {finding}", file.display())));
            Exit::Findings
        }
    })
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
