//! `cargo xtask soak --minutes N`: the long versions of what the tests play, each time from a fresh seed, until the time
//! is over. The first finding ends it; the line printed before it says how to play it again.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::failure::Failure;
use crate::{checkout, step};

/// How many times as long a play is as in the tests.
const ROUNDS: u64 = 5;
/// Simulated worlds, more each time round; they are numbered from 0.
const WORLDS: u64 = 1_000;

/// Goes round until so many minutes are over; what was begun is played to its end.
pub(crate) fn run(minutes: &str) -> Result<(), Failure> {
    let minutes: u64 = minutes.parse().map_err(|_| Failure::usage("soak --minutes N: N is a number of minutes"))?;
    let root = checkout::root()?;
    let (begun, length) = (Instant::now(), Duration::from_secs(minutes.saturating_mul(60)));
    let mut round = 0;
    while begun.elapsed() < length {
        round += 1;
        let seed = fresh_seed();
        for (variables, arguments) in plays(seed, round) {
            let told: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            println!("\n== round {round}: {} cargo {}", told.join(" "), arguments.join(" "));
            step::run(command(&root, &arguments).envs(variables))?;
        }
    }
    println!("\n{round} rounds in {} s, nothing found", begun.elapsed().as_secs());
    Ok(())
}

fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = step::cargo(root);
    command.args(arguments);
    command
}

type Play = (Vec<(&'static str, String)>, Vec<&'static str>);

/// What one round plays.
fn plays(seed: u64, round: u64) -> [Play; 3] {
    let faults = vec![("SUANPAN_FAULT_SEED", seed.to_string()), ("SUANPAN_FAULT_ROUNDS", ROUNDS.to_string())];
    let worlds = vec![("SUANPAN_SIM_SEEDS", WORLDS.saturating_mul(round).to_string())];
    let test = ["test", "--locked", "--offline", "-p"];
    [
        (
            faults,
            [&test[..], &["suanpan", "--test", "it", "faults::", "--", "--nocapture", "--test-threads=2"]].concat(),
        ),
        (worlds, [&test[..], &["sim"]].concat()),
        (Vec::new(), [&test[..], &["suanpan", "--test", "it", "kills::"]].concat()),
    ]
}

/// Seeds are short, so that they can be typed.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_says_its_seed_and_takes_more_worlds_each_time() {
        let [faults, worlds, kills] = plays(77, 3);
        assert!(faults.0.contains(&("SUANPAN_FAULT_SEED", "77".to_owned())) && faults.1.contains(&"faults::"));
        assert_eq!(worlds.0, [("SUANPAN_SIM_SEEDS", "3000".to_owned())]);
        assert!(kills.1.contains(&"kills::"));
    }
}
