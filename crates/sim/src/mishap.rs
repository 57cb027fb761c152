//! What is about to go wrong: faults that the plan has armed and nobody has met yet. Each strikes once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::{PostFault, StoreFault, WireFault};

/// Faults that wait. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Mishaps(Arc<Mutex<Armed>>);

#[derive(Default)]
struct Armed {
    /// By node.
    store: [Waiting<StoreFault>; 2],
    wire: Waiting<WireFault>,
    post: Waiting<PostFault>,
    /// Nodes that are to die at this moment.
    dying: BTreeSet<usize>,
}

/// Faults in the order in which they were armed, each with the number of calls that go well before it strikes.
struct Waiting<F>(Vec<(u32, F)>);

impl<F> Default for Waiting<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: Copy> Waiting<F> {
    fn arm(&mut self, after: u32, fault: F) {
        self.0.push((after, fault));
    }

    /// What a call meets: the first that its kind can meet and whose turn it is. It is one call less for the others.
    fn meet(&mut self, can_meet: impl Fn(F) -> bool) -> Option<F> {
        let mut met = None;
        for (place, (after, _)) in self.0.iter_mut().enumerate().filter(|(_, (_, fault))| can_meet(*fault)) {
            match *after {
                0 if met.is_none() => met = Some(place),
                0 => {}
                _ => *after -= 1,
            }
        }
        met.map(|place| self.0.remove(place).1)
    }
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
            | Self::WriteSlow(_)
            | Self::DiesAfterCommit
            | Self::DiesInWrite(_) => Errand::Write,
            Self::ResolveAway => Errand::Resolve,
            Self::ReadAway => Errand::Read,
            Self::SideAway | Self::SideLost => Errand::Side,
        }
    }
}

impl Mishaps {
    /// A call of its kind from this node to the store goes wrong: the next one after so many others.
    pub(crate) fn arm_store(&self, node: usize, after: u32, fault: StoreFault) {
        if let Some(waiting) = self.armed().store.get_mut(node) {
            waiting.arm(after, fault);
        }
    }

    /// A call to the institution goes wrong: the next one after so many others.
    pub(crate) fn arm_wire(&self, after: u32, fault: WireFault) {
        self.armed().wire.arm(after, fault);
    }

    /// A notification goes wrong: the next one after so many others.
    pub(crate) fn arm_post(&self, after: u32, fault: PostFault) {
        self.armed().post.arm(after, fault);
    }

    /// What this call to the store meets.
    pub(crate) fn store(&self, node: usize, errand: Errand) -> Option<StoreFault> {
        self.armed().store.get_mut(node)?.meet(|fault| fault.errand() == errand)
    }

    /// What this call to the institution meets.
    pub(crate) fn wire(&self) -> Option<WireFault> {
        self.armed().wire.meet(|_| true)
    }

    /// What this notification meets.
    pub(crate) fn post(&self) -> Option<PostFault> {
        self.armed().post.meet(|_| true)
    }

    /// A node dies at this moment.
    pub(crate) fn kill(&self, node: usize) {
        self.armed().dying.insert(node);
    }

    /// The nodes that die now.
    pub(crate) fn dying(&self) -> BTreeSet<usize> {
        std::mem::take(&mut self.armed().dying)
    }

    /// Nothing goes wrong any more; how many faults had not struck yet.
    pub(crate) fn heal(&self) -> usize {
        let Armed { store, wire, post, .. } = std::mem::take(&mut *self.armed());
        store.iter().map(|waiting| waiting.0.len()).sum::<usize>() + wire.0.len() + post.0.len()
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
