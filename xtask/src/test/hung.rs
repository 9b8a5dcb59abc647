//! Test programs that hang: noticed by their silence, ended, and counted as failed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// How long nothing may be printed while a test is known to be slow.
pub(super) const SILENCE: Duration = Duration::from_secs(10 * 60);

/// The lines that a program prints, read on a thread of their own so that their absence can be noticed.
pub(super) struct Lines(Receiver<std::io::Result<Vec<u8>>>);

/// What came next of a program's lines.
pub(super) enum Next {
    Line(Vec<u8>),
    Silence,
    End,
}

impl Lines {
    pub(super) fn of(stdout: ChildStdout) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                let read = reader.read_until(b'\n', &mut line);
                let ended = !matches!(read, Ok(1..));
                if read.as_ref().is_ok_and(|read| *read == 0)
                    || sender.send(read.map(|_| line)).is_err()
                    || ended
                {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Waits for a line, at most `patience`.
    ///
    /// # Errors
    /// Fails if the lines cannot be read.
    pub(super) fn next(&self, patience: Duration) -> Result<Next> {
        match self.0.recv_timeout(patience) {
            Ok(line) => line.map(Next::Line).context("cannot read what `cargo test` prints"),
            Err(RecvTimeoutError::Timeout) => Ok(Next::Silence),
            Err(RecvTimeoutError::Disconnected) => Ok(Next::End),
        }
    }
}

/// Kills the programs that `parent` started; it goes on with the next. Where they can't be told, kills `parent`.
pub(super) fn kill_programs_of(parent: &mut Child) {
    let programs = programs_of(parent.id());
    if programs.is_empty() {
        let _ = parent.kill();
    }
    for pid in programs {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The processes whose parent is `parent`, as Linux lists them.
fn programs_of(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).filter_map(Pid::from_raw).collect()
}

/// The fourth field of `/proc/PID/stat`, after a name that may hold anything.
fn parent_of(pid: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::{Lines, Next, kill_programs_of};

    fn shell(script: &str) -> std::process::Child {
        Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn lines_are_read_to_the_end() {
        let mut child = shell("echo one; printf two");
        let lines = Lines::of(child.stdout.take().unwrap());
        let mut read = Vec::new();
        while let Next::Line(line) = lines.next(Duration::from_secs(60)).unwrap() {
            read.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(read, ["one\n", "two"]);
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn what_hangs_is_killed_and_its_parent_goes_on() {
        let mut child = shell("sleep 1000; echo went on");
        let lines = Lines::of(child.stdout.take().unwrap());
        assert!(matches!(lines.next(Duration::from_millis(300)).unwrap(), Next::Silence));
        kill_programs_of(&mut child);
        let Next::Line(line) = lines.next(Duration::from_secs(60)).unwrap() else { panic!("no line") };
        assert_eq!(line, b"went on\n");
        assert!(child.wait().unwrap().success());
    }
}
