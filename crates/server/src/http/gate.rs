//! Before the doors: new business that no line would let in is refused before anything else is done with it.
//!
//! Under more than can be done most requests are refused, and what refusing costs is not left for payments. So the
//! question stands before routes, keys and limits: nothing of the request is looked at but its method and path. Where the
//! path names an object, and for what has begun, the door asks the same question later.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use engine::queue::Stage;
use metrics::{Counter, Histogram, counter, histogram};

use super::House;
use super::frame;
use super::route::{Handler, Route};
use crate::telemetry::{self, HTTP_REQUESTS, HTTP_SECONDS};

/// Asked about every request before the doors. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Watched>);

struct Watched {
    house: Arc<House>,
    /// Where new business comes in.
    paths: BTreeMap<&'static str, Figures>,
}

/// Handles, so that a refusal looks nothing up.
struct Figures {
    refused: Counter,
    seconds: Histogram,
}

impl Gate {
    pub(super) fn new(house: Arc<House>, routes: &[Route]) -> Self {
        let new = |route: &&Route| {
            matches!(route.handler, Handler::Tell(..)) && route.stage == Stage::New && !route.path.contains('{')
        };
        let figures = |route: &Route| Figures {
            refused: counter!(HTTP_REQUESTS, "route" => route.path, "status" => "503"),
            seconds: histogram!(HTTP_SECONDS, "route" => route.path),
        };
        let paths = routes.iter().filter(new).map(|route| (route.path, figures(route))).collect();
        Self(Arc::new(Watched { house, paths }))
    }

    /// The refusal of a request that no line would let in.
    pub(super) fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let Watched { house, paths } = &*self.0;
        if request.method() != Method::POST {
            return None;
        }
        let figures = paths.get(request.uri().path())?;
        let begun = house.doors.clock.steady();
        let refusal = house.doors.desk.admits(Stage::New).err()?;
        let answer = frame::refusal(house, &refusal);
        figures.refused.increment(1);
        figures.seconds.record(telemetry::seconds(house.doors.clock.steady().since(begun)));
        Some(answer)
    }
}
