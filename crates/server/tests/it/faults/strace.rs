//! Errors and slowness of the operating system, for one process and for a while, by `strace`, which lets chosen system
//! calls fail or take longer.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const ADVICE: &str = "strace must be installed and allowed to attach: type `cargo xtask setup` (or `apt-get install \
    strace`); in a container also give it `--cap-add=SYS_PTRACE`";

/// A fault that lasts until it is dropped.
pub(crate) struct Fault {
    strace: Child,
    _said: BufReader<std::process::ChildStderr>,
    directory: TempDir,
}

impl Fault {
    /// Injects into these processes, all their threads, and whatever they start. `inject` is strace's own language, as
    /// `fsync:error=EIO`; each thread counts its calls for itself.
    pub(crate) fn begin(processes: &[u32], inject: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let calls: Vec<&str> = inject.iter().map(|one| one.split(':').next().unwrap()).collect();
        let mut command = Command::new("strace");
        command.args(["-f", "-e", &format!("trace={}", calls.join(",")), "-o"]).arg(directory.path().join("calls"));
        for one in inject {
            command.args(["-e", &format!("inject={one}")]);
        }
        for process in processes {
            command.args(["-p", &process.to_string()]);
        }
        let mut strace = command.stderr(Stdio::piped()).spawn().expect(ADVICE);
        let mut said = BufReader::new(strace.stderr.take().unwrap());
        let mut heard = String::new();
        // One line for each process once it is held.
        for _ in processes {
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            heard.push_str(&line);
            assert!(line.contains(" attached"), "{ADVICE}\n{heard}");
        }
        Self { strace, _said: said, directory }
    }

    /// How many calls it was done to so far.
    pub(crate) fn struck(&self) -> usize {
        let calls: PathBuf = self.directory.path().join("calls");
        BufReader::new(File::open(calls).unwrap())
            .lines()
            .filter(|line| ["(INJECTED)", "(DELAYED)"].iter().any(|word| line.as_ref().unwrap().contains(word)))
            .count()
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        // It lets go of its processes, which go on undisturbed.
        let _ = Command::new("kill").args(["-INT", &self.strace.id().to_string()]).status();
        let _ = self.strace.wait();
    }
}
