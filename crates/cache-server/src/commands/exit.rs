//! How a command ends: its exit code, and what it says of a failure.

use std::{error::Error, fmt, io, process::ExitCode, time::Duration};

/// Why a command failed, by exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read the output has had enough of it.
    Enough = 0,
    /// It failed.
    Failed = 1,
    /// The command line can't be carried out as it is. Clap's own refusals have this code too.
    Usage = 2,
    /// What was asked for isn't there.
    NotFound = 3,
    /// The service refuses whoever asks.
    Refused = 4,
    /// The service can't be reached, or doesn't answer.
    Unreachable = 5,
}

/// The failure of a command: what a user reads of it, and its exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    /// Empty if all is said already.
    pub(crate) message: String,
    /// When to try again, if the service said so: all that it can do at once is being done.
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) type CommandResult<T = ()> = Result<T, CommandError>;

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), retry_after: None }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Returns a failure of which the output says all.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CommandError {}

impl From<io::Error> for CommandError {
    /// The failure of an output. A reader who closed the pipe has what it wanted.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::silent(Exit::Enough),
            _ => Self::failed(format!("standard output can't be written to: {error}")),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
