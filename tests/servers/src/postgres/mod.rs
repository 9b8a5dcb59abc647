//! A PostgreSQL server.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::certificate::Certificate;
use crate::install;
use crate::process::{Process, StartError, on_free_port};
use crate::server_dir::ServerDir;
use crate::user::User;

mod template;

use self::template::{DATA, SUPERUSER};

/// How a PostgreSQL server is set up. The default is one that outlives `kill -9` but not a power cut.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Lines of `postgresql.conf`, such as `max_connections = 10`, after those that are always there.
    pub config: Vec<String>,
    /// Whether every commit waits for the disk (`fsync`), as in production.
    pub durable: bool,
    /// Whether connections must be encrypted by TLS; clients must trust [`Postgres::authority`].
    pub tls: bool,
}

/// A private PostgreSQL server on a free port, ended on drop.
///
/// Its superuser is `cache`, with a random password, asked for (SCRAM) on every connection.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    password: String,
    certificate: Option<Certificate>,
}

impl Postgres {
    /// Starts a server with the default options and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if PostgreSQL is not installed, or refuses to start: the error holds what it printed.
    pub fn start() -> Result<Self> {
        Self::start_with(&PostgresOptions::default())
    }

    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if PostgreSQL is not installed, or refuses to start: the error holds what it printed.
    pub fn start_with(options: &PostgresOptions) -> Result<Self> {
        on_free_port(|port| Self::start_on(port, options))
    }

    fn start_on(port: u16, options: &PostgresOptions) -> Result<Self, StartError> {
        let program = install::postgres()?.join("postgres");
        let user = User::instead_of_root()?;
        let dir = ServerDir::new("postgres", "QUIT", user)?;
        let password = template::copy_to(dir.path(), user)?;
        let certificate = if options.tls { Some(Certificate::make(dir.path(), user)?) } else { None };
        configure(port, dir.path(), options, certificate.as_ref())?;
        let mut command = Command::new(program);
        command.arg("-D").arg(dir.path().join(DATA)).current_dir(dir.path());
        if let Some(user) = user {
            user.run(&mut command);
        }
        let process = Process::start(command, Signal::INT, dir)?;
        let mut postgres = Self { process, port, password, certificate };
        postgres.ready()?;
        Ok(postgres)
    }

    fn ready(&mut self) -> Result<(), StartError> {
        let lock = self.lock_file();
        self.process.ready(|process| is_ready(&lock, process.pid()))
    }

    fn lock_file(&self) -> PathBuf {
        self.folder().join(DATA).join("postmaster.pid")
    }

    /// `postgres://cache:password@127.0.0.1:port/postgres`, with `?sslmode=require` for one that asks for
    /// TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let mode = if self.certificate.is_some() { "?sslmode=require" } else { "" };
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/postgres{mode}", self.password, self.port)
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

    /// The pid of the postmaster; another one after a restart.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills the server and all its backends with SIGKILL. What was committed is kept.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops the server and all its backends as SIGSTOP does: connections stay open, nothing answers.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets a paused server go on.
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts the server again, on the same port with the same data. One that runs is shut down first, in
    /// PostgreSQL's fast mode: connections are closed, transactions under way are rolled back.
    ///
    /// # Errors
    /// Fails if the server does not come back: the error holds what it printed.
    pub fn restart(&mut self) -> Result<()> {
        self.process.end();
        self.process.spawn()?;
        Ok(self.ready()?)
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Errors
    /// Fails if the server is down.
    pub fn create_database(&self) -> Result<String> {
        create_database(&self.url())
    }

    /// Runs SQL by `psql` in the database `postgres`; the answer's columns are parted by `|`.
    ///
    /// # Errors
    /// Fails if the server is down or refuses the statement.
    pub fn sql(&self, statement: &str) -> Result<String> {
        sql(&self.url(), statement)
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

/// Makes an empty database on the server of `url` and returns the database's URL.
pub(crate) fn create_database(url: &str) -> Result<String> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    sql(url, &format!("CREATE DATABASE {name}"))?;
    with_database(url, &name).context("a PostgreSQL URL without a database")
}

/// The URL with another database, and its parameters as they are.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (place, parameters) = url.split_at(url.find('?').unwrap_or(url.len()));
    let (server, _) = place.rsplit_once('/')?;
    Some(format!("{server}/{name}{parameters}"))
}

/// Runs SQL by `psql`.
pub(crate) fn sql(url: &str, statement: &str) -> Result<String> {
    let mut psql = Command::new(install::postgres()?.join("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"]);
    // Not as an argument: others could read the password in the list of processes.
    let (name, password) = without_password(url)?;
    psql.env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "5").args(["--command", statement, &name]);
    let output = psql.output().context("cannot start psql")?;
    if !output.status.success() {
        bail!("`{statement}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// `postgres://user:password@rest` as `postgres://user@rest` and the password.
fn without_password(url: &str) -> Result<(String, &str)> {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (user, rest) = rest.split_once(':')?;
        let (password, rest) = rest.split_once('@')?;
        Some((format!("{scheme}://{user}@{rest}"), password))
    });
    parts.context("a PostgreSQL URL without user and password: write postgres://user:password@host:port/name")
}

fn configure(
    port: u16,
    dir: &Path,
    options: &PostgresOptions,
    certificate: Option<&Certificate>,
) -> Result<()> {
    let data = dir.join(DATA);
    let mut lines = vec![
        "listen_addresses = '127.0.0.1'".to_owned(),
        format!("port = {port}"),
        format!("unix_socket_directories = {}", quoted(dir)),
        "max_connections = 200".to_owned(),
    ];
    if !options.durable {
        // The system keeps what was written when the process dies, so this outlives kill -9.
        lines.extend(["fsync = off".to_owned(), "full_page_writes = off".to_owned()]);
    }
    if let Some(certificate) = certificate {
        lines.push("ssl = on".to_owned());
        lines.push(format!("ssl_cert_file = {}", quoted(&certificate.shown)));
        lines.push(format!("ssl_key_file = {}", quoted(&certificate.key)));
        // The first line that fits decides.
        let rules = "hostssl all all 127.0.0.1/32 scram-sha-256\nhost all all all reject\n";
        let known = fs::read_to_string(data.join("pg_hba.conf")).context("cannot read pg_hba.conf")?;
        fs::write(data.join("pg_hba.conf"), rules.to_owned() + &known).context("cannot write pg_hba.conf")?;
    }
    lines.extend(options.config.iter().cloned());
    OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .and_then(|mut file| file.write_all((lines.join("\n") + "\n").as_bytes()))
        .context("cannot write postgresql.conf")
}

/// A path as `postgresql.conf` takes it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

/// Whether the server of that pid says so in its lock file, where `pg_ctl` looks too.
fn is_ready(lock: &Path, pid: u32) -> bool {
    fs::read_to_string(lock).is_ok_and(|text| says_ready(&text, pid))
}

/// The lock file's first line is the pid, its eighth the state.
fn says_ready(text: &str, pid: u32) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6) == Some("ready")
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.process.end();
        // Killed, it leaves a scrap of shared memory, of which a system has only so many; its lock
        // file names it. Shut down, it leaves neither.
        if let Some(id) = fs::read_to_string(self.lock_file()).ok().as_deref().and_then(shared_memory) {
            let _ = Command::new("ipcrm").args(["-m", id]).output();
        }
    }
}

/// The id of the shared memory, second word of the lock file's seventh line.
fn shared_memory(lock: &str) -> Option<&str> {
    lock.lines().nth(6)?.split_whitespace().nth(1)
}

#[cfg(test)]
mod tests {
    use super::{says_ready, shared_memory, with_database, without_password};

    const LOCK: &str = "4711\n/tmp/x/data\n1700000000\n15432\n/tmp/x\n127.0.0.1\n  1234567    42\nready   \n";

    #[test]
    fn a_server_is_ready_by_its_own_account() {
        assert!(says_ready(LOCK, 4711));
        assert!(!says_ready(LOCK, 4712), "that is what another one left behind");
        assert!(!says_ready(&LOCK.replace("ready   ", "starting"), 4711));
        assert!(!says_ready("", 4711));
    }

    #[test]
    fn shared_memory_is_named_in_the_lock_file() {
        assert_eq!(shared_memory(LOCK), Some("42"));
        assert_eq!(shared_memory("4711\n"), None);
    }

    #[test]
    fn another_database_keeps_the_parameters() {
        let url = |url| with_database(url, "other");
        assert_eq!(url("postgres://a:b@c:7/d").unwrap(), "postgres://a:b@c:7/other");
        assert_eq!(url("postgres://a:b@c:7/d?x=/y").unwrap(), "postgres://a:b@c:7/other?x=/y");
    }

    #[test]
    fn a_password_is_taken_out_of_a_url() {
        let (url, password) = without_password("postgres://cache:abc@127.0.0.1:7/postgres").unwrap();
        assert_eq!((url.as_str(), password), ("postgres://cache@127.0.0.1:7/postgres", "abc"));
        assert!(without_password("postgres://127.0.0.1/postgres").is_err());
    }
}
