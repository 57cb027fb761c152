//! The trades that a shard's line wrote last, so that whoever reads one again does not ask the store for its rows.
//!
//! What is kept holds as of the newest batch that this process committed. Another process may have gone on since: a
//! reader asks the store how far the shard is, which is one small row, and believes what is kept only where that is no
//! further. A gap in the batches of this process is another's batch, and everything that was kept is forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::TradeId;

use super::Tree;
use crate::line::Committed;

/// Trades of one generation. Two are kept, so there are between one and two times as many.
const GENERATION: usize = 4_096;

/// One shard's recent trades. Clones share them.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// The newest batch that this process committed.
    seq: i64,
    young: BTreeMap<TradeId, Tree>,
    old: BTreeMap<TradeId, Tree>,
}

impl Recent {
    /// A line has committed.
    pub fn committed(&self, committed: &Committed) {
        let mut kept = self.kept();
        if committed.seq == kept.seq {
            return; // Requests that changed nothing.
        }
        if committed.seq != kept.seq + 1 {
            *kept = Kept::default();
        }
        kept.seq = committed.seq;
        for (id, tree) in &committed.trees {
            kept.old.remove(id);
            match tree {
                Some(tree) => kept.young.insert(*id, tree.clone()),
                None => kept.young.remove(id),
            };
        }
        if kept.young.len() >= GENERATION {
            kept.old = std::mem::take(&mut kept.young);
        }
    }

    /// Whether the trade is among them.
    pub(super) fn has(&self, id: TradeId) -> bool {
        let kept = self.kept();
        kept.young.contains_key(&id) || kept.old.contains_key(&id)
    }

    /// The trade as it is, if it is among them and the shard has not gone further than `head` by others' hands.
    pub(super) fn tree(&self, id: TradeId, head: i64) -> Option<Tree> {
        let kept = self.kept();
        if kept.seq < head {
            return None;
        }
        kept.young.get(&id).or_else(|| kept.old.get(&id)).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
