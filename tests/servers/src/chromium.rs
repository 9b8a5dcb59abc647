//! A private ChromeDriver, which starts headless Chromium for each session that is asked for.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::install;
use crate::process::{Process, StartError, on_free_port};
use crate::server_dir::ServerDir;

/// How long it may take to say that it is ready.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A ChromeDriver on a free port, ended on drop, and its browsers with it.
#[derive(Debug)]
pub struct ChromeDriver {
    process: Process,
    port: u16,
}

impl ChromeDriver {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// Fails if Chromium or its driver is not installed, or the driver refuses to start: the error holds what it
    /// printed.
    pub fn start() -> Result<Self> {
        install::chromium()?;
        on_free_port(Self::start_on)
    }

    fn start_on(port: u16) -> Result<Self, StartError> {
        let program = install::chromedriver()?;
        let dir = ServerDir::new("chromedriver", "TERM", None)?;
        let mut command = Command::new(program);
        // Profiles of its browsers lie in the folder that goes with it.
        command.arg(format!("--port={port}")).env("TMPDIR", dir.path()).current_dir(dir.path());
        let mut process = Process::start(command, Signal::TERM, dir)?;
        process.ready(|_| is_ready(port).unwrap_or(false))?;
        Ok(Self { process, port })
    }

    /// The URL of its WebDriver API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The pid of `chromedriver`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Returns the script of axe-core, which looks for faults of accessibility in the page that it is run in.
///
/// # Errors
/// Fails if it can't be read.
pub fn axe_script() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/axe-core/axe.min.js");
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// Whether it says so itself. It keeps the connection open, so its answer is read as far as it goes.
fn is_ready(port: u16) -> Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /status HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let len = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..len]);
        let text = String::from_utf8_lossy(&answer);
        if text.contains("\"ready\":true") {
            return Ok(true);
        }
        if len == 0 || text.contains("\"ready\":false") {
            return Ok(false);
        }
    }
}
