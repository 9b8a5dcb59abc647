//! A single Redis server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::certificate::Certificate;
use crate::install;
use crate::process::{Process, StartError, on_free_port};
use crate::server_dir::ServerDir;

mod cluster;
mod resp;
mod sentinel;

pub use self::cluster::RedisCluster;
use self::resp::Connection;
pub use self::resp::Reply;
pub use self::sentinel::RedisSentinel;

/// How a Redis server is set up. The default is an open one that keeps nothing on disk.
#[derive(Clone, Default)]
pub struct RedisOptions {
    /// Lines of `redis.conf`, such as `maxmemory 1mb`, after those that are always there.
    pub config: Vec<String>,
    /// What clients must know.
    pub password: Option<String>,
    /// The one user there is, who may do everything with [`RedisOptions::password`]; the default user
    /// is switched off.
    pub user: Option<String>,
    /// Whether the port speaks TLS and nothing else; clients must trust [`Redis::authority`].
    pub tls: bool,
}

impl std::fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOptions")
            .field("config", &self.config)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("user", &self.user)
            .field("tls", &self.tls)
            .finish()
    }
}

/// A private Redis server on a free port, ended on drop.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    options: RedisOptions,
    certificate: Option<Certificate>,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// Fails if Redis is not installed, or refuses to start: the error holds what it printed.
    pub fn start(options: &RedisOptions) -> Result<Self> {
        on_free_port(|port| Self::start_on(port, options, &[]))
    }

    pub(crate) fn start_on(port: u16, options: &RedisOptions, args: &[&str]) -> Result<Self, StartError> {
        if options.user.is_some() && options.password.is_none() {
            return Err(anyhow::anyhow!("a Redis user without a password: set RedisOptions::password").into());
        }
        let program = install::redis()?;
        let dir = ServerDir::new("redis", "TERM", None)?;
        let certificate = if options.tls { Some(Certificate::make(dir.path(), None)?) } else { None };
        let file = dir.path().join("redis.conf");
        let text = config(port, dir.path(), options, certificate.as_ref());
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new(program);
        command.arg(file).args(args).current_dir(dir.path());
        let process = Process::start(command, Signal::TERM, dir)?;
        let mut redis = Self { process, port, options: options.clone(), certificate };
        redis.ready()?;
        Ok(redis)
    }

    fn ready(&mut self) -> Result<(), StartError> {
        let (socket, options) = (self.socket(), self.options.clone());
        self.process.ready(|_| answers(&socket, &options))
    }

    /// `redis://[user:password@]127.0.0.1:port`, or `rediss://` for one that speaks TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        format!("{scheme}://{}127.0.0.1:{}", credentials(&self.options), self.port)
    }

    /// The certificate (PEM) of the authority that a client of a server with TLS must trust.
    #[must_use]
    pub fn authority(&self) -> Option<&Path> {
        self.certificate.as_ref().map(|certificate| certificate.authority.as_path())
    }

    /// The port clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The pid of `redis-server`; another one after a restart.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The unix socket on which the server listens as well.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket_in(self.folder())
    }

    /// Kills the server with SIGKILL. What it had not written to disk is lost.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops the server as SIGSTOP does: connections stay open, nothing answers.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets a paused server go on.
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts the server again, on the same port and in the same folder. One that runs is shut down first.
    ///
    /// # Errors
    /// Fails if the server does not come back: the error holds what it printed.
    pub fn restart(&mut self) -> Result<()> {
        self.process.end();
        self.process.spawn()?;
        Ok(self.ready()?)
    }

    /// Runs one command over the unix socket, as the one user there is. What the server refuses is an error.
    ///
    /// # Errors
    /// Fails if the server is down, silent for 5 s, or answers with an error.
    pub fn command(&self, command: &[&str]) -> Result<Reply> {
        match ask(&self.socket(), &self.options, command)? {
            Reply::Error(what) => bail!("Redis refused `{}`: {what}", command.join(" ")),
            reply => Ok(reply),
        }
    }

    /// The server's version, such as `7.0.15`.
    ///
    /// # Errors
    /// Fails if the server is down.
    pub fn version(&self) -> Result<String> {
        let reply = self.command(&["INFO", "server"])?;
        let info = reply.text().unwrap_or_default();
        let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        version.map(str::to_owned).context("Redis does not tell its version")
    }

    /// The temporary folder in which the server runs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.process.dir().path()
    }

    /// What the server has printed since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}

fn socket_in(dir: &Path) -> PathBuf {
    dir.join("redis.sock")
}

/// A server that wants another password than ours answers too.
fn answers(socket: &Path, options: &RedisOptions) -> bool {
    match ask(socket, options, &["PING"]) {
        Ok(Reply::Error(what)) => what.starts_with("NO"),
        Ok(reply) => reply.text() == Some("PONG"),
        Err(_) => false,
    }
}

fn ask(socket: &Path, options: &RedisOptions, command: &[&str]) -> Result<Reply> {
    let mut connection = Connection::open(socket)?;
    if let Some(password) = &options.password {
        let user = options.user.as_deref().unwrap_or("default");
        connection.ask(&["AUTH", user, password])?;
    }
    connection.ask(command)
}

/// The text of `redis.conf`.
fn config(port: u16, dir: &Path, options: &RedisOptions, certificate: Option<&Certificate>) -> String {
    let quote = |path: &Path| quoted(&path.to_string_lossy());
    let mut lines = match certificate {
        None => vec![format!("port {port}")],
        Some(certificate) => vec![
            "port 0".to_owned(),
            format!("tls-port {port}"),
            format!("tls-cert-file {}", quote(&certificate.shown)),
            format!("tls-key-file {}", quote(&certificate.key)),
            format!("tls-ca-cert-file {}", quote(&certificate.authority)),
            "tls-auth-clients no".to_owned(),
        ],
    };
    lines.extend([
        "bind 127.0.0.1".to_owned(),
        format!("unixsocket {}", quote(&socket_in(dir))),
        format!("dir {}", quote(dir)),
        "daemonize no".to_owned(),
        "save \"\"".to_owned(),
        "appendonly no".to_owned(),
    ]);
    match (&options.user, &options.password) {
        (Some(user), Some(password)) => {
            lines.push(format!("user {user} on {} ~* &* +@all", quoted(&format!(">{password}"))));
            lines.push("user default off".to_owned());
        }
        (None, Some(password)) => lines.push(format!("requirepass {}", quoted(password))),
        _ => {}
    }
    lines.extend(options.config.iter().cloned());
    lines.join("\n") + "\n"
}

/// A word of `redis.conf`, whatever it holds.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `user:password@` of a URL, or nothing.
fn credentials(options: &RedisOptions) -> String {
    let Some(password) = &options.password else { return String::new() };
    let user = options.user.as_deref().unwrap_or_default();
    format!("{}:{}@", escaped(user), escaped(password))
}

/// A part of a URL: all but letters and digits as `%XX`.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{RedisOptions, config, credentials, quoted};

    fn options(user: Option<&str>, password: Option<&str>) -> RedisOptions {
        let own = |text: &str| text.to_owned();
        RedisOptions { user: user.map(own), password: password.map(own), ..RedisOptions::default() }
    }

    #[test]
    fn credentials_are_escaped_in_a_url() {
        assert_eq!(credentials(&options(None, None)), "");
        assert_eq!(credentials(&options(None, Some("a@b/c"))), ":a%40b%2Fc@");
        assert_eq!(credentials(&options(Some("app"), Some("é"))), "app:%C3%A9@");
    }

    #[test]
    fn a_user_takes_the_place_of_the_default_one() {
        let text = config(7, Path::new("/x y"), &options(Some("app"), Some("a b")), None);
        for line in ["port 7", "dir \"/x y\"", "user app on \">a b\" ~* &* +@all", "user default off"] {
            assert!(text.lines().any(|each| each == line), "{line} in {text}");
        }
        let text = config(7, Path::new("/x"), &options(None, Some("secret")), None);
        assert!(text.contains("\nrequirepass \"secret\"\n"), "{text}");
    }

    #[test]
    fn quotes_and_backslashes_stay_what_they_are() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", options(Some("app"), Some("hidden")));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
