//! `cargo xtask services`: private servers for tests, until a signal or for one command.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use servers::{Postgres, Redis, RedisCluster, RedisOptions, RedisSentinel, env, install};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::shell;

/// The servers that the tests of one run share; stopped on drop.
#[derive(Debug)]
pub(crate) struct Services {
    redis: Redis,
    cluster: RedisCluster,
    sentinel: RedisSentinel,
    postgres: Postgres,
}

impl Services {
    /// Installs what is missing, starts all servers and waits until they are ready.
    ///
    /// # Errors
    /// Fails if a server can't be installed or started, and says what to do.
    pub(crate) fn start() -> Result<Self> {
        install::all()?;
        eprintln!("starting private servers: Redis single, Cluster and Sentinel, PostgreSQL");
        let all = thread::scope(|scope| {
            let redis = scope.spawn(|| Redis::start(&RedisOptions::default()));
            let cluster = scope.spawn(RedisCluster::start);
            let sentinel = scope.spawn(RedisSentinel::start);
            let postgres = scope.spawn(Postgres::start);
            // Every thread is joined before any error is passed on: what started is then stopped.
            let redis = joined(redis, "Redis");
            let cluster = joined(cluster, "the Redis Cluster");
            let sentinel = joined(sentinel, "Redis under Sentinel");
            let postgres = joined(postgres, "PostgreSQL");
            Ok::<_, anyhow::Error>(Self {
                redis: redis?,
                cluster: cluster?,
                sentinel: sentinel?,
                postgres: postgres?,
            })
        })?;
        eprintln!("started: {all}");
        Ok(all)
    }

    /// The variables by which tests find the servers, with their values.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            (env::REDIS_URL, self.redis.url()),
            (env::REDIS_CLUSTER_URLS, self.cluster.urls().join(",")),
            (env::REDIS_SENTINEL_URLS, self.sentinel.sentinel_urls().join(",")),
            (env::REDIS_SENTINEL_MASTER, self.sentinel.master_name().to_owned()),
            (env::POSTGRES_URL, self.postgres.url()),
        ]
    }
}

/// The versions of what runs.
impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |_| "of unknown version".to_owned();
        let redis = self.redis.version().unwrap_or_else(unknown);
        let postgres = self.postgres.sql("SHOW server_version").unwrap_or_else(unknown);
        write!(f, "Redis {redis}, PostgreSQL {postgres}")
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>, what: &str) -> Result<T> {
    let ended = thread.join().unwrap_or_else(|_| Err(anyhow!("the thread that starts it panicked")));
    ended.with_context(|| format!("cannot start {what}"))
}

/// Runs the servers: for `command` if one is given, whose exit code is answered, else until SIGINT, SIGTERM
/// or SIGHUP, printing their variables as `NAME=value`.
///
/// # Errors
/// Fails if a server can't be started, or the command.
pub(crate) fn run(command: &[OsString]) -> Result<ExitCode> {
    // Taken before the servers start: a signal meanwhile stops them all the same.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot wait for signals")?;
    let services = Services::start()?;
    if let [program, args @ ..] = command {
        let mut command = Command::new(program);
        command.args(args).envs(services.variables());
        return run_with(&mut command, signals);
    }
    for (name, value) in services.variables() {
        println!("{name}={value}");
    }
    eprintln!("the servers run until Ctrl-C");
    signals.forever().next();
    eprintln!("stopping the servers");
    Ok(ExitCode::SUCCESS)
}

/// Runs the command to its end. What would end this program ends the command first.
pub(crate) fn run_with(command: &mut Command, mut signals: Signals) -> Result<ExitCode> {
    shell::show(command);
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", shell::line(command)))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let handle = signals.handle();
    let status = thread::scope(|scope| {
        scope.spawn(move || {
            // Ctrl-C reaches the command without our help: the terminal tells the whole group.
            for signal in signals.forever().filter(|signal| *signal != SIGINT) {
                let signal = if signal == SIGHUP { Signal::HUP } else { Signal::TERM };
                let _ = pid.map(|pid| kill_process(pid, signal));
            }
        });
        let status = child.wait();
        handle.close();
        status
    });
    Ok(ExitCode::from(code(status.context("cannot wait for the command")?)))
}

/// The code a shell would answer: 128 and the signal's number for a command that a signal ended.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    use signal_hook::consts::SIGTERM;
    use signal_hook::iterator::Signals;

    use super::{code, run_with};

    #[test]
    fn the_code_is_the_one_a_shell_answers() {
        assert_eq!(code(ExitStatus::from_raw(0)), 0);
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }

    #[test]
    fn a_command_that_is_no_program_is_named() {
        let signals = Signals::new([SIGTERM]).unwrap();
        let error = run_with(&mut Command::new("no-such-program-here"), signals).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }
}
