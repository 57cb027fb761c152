//! Points: giving them to users, and taking back what was given.

use kernel::message::accounting::Refused;
use kernel::{Amount, Code, PointsGrantId, Problem};
use payment::PointsGrant;

use crate::flows::accounting::book;
use crate::flows::{Outcome, not_found};
use crate::request::GrantPoints;
use crate::stop::Stop;
use crate::view::View;

/// Gives a user points.
pub(super) fn grant(view: &mut View<'_>, asked: &GrantPoints) -> Result<Outcome, Stop> {
    let grant = PointsGrant {
        id: asked.id,
        user: asked.user.clone(),
        points: asked.points,
        reference: asked.reference.clone(),
        reversed: 0,
        created_at: view.now(),
    };
    view.fresh::<PointsGrant>(asked.id);
    book(view, None, &grant.grant_post())?.map_err(|refused| {
        let code = match refused {
            Refused::Frozen { .. } => Code::receiver_not_applicable,
            Refused::Insufficient { .. } | Refused::OutOfRange { .. } => Code::amount_out_of_range,
        };
        Stop::Refused(Problem::at(code, "points", refused.to_string()))
    })?;
    view.put(asked.id, grant);
    Ok(Outcome::PointsGranted(asked.id))
}

/// Takes points of a grant back, as far as the user still has so many.
pub(super) fn reverse(view: &mut View<'_>, id: PointsGrantId, points: Option<Amount>) -> Result<Outcome, Stop> {
    let mut grant = view.get::<PointsGrant>(id)?.map(|grant| PointsGrant::clone(&grant)).ok_or_else(not_found)?;
    let post = grant.reverse(points).map_err(|refusal| Stop::Refused(refusal.into()))?;
    book(view, None, &post)?.map_err(|refused| {
        Stop::Refused(Problem::at(Code::points_not_reversible, "points", format!("the user's account: {refused}")))
    })?;
    view.put(id, grant);
    Ok(Outcome::PointsGrant(id))
}
