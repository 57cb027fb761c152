//! Grants of points on the wire.

use kernel::{Amount, PointsGrantId, Time};
use payment::PointsGrant;
use serde::Serialize;

/// A grant's JSON.
pub fn json(grant: &PointsGrant) -> String {
    super::json(&Object {
        id: grant.id,
        object: "points_grant",
        status: grant.status().as_str(),
        owner: format!("user:{}", grant.user),
        points: grant.points,
        reversed_points: grant.reversed,
        reference: grant.reference.as_deref(),
        created_at: grant.created_at,
    })
}

/// `"object": "points_grant"`.
#[derive(Serialize)]
struct Object<'a> {
    id: PointsGrantId,
    object: &'static str,
    status: &'static str,
    owner: String,
    points: Amount,
    reversed_points: i64,
    reference: Option<&'a str>,
    created_at: Time,
}
