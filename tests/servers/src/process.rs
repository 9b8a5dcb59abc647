//! One server process: its output goes to a file, and it is signalled by pid, with all its children.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};

use crate::server_dir::ServerDir;
use crate::{ports, wait};

/// A server in its folder; dropping it ends the server.
#[derive(Debug)]
pub(crate) struct Process {
    command: Command,
    /// How the server likes to be ended.
    end: Signal,
    child: Option<Child>,
    pid: u32,
    /// Where in the log the last start begins.
    began: u64,
    dir: ServerDir,
}

/// Why a server could not be started.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Somebody else took the port meanwhile.
    PortTaken,
    Other(anyhow::Error),
}

impl From<anyhow::Error> for StartError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<StartError> for anyhow::Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::PortTaken => {
                anyhow!("{}: another process took the server's port", ports::ADDRESS_IN_USE)
            }
            StartError::Other(error) => error,
        }
    }
}

const LOG: &str = "log";

impl Process {
    /// Starts the server; [`Process::ready`] waits for it.
    ///
    /// # Errors
    /// Fails if the program can't be started.
    pub(crate) fn start(mut command: Command, end: Signal, dir: ServerDir) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(dir.path().join(LOG));
        let log = log.context("cannot write the server's log")?;
        let same = log.try_clone().context("cannot share the server's log")?;
        // In a group of its own, for Ctrl-C must end the owner, who ends the server. Errors are read in
        // English.
        command.stdin(Stdio::null()).stdout(log).stderr(same).process_group(0).env("LC_ALL", "C");
        let mut process = Self { command, end, child: None, pid: 0, began: 0, dir };
        process.spawn()?;
        Ok(process)
    }

    /// Starts a server that has ended again.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        self.began = fs::metadata(self.dir.path().join(LOG)).map_or(0, |log| log.len());
        let program = self.command.get_program().to_string_lossy().into_owned();
        let child = self.command.spawn().with_context(|| format!("cannot start {program}"))?;
        self.pid = child.id();
        self.child = Some(child);
        self.dir.watch(self.pid)
    }

    /// Waits until the server is ready, as the server itself reports.
    ///
    /// # Errors
    /// Fails if it ends, with the last lines of its output, or takes longer than [`wait::START_TIMEOUT`].
    pub(crate) fn ready(&mut self, mut ready: impl FnMut(&Self) -> bool) -> Result<(), StartError> {
        let mut ended = false;
        let done = wait::until(wait::START_TIMEOUT, || {
            ended = self.has_ended();
            ended || ready(self)
        });
        if done && !ended {
            return Ok(());
        }
        let output = self.output();
        if ended && output.contains(ports::ADDRESS_IN_USE) {
            return Err(StartError::PortTaken);
        }
        let program = self.command.get_program().to_string_lossy();
        let how = if ended {
            "ended at once".to_owned()
        } else {
            format!("is not ready after {:?}", wait::START_TIMEOUT)
        };
        Err(anyhow!("{program} {how}. Its last output:\n{}", last_lines(&output)).into())
    }

    pub(crate) fn dir(&self) -> &ServerDir {
        &self.dir
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the server and its children with SIGKILL, and waits until they are gone.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Stopped, it makes no more children, and those it has are still its own.
        signal(self.pid, Signal::STOP);
        let children = children_of(self.pid);
        let _ = child.kill();
        children.iter().for_each(|pid| signal(*pid, Signal::KILL));
        let _ = child.wait();
        wait::until(wait::STOP_TIMEOUT, || children.iter().all(|pid| is_gone(*pid)));
        let _ = self.dir.forget();
    }

    /// Ends the server as it likes to be ended, and by force if that takes longer than
    /// [`wait::STOP_TIMEOUT`].
    pub(crate) fn end(&mut self) {
        let children = if self.child.is_some() { children_of(self.pid) } else { Vec::new() };
        if self.child.is_some() {
            self.resume();
            signal(self.pid, self.end);
            wait::until(wait::STOP_TIMEOUT, || self.has_ended());
        }
        self.kill();
        // Some end and leave their children behind, as ChromeDriver does its browsers.
        for pid in children.into_iter().filter(|pid| !is_gone(*pid)) {
            signal(pid, Signal::KILL);
            wait::until(wait::STOP_TIMEOUT, || is_gone(pid));
        }
    }

    /// Stops the server and its children, as if the machine had stopped: connections stay, nothing answers.
    pub(crate) fn pause(&mut self) {
        if self.child.is_some() {
            signal(self.pid, Signal::STOP);
            children_of(self.pid).into_iter().for_each(|pid| signal(pid, Signal::STOP));
        }
    }

    /// Lets a paused server go on.
    pub(crate) fn resume(&mut self) {
        if self.child.is_some() {
            children_of(self.pid).into_iter().for_each(|pid| signal(pid, Signal::CONT));
            signal(self.pid, Signal::CONT);
        }
    }

    /// Whether the server runs no more, be it by [`Process::kill`] or by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// What the server has printed since it was last started.
    pub(crate) fn output(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(self.dir.path().join(LOG)).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.began))?;
            log.read_to_end(&mut text)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("(its log can't be read: {error})"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts something on a free port, and on another one if the port was taken meanwhile.
pub(crate) fn on_free_port<S>(mut start: impl FnMut(u16) -> Result<S, StartError>) -> Result<S> {
    for _ in 1..ports::MAX_ATTEMPTS {
        match start(ports::free()?) {
            Err(StartError::PortTaken) => {}
            ended => return Ok(ended?),
        }
    }
    Ok(start(ports::free()?)?)
}

/// Sends a signal; a process that is gone needs none.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The pids of a process's children.
fn children_of(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state_of(*pid).is_some_and(|(_, its)| its == parent)).collect()
}

/// Whether a process has ended, though its pid may still await somebody's `wait`.
fn is_gone(pid: u32) -> bool {
    state_of(pid).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// A process's state and its parent's pid.
fn state_of(pid: u32) -> Option<(char, u32)> {
    parse_state(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state parent ...`, where the name may hold anything.
fn parse_state(stat: &str) -> Option<(char, u32)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// The end of a text, up to 20 lines.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// How long a server may take to reply to one command.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::{children_of, is_gone, last_lines, parse_state, state_of};

    #[test]
    fn a_name_may_hold_anything() {
        assert_eq!(parse_state("7 (a b) c) S 42 7 7 0"), Some(('S', 42)));
        assert_eq!(parse_state("7 (a"), None);
    }

    #[test]
    fn children_are_found_and_seen_to_go() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(children_of(id()).contains(&child.id()));
        assert!(!is_gone(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state_of(child.id()), None);
        assert!(is_gone(child.id()));
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let text: String = (0..30).map(|line| format!("{line}\n")).collect();
        assert!(last_lines(&text).starts_with("10\n") && last_lines(&text).ends_with("29"));
        assert_eq!(last_lines("one"), "one");
    }
}
