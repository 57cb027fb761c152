//! Whether the process runs, whether it serves, and its figures.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use kernel::{Code, Problem};

use super::House;
use super::route::Parcel;

/// `GET /livez`
pub(super) async fn livez(_house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(text("ok\n".to_owned()))
}

/// `GET /readyz`
pub(super) async fn readyz(house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    if (house.doors.ready)() {
        Ok(text("ok\n".to_owned()))
    } else {
        Err(Problem::new(Code::draining, "not serving now"))
    }
}

/// `GET /metrics`
pub(super) async fn metrics(house: Arc<House>, _parcel: Parcel) -> Result<Response<Body>, Problem> {
    Ok(text((house.doors.metrics)()))
}

fn text(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
