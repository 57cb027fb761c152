//! The door for institutions: a notification goes to its channel account raw, and is answered in the institution's way.
//!
//! Nothing is believed here. Whoever verifies it decides; what is not verified changes nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use engine::queue::Stage;
use kernel::Problem;

use super::House;
use super::body;
use super::ports::Notice;
use super::route::Parcel;
use super::visit::not_found;

/// `POST /notify/{channel_account}`
pub(super) async fn notify(house: Arc<House>, parcel: Parcel) -> Result<Response<Body>, Problem> {
    house.doors.desk.admits(Stage::Begun)?;
    let (parts, content) = parcel.request.into_parts();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = body::read(content).await?.to_vec();
    let notice = Notice { channel_account: parcel.id, headers, body };
    let acknowledged = house.doors.institutions.notify(notice).await?.ok_or_else(not_found)?;
    let mut response = Response::new(Body::from(acknowledged.body));
    *response.status_mut() = StatusCode::from_u16(acknowledged.status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(acknowledged.content_type));
    Ok(response)
}
