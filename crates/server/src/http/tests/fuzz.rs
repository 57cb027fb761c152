//! Random bytes for every parser of what comes from outside: a list of targets, each of which claims more than that it
//! does not panic.
//!
//! Inputs are made from seeds by small changes (`mutate`), always in the same order, so a failure comes again. The seeds
//! of a target are the files of `fuzz/<target>` in this crate, and whatever it adds that must be computed. An input that
//! made a target fail is printed; it becomes a seed of its own by putting it into that folder.
//!
//! ```sh
//! SUANPAN_FUZZ_RUNS=1000000 cargo test -p suanpan fuzz
//! ```

mod doors;
mod mutate;
mod texts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use self::mutate::Mutator;

/// Inputs per target where nothing else is asked for.
const RUNS: u64 = 1_000;

/// Judges one input, by panicking; gives whether it was read rather than refused.
type Judge = Box<dyn Fn(&[u8]) -> bool>;

/// A parser and what is claimed of it.
struct Target {
    /// Names the folder of its seeds.
    name: &'static str,
    /// Parts that inputs are made of beside what the seeds have.
    words: &'static [&'static str],
    /// Seeds that must be computed.
    more: fn() -> Vec<Vec<u8>>,
    judge: fn() -> Judge,
}

/// Every parser of outside bytes.
const TARGETS: [Target; 13] = [
    doors::BODIES,
    doors::QUERIES,
    doors::IDEMPOTENCY_KEYS,
    doors::CREDENTIALS,
    doors::CURSORS,
    doors::NOTIFICATIONS,
    texts::JSON,
    texts::AMOUNTS,
    texts::IDS,
    texts::TIMES,
    texts::STATEMENTS,
    texts::ORDER_FILES,
    texts::CONFIGURATIONS,
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

impl Target {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder(self.name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        seeds.extend((self.more)());
        assert!(!seeds.is_empty(), "{} has no seeds", self.name);
        seeds
    }

    fn play(&self, runs: u64) {
        let seeds = self.seeds();
        let judge = (self.judge)();
        let mut mutator = Mutator::new(self.name);
        let changed = (0..runs).map(|_| mutator.input(&seeds, self.words)).collect::<Vec<_>>();
        let mut counts = [0, 0];
        for input in seeds.iter().chain(&changed) {
            match catch_unwind(AssertUnwindSafe(|| judge(input))) {
                Ok(read) => counts[usize::from(read)] += 1,
                Err(_) => panic!("target {}: this input fails: {}", self.name, input.escape_ascii()),
            }
        }
        // A target that refuses, or reads, whatever it is given proves nothing.
        let [refused, read] = counts;
        assert!(refused > 0 && read > 0, "target {}: {read} read, {refused} refused", self.name);
    }
}

#[test]
fn every_parser_of_outside_bytes() {
    let runs = std::env::var("SUANPAN_FUZZ_RUNS").ok().map_or(RUNS, |runs| runs.parse().unwrap());
    for target in &TARGETS {
        target.play(runs);
    }
}

#[test]
fn every_folder_of_seeds_is_a_targets() {
    for entry in std::fs::read_dir(folder("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "no target is called {name}");
    }
}
