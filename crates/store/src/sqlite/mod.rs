//! The SQLite driver.
//!
//! Every call runs to its end where it is called: the futures are ready at once, and a line runs on the thread that
//! drives it, because a hop per statement costs up to 40 %. Readers and side transactions of a store on disk have
//! threads of their own, so that they may be awaited from any task.

mod copier;
mod core;
mod crew;
mod fault;
mod files;
mod memory;

pub(crate) use self::files::Files;
pub use self::memory::Memory;

/// The version of SQLite that is built in, as `3.54.1`.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
