//! The embedded sandbox institution: the pure simulated bank of `channel`, with records in the store, answering calls
//! in-process and sending its notifications over real HTTP to our own door, signed as a real institution would.
//!
//! Things happen there in the platform's time; what goes in and out is signed as of what the machine's clock shows, as
//! everywhere. It takes calls as a line does: what comes in within two milliseconds, or while the last transaction was
//! written, is answered together, with one read and one write. Its truth is not ours: a crash may make it forget (not
//! half-way), and then it is an institution that says "no such order". Several processes on one database share the
//! records; each sends the notifications that it finds due, so one may be sent twice, which is what notifications do.

mod letters;
mod records;
pub(crate) mod risk;
mod teller;

use std::sync::Arc;

use channel::{Account, sandbox::bank};
use engine::ports::Clock;
use store::{Reader, Side, StoreError};

use self::letters::Post;
use self::records::Records;
use self::teller::{Errand, Window};

pub(crate) use self::records::statement;
pub(crate) use self::teller::Teller;

/// The name of its channel account.
pub(crate) const NAME: &str = "sandbox";
/// Errands done in one transaction.
const MAX_BATCH: usize = 256;

/// How long the post waits when all its letters are on their way, in microseconds.
const FULL_WAIT_US: i64 = 20_000;

/// What the institution works with.
pub(crate) struct Setup {
    /// Reads its records.
    pub(crate) reader: Arc<dyn Reader>,
    /// Writes them.
    pub(crate) side: Box<dyn Side>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The account that it keeps for us, with the key that both sides sign with.
    pub(crate) account: Account,
    /// Where notifications go, as `http://127.0.0.1:8080`; nowhere where `None`.
    pub(crate) notify: Option<String>,
}

/// The institution, and the way to it.
pub(crate) struct Bank {
    records: Records,
    clock: Arc<dyn Clock>,
    account: Account,
    window: Window,
    post: Option<Post>,
    /// When the next notification is due, in microseconds; 0 before it is known.
    next_due: i64,
}

impl Bank {
    /// Opens it; [`Self::run`] lets it work.
    pub(crate) fn open(setup: Setup) -> Result<(Self, Teller), reqwest::Error> {
        let (teller, window) = teller::open();
        let post = setup.notify.map(|base| Post::new(base, setup.account.clone(), teller.clone())).transpose()?;
        let records = Records::new(setup.reader, setup.side);
        let bank = Self { records, clock: setup.clock, account: setup.account, window, post, next_due: 0 };
        Ok((bank, teller))
    }

    /// Works until the future is dropped, or nobody is left to ask anything.
    pub(crate) async fn run(mut self) {
        loop {
            let wait_us = self.next_due.saturating_sub(self.clock.now().micros()).max(0);
            let Some(errands) = self.window.take(MAX_BATCH, wait_us.unsigned_abs()).await else { return };
            if let Err(error) = self.serve(errands).await {
                tracing::warn!(%error, detail = error.detail(), "the sandbox could not keep its records");
                // Its callers hear nothing and ask again; it does not spin.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }

    async fn serve(&mut self, errands: Vec<Errand>) -> Result<(), StoreError> {
        if !errands.is_empty() {
            self.answer(errands).await?;
        }
        if self.clock.now().micros() >= self.next_due {
            self.send_due().await?;
        }
        Ok(())
    }

    /// Answers a batch: read together, decided one by one, written together, and only then answered.
    async fn answer(&mut self, errands: Vec<Errand>) -> Result<(), StoreError> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut asked = Vec::with_capacity(errands.len());
        for errand in errands {
            match errand {
                Errand::Call { message, reply } => match bank::read(&message, &self.account, wall) {
                    Ok(request) => asked.push(Asked::Call { request, reply }),
                    Err(refused) => tracing::warn!(%refused, "the sandbox was asked something it does not understand"),
                },
                Errand::Acknowledged { number, letter } => asked.push(Asked::Acknowledged { number, letter }),
            }
        }
        let mut open = self.records.load(asked.iter().map(Asked::record)).await?;
        let mut replies = Vec::with_capacity(asked.len());
        for asked in asked {
            let number = asked.record().to_owned();
            let before = open.get(&number);
            match asked {
                Asked::Call { request, reply } => {
                    let (said, after) = bank::answer(before, &request, now);
                    if let Some(after) = after {
                        open.put(number, after);
                    }
                    replies.push((reply, bank::sign(said, &self.account, wall)));
                }
                Asked::Acknowledged { letter, .. } => {
                    if let Some(before) = before {
                        open.put(number, before.delivered(letter, true, now));
                    }
                }
            }
        }
        self.note_due(open.first_due());
        self.records.save(open).await?;
        for (reply, said) in replies {
            // Nobody waits any more where the call timed out.
            let _ = reply.send(said);
        }
        Ok(())
    }

    fn note_due(&mut self, due: Option<i64>) {
        self.next_due = due.map_or(self.next_due, |due| due.min(self.next_due));
    }

    /// Sends what is due. A letter counts as sent, and is due again later, before it leaves.
    async fn send_due(&mut self) -> Result<(), StoreError> {
        let Some(post) = &self.post else {
            self.next_due = i64::MAX;
            return Ok(());
        };
        let now = self.clock.now();
        let room = post.room();
        if room == 0 {
            self.next_due = now.plus(FULL_WAIT_US).micros();
            return Ok(());
        }
        let (mut open, next_due) = self.records.due(now, room).await?;
        self.next_due = next_due;
        let mut letters = Vec::new();
        for (number, mut order) in open.all() {
            let due: Vec<_> = order.letters_due(now).cloned().collect();
            for letter in due {
                order = order.delivered(letter.no, false, now);
                letters.push((number.clone(), letter));
            }
            open.put(number, order);
        }
        let again = open.first_due();
        self.records.save(open).await?;
        let wall = self.clock.wall();
        for (number, letter) in letters {
            post.send(number, &letter, wall);
        }
        self.note_due(again);
        Ok(())
    }
}

/// An errand, understood.
enum Asked {
    Call { request: channel::sandbox::wire::Request, reply: teller::Reply },
    Acknowledged { number: String, letter: u16 },
}

impl Asked {
    fn record(&self) -> &str {
        match self {
            Self::Call { request, .. } => request.record(),
            Self::Acknowledged { number, .. } => number,
        }
    }
}
