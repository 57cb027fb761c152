//! Stored answers and the claims that find them (幂等).
//!
//! An answer row is append-only and the truth; a claim is a narrow row that finds it by the hash of (kind, scope, key).
//! Hashes may collide: a claim is believed only when its answer row names the same key, otherwise the next place is
//! tried. Two kinds: `key` is a caller's idempotency key, `order` a merchant's order number, and `channel` an
//! institution's transaction number.

use std::sync::Arc;

use kernel::{Code, Problem, limits};
use store::tables::body::Body;
use store::tables::log::{Answer, Claim};

use crate::line::Reply;
use crate::request::Idempotency;
use crate::stop::Stop;
use crate::view::View;

/// What a key is unique for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// A caller's idempotency key, within the credential's owner.
    Key,
    /// A merchant's order number, within the merchant.
    Order,
    /// An institution's transaction number, within the channel account.
    Channel,
    /// What can exist once in a store.
    Once,
}

impl ClaimKind {
    /// The word in the rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Order => "order",
            Self::Channel => "channel",
            Self::Once => "once",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Key, Self::Order, Self::Channel, Self::Once].into_iter().find(|known| known.as_str() == text)
    }
}

/// What a look at a key found.
pub enum Found {
    /// Taken, by this answer.
    Taken(Arc<Answer>),
    /// Free; a new claim goes to this place.
    Free(i64),
}

/// The first place of a key: eight bytes of BLAKE3 over kind, scope and key, each with its length.
pub fn place_of(kind: ClaimKind, scope: &str, key: &str) -> i64 {
    let mut fed = Vec::with_capacity(scope.len() + key.len() + 32);
    for part in [kind.as_str(), scope, key] {
        fed.extend_from_slice(&(part.len() as u64).to_le_bytes());
        fed.extend_from_slice(part.as_bytes());
    }
    blake3::hash(&fed).as_bytes().first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// Looks a key up. What is not loaded yet counts as free in this round, so that one round notes everything it needs;
/// the round is decided again once it is loaded.
pub fn look_up(view: &mut View<'_>, kind: ClaimKind, scope: &str, key: &str) -> Result<Found, Stop> {
    let first = place_of(kind, scope, key);
    for probe in 0..limits::MAX_CLAIM_PROBES {
        let place = first.wrapping_add(probe);
        let Some(Some(claim)) = view.peek::<Claim>(place) else { return Ok(Found::Free(place)) };
        let Some(answer) = view.get::<Answer>((claim.shard, claim.seq, claim.n))? else {
            return Err(Stop::Broken(format!("claim {place} has no answer")));
        };
        if answer.kind == kind.as_str() && answer.scope == scope && answer.key == key {
            return Ok(Found::Taken(answer));
        }
    }
    Err(Stop::Broken("too many claims with one hash".to_owned()))
}

/// What is stored under a key.
pub struct Draft {
    /// What the key is unique for.
    pub kind: ClaimKind,
    /// Within what.
    pub scope: String,
    /// The key.
    pub key: String,
    /// The place found free for it.
    pub place: i64,
    /// The request's hash, for idempotency keys.
    pub body_hash: Option<[u8; 16]>,
    /// HTTP status; 0 where there is no answer to repeat.
    pub status: u16,
    /// The object it is about.
    pub object: Option<String>,
    /// The bytes to repeat; `None` where they must not be kept.
    pub body: Option<Arc<str>>,
}

/// Stores an answer and claims its key. Returns where in the batch it stands.
pub fn store(view: &mut View<'_>, draft: Draft) -> i64 {
    let (shard, seq) = (view.footing.shard, view.footing.seq);
    let n = view.next_answer;
    view.next_answer += 1;
    view.put::<Answer>(
        (shard, seq, n),
        Answer {
            shard,
            seq,
            n,
            kind: draft.kind.as_str().into(),
            scope: draft.scope.into(),
            key: draft.key.into(),
            body_hash: draft.body_hash.map(|hash| hash.to_vec()),
            status: i64::from(draft.status),
            object: draft.object.map(Into::into),
            body: draft.body.map(Body),
        },
    );
    view.put::<Claim>(draft.place, Claim { h: draft.place, shard, seq, n });
    n
}

/// The answer to a request whose key is taken: the stored bytes, or a refusal if the key was used for something else.
/// `None` when the bytes are gone and the object as it is now must be answered.
pub fn replay(answer: &Answer, idempotency: &Idempotency) -> Result<Option<Reply>, Stop> {
    if answer.body_hash.as_deref() != Some(idempotency.body_hash.as_slice()) {
        return Err(Stop::Refused(reused()));
    }
    let status = u16::try_from(answer.status).unwrap_or(500);
    Ok(answer.body.as_ref().map(|body| Reply {
        status,
        body: Arc::clone(&body.0),
        replayed: true,
        seq: answer.seq,
        problem: status >= 400,
    }))
}

/// The refusal of a key that was used for another request.
pub fn reused() -> Problem {
    Problem::at(
        Code::idempotency_key_reused,
        "Idempotency-Key",
        "this Idempotency-Key was used for a request with another route or body",
    )
}
