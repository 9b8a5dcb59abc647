//! The service as a process, on its embedded default.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use servers::Program;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// A running service, ended on drop, and when the process ends that holds it.
#[derive(Debug)]
pub struct Service {
    program: Program,
    address: String,
}

impl Service {
    /// Starts the service on a free port and an empty folder, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it can't be started, or does not answer within 30 s.
    pub async fn start(binary: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let program = Program::start("cache-server", |folder| {
            let mut command = Command::new(binary);
            command
                .arg(format!("--listen={address}"))
                .arg(format!("--data-dir={}", folder.join("data").display()))
                .args(flags)
                .envs(variables.iter().copied());
            Ok(command)
        })?;
        let service = Self { program, address };
        for _ in 0..300 {
            if get(&service.address, "/health").await.is_ok() {
                return Ok(service);
            }
            sleep(Duration::from_millis(100)).await;
        }
        let (address, output) = (&service.address, service.program.output());
        bail!("the service did not answer at {address} within 30 s; it printed: {output}")
    }

    /// Returns the number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Builds the service, and returns its binary.
///
/// # Errors
///
/// If it can't be built.
pub fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is in no workspace")?;
    let built = servers::cargo()
        .args(["build", "--release", "--package", "cache-server"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    ensure!(built.success(), "the service could not be built");
    Ok(root.join("target/release/cache-server"))
}

/// Asks for JSON, on a connection of its own.
///
/// # Errors
///
/// If the answer is none, or not 200.
pub async fn get(address: &str, path: &str) -> Result<Value> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {}", head.lines().next().unwrap_or_default());
    serde_json::from_str(body).with_context(|| format!("{path} answered no JSON"))
}
