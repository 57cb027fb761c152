//! The way of a request through a door, the same for every route.
//!
//! 1. Authenticate, within the limits of the address and of the key; check the scope.
//! 2. For a POST: whether the line would let it in, before anything of it is read; its idempotency key, its media type, its size, its JSON syntax.
//! 3. Its shape: the handler makes a command of it. When the shape is wrong, the line is asked whether the key is known,
//!    because a key that was used for another request must say so; else the refusal is the answer.
//! 4. The line answers, or the read is shown.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use engine::line::Reply;
use engine::queue::Stage;
use engine::request::{Command, Idempotency};
use kernel::{Code, Kind, Problem};

use super::auth::{self, Identity, Scope};
use super::json::{self, Fields, Json};
use super::query::Query;
use super::rate::Grant;
use super::route::{Act, Handler, Parcel, Route, Show, Tell};
use super::visit::{Shown, Told, Visit};
use super::{House, body, idempotency, problem};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const SEQ: HeaderName = HeaderName::from_static("suanpan-seq");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Serves one request of a route.
pub(super) async fn serve(house: Arc<House>, route: &Route, request_id: &str, parcel: Parcel) -> Response<Body> {
    let answer = match &route.handler {
        Handler::OpenGet(open) | Handler::OpenPost(open) => open(house, parcel).await,
        Handler::Tell(scope, _) | Handler::Act(scope, _) | Handler::Show(scope, _) => {
            with_key(house, route, *scope, request_id, parcel).await
        }
    };
    answer.unwrap_or_else(|refusal| problem::response(&refusal, request_id))
}

async fn with_key(
    house: Arc<House>,
    route: &Route,
    scope: Scope,
    request_id: &str,
    parcel: Parcel,
) -> Result<Response<Body>, Problem> {
    let Parcel { id, address, request } = parcel;
    let (parts, content) = request.into_parts();
    let (identity, grant) = let_in(&house, address, &parts)?;
    let key = identity.key;
    let answer = async {
        identity.require(scope)?;
        let visit = Visit { house: Arc::clone(&house), identity, id, request_id: request_id.to_owned() };
        match &route.handler {
            Handler::Tell(_, tell) => {
                house.doors.desk.admits(route.stage)?;
                let sent = read(&parts, content).await?;
                self::tell(visit, route.stage, *tell, sent).await
            }
            Handler::Act(_, act) => act_on(visit, act, read(&parts, content).await?.json).await,
            Handler::Show(_, show) => show_to(visit, show, &parts).await,
            Handler::OpenGet(_) | Handler::OpenPost(_) => Err(Problem::new(Code::internal_error, "not for keys")),
        }
    }
    .await;
    let mut response = answer.unwrap_or_else(|refusal: Problem| problem::response(&refusal, request_id));
    if response.status() == StatusCode::NOT_FOUND {
        house.misses.take(&key, house.doors.clock.steady());
    }
    limit_headers(&house, grant, &mut response);
    Ok(response)
}

/// Who asks, if the limits let them ask. A key that is good is never held up by bad ones from the same address.
fn let_in(house: &House, address: IpAddr, parts: &Parts) -> Result<(Identity, Grant), Problem> {
    let now = house.doors.clock.steady();
    let control = house.doors.control.snapshot();
    let identity = auth::authenticate(&parts.headers, &control, house.doors.environment).map_err(|refusal| {
        let grant = house.failures.take(&address, now);
        let too_many = || Problem::new(Code::rate_limited, "too many requests without a valid API key");
        if grant.granted { refusal } else { too_many() }
    })?;
    let grant = house.requests.take(&identity.key, now);
    if !grant.granted {
        return Err(Problem::new(Code::rate_limited, "too many requests with this API key"));
    }
    if !house.misses.has(&identity.key, now) {
        return Err(Problem::new(Code::rate_limited, "too many requests for what is not there"));
    }
    Ok((identity, grant))
}

/// A POST, read.
struct Sent {
    idempotency: Idempotency,
    json: Json,
    /// How many the body had.
    bytes: usize,
}

/// Key, media type, size and syntax of a POST; an absent body is an empty object.
async fn read(parts: &Parts, content: Body) -> Result<Sent, Problem> {
    let key = idempotency::key(&parts.headers)?;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let is_empty = axum::body::HttpBody::is_end_stream(&content);
    body::require_json(&parts.headers, is_empty)?;
    let bytes = body::read(content).await?;
    let json = if bytes.is_empty() { Json::Object(BTreeMap::new()) } else { json::parse(&bytes)? };
    refuse_parameters(query, &json)?;
    let body_hash = json::body_hash("POST", parts.uri.path(), &json);
    Ok(Sent { idempotency: Idempotency { key, body_hash }, json, bytes: bytes.len() })
}

/// A POST takes no query parameters; one that the body has too is an attempt to be read two ways.
fn refuse_parameters(query: Query, json: &Json) -> Result<(), Problem> {
    if let Json::Object(members) = json
        && let Some(name) = query.names().find(|name| members.contains_key(*name))
    {
        return Err(Problem::at(Code::parameter_pollution, name, "the parameter is in the query and in the body"));
    }
    query.finish()
}

async fn tell(visit: Visit, stage: Stage, tell: Tell, sent: Sent) -> Result<Response<Body>, Problem> {
    let Told { command, signals, secret } = match shape(&visit, tell, sent.json) {
        Ok(told) => told,
        Err(refusal) if matches!(refusal.code.kind(), Kind::Invalid | Kind::Unprocessable) => {
            Command::Recall(refusal).into()
        }
        Err(refusal) => return Err(refusal),
    };
    let request = visit.request(sent.idempotency, signals, command);
    let reply = visit.house.doors.desk.submit(stage, request, sent.bytes).await?;
    Ok(answer(reply, secret.as_ref()))
}

fn shape(visit: &Visit, tell: Tell, json: Json) -> Result<Told, Problem> {
    let mut body = Fields::of(json)?;
    let told = tell(visit, &mut body)?;
    body.finish().map(|()| told)
}

async fn act_on(visit: Visit, act: &Act, json: Json) -> Result<Response<Body>, Problem> {
    act(visit, Fields::of(json)?).await.map(shown)
}

async fn show_to(visit: Visit, show: &Show, parts: &Parts) -> Result<Response<Body>, Problem> {
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    show(visit, query).await.map(shown)
}

fn shown(shown: Shown) -> Response<Body> {
    let mut response = Response::new(Body::from(shown.body));
    *response.status_mut() = StatusCode::from_u16(shown.status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(shown.content_type));
    response
}

/// The line's durable answer, byte for byte, but for the secret that only the first one shows.
fn answer(reply: Reply, secret: Option<&(&'static str, String)>) -> Response<Body> {
    let body = match secret {
        Some((name, secret)) if !reply.replayed && !reply.problem => with_secret(&reply.body, name, secret),
        _ => reply.body.as_bytes().to_vec(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = if reply.problem { problem::MEDIA_TYPE } else { HeaderValue::from_static("application/json") };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(SEQ, HeaderValue::from(reply.seq));
    if reply.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The answer with the secret under its name; the stored one keeps `null` there.
fn with_secret(body: &str, name: &str, secret: &str) -> Vec<u8> {
    let Ok(mut object) = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(body) else {
        return body.as_bytes().to_vec();
    };
    object.insert(name.to_owned(), secret.into());
    serde_json::to_vec(&object).unwrap_or_else(|_| body.as_bytes().to_vec())
}

fn limit_headers(house: &House, grant: Grant, response: &mut Response<Body>) {
    let policy = house.requests.rate();
    let left = format!("\"key\";r={};t=1", grant.left);
    if let Ok(value) = HeaderValue::try_from(left) {
        response.headers_mut().insert(RATE_LIMIT, value);
    }
    if let Ok(value) = HeaderValue::try_from(format!("\"key\";q={};w=1", policy.per_second)) {
        response.headers_mut().insert(RATE_LIMIT_POLICY, value);
    }
}
