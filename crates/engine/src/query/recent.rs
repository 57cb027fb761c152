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
    /// A line has committed, or has answered what changed nothing.
    pub fn committed(&self, committed: &Committed) {
        // The batch as of which it was answered may be another's, whose trees are not known here.
        if !committed.written {
            return;
        }
        let mut kept = self.kept();
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

#[cfg(test)]
mod tests {
    use kernel::{Bucket, RootId, Time};

    use super::*;

    fn trade() -> TradeId {
        TradeId(RootId::new(Time::from_micros(0), Bucket::of("user:42"), 1))
    }

    fn commit(seq: i64, written: bool, tree: Option<Tree>) -> Committed {
        let trees = tree.into_iter().map(|tree| (trade(), Some(tree))).collect();
        Committed { seq, written, trees, ..Committed::default() }
    }

    #[test]
    fn what_is_kept_is_believed_while_nobody_else_has_written() {
        let recent = Recent::default();
        recent.committed(&commit(5, true, Some(Tree::unpaid(trade()))));
        recent.committed(&commit(6, true, None));
        assert!(recent.has(trade()) && recent.tree(trade(), 6).is_some());
        assert!(recent.tree(trade(), 7).is_none(), "somebody else has written");
    }

    /// Another process wrote batch 6; this one answers a request as of it without writing. What it keeps is of batch 5.
    #[test]
    fn an_answer_as_of_anothers_batch_makes_nothing_younger() {
        let recent = Recent::default();
        recent.committed(&commit(5, true, Some(Tree::unpaid(trade()))));
        recent.committed(&commit(6, false, None));
        assert!(recent.tree(trade(), 6).is_none());
        recent.committed(&commit(7, true, None));
        assert!(!recent.has(trade()), "batch 6 is missing, so all of it is forgotten");
    }
}
