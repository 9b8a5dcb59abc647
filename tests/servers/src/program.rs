//! Any program as a server of one's own: the service, or what it is compared with.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;

use crate::process::Process;
use crate::server_dir::ServerDir;

/// A program that runs in a temporary folder, ended on drop with all its children.
#[derive(Debug)]
pub struct Program(Process);

impl Program {
    /// Starts the command that `command` makes of the program's folder. `name` is part of the folder's name. The
    /// program may be ready later.
    ///
    /// # Errors
    /// Fails if there can be no folder, or the program can't be started.
    pub fn start(name: &str, command: impl FnOnce(&Path) -> Result<Command>) -> Result<Self> {
        let dir = ServerDir::new(name, "TERM", None)?;
        let command = command(dir.path())?;
        Ok(Self(Process::start(command, Signal::TERM, dir)?))
    }

    /// Returns the number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Returns what it printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.0.output()
    }
}
