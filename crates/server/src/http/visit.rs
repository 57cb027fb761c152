//! What a handler is given beside the body or the query: who asks, about what, and how to draw an id.

use std::sync::Arc;

use engine::request::{Command, Request};
use kernel::message::risk::Signals;
use kernel::{Bucket, Code, MerchantId, Problem, RootId};

use super::House;
use super::auth::{Identity, Scope};
use super::cursor::Cursors;
use super::json::Fields;
use super::query::Query;

/// One authenticated request on its way through a handler.
pub(super) struct Visit {
    /// The house it came to.
    pub(super) house: Arc<House>,
    /// Who asks.
    pub(super) identity: Identity,
    /// The part of the path that names an object; empty where there is none.
    pub(super) id: String,
    /// Shown in every answer.
    pub(super) request_id: String,
}

/// What a handler makes of a body: a command for the line.
pub(super) struct Told {
    /// The command.
    pub(super) command: Command,
    /// What it says of who pays.
    pub(super) signals: Signals,
    /// What is shown in the first answer only, under this name: a new API key's secret, a gift's code.
    pub(super) secret: Option<(&'static str, String)>,
}

impl From<Command> for Told {
    fn from(command: Command) -> Self {
        Self { command, signals: Signals::default(), secret: None }
    }
}

/// An answer to a read.
pub(super) struct Shown {
    /// HTTP status.
    pub(super) status: u16,
    /// Its media type.
    pub(super) content_type: &'static str,
    /// Its text.
    pub(super) body: String,
}

impl Shown {
    /// A JSON object.
    pub(super) fn json(body: String) -> Self {
        Self { status: 200, content_type: "application/json", body }
    }
}

impl Visit {
    /// The object that the path names, or `not_found`: a text of another form names nothing.
    pub(super) fn named<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
        parse(&self.id).ok_or_else(not_found)
    }

    /// The merchant for whom a body speaks: the key's own; a platform key must name it.
    pub(super) fn merchant(&self, body: &mut Fields) -> Result<MerchantId, Problem> {
        let named = self.maybe_merchant(body)?;
        named
            .ok_or_else(|| body.refuse(Code::merchant_required, "merchant_id", "a platform key must name the merchant"))
    }

    /// The same, where a platform key may leave it out and speaks for the platform.
    pub(super) fn maybe_merchant(&self, body: &mut Fields) -> Result<Option<MerchantId>, Problem> {
        let named = body.maybe_id("merchant_id", MerchantId::parse)?;
        self.own(named).map_err(|problem| body.refuse(problem.code, "merchant_id", problem.detail))
    }

    /// The merchant whose objects a query asks for: the key's own; for a platform key the named one, or all.
    pub(super) fn merchant_in(&self, query: &mut Query) -> Result<Option<MerchantId>, Problem> {
        let named = query.read("merchant_id", Code::invalid_id, "the id of a merchant", MerchantId::parse)?;
        self.own(named)
    }

    fn own(&self, named: Option<MerchantId>) -> Result<Option<MerchantId>, Problem> {
        match (self.identity.merchant(), named) {
            (Some(own), Some(other)) if own != other => {
                Err(Problem::at(Code::merchant_mismatch, "merchant_id", "this API key is another merchant's"))
            }
            (Some(own), _) => Ok(Some(own)),
            (None, named) => Ok(named),
        }
    }

    /// Whether the key may spend users' own money.
    pub(super) fn may_debit_users(&self) -> bool {
        self.identity.may(Scope::UsersDebit)
    }

    /// Refuses with `payer_consent_required` unless the key may spend users' own money.
    pub(super) fn require_consent(&self, body: &Fields, field: &str) -> Result<(), Problem> {
        if self.may_debit_users() {
            return Ok(());
        }
        Err(body.refuse(Code::payer_consent_required, field, "this needs an API key with the scope users:debit"))
    }

    /// Draws an id that lives in the bucket of `owner`.
    pub(super) fn draw(&self, owner: &str) -> RootId {
        let doors = &self.house.doors;
        RootId::new(doors.clock.now(), Bucket::of(owner), doors.random.bits())
    }

    /// The request for the line.
    pub(super) fn request(
        &self,
        idempotency: engine::request::Idempotency,
        signals: Signals,
        command: Command,
    ) -> Request {
        Request {
            caller: self.identity.caller.clone(),
            idempotency: Some(idempotency),
            request_id: self.request_id.clone(),
            signals,
            assessment: None,
            command,
        }
    }

    /// The cursors of a list, for this caller only.
    pub(super) fn cursors(&self, list: &str) -> Cursors {
        let control = self.house.doors.control.snapshot();
        Cursors::new(&control.salt, &self.identity.caller.scope(), list)
    }
}

/// The one refusal for what is not there and for what is another's.
pub(super) fn not_found() -> Problem {
    Problem::new(Code::not_found, "there is no such object, or not for you")
}
