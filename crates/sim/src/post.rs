//! The post: the institution's notifications on their way to our door, and what the door does with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use channel::sandbox::bank::{self, Letter};
use channel::sandbox::wire::{About, PayState, Report, bytes};
use channel::signature::{self, Role, Secret};
use channel::{Incoming, Source, Told};
use engine::line::{Job, Reply};
use engine::request::{Command, Request};
use engine::work::Gateway;
use futures::channel::oneshot;
use kernel::time::{MINUTE_US, SECOND_US};
use kernel::{Problem, Time};

use crate::institution::{self, Institution};
use crate::mishap::Mishaps;
use crate::plan::PostFault;
use crate::rng::Rng;

/// The post of a world.
pub(crate) struct Post {
    institution: Institution,
    gateway: Arc<Gateway>,
    mishaps: Mishaps,
    rng: Rng,
    /// What is on its way, by its arrival.
    coming: BTreeMap<(i64, u64), Piece>,
    sent: u64,
    /// What the line has and has not answered.
    open: Vec<(Piece, oneshot::Receiver<Result<Reply, Problem>>)>,
}

struct Piece {
    number: String,
    letter: u16,
    message: Incoming,
    /// Whether the institution hears that it was taken.
    heard: bool,
}

impl Post {
    /// Nothing on its way.
    pub(crate) fn new(institution: Institution, gateway: Arc<Gateway>, mishaps: Mishaps, rng: Rng) -> Self {
        Self { institution, gateway, mishaps, rng, coming: BTreeMap::new(), sent: 0, open: Vec::new() }
    }

    /// When something arrives.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.coming.keys().next().map(|(at, _)| Time::from_micros(*at))
    }

    /// Takes a notification from the institution.
    pub(crate) fn take(&mut self, number: &str, letter: &Letter, now: Time) {
        let message = bank::envelope(letter, &institution::account(), now);
        let soon = now.plus(self.rng.between(1_000, 30_000));
        let piece = |heard| Piece { number: number.to_owned(), letter: letter.no, message: message.clone(), heard };
        match self.mishaps.post() {
            Some(PostFault::Lost) => {}
            Some(PostFault::Unheard) => self.send(piece(false), soon),
            Some(PostFault::Late(seconds)) => self.send(piece(true), now.plus(i64::from(seconds) * SECOND_US)),
            Some(PostFault::Copies(more)) => {
                for _ in 0..=more {
                    self.send(piece(true), soon);
                }
            }
            Some(PostFault::Forged) => {
                let forged = Piece { message: forged(number, now), ..piece(false) };
                self.send(forged, now.plus(1));
                self.send(piece(true), soon);
            }
            None => self.send(piece(true), soon),
        }
    }

    fn send(&mut self, piece: Piece, at: Time) {
        self.sent += 1;
        self.coming.insert((at.micros(), self.sent), piece);
    }

    /// Hands what has arrived to the door, which verifies it and asks a line. True where anything was handed over.
    pub(crate) fn deliver(&mut self, now: Time, mut submit: impl FnMut(Job) -> bool) -> bool {
        let mut any = false;
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now.micros()) {
            let piece = entry.remove();
            let Some((adapter, account)) = self.gateway.get(institution::NAME) else { continue };
            // What is not verified changes nothing.
            let Ok(heard) = adapter.notification(&piece.message, account, now) else { continue };
            let told = Told { order: heard.order, word: heard.word, source: Source::Notify, digest: heard.digest };
            let (reply, answer) = oneshot::channel();
            let command = Command::Word(told);
            let request = Request::of_system("", command);
            if submit(Job { request, deadline: now.plus(MINUTE_US), reply }) {
                self.open.push((piece, answer));
                any = true;
            }
        }
        any
    }

    /// Acknowledges what the line has taken in; the rest is sent again by the institution.
    pub(crate) fn acknowledge(&mut self, now: Time) {
        let institution = &self.institution;
        self.open.retain_mut(|(piece, answer)| match answer.try_recv() {
            Ok(None) => true,
            Ok(Some(Ok(reply))) if !reply.problem && piece.heard => {
                institution.acknowledged(&piece.number, piece.letter, now);
                false
            }
            Ok(Some(_)) | Err(oneshot::Canceled) => false,
        });
    }
}

/// "It is paid", by somebody who does not have the key.
fn forged(number: &str, now: Time) -> Incoming {
    let channel_no = format!("FORGED{}", now.micros());
    let currency = kernel::Currency::parse("CNY");
    let about =
        currency.map(|currency| About::Payment(PayState::Paid { amount: 1, currency, at: now.micros(), channel_no }));
    let body = about.map(|about| Report { account: institution::NAME.to_owned(), number: number.to_owned(), about });
    let body = body.map_or_else(Vec::new, |report| bytes(&report));
    let headers = signature::sign(&Secret::new("another key".to_owned()), Role::Notification, now, &body);
    Incoming { status: 0, headers, body }
}
