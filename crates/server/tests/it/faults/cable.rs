//! A cable between the server and its PostgreSQL that breaks at commits.
//!
//! It reads what the server sends, message by message, as far as it must to know two things: that a transaction which
//! writes is to be committed, and whether it is a line's, which moves the shard on. Every so many commits it breaks, both
//! ways, in turns: before the commit has passed, or after PostgreSQL has answered it and before the answer has passed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// How long PostgreSQL does not hear that the other end is gone, where a commit never passed.
const DEAF: Duration = Duration::from_millis(30);
/// How the store moves a shard on.
const FENCE: &[u8] = b"UPDATE shard SET";

/// A cable that is laid until this is dropped.
pub(crate) struct Cable {
    /// The address of the database, through the cable.
    pub(crate) url: String,
    counts: Arc<Counts>,
    _runtime: Runtime,
}

/// Where a commit was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// It never reached PostgreSQL.
    Before,
    /// PostgreSQL has done it; the answer never reached the server.
    After,
}

/// What came by: of lines, and of everybody else who writes.
#[derive(Default)]
struct Counts {
    /// It breaks at every so many commits of each; never where this is 0.
    every: AtomicUsize,
    lines: Passed,
    others: Passed,
}

#[derive(Default)]
struct Passed {
    commits: AtomicUsize,
    lost_before: AtomicUsize,
    lost_after: AtomicUsize,
}

impl Cable {
    /// Lays one to the database at this address.
    pub(crate) fn to(url: &str) -> Self {
        let (host, name) = url.rsplit_once('/').unwrap();
        let (user, port) = host.rsplit_once(':').unwrap();
        let port: u16 = port.parse().unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("{user}:{}/{name}", listener.local_addr().unwrap().port());
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        runtime.spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                // Where PostgreSQL is not there, the server finds its end closed.
                if let Ok(database) = TcpStream::connect(("127.0.0.1", port)).await {
                    tokio::spawn(carry(server, database, Arc::clone(&shared)));
                }
            }
        });
        Self { url, counts, _runtime: runtime }
    }

    /// From now on it breaks at every so many commits.
    pub(crate) fn break_at_every(&self, commits: usize) {
        self.counts.every.store(commits, Ordering::SeqCst);
    }

    /// From now on it holds.
    pub(crate) fn hold(&self) {
        self.break_at_every(0);
    }

    /// Commits of lines that were lost before they passed, and after they were answered.
    pub(crate) fn of_lines(&self) -> [usize; 2] {
        self.counts.lines.lost()
    }

    /// The same of everybody else: workers, and the sandbox institution.
    pub(crate) fn of_others(&self) -> [usize; 2] {
        self.counts.others.lost()
    }
}

impl Passed {
    fn lost(&self) -> [usize; 2] {
        [&self.lost_before, &self.lost_after].map(|count| count.load(Ordering::SeqCst))
    }

    /// Whether the commit that comes by now is lost, and where.
    fn next(&self, every: usize) -> Option<Lost> {
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        (every > 0 && number.is_multiple_of(every)).then(|| match (number / every) % 2 {
            0 => Lost::Before,
            _ => Lost::After,
        })
    }
}

/// Carries one connection until either end closes it, or it breaks.
async fn carry(mut server: TcpStream, mut database: TcpStream, counts: Arc<Counts>) {
    let (mut up, mut down, mut ear) = (vec![0; 1 << 16], vec![0; 1 << 16], Ear::default());
    loop {
        tokio::select! {
            read = server.read(&mut up) => {
                let Ok(sent @ 1..) = read else { return };
                let sent = &up[..sent];
                let Some(commit) = ear.hear(sent) else {
                    if database.write_all(sent).await.is_err() {
                        return;
                    }
                    continue;
                };
                let passed = if commit.of_line { &counts.lines } else { &counts.others };
                match passed.next(counts.every.load(Ordering::SeqCst)) {
                    None => {}
                    Some(Lost::Before) => {
                        drop(server);
                        passed.lost_before.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(DEAF).await;
                        return;
                    }
                    Some(Lost::After) => {
                        if database.write_all(sent).await.is_ok() && is_done(&mut database, &mut down).await {
                            passed.lost_after.fetch_add(1, Ordering::SeqCst);
                        }
                        return;
                    }
                }
                if database.write_all(sent).await.is_err() {
                    return;
                }
            }
            read = database.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if server.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Whether PostgreSQL says that it has committed.
async fn is_done(database: &mut TcpStream, heard: &mut [u8]) -> bool {
    while let Ok(count @ 1..) = database.read(heard).await {
        if contains(&heard[..count], b"COMMIT\0") {
            return true;
        }
    }
    false
}

/// The commit of a transaction that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Commit {
    of_line: bool,
}

/// Understands what the server says on one connection.
#[derive(Default)]
struct Ear {
    /// What is no whole message yet.
    rest: Vec<u8>,
    /// Whether the first message, which has no kind, is over.
    begun: bool,
    /// The names under which the fence was prepared.
    fences: BTreeSet<Vec<u8>>,
    writes: bool,
    of_line: bool,
}

impl Ear {
    /// Listens on; whether a transaction that writes is committed in what was heard.
    fn hear(&mut self, sent: &[u8]) -> Option<Commit> {
        self.rest.extend_from_slice(sent);
        let mut commit = None;
        while let Some((kind, body)) = self.message() {
            commit = self.understand(kind, &body).or(commit);
        }
        commit
    }

    /// The next whole message: a kind, four bytes with the length of themselves and the rest, the rest.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = usize::from(self.begun);
        let length = self.rest.get(kind..kind + 4)?;
        let end = kind + usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
        if self.rest.len() < end {
            return None;
        }
        let message: Vec<u8> = self.rest.drain(..end).collect();
        let letter = if self.begun { message[0] } else { 0 };
        self.begun = true;
        Some((letter, message[kind + 4..].to_vec()))
    }

    fn understand(&mut self, kind: u8, body: &[u8]) -> Option<Commit> {
        let mut texts = body.split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            b'Q' if first.starts_with(b"BEGIN") => {
                (self.writes, self.of_line) = (contains(first, b"READ WRITE"), false);
            }
            b'Q' if first == b"ROLLBACK" => self.writes = false,
            b'Q' if first == b"COMMIT" && std::mem::take(&mut self.writes) => {
                return Some(Commit { of_line: self.of_line });
            }
            // A name, and what is prepared under it.
            b'P' if second.starts_with(FENCE) => drop(self.fences.insert(first.to_vec())),
            // A name for the result, and the name of what is run.
            b'B' if self.fences.contains(second) => self.of_line = true,
            _ => {}
        }
        None
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, texts: &[&str]) -> Vec<u8> {
        let body: Vec<u8> = texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
        [&[kind][..], &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(), &body].concat()
    }

    /// However it is cut into pieces, a commit is heard in the piece that ends it, and nothing else is taken for one.
    #[test]
    fn commits_are_told_apart() {
        let line = Some(Commit { of_line: true });
        let other = Some(Commit { of_line: false });
        let begin = message(b'Q', &["BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"]);
        let (read, commit) = (message(b'Q', &["BEGIN … READ ONLY; SET LOCAL jit = off"]), message(b'Q', &["COMMIT"]));
        let (fence, run) = (message(b'P', &["s7", "UPDATE shard SET seq = $5"]), message(b'B', &["", "s7"]));
        let start = [&9_u32.to_be_bytes()[..], b"hello"].concat();
        for (said, heard) in [
            (vec![&begin, &commit], other),
            (vec![&read, &commit], None),
            (vec![&fence, &begin, &run, &commit], line),
            (vec![&fence, &run, &begin, &commit], other),
            (vec![&begin, &message(b'Q', &["ROLLBACK"]), &commit], None),
            (vec![&begin, &message(b'Q', &["SELECT 'COMMIT'"])], None),
        ] {
            let bytes: Vec<u8> = [&start].into_iter().chain(said).flatten().copied().collect();
            for size in [1, 7, bytes.len()] {
                let mut ear = Ear::default();
                let heard_in: Vec<_> = bytes.chunks(size).map(|piece| ear.hear(piece)).collect();
                assert_eq!(heard_in.last(), Some(&heard), "{}", String::from_utf8_lossy(&bytes));
                assert!(heard_in.iter().rev().skip(1).all(Option::is_none));
            }
        }
    }

    #[test]
    fn it_breaks_in_turns() {
        let passed = Passed::default();
        let lost: Vec<_> = (0..6).map(|_| passed.next(2)).collect();
        assert_eq!(lost, [None, Some(Lost::After), None, Some(Lost::Before), None, Some(Lost::After)]);
        assert_eq!(passed.next(0), None);
    }
}
