//! How a run ends: everything heals, callers learn what they do not know, time passes, and what there is is judged.

use kernel::time::{HOUR_US, MINUTE_US};
use kernel::{CaseId, Time};

use super::{LEFT, Verdict, World};
use crate::callers::Deed;
use crate::oracle;

/// Looks of the workers of one shard after everything else.
const LAST_LOOKS: usize = 12;

impl World {
    /// Every invariant, of every shard. That an account is frozen is on no record.
    pub(super) fn verify(&mut self, quiesced_at: Option<Time>) -> Result<(), String> {
        let found = oracle::invariants(&self.ground.store, quiesced_at, self.frozen.values().any(|frozen| *frozen))?;
        self.findings.extend(found);
        Ok(())
    }

    /// No more faults: whatever a caller does not know is asked again until it is answered. Then two days pass, with
    /// people at work after the first.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.unmet = self.mishaps.heal();
        self.ground.wire.heal();
        self.findings.extend(oracle::parked(&self.ground.store, self.ground.shards, self.frozen.keys().copied())?);
        for user in self.frozen.clone().into_keys() {
            self.freeze(user, false)?;
        }
        for node in 0..self.nodes.len() {
            self.crash(node)?;
        }
        self.ask_until_told()?;
        for round in 0_u32..2 {
            self.advance(12 * HOUR_US)?;
            for (place, case) in (0_u32..).zip(oracle::open_cases(&self.ground.store, self.ground.shards)?) {
                let way = u8::try_from(self.rng.below(4)).unwrap_or(0);
                self.decide(1_000_000 * (round + 1) + place, case, way, round == 1);
            }
            self.ask_until_told()?;
            self.advance(12 * HOUR_US)?;
            if !self.findings.is_empty() {
                return Ok(());
            }
        }
        self.last_looks()
    }

    /// One person resolves a case, or one proposes and all three approve at once: one of them may.
    fn decide(&mut self, act: u32, case: CaseId, way: u8, by_two: bool) {
        if !by_two {
            return self.desk(act, Some(case), 0, Deed::of(way), 0);
        }
        self.desk(act, Some(case), 0, Deed::of(way + 4), 0);
        for who in 0..3 {
            self.desk(act + 100_000 * (1 + who), Some(case), who, Deed::Approve, usize::from(who == 2));
        }
    }

    /// Workers look once more at what the other node has left them, whether there is something to find or not.
    fn last_looks(&mut self) -> Result<(), String> {
        for _ in self.ground.shards.all().flat_map(|_| 0..LAST_LOOKS) {
            if let Some(nap) = self.ground.clock.next_nap() {
                self.advance(nap.since(self.now()))?;
            }
        }
        self.advance(MINUTE_US)
    }

    /// Everything that must hold in the end.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        let now = self.now();
        self.verify(Some(now))?;
        let Some(node) = self.nodes.first() else { return Ok(()) };
        if self.findings.is_empty() {
            let scene = oracle::Scene {
                store: &self.ground.store,
                shards: self.ground.shards,
                queries: &node.queries,
                callers: &self.callers,
                seen: &self.seen,
                institution: self.institution.records(),
                told: self.ground.listens.then(|| self.ground.wire.told()),
                rules: &self.ground.control.rules,
                blocked: self.ground.blocked.as_ref(),
                switched: self.ground.switched,
                risk: &self.ground.risk,
                salt: self.ground.control.salt,
                now,
            };
            self.findings.extend(scene.differences()?);
        }
        Ok(())
    }

    pub(super) fn verdict(mut self) -> Result<Verdict, String> {
        // They hold the store, and would be held by it.
        self.orphans.close();
        let (payments, heads) = oracle::payments_and_heads(&self.ground.store, self.ground.shards)?;
        for head in &heads {
            self.trace.update(&head.hash).update(&head.seq.to_le_bytes());
        }
        let batches = heads.iter().map(|head| head.seq).sum();
        for finding in &self.findings {
            self.trace.update(finding.as_bytes());
        }
        let (trace, unmet) = (*self.trace.finalize().as_bytes(), self.unmet);
        LEFT.set(Some(self.ground.store));
        Ok(Verdict { findings: self.findings, trace, payments, batches, unmet })
    }
}
