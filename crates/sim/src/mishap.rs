//! What is about to go wrong: faults that the plan has armed and nobody has met yet. Each strikes once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::{PostFault, StoreFault, WireFault};

/// Faults that wait. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Mishaps(Arc<Mutex<Armed>>);

#[derive(Default)]
struct Armed {
    /// By node.
    store: [VecDeque<StoreFault>; 2],
    wire: VecDeque<WireFault>,
    post: VecDeque<PostFault>,
}

/// What is asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A line's read.
    Load,
    /// A line's write.
    Write,
    /// A line asks what became of a commit.
    Resolve,
    /// A worker's read.
    Read,
    /// A worker's small transaction.
    Side,
}

impl StoreFault {
    const fn errand(self) -> Errand {
        match self {
            Self::LoadAway => Errand::Load,
            Self::WriteAway
            | Self::WriteFull
            | Self::WriteBusy
            | Self::WriteConflict
            | Self::CommitLostBefore
            | Self::CommitLostAfter
            | Self::WriteSlow(_) => Errand::Write,
            Self::ResolveAway => Errand::Resolve,
            Self::ReadAway => Errand::Read,
            Self::SideAway | Self::SideLost => Errand::Side,
        }
    }
}

impl Mishaps {
    /// The next call of its kind from this node to the store goes wrong.
    pub(crate) fn arm_store(&self, node: usize, fault: StoreFault) {
        if let Some(waiting) = self.armed().store.get_mut(node) {
            waiting.push_back(fault);
        }
    }

    /// The next call to the institution goes wrong.
    pub(crate) fn arm_wire(&self, fault: WireFault) {
        self.armed().wire.push_back(fault);
    }

    /// The next notification goes wrong.
    pub(crate) fn arm_post(&self, fault: PostFault) {
        self.armed().post.push_back(fault);
    }

    /// What this call to the store meets.
    pub(crate) fn store(&self, node: usize, errand: Errand) -> Option<StoreFault> {
        let mut armed = self.armed();
        let waiting = armed.store.get_mut(node)?;
        let place = waiting.iter().position(|fault| fault.errand() == errand)?;
        waiting.remove(place)
    }

    /// What this call to the institution meets.
    pub(crate) fn wire(&self) -> Option<WireFault> {
        self.armed().wire.pop_front()
    }

    /// What this notification meets.
    pub(crate) fn post(&self) -> Option<PostFault> {
        self.armed().post.pop_front()
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&self) {
        *self.armed() = Armed::default();
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
