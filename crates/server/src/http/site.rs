//! The doors by path and method, and the way of every request to one of them and back.
//!
//! 1. New business that no line would let in is refused before anything else is done with it. Under more than can be
//!    done most requests are refused, and what refusing costs is not left for payments: nothing of them is looked at but
//!    method and path. Where the path names an object, and for what has begun, the door asks the same question later.
//! 2. What has no place, or too many headers, is refused; then it is for its door.
//! 3. Whatever the answer, it is dressed and counted.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use engine::queue::Stage;
use kernel::{Code, Problem};
use metrics::{Counter, Histogram, counter, histogram};
use percent_encoding::percent_decode_str;

use super::route::{Handler, Parcel, Route};
use super::{House, door, frame, problem, visit};
use crate::telemetry::{self, HTTP_REQUESTS, HTTP_SECONDS};

/// Every door. Clones are the same site.
#[derive(Clone)]
pub(crate) struct Site(Arc<Grounds>);

struct Grounds {
    house: Arc<House>,
    paths: matchit::Router<Doors>,
    nowhere: Figures,
}

/// Who asks, as far as the connection tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    /// The address at the other end. Headers that name another one are a stranger's words.
    pub(crate) address: IpAddr,
    /// Whether there is a place for the connection. Where there is none, it is told so and nothing else.
    pub(crate) has_place: bool,
}

/// The doors of one path.
struct Doors {
    get: Option<Route>,
    post: Option<Route>,
    figures: Figures,
}

impl Doors {
    fn of(&self, method: &Method) -> Option<&Route> {
        match *method {
            Method::GET | Method::HEAD => self.get.as_ref(),
            Method::POST => self.post.as_ref(),
            _ => None,
        }
    }

    fn methods(&self) -> HeaderValue {
        HeaderValue::from_static(match (&self.get, &self.post) {
            (Some(_), Some(_)) => "GET,HEAD,POST",
            (Some(_), None) => "GET,HEAD",
            (None, _) => "POST",
        })
    }
}

impl Site {
    pub(super) fn new(house: House, routes: Vec<Route>) -> Self {
        let mut doors: Vec<Doors> = Vec::new();
        for route in routes {
            let known = doors.iter().position(|doors| doors.figures.route == route.path);
            let known = known.unwrap_or_else(|| {
                doors.push(Doors { get: None, post: None, figures: Figures::of(route.path) });
                doors.len() - 1
            });
            if let Some(doors) = doors.get_mut(known) {
                let door = if route.is_post() { &mut doors.post } else { &mut doors.get };
                *door = Some(route);
            }
        }
        let mut paths = matchit::Router::new();
        for doors in doors {
            let path = doors.figures.route;
            if let Err(error) = paths.insert(path, doors) {
                tracing::error!(path, %error, "a route cannot be reached");
            }
        }
        Self(Arc::new(Grounds { house: Arc::new(house), paths, nowhere: Figures::of("(none)") }))
    }

    /// Answers one request.
    pub(crate) async fn answer(self, visitor: Visitor, request: Request<Body>) -> Response<Body> {
        let Grounds { house, paths, nowhere } = &*self.0;
        let begun = house.doors.clock.steady();
        let name = frame::draw(house);
        let (doors, id) = match paths.at(request.uri().path()) {
            // A path whose text cannot be decoded names nothing.
            Ok(found) => {
                (Some(found.value), found.params.iter().next().map_or(Some(String::new()), |(_, id)| decoded(id)))
            }
            Err(_) => (None, None),
        };
        let route = doors.and_then(|doors| doors.of(request.method()));
        let mut response = match refusal(house, visitor, route, &request) {
            Some(refusal) => problem::response(&refusal, &name),
            None => match (doors, id, route) {
                (Some(_), Some(id), Some(route)) => {
                    let parcel = Parcel { id, address: visitor.address, request };
                    // On the heap: a request is moved several times on its way here, and this is most of it.
                    let served = Box::pin(door::serve(Arc::clone(house), route, &name, parcel));
                    frame::within_time(served, &name).await
                }
                (Some(doors), Some(_), None) => wrong_method(doors, &name),
                _ => problem::response(&visit::not_found(), &name),
            },
        };
        frame::dress(&mut response, &name);
        let figures = doors.map_or(nowhere, |doors| &doors.figures);
        figures.count(response.status(), house.doors.clock.steady().since(begun));
        response
    }
}

/// What is refused before its door.
fn refusal(house: &House, visitor: Visitor, route: Option<&Route>, request: &Request<Body>) -> Option<Problem> {
    if !visitor.has_place {
        return Some(Problem::new(Code::overloaded, "too many connections are open"));
    }
    let is_new = |route: &Route| {
        matches!(route.handler, Handler::Tell(..)) && route.stage == Stage::New && !route.path.contains('{')
    };
    let admitted = if route.is_some_and(is_new) { house.doors.desk.admits(Stage::New) } else { Ok(()) };
    admitted.and_then(|()| frame::refuse_headers(request.headers())).err()
}

fn wrong_method(doors: &Doors, name: &str) -> Response<Body> {
    let refusal = Problem::new(Code::method_not_allowed, "the header Allow names the methods of this path");
    let mut response = problem::response(&refusal, name);
    response.headers_mut().insert(ALLOW, doors.methods());
    response
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

/// What is counted of every answer: by route and status, and its time by route. The route is the pattern, never the path:
/// ids are no labels. Each figure begins with the first answer that it is for, and is looked up once where the status is
/// a usual one.
struct Figures {
    route: &'static str,
    seconds: OnceLock<Histogram>,
    usual: [OnceLock<Counter>; USUAL.len()],
}

const USUAL: [StatusCode; 3] = [StatusCode::OK, StatusCode::CREATED, StatusCode::SERVICE_UNAVAILABLE];

impl Figures {
    fn of(route: &'static str) -> Self {
        Self { route, seconds: OnceLock::new(), usual: Default::default() }
    }

    fn count(&self, status: StatusCode, micros: i64) {
        let seconds = self.seconds.get_or_init(|| histogram!(HTTP_SECONDS, "route" => self.route));
        seconds.record(telemetry::seconds(micros));
        let counter = || counter!(HTTP_REQUESTS, "route" => self.route, "status" => status.as_u16().to_string());
        match USUAL.iter().zip(&self.usual).find(|(usual, _)| **usual == status) {
            Some((_, known)) => known.get_or_init(counter).increment(1),
            None => counter().increment(1),
        }
    }
}
