//! A private Prometheus that scrapes one address, and the check of metrics by its `promtool`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::install;
use crate::process::{Process, StartError, on_free_port};
use crate::server_dir::ServerDir;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A private Prometheus on a free port, ended on drop. It scrapes one address each second.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: u16,
}

impl Prometheus {
    /// Starts a server that scrapes `target` at `/metrics`, and waits until it answers.
    ///
    /// # Errors
    /// Fails if Prometheus is not installed, or refuses to start: the error holds what it printed.
    pub fn start(target: SocketAddr) -> Result<Self> {
        on_free_port(|port| Self::start_on(port, target))
    }

    fn start_on(port: u16, target: SocketAddr) -> Result<Self, StartError> {
        let program = install::prometheus()?;
        let dir = ServerDir::new("prometheus", "TERM", None)?;
        let file = dir.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: cache, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(dir.path());
        let mut process = Process::start(command, Signal::TERM, dir)?;
        process.ready(|_| get(port, "/-/ready").is_ok())?;
        Ok(Self { process, port })
    }

    /// Returns what Prometheus answers to a query, as the JSON of its API.
    ///
    /// # Errors
    /// Fails if it does not answer within 5 s, or refuses the query.
    pub fn query(&self, query: &str) -> Result<String> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        get(self.port, &format!("/api/v1/query?query={encoded}"))
            .with_context(|| format!("cannot ask Prometheus for {query}"))
    }

    /// The pid of `prometheus`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Checks metrics in Prometheus' text form by `promtool check metrics`.
///
/// # Errors
/// Fails with what it complains of, and if it is not installed.
pub fn check_metrics(text: &str) -> Result<()> {
    let mut command = Command::new(install::promtool()?);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start promtool")?;
    let mut input = child.stdin.take().context("promtool reads nothing")?;
    input.write_all(text.as_bytes()).context("cannot write to promtool")?;
    drop(input);
    let output = child.wait_with_output().context("promtool did not end")?;
    let told = [output.stdout, output.stderr].concat();
    if output.status.success() && told.is_empty() {
        return Ok(());
    }
    bail!("promtool complains: {}", String::from_utf8_lossy(&told));
}

/// Checks a file of rules by `promtool check rules`.
///
/// # Errors
/// Fails with what it complains of, and if it is not installed.
pub fn check_rules(file: &Path) -> Result<()> {
    let output = Command::new(install::promtool()?).args(["check", "rules"]).arg(file).output();
    let output = output.context("cannot start promtool")?;
    if !output.status.success() {
        bail!("promtool complains: {}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    }
    Ok(())
}

/// Returns the body of an answer, if its status is 200.
fn get(port: u16, path: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer of HTTP")?;
    if head.split(' ').nth(1) != Some("200") {
        bail!("it answered {head}: {body}");
    }
    Ok(body.to_owned())
}
