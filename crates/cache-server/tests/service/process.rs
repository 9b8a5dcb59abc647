//! A real `cache-server` on a free port, with a client.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Response};
use serde_json::Value;

/// How long anything may take that should take no time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
}

/// The command, untouched by the environment of whoever runs the tests.
pub(crate) fn command(data: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cache-server"));
    command.env_clear().args([OsStr::new("--data-dir"), data.as_os_str()]).args(flags);
    command.stdin(Stdio::null());
    command
}

impl Server {
    /// Starts it on `data` and waits until it listens.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::run(&mut command(data, flags))
    }

    /// The same of a command that was changed: its environment, or where its log goes.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        Self { child, url: url.expect("the server ended before it listened"), client: Client::new() }
    }

    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).timeout(PATIENCE).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(crate) async fn provider_calls(&self) -> u64 {
        self.json("/v1/stats").await["providers"][0]["calls"].as_u64().unwrap()
    }

    /// Waits until the statistics say so: callers are answered before the tiers are written.
    pub(crate) async fn until(&self, what: &str, reached: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        while !reached(&self.json("/v1/stats").await) {
            assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "kill {name}");
    }

    /// Waits for the end, and says how long that took.
    pub(crate) fn ended(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it the polite way.
    pub(crate) fn terminate(mut self) {
        self.signal("-TERM");
        let (status, took) = self.ended();
        assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    }

    /// Ends it the other way.
    pub(crate) fn kill(mut self) {
        self.signal("-KILL");
        self.ended();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end, which is expected to be a refusal, and answers with what it said.
pub(crate) fn refused(command: &mut Command) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success(), "it should have refused to start: {said}");
    said
}
