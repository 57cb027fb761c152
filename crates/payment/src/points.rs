//! Points that a user was given (积分发放), and what of them was taken back. An aggregate by itself: the points of all grants
//! are one sum on the books (2034), and payments spend that.

use kernel::message::accounting::{Post, Verb};
use kernel::{Amount, Code, Currency, PointsGrantId, Problem, Time, UserId};

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointsGrant {
    /// Its id.
    pub id: PointsGrantId,
    /// Who was given them.
    pub user: UserId,
    /// How many.
    pub points: Amount,
    /// The platform's own number of what they were given for.
    pub reference: Option<String>,
    /// How many of them were taken back.
    pub reversed: i64,
    /// When they were given.
    pub created_at: Time,
}

/// Why points are not taken back; nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than is left of the grant.
    #[error("{left} points of the grant have not been taken back")]
    MoreThanGranted {
        /// How many are left.
        left: i64,
    },
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::MoreThanGranted { .. } => Self::at(Code::points_not_reversible, "points", detail),
        }
    }
}

/// Where a grant stands; it follows from how many of its points were taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantStatus {
    /// The user has them, or some, or has spent them.
    Granted,
    /// All were taken back.
    Reversed,
}

impl GrantStatus {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Reversed => "reversed",
        }
    }
}

impl PointsGrant {
    /// What must be booked when they are given.
    pub fn grant_post(&self) -> Post {
        self.post(Verb::GrantPoints { user: self.user.clone(), points: self.points })
    }

    /// How many were not taken back.
    pub fn left(&self) -> i64 {
        self.points.minor().saturating_sub(self.reversed)
    }

    /// Where it stands.
    pub fn status(&self) -> GrantStatus {
        if self.left() == 0 { GrantStatus::Reversed } else { GrantStatus::Granted }
    }

    /// Takes so many back, all that are left where none are named; answers what must be booked. The books refuse it where
    /// the user has spent them.
    ///
    /// # Errors
    /// Why it cannot be; nothing has changed then.
    pub fn reverse(&mut self, points: Option<Amount>) -> Result<Post, Refusal> {
        let left = self.left();
        let more = Refusal::MoreThanGranted { left };
        let points = points.or(Amount::new(left).ok()).filter(|points| points.minor() <= left).ok_or(more)?;
        self.reversed = self.reversed.saturating_add(points.minor());
        Ok(self.post(Verb::ReversePoints { user: self.user.clone(), points }))
    }

    fn post(&self, verb: Verb) -> Post {
        let object = self.id.to_string();
        Post { context: None, merchant: None, currency: Currency::POINTS, object, verb }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, RootId};

    use super::*;

    fn grant() -> PointsGrant {
        PointsGrant {
            id: PointsGrantId(RootId::new(Time::from_micros(0), Bucket::of("user:42"), 1)),
            user: UserId::parse("42").unwrap(),
            points: points(500),
            reference: None,
            reversed: 0,
            created_at: Time::from_micros(0),
        }
    }

    fn points(points: i64) -> Amount {
        Amount::new(points).unwrap()
    }

    #[test]
    fn no_more_is_taken_back_than_was_given() {
        let mut grant = grant();
        assert_eq!(grant.reverse(Some(points(501))), Err(Refusal::MoreThanGranted { left: 500 }));
        let post = grant.reverse(Some(points(200))).unwrap();
        assert_eq!(post.verb, Verb::ReversePoints { user: grant.user.clone(), points: points(200) });
        assert_eq!((grant.left(), grant.status().as_str()), (300, "granted"));
        let before = grant.clone();
        assert_eq!(grant.reverse(Some(points(301))), Err(Refusal::MoreThanGranted { left: 300 }));
        assert_eq!(grant, before);
        let post = grant.reverse(None).unwrap();
        assert_eq!(post.verb, Verb::ReversePoints { user: grant.user.clone(), points: points(300) });
        assert_eq!((grant.left(), grant.status().as_str()), (0, "reversed"));
        assert_eq!(grant.reverse(None), Err(Refusal::MoreThanGranted { left: 0 }));
    }
}
