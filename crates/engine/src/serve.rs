//! One request, from its key to its answer.
//!
//! 1. Look the idempotency key up: a known one is answered from what is stored.
//! 2. Run the command's flow in the view.
//! 3. Render the answer, store it under the key, and render the bodies of what happened.
//!
//! What a key or an order number leads to may live in another shard. A stored answer is read from there and repeated;
//! where more of that shard is needed, the request is handed over to its line. Claims are never taken back, so that line
//! finds the same claim.
//!
//! A refusal drops everything the flow did and is itself stored. What is broken is answered as our fault and not stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{Code, Problem};
use store::Cell;
use store::tables::log::Answer;

use crate::answers::{self, ClaimKind, Draft, Found};
use crate::flows;
use crate::line::Reply;
use crate::news::Bodies;
use crate::question::Question;
use crate::request::{Command, Request};
use crate::stop::Stop;
use crate::view::View;
use crate::wire::{self, Rendered};

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// Its caller is told.
    Answered(Result<Reply, Problem>),
    /// This shard has done nothing: what the request is about lives in that one, which decides it.
    Elsewhere(i64),
    /// This shard has done nothing: the outside risk service is asked this first, and then the request is decided anew.
    Ask(Box<Question>),
}

/// What a served request hands to its batch beside the view's traces.
pub struct Served {
    /// For the caller.
    pub verdict: Verdict,
    /// For the log.
    pub bodies: Bodies,
    /// New rows of control data.
    pub control: Vec<Vec<Cell>>,
}

impl Served {
    fn only(reply: Result<Reply, Problem>) -> Self {
        Self { verdict: Verdict::Answered(reply), bodies: Bodies::default(), control: Vec::new() }
    }
}

/// Serves one request in its view. When the view has missed something the result means nothing.
pub fn serve(view: &mut View<'_>, request: &Request) -> Served {
    match attempt(view, request) {
        Ok(served) => served,
        Err(Stop::Miss) => Served::only(Err(Problem::new(Code::internal_error, "read again"))),
        Err(Stop::Refused(problem) | Stop::Behind(problem)) => {
            view.undo();
            Served::only(Err(problem))
        }
        Err(Stop::Elsewhere(shard)) => {
            view.undo();
            Served { verdict: Verdict::Elsewhere(shard), bodies: Bodies::default(), control: Vec::new() }
        }
        Err(Stop::Ask(question)) => {
            view.undo();
            Served { verdict: Verdict::Ask(question), bodies: Bodies::default(), control: Vec::new() }
        }
        Err(Stop::Broken(why)) => {
            view.undo();
            tracing::error!(request_id = %request.request_id, %why, "a broken invariant refused a request");
            Served::only(Err(Problem::new(Code::internal_error, "something is wrong on our side")))
        }
    }
}

fn attempt(view: &mut View<'_>, request: &Request) -> Result<Served, Stop> {
    let key = match &request.idempotency {
        None => None,
        Some(idempotency) => match answers::look_up(view, ClaimKind::Key, &request.caller.scope(), &idempotency.key)? {
            Found::Taken(answer) => return replayed(view, request, &answer),
            Found::Free(place) => Some((idempotency, place)),
        },
    };
    if let Command::Recall(problem) = &request.command {
        return Err(Stop::Refused(problem.clone()));
    }
    let mut shown = BTreeMap::new();
    let (rendered, control) = match flows::run(view, request) {
        Ok(done) => {
            let rendered = wire::outcome(view, &done.outcome)?;
            shown.extend(done.outcome.object().map(|object| (object, Arc::clone(&rendered.body))));
            (rendered, done.control)
        }
        Err(Stop::Refused(problem)) => {
            view.undo();
            (Rendered::problem(&problem, &request.request_id), Vec::new())
        }
        Err(other) => return Err(other),
    };
    let mut bodies = Bodies { answer: None, objects: wire::bodies(view, shown)? };
    if let Some((idempotency, place)) = key {
        let n = answers::store(
            view,
            Draft {
                kind: ClaimKind::Key,
                scope: request.caller.scope(),
                key: idempotency.key.clone(),
                place,
                body_hash: Some(idempotency.body_hash),
                status: rendered.status,
                object: rendered.object.clone(),
                body: Some(Arc::clone(&rendered.body)),
            },
        );
        bodies.answer = Some((n, Arc::clone(&rendered.body)));
    }
    let reply = Reply {
        status: rendered.status,
        body: rendered.body,
        replayed: false,
        seq: view.footing.seq,
        problem: rendered.status >= 400,
    };
    Ok(Served { verdict: Verdict::Answered(Ok(reply)), bodies, control })
}

/// The answer to a repeated request: the stored bytes, or the object as it is now where the bytes are gone.
fn replayed(view: &mut View<'_>, request: &Request, answer: &Answer) -> Result<Served, Stop> {
    let Some(idempotency) = &request.idempotency else {
        return Err(Stop::Broken("a request without a key was found under one".to_owned()));
    };
    if let Command::Recall(_) = &request.command {
        return Err(Stop::Refused(answers::reused()));
    }
    if let Some(reply) = answers::replay(answer, idempotency)? {
        return Ok(Served::only(Ok(reply)));
    }
    if answer.shard != view.footing.shard {
        return Err(Stop::Elsewhere(answer.shard));
    }
    let object = answer.object.as_deref().unwrap_or_default();
    let rendered = wire::by_id(view, object)?;
    let reply = Reply {
        status: u16::try_from(answer.status).unwrap_or(200),
        body: rendered.body,
        replayed: true,
        seq: view.footing.seq,
        problem: false,
    };
    Ok(Served::only(Ok(reply)))
}
