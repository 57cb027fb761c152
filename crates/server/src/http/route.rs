//! What a route is: method, path, who may use it, its handler, and what the documentation says of it, in one declaration.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use engine::queue::Stage;
use futures::future::BoxFuture;
use kernel::{Code, Problem};

use super::House;
use super::auth::Scope;
use super::json::Fields;
use super::query::Query;
use super::visit::{Shown, Told, Visit};

/// Makes a command of a body; pure but for drawing ids.
pub(super) type Tell = fn(&Visit, &mut Fields) -> Result<Told, Problem>;
/// Does something that does not go through the line.
pub(super) type Act = Box<dyn Fn(Visit, Fields) -> BoxFuture<'static, Result<Shown, Problem>> + Send + Sync>;
/// Answers a read.
pub(super) type Show = Box<dyn Fn(Visit, Query) -> BoxFuture<'static, Result<Shown, Problem>> + Send + Sync>;
/// Answers anybody.
pub(super) type Open =
    Box<dyn Fn(Arc<House>, Parcel) -> BoxFuture<'static, Result<Response<Body>, Problem>> + Send + Sync>;

/// A request at its door.
pub(super) struct Parcel {
    /// The part of the path that names something; empty where there is none.
    pub(super) id: String,
    /// Where it comes from.
    pub(super) address: IpAddr,
    /// The request.
    pub(super) request: Request<Body>,
}

/// How a route is served.
pub(super) enum Handler {
    /// POST with an API key, through the line.
    Tell(Scope, Tell),
    /// POST with an API key, beside the line.
    Act(Scope, Act),
    /// GET with an API key.
    Show(Scope, Show),
    /// GET by anybody.
    OpenGet(Open),
    /// POST by anybody.
    OpenPost(Open),
}

/// One route.
pub(super) struct Route {
    /// The path, with at most one `{id}`.
    pub(super) path: &'static str,
    /// How it is served.
    pub(super) handler: Handler,
    /// Whether it begins something or goes on with it; counts for what goes through the line.
    pub(super) stage: Stage,
    /// One line for people.
    pub(super) summary: &'static str,
    /// The schema of its body.
    pub(super) body: Option<&'static str>,
    /// The status and the schema of its answer.
    pub(super) answer: (u16, &'static str),
    /// The names of its query parameters.
    pub(super) parameters: &'static [&'static str],
    /// What it can refuse with, beside what every route can.
    pub(super) refusals: &'static [Code],
}

impl Route {
    fn new(path: &'static str, handler: Handler, summary: &'static str) -> Self {
        let stage = Stage::New;
        Self { path, handler, stage, summary, body: None, answer: (200, "Text"), parameters: &[], refusals: &[] }
    }

    /// A POST that becomes a command for the line.
    pub(super) fn post(path: &'static str, scope: Scope, tell: Tell, summary: &'static str) -> Self {
        Self::new(path, Handler::Tell(scope, tell), summary)
    }

    /// A POST beside the line.
    pub(super) fn act<F, R>(path: &'static str, scope: Scope, act: F, summary: &'static str) -> Self
    where
        F: Fn(Visit, Fields) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Shown, Problem>> + Send + 'static,
    {
        Self::new(path, Handler::Act(scope, Box::new(move |visit, body| Box::pin(act(visit, body)))), summary)
    }

    /// A GET.
    pub(super) fn get<F, R>(path: &'static str, scope: Scope, show: F, summary: &'static str) -> Self
    where
        F: Fn(Visit, Query) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Shown, Problem>> + Send + 'static,
    {
        Self::new(path, Handler::Show(scope, Box::new(move |visit, query| Box::pin(show(visit, query)))), summary)
    }

    /// A GET without an API key.
    pub(super) fn open<F, R>(path: &'static str, open: F, summary: &'static str) -> Self
    where
        F: Fn(Arc<House>, Parcel) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response<Body>, Problem>> + Send + 'static,
    {
        Self::new(path, Handler::OpenGet(Box::new(move |house, parcel| Box::pin(open(house, parcel)))), summary)
    }

    /// A POST without an API key.
    pub(super) fn open_post<F, R>(path: &'static str, open: F, summary: &'static str) -> Self
    where
        F: Fn(Arc<House>, Parcel) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response<Body>, Problem>> + Send + 'static,
    {
        Self::new(path, Handler::OpenPost(Box::new(move |house, parcel| Box::pin(open(house, parcel)))), summary)
    }

    /// It goes on with what has begun, and is let in when new business is not.
    pub(super) fn goes_on(mut self) -> Self {
        self.stage = Stage::Begun;
        self
    }

    /// Names the schema of the body.
    pub(super) fn takes(mut self, schema: &'static str) -> Self {
        self.body = Some(schema);
        self
    }

    /// Names status and schema of the answer.
    pub(super) fn answers(mut self, status: u16, schema: &'static str) -> Self {
        self.answer = (status, schema);
        self
    }

    /// Names the query parameters.
    pub(super) fn asks(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Names the refusals that are its own.
    pub(super) fn refuses(mut self, refusals: &'static [Code]) -> Self {
        self.refusals = refusals;
        self
    }

    /// Whether it is a POST.
    pub(super) fn is_post(&self) -> bool {
        match self.handler {
            Handler::Tell(..) | Handler::Act(..) | Handler::OpenPost(_) => true,
            Handler::Show(..) | Handler::OpenGet(_) => false,
        }
    }

    /// The scope of the API key that it needs, if it needs one.
    pub(super) fn scope(&self) -> Option<Scope> {
        match self.handler {
            Handler::Tell(scope, _) | Handler::Act(scope, _) | Handler::Show(scope, _) => Some(scope),
            Handler::OpenGet(_) | Handler::OpenPost(_) => None,
        }
    }
}
