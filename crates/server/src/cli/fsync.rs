//! How long the disk takes until a write is safe: what every answer of the platform waits for.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use engine::ports::Clock as _;

use crate::ports::SystemClock;

/// Writes measured.
const TRIES: usize = 32;
/// Bytes of each, a page.
const PAGE: usize = 4_096;

/// The median time of appending a page and having it flushed, in microseconds, in a file of its own that is removed.
pub(super) fn median_us(directory: &Path) -> io::Result<i64> {
    let path = directory.join(format!(".suanpan-fsync-{}", std::process::id()));
    let measured = measure(&path);
    // It is gone, or it could not be made.
    let _ = std::fs::remove_file(&path);
    measured
}

fn measure(path: &Path) -> io::Result<i64> {
    let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
    let mut times = Vec::with_capacity(TRIES);
    for _ in 0..TRIES {
        let begun = SystemClock.steady();
        file.write_all(&[0x5a; PAGE])?;
        file.sync_data()?;
        times.push(SystemClock.steady().since(begun));
    }
    times.sort_unstable();
    Ok(times.get(TRIES / 2).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(median_us(directory.path()).unwrap() >= 0);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(median_us(&directory.path().join("none")).is_err());
    }
}
