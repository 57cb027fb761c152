//! Why a request does not go on in this round.

use kernel::Problem;

use crate::question::Question;

/// The ways to stop half-way. Whatever the request had changed is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something has to be read first; it is noted in the view.
    Miss,
    /// Refused: nothing happens but the stored answer.
    Refused(Problem),
    /// Refused for now: this process does not know yet what another has written. Nothing happens, and no answer is stored.
    Behind(Problem),
    /// What it is about lives in this other shard, whose line decides it.
    Elsewhere(i64),
    /// The outside risk service is to be asked this first; then the request is decided anew.
    Ask(Box<Question>),
    /// Something that must hold does not: this request ends, an alarm goes off, nothing is written.
    Broken(String),
}

impl Stop {
    /// The same about a field of the child at this place of `children`.
    pub fn within(self, place: usize) -> Self {
        match self {
            Self::Refused(problem) => {
                let param = match problem.param.as_deref() {
                    Some(param) => format!("children[{place}].{param}"),
                    None => format!("children[{place}]"),
                };
                Self::Refused(Problem { param: Some(param), ..problem })
            }
            other => other,
        }
    }
}

macro_rules! refusals {
    ($($refusal:ty),* $(,)?) => {$(
        impl From<$refusal> for Stop {
            fn from(refusal: $refusal) -> Self {
                Self::Refused(refusal.into())
            }
        }
    )*};
}

refusals!(Problem, trade::Refusal, payment::Refusal, channel::order::Refusal);
