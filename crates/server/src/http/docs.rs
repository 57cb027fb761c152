//! The documentation that the server itself carries: the OpenAPI document, a reference for people, a page per error.
//!
//! Everything is made at the start and served as it is: no script, nothing from elsewhere, and a policy that says so.

mod markup;
mod reference;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Response, StatusCode};
use kernel::{Code, Problem};

use super::auth::key_prefix;
use super::route::{Parcel, Route};
use super::visit::not_found;
use super::{Doors, House, errors, openapi};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const STYLE: &str = include_str!("docs/style.css");
const HTML: &str = "text/html; charset=utf-8";

/// What is made once.
pub(super) struct Pages {
    openapi: Bytes,
    reference: Bytes,
    errors: Bytes,
}

impl Pages {
    /// Of these routes.
    pub(super) fn of(routes: &[Route], doors: &Doors) -> Self {
        let schemas = openapi::schemas(&doors.stored);
        let reference = reference::reference(routes, &schemas, &doors.base_url, key_prefix(doors.environment));
        let document = openapi::document(routes, schemas, &doors.base_url, doors.environment);
        Self {
            // A tree of texts and numbers: this cannot fail.
            openapi: serde_json::to_vec(&document).unwrap_or_default().into(),
            reference: reference.into(),
            errors: index().into(),
        }
    }
}

/// `GET /openapi.json`
pub(super) async fn openapi(house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(answer(house.pages.openapi.clone(), "application/json"))
}

/// `GET /docs`
pub(super) async fn page(house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(answer(house.pages.reference.clone(), HTML))
}

/// `GET /docs/style.css`
pub(super) async fn style(_house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(answer(Bytes::from_static(STYLE.as_bytes()), "text/css; charset=utf-8"))
}

/// `GET /docs/errors`
pub(super) async fn error_index(house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(answer(house.pages.errors.clone(), HTML))
}

/// `GET /docs/errors/{code}`
pub(super) async fn error(_house: Arc<House>, parcel: Parcel) -> Result<Response<Body>, Problem> {
    let code = errors::code(&parcel.id).ok_or_else(not_found)?;
    Ok(answer(markup::page(code.as_str(), &markup::markdown(errors::page(code))).into(), HTML))
}

/// `GET /`: there is nothing here but the way to the documentation.
pub(super) async fn home(_house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    let mut response = answer(Bytes::new(), "text/plain");
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/docs"));
    Ok(response)
}

fn index() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let (status, title) = (code.kind().status(), markup::escape(code.title()));
        rows.push_str(&format!(
            "<tr><td><a href=\"/docs/errors/{code}\"><code>{code}</code></a></td><td>{status}</td><td>{title}</td></tr>\n"
        ));
    }
    markup::page("Errors", &format!("<h1>Errors</h1>\n<table>\n{rows}</table>\n"))
}

fn answer(body: Bytes, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
