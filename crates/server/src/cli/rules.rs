//! `suanpan rules check`: reads a rule book from a file and says everything that is wrong with it.

use std::path::PathBuf;

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
}

impl Rules {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let Self::Check { file } = self;
        let source = std::fs::read_to_string(&file).map_err(|error| {
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
}
