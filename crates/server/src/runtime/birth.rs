//! The birth of a store: its salt and its first platform key, through the line like every other change.

use engine::control::{Control, Shared};
use engine::line::Job;
use engine::ports::{Clock, Random as _};
use engine::request::{Command, ControlCommand, Request};
use engine::route::Queues;
use futures::channel::oneshot;
use kernel::time::MINUTE_US;
use kernel::{Bucket, KeyId, RootId, Shards};
use store::Reader;

use super::{Failure, random_bytes};
use crate::config::Config;
use crate::http;
use crate::http::auth::secret_hash;
use crate::ports::SystemRandom;

/// What a birth needs.
pub(super) struct Birth<'a> {
    pub(super) config: &'a Config,
    pub(super) queues: &'a Queues,
    pub(super) control: &'a Shared,
    pub(super) reader: &'a dyn Reader,
    pub(super) clock: &'a dyn Clock,
}

impl Birth<'_> {
    /// Makes sure that the store is born; the platform key where one was made just now and nobody else knows it.
    pub(super) async fn attend(self) -> Result<Option<String>, Failure> {
        if self.control.snapshot().born {
            return Ok(None);
        }
        let given = self.config.bootstrap_key.as_ref().map(|key| key.reveal().to_owned());
        let made = given.is_none();
        let draw = || http::draw_secret(self.config.environment, [SystemRandom.bits(), SystemRandom.bits()]);
        let secret = given.unwrap_or_else(draw);
        let key = KeyId(RootId::new(self.clock.now(), Bucket::of("platform"), SystemRandom.bits()));
        let command = ControlCommand::Bootstrap { salt: random_bytes(), key, hash: secret_hash(&secret) };
        self.submit(Command::Control(command)).await?;
        // Another process may have been faster; then the store has its key, and ours is worth nothing.
        let failed = |error| Failure::Store { store: self.config.store.to_string(), error };
        let known = self.control.snapshot();
        self.control.refresh(Control::load(self.reader, Shards::FIRST, &known).await.map_err(failed)?);
        let ours = self.control.snapshot().key_of(&secret_hash(&secret)).is_some();
        Ok((made && ours).then_some(secret))
    }

    async fn submit(&self, command: Command) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let request = Request::of_system("birth", command);
        let now = self.clock.steady();
        let job = Job { request, deadline: now.plus(MINUTE_US), reply };
        let stopped = || Failure::LineStopped("before the store was born".to_owned());
        let queue = self.queues.of(Shards::FIRST).ok_or_else(stopped)?;
        queue.lay_own(job, now).map_err(|_| stopped())?;
        match answer.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(problem)) => Err(Failure::Machine(format!("the store could not be given its birth: {problem}"))),
            Err(_) => Err(stopped()),
        }
    }
}
