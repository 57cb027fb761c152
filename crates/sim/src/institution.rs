//! The institution: the simulated bank of `channel`, with its own truth in its own memory, bytes in and bytes out.
//!
//! What was sent to it arrives, whether its sender lives on or not; what it answers may find nobody who waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channel::sandbox::bank::{self, BankOrder, Letter};
use channel::signature::Secret;
use channel::{Account, Incoming, Outgoing};
use futures::channel::oneshot;
use kernel::Time;

/// The name of its channel account.
pub(crate) const NAME: &str = "sandbox";

/// The account that we have there.
pub(crate) fn account() -> Account {
    Account { name: NAME.to_owned(), keys: vec![Secret::new("the key of the account".to_owned())], sandbox: None }
}

/// The institution. Clones share it.
#[derive(Clone)]
pub(crate) struct Institution(Arc<Mutex<Inside>>);

struct Inside {
    account: Account,
    records: BTreeMap<String, BankOrder>,
    /// What is on its way here, by its arrival.
    coming: BTreeMap<(i64, u64), Coming>,
    came: u64,
}

struct Coming {
    message: Outgoing,
    /// Nobody waits where it is a copy.
    reply: Option<oneshot::Sender<Option<Incoming>>>,
}

impl Institution {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        let (records, coming) = (BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Inside { account: account(), records, coming, came: 0 })))
    }

    /// Sends it a request that arrives at a moment; its answer, or its silence, can be waited for.
    pub(crate) fn send(&self, message: Outgoing, arrives: Time) -> oneshot::Receiver<Option<Incoming>> {
        let (reply, answer) = oneshot::channel();
        self.inside().take_in(Coming { message, reply: Some(reply) }, arrives);
        answer
    }

    /// Sends it a copy, for whose answer nobody waits.
    pub(crate) fn send_copy(&self, message: Outgoing, arrives: Time) {
        self.inside().take_in(Coming { message, reply: None }, arrives);
    }

    /// When it next has something to do: an arrival, or a notification that is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let inside = self.inside();
        let arrival = inside.coming.keys().next().map(|(at, _)| *at);
        let letter = inside.records.values().filter_map(BankOrder::due).min();
        arrival.into_iter().chain(letter).min().map(Time::from_micros)
    }

    /// Answers what has arrived and gives the notifications that leave now. One that leaves is due again later.
    pub(crate) fn work(&self, now: Time) -> Vec<(String, Letter)> {
        let mut inside = self.inside();
        while let Some(entry) = inside.coming.first_entry().filter(|entry| entry.key().0 <= now.micros()) {
            let coming = entry.remove();
            let said = inside.answer(&coming.message, now);
            if let Some(reply) = coming.reply {
                // Who does not wait any more hears nothing.
                let _ = reply.send(said);
            }
        }
        let mut leaving = Vec::new();
        for (number, record) in &mut inside.records {
            let due: Vec<Letter> = record.letters_due(now).cloned().collect();
            for letter in due {
                *record = record.clone().delivered(letter.no, false, now);
                leaving.push((number.clone(), letter));
            }
        }
        leaving
    }

    /// A notification was taken.
    pub(crate) fn acknowledged(&self, number: &str, letter: u16, now: Time) {
        if let Some(record) = self.inside().records.get_mut(number) {
            *record = record.clone().delivered(letter, true, now);
        }
    }

    /// Everything it knows.
    pub(crate) fn records(&self) -> Vec<BankOrder> {
        self.inside().records.values().cloned().collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn take_in(&mut self, coming: Coming, arrives: Time) {
        self.came += 1;
        self.coming.insert((arrives.micros(), self.came), coming);
    }

    fn answer(&mut self, message: &Outgoing, now: Time) -> Option<Incoming> {
        let request = bank::read(message, &self.account, now).ok()?;
        let before = self.records.get(request.record()).cloned();
        let (said, after) = bank::answer(before, &request, now);
        if let Some(after) = after {
            self.records.insert(request.record().to_owned(), after);
        }
        bank::sign(said, &self.account, now)
    }
}
