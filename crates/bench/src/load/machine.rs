//! The machine a figure was measured on, and what the watched processes spent of it, read from Linux's `/proc`.
//! Where that is not there, the figures are left out.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde::Serialize;

/// `/proc` counts CPU time in ticks of 10 ms (`USER_HZ`, 100 on every common architecture).
const TICK: Duration = Duration::from_millis(10);

/// Where the benchmark ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu_model: String,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// The kernel.
    pub kernel: String,
}

impl Machine {
    /// The machine that this runs on.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu_model: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            memory_mib: field(&read("/proc/meminfo"), "MemTotal").and_then(|text| kib(&text)).map(|kib| kib / 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}

/// The processes whose CPU time is told beside a figure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// The server.
    pub server_pid: Option<u32>,
    /// The database: this process and all that descend from it.
    pub database_pid: Option<u32>,
}

/// CPU time so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    server: Option<Duration>,
    database: Option<Duration>,
    server_memory_kib: Option<u64>,
    server_peak_kib: Option<u64>,
}

/// CPU time between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// The server's.
    pub server: Duration,
    /// The database's, with all its processes; zero where none is watched.
    pub database: Duration,
    /// The server's resident memory at the end, in KiB.
    pub server_memory_kib: Option<u64>,
    /// The most it ever was, in KiB.
    pub server_peak_kib: Option<u64>,
}

impl Watch {
    /// What they have spent so far.
    pub fn look(&self) -> Look {
        Look {
            server: self.server_pid.and_then(read_stat).map(|stat| stat.own),
            database: self.database_pid.map(tree_time),
            server_memory_kib: self.server_pid.and_then(|pid| memory_kib(pid, "VmRSS:")),
            server_peak_kib: self.server_pid.and_then(|pid| memory_kib(pid, "VmHWM:")),
        }
    }
}

impl Look {
    /// What was spent since an earlier look; `None` where the server is not watched or gone.
    pub fn since(&self, before: &Self) -> Option<Cpu> {
        let database = self.database.unwrap_or_default().saturating_sub(before.database.unwrap_or_default());
        Some(Cpu {
            server: self.server?.checked_sub(before.server?)?,
            database,
            server_memory_kib: self.server_memory_kib,
            server_peak_kib: self.server_peak_kib,
        })
    }
}

/// One process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: Duration,
    /// Of children that ended and were waited for.
    ended_children: Duration,
}

fn read_stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields are counted after the name, which stands in brackets and may hold anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(Stat {
        parent: ticks(1)?,
        own: TICK.saturating_mul(ticks(11)?.saturating_add(ticks(12)?)),
        ended_children: TICK.saturating_mul(ticks(13)?.saturating_add(ticks(14)?)),
    })
}

/// CPU time of a process and all below it. Children that end meanwhile stay counted, in their parent.
fn tree_time(root: u32) -> Duration {
    let processes: BTreeMap<u32, Stat> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, read_stat(pid)?)))
        .collect();
    let below = |pid: u32| {
        let mut at = pid;
        // A process may be at most as deep as there are processes.
        for _ in 0..processes.len() {
            if at == root {
                return true;
            }
            match processes.get(&at) {
                Some(stat) => at = stat.parent,
                None => return false,
            }
        }
        false
    };
    processes.iter().filter(|(pid, _)| below(**pid)).map(|(_, stat)| stat.own + stat.ended_children).sum()
}

fn memory_kib(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| kib(line.strip_prefix(field)?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "42 (a b) c) S 7 1 1 0 -1 0 0 0 0 0 150 50 20 10 20 0 1 0 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(stat.parent, 7);
        assert_eq!(stat.own, Duration::from_secs(2));
        assert_eq!(stat.ended_children, Duration::from_millis(300));
        assert_eq!(parse_stat("42 (short) S 7"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen_at_work() {
        let pid = std::process::id();
        let watch = Watch { server_pid: Some(pid), database_pid: Some(pid) };
        let before = watch.look();
        let start = std::time::Instant::now();
        let mut spin = 0_u64;
        // On a busy machine it takes a while until this process had its share.
        let cpu = loop {
            spin = std::hint::black_box(spin.wrapping_add(1));
            if spin.is_multiple_of(1_000_000) {
                let cpu = watch.look().since(&before).unwrap();
                // The two are read one after the other.
                if cpu.server.min(cpu.database) >= Duration::from_millis(50)
                    || start.elapsed() > Duration::from_secs(30)
                {
                    break cpu;
                }
            }
        };
        assert!(cpu.server >= Duration::from_millis(50), "{cpu:?}");
        assert!(cpu.database >= Duration::from_millis(50), "{cpu:?}");
        assert!(cpu.server_memory_kib > Some(100) && cpu.server_peak_kib >= cpu.server_memory_kib, "{cpu:?}");
        assert!(Machine::this().cores > 0);
    }
}
