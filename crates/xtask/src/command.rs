//! Running other programs: their output is shown as it comes and kept for the summary, and none of them
//! can run for ever.

use crate::Result;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How a program ended.
pub struct Outcome {
    /// Its exit status was 0.
    pub success: bool,
    /// What it wrote to stdout and stderr, in the order of writing.
    pub output: String,
}

/// Runs `command` to its end, at most for `limit`, and shows its output while it runs.
pub fn run(command: Command, limit: Duration) -> Result<Outcome> {
    run_with(command, limit, true)
}

/// Runs `command` like [`run`] without showing its output.
pub fn run_quietly(command: Command, limit: Duration) -> Result<Outcome> {
    run_with(command, limit, false)
}

fn run_with(mut command: Command, limit: Duration, show: bool) -> Result<Outcome> {
    let name = describe(&command);
    let (reader, writer) = std::io::pipe().map_err(|error| format!("no pipe for `{name}`: {error}"))?;
    let second = writer.try_clone().map_err(|error| format!("no pipe for `{name}`: {error}"))?;
    command.stdin(std::process::Stdio::null()).stdout(writer).stderr(second);
    let mut child = command.spawn().map_err(|error| format!("cannot start `{name}`: {error}"))?;
    // The command holds the pipe's writing ends: without this the reader would never see the end.
    drop(command);
    let output = forward(reader, show);
    let status = wait(&mut child, limit);
    // A daemon that the program left behind may keep the pipe open: its output is of no interest.
    let output = collect(&output, Duration::from_secs(2));
    match status {
        Some(status) => Ok(Outcome { success: status.success(), output }),
        None => Err(format!("`{name}` was stopped after {} s", limit.as_secs())),
    }
}

/// The command line as a person would type it.
fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Reads `pipe` on a thread of its own, shows what arrives, and sends it on.
fn forward(mut pipe: impl Read + Send + 'static, show: bool) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            if show {
                let mut out = std::io::stdout().lock();
                let _ = out.write_all(&buffer[..length]).and_then(|()| out.flush());
            }
            if send.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receive
}

/// Takes all pieces of output; the last may take up to `patience` to arrive.
fn collect(pieces: &Receiver<Vec<u8>>, patience: Duration) -> String {
    let mut all = Vec::new();
    while let Ok(piece) = pieces.recv_timeout(patience) {
        all.extend(piece);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Waits for `child`; when `limit` is over, ends it with all that it started, and returns `None`.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            _ => break,
        }
    }
    for pid in family(child.id()) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = child.wait();
    None
}

/// `pid` and all its descendants. They share our process group, so that Ctrl-C reaches them: a time limit
/// must therefore find them one by one.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(family));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_are_kept() {
        let outcome = run_quietly(shell("echo one; echo two >&2; exit 3"), Duration::from_secs(20)).unwrap();
        assert!(!outcome.success);
        assert_eq!(outcome.output, "one\ntwo\n");
    }

    #[test]
    fn a_time_limit_ends_the_whole_family() {
        let error = run_quietly(shell("sleep 600 & sleep 600"), Duration::from_millis(200)).err().unwrap();
        assert!(error.contains("stopped"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run_quietly(Command::new("no-such-program"), Duration::from_secs(20)).err().unwrap();
        assert!(error.contains("no-such-program"), "{error}");
    }
}
