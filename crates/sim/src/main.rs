//! The simulator on the command line: many seeds, one seed, a written plan, the table of planted bugs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sim::{Plan, Planted, Verdict, cpu, draw, play, shrink};

/// Many small things come and go; the usual allocator spends a tenth of the time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds between two lines that say how far a run has come.
const BETWEEN_NEWS: usize = 1_000;

/// Plays seeded worlds and judges them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plays many seeds; ends with those that found something.
    Run {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// A bug to put in.
        #[arg(long, value_parser = bug)]
        planted: Option<Planted>,
    },
    /// Plays one seed and tells everything.
    Seed {
        /// Which.
        seed: u64,
        /// A bug to put in.
        #[arg(long, value_parser = bug)]
        planted: Option<Planted>,
    },
    /// Shortens the plan of a seed that finds something, and writes it down.
    Shrink {
        /// Which.
        seed: u64,
        /// A bug to put in.
        #[arg(long, value_parser = bug)]
        planted: Option<Planted>,
        /// Where to; without it the plan is printed.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Plays a plan that was written down.
    Plan {
        /// Its file.
        file: PathBuf,
        /// A bug to put in.
        #[arg(long, value_parser = bug)]
        planted: Option<Planted>,
    },
    /// Puts in every bug in turn, and prints after how many seeds each was found.
    Planted {
        /// After how many seeds a bug counts as not found.
        #[arg(long, default_value_t = 2_000)]
        most: u64,
    },
}

fn bug(text: &str) -> Result<Planted, String> {
    Planted::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Planted::ALL.iter().map(|bug| bug.as_str()).collect();
        format!("one of {}", known.join(", "))
    })
}

fn main() -> ExitCode {
    match run(Arguments::parse().what) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // Nobody who reads is nobody to tell.
    let _ = writeln!(io::stdout(), "{text}");
}

fn run(what: What) -> Result<bool, String> {
    match what {
        What::Run { from, seeds, planted } => many(from, seeds, planted),
        What::Seed { seed, planted } => Ok(tell(&play(&draw(seed), planted)?)),
        What::Shrink { seed, planted, out } => {
            let plan = shrink(&draw(seed), planted)?;
            tell(&play(&plan, planted)?);
            write(&plan, out.as_deref())
        }
        What::Plan { file, planted } => {
            let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let plan: Plan = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(tell(&play(&plan, planted)?))
        }
        What::Planted { most } => table(most),
    }
}

fn tell(verdict: &Verdict) -> bool {
    let hash = verdict.trace.iter().fold(String::new(), |mut hash, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    say(&format!("{} payments, {} batches, trace {hash}", verdict.payments, verdict.batches));
    for finding in &verdict.findings {
        say(finding);
    }
    verdict.findings.is_empty()
}

fn write(plan: &Plan, out: Option<&Path>) -> Result<bool, String> {
    let text = serde_json::to_string_pretty(plan).map_err(|error| error.to_string())?;
    match out {
        Some(file) => std::fs::write(file, text + "\n").map_err(|error| error.to_string())?,
        None => say(&text),
    }
    Ok(true)
}

fn many(from: u64, seeds: u64, planted: Option<Planted>) -> Result<bool, String> {
    let (mut payments, mut found) = (0, 0_u64);
    let before = cpu::nanoseconds();
    for (played, seed) in (from..from.saturating_add(seeds)).enumerate() {
        if played > 0 && played % BETWEEN_NEWS == 0 {
            say(&format!("{played} seeds, {found} with findings so far"));
        }
        let verdict = play(&draw(seed), planted)?;
        payments += verdict.payments;
        if let Some(first) = verdict.findings.first() {
            found += 1;
            let bug = planted.map_or_else(String::new, |bug| format!(" --planted {}", bug.as_str()));
            say(&format!("cargo run -p sim -- seed {seed}{bug}  # {first}"));
        }
    }
    let used_ms = before.zip(cpu::nanoseconds()).map(|(before, after)| (after - before) / 1_000_000);
    let rate = used_ms.map_or(0, |ms| payments as u64 * 1_000 / ms.max(1));
    say(&format!(
        "{seeds} seeds, {found} with findings, {payments} payments, {} ms of processor time, {rate} payments per CPU-second",
        used_ms.unwrap_or(0)
    ));
    Ok(found == 0)
}

fn table(most: u64) -> Result<bool, String> {
    say("| bug | what is wrong | seeds until found | by |\n|---|---|---|---|");
    let mut all = true;
    for bug in Planted::ALL {
        let mut row = None;
        for seed in 0..most {
            let verdict = play(&draw(seed), Some(*bug))?;
            if let Some(first) = verdict.findings.into_iter().next() {
                row = Some((seed + 1, first));
                break;
            }
        }
        let found = row.as_ref().map_or_else(|| "not found".to_owned(), |(seeds, _)| seeds.to_string());
        let by = row.as_ref().map_or("", |(_, by)| by.as_str());
        say(&format!("| `{}` | {} | {found} | {by} |", bug.as_str(), bug.about().trim()));
        all &= row.is_some();
    }
    Ok(all)
}
