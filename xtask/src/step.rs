//! Running programs: cargo and the few others that this tool needs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The cargo that runs this tool, at the root of the checkout.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Runs to the end with the terminal's own output; fails as the program fails.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::of_program(&shown(command), status)) }
}

/// Whether the program ran and succeeded; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What the program wrote on its standard output, if there is such a program and it succeeded.
pub(crate) fn output_if_any(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// What the program wrote on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(Failure::of_program(&shown(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("{}: output is not UTF-8", shown(command))))
}

/// Runs to the end, passing each line of standard output on as it comes and showing it to `see`.
pub(crate) fn run_seen(command: &mut Command, mut see: impl FnMut(&str)) -> Result<(), Failure> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    let copied = child.stdout.take().map_or(Ok(()), |pipe| copy_lines(BufReader::new(pipe), &mut see));
    let status = child.wait().map_err(|error| cannot_start(command, &error))?;
    if !status.success() {
        return Err(Failure::of_program(&shown(command), status));
    }
    copied.map_err(|error| Failure::new(format!("{}: its output was lost: {error}", shown(command))))
}

fn copy_lines(mut from: impl BufRead, see: &mut impl FnMut(&str)) -> std::io::Result<()> {
    let mut line = Vec::new();
    let mut to = std::io::stdout();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        see(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", shown(command)))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    command.get_args().fold(program, |text, argument| text + " " + &argument.to_string_lossy())
}
