//! The simulator finds nothing in clean code, and finds every planted bug.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use sim::{Planted, run};

/// Seeds of the short run; `SUANPAN_SIM_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("SUANPAN_SIM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

#[test]
fn clean_code_has_no_findings() {
    let mut payments = 0;
    for seed in 0..seeds() {
        let verdict = run(seed, None).unwrap();
        assert!(verdict.findings.is_empty(), "seed {seed}: {:#?}", verdict.findings);
        payments += verdict.payments;
    }
    assert!(payments > 0, "nothing was ever paid: the world tests nothing");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 7, 99] {
        assert_eq!(run(seed, None).unwrap(), run(seed, None).unwrap());
    }
    assert_ne!(run(1, None).unwrap().trace, run(2, None).unwrap().trace);
}

#[test]
fn a_dropped_fence_is_found() {
    found(Planted::DroppedFence);
}

#[test]
fn an_early_acknowledgement_is_found() {
    found(Planted::EarlyAcknowledgement);
}

fn found(bug: Planted) {
    let seed = (0..2_000).find(|seed| !run(*seed, Some(bug)).unwrap().findings.is_empty());
    assert!(seed.is_some(), "{bug:?} was not found in 2,000 seeds");
}
