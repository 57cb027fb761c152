//! Exit codes. Scripts rely on them: they never change their meaning.

use std::process::ExitCode;

use store::StoreError;

use crate::runtime::Failure;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As wished.
    Ok = 0,
    /// It ran, and found something wrong.
    Findings = 1,
    /// Wrong arguments or configuration.
    Usage = 2,
    /// The store: unreachable, held by another process, or of another version.
    Store = 3,
    /// The server stopped by itself, because going on would not have been safe.
    Stopped = 4,
    /// The address is taken.
    Listen = 5,
    /// The machine refused something else.
    Machine = 6,
    /// A server that was asked for does not answer.
    Away = 7,
}

/// For the end of `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  as wished
  1  it ran and found something wrong (verify, doctor, rules check, replay, bench), found nothing (search), or was
     refused by the server (import, cases, rules)
  2  wrong arguments or configuration
  3  the store cannot be reached, is held by another process, or has another version
  4  the server stopped by itself, because going on would not have been safe
  5  the address to listen on cannot be had
  6  the machine refused something else
  7  the server that was asked does not answer";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Store { .. } => Self::Store,
            Failure::Shards { .. } => Self::Usage,
            Failure::Listen { .. } => Self::Listen,
            Failure::Machine(_) => Self::Machine,
            Failure::LineStopped(_) => Self::Stopped,
        }
    }
}

/// Prints a failure; gives its code.
pub(super) fn report(failure: &Failure) -> Exit {
    super::complain(&failure.to_string());
    if let Failure::Store { error, .. } = failure
        && !error.detail().is_empty()
    {
        super::complain(&format!("  {}", detail(error)));
    }
    failure.into()
}

fn detail(error: &StoreError) -> &str {
    error.detail()
}
