//! Runs a peer for one round, and reads what it printed.

use std::{
    io::{self, Read},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{outcome::Outcome, plan::Plan};

/// How much of what a failed peer wrote on standard error is told: its end.
const STDERR_TOLD: usize = 1_000;

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Runs the command with the plan as its last argument, for no longer than `limit`.
///
/// # Errors
///
/// If it can't be started, fails, takes longer, or prints something else than one outcome. The error holds what
/// it wrote on standard error.
pub fn run(command: &Command, plan: &Plan, limit: Duration) -> Result<Outcome> {
    let mut process = Command::new(command.get_program());
    process.args(command.get_args()).arg(serde_json::to_string(plan)?);
    process.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        process.current_dir(folder);
    }
    let output = output_within(&mut process, limit)?;
    let stderr = end_of(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("it failed ({}): {stderr}", output.status);
    }
    let outcome = Outcome::parse(&String::from_utf8_lossy(&output.stdout));
    outcome.map_err(|error| error.context(format!("standard error: {stderr:?}")).context("unusable output"))
}

/// Runs a command to its end, and returns all that it printed. After `limit` it is killed.
///
/// # Errors
///
/// If it can't be started, or is killed.
pub(super) fn output_within(command: &mut Command, limit: Duration) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("`{program}` can't be started"))?;
    let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let Some(status) = wait(&mut child, limit)? else {
        child.kill().and_then(|()| child.wait()).with_context(|| format!("`{program}` can't be killed"))?;
        bail!("it took longer than {} s and was killed", limit.as_secs());
    };
    let read = |reader: thread::JoinHandle<io::Result<Vec<u8>>>| {
        let bytes = reader.join().unwrap_or_else(|_| Err(io::Error::other("its reader panicked")));
        bytes.with_context(|| format!("what `{program}` printed can't be read"))
    };
    Ok(Output { status, stdout: read(stdout)?, stderr: read(stderr)? })
}

/// Waits until the process ends, or the time is over.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<std::process::ExitStatus>> {
    let began = Instant::now();
    loop {
        match child.try_wait()? {
            None if began.elapsed() < limit => thread::sleep(LOOK_EVERY),
            ended => return Ok(ended),
        }
    }
}

/// Reads all on a thread of its own: a process whose pipe is full waits.
fn read_all(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

/// The end of a text, trimmed.
fn end_of(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth_back(STDERR_TOLD) {
        Some((start, _)) => format!("...{}", &text[start..]),
        None if text.is_empty() => "nothing on standard error".to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use serde_json::{Value, json};

    use super::run;
    use crate::peers::{Plan, ROWS};

    /// Runs a script of the shell, which finds the plan in `$1`.
    fn outcome_of(script: &str, limit: Duration) -> Result<super::Outcome, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script, "peer"]);
        run(&command, &Plan::new("redis://r", "n"), limit).map_err(|error| format!("{error:#}"))
    }

    const ENOUGH: Duration = Duration::from_secs(60);

    #[test]
    fn a_peer_is_given_the_plan_and_its_object_is_read() {
        let rows: serde_json::Map<String, Value> =
            ROWS.iter().map(|row| (row.name.to_owned(), json!(2))).collect();
        let printed = json!({ "versions": {}, "rows": rows });
        let script = format!("case \"$1\" in *redis://r*) echo '{printed}';; esac; echo going on >&2");
        assert_eq!(outcome_of(&script, ENOUGH).unwrap().rows["near_hit"], Some(2.0));
    }

    #[test]
    fn a_peer_that_fails_is_told_with_its_standard_error() {
        let error = outcome_of("echo no module named cashews >&2; exit 3", ENOUGH).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no module named cashews"), "{error}");
        let error = outcome_of("exit 1", ENOUGH).unwrap_err();
        assert!(error.contains("nothing on standard error"), "{error}");
    }

    #[test]
    fn a_peer_that_prints_something_else_is_told_with_both() {
        let error = outcome_of("echo garbage; echo deprecated >&2", ENOUGH).unwrap_err();
        assert!(error.contains("garbage") && error.contains("deprecated"), "{error}");
    }

    #[test]
    fn a_peer_that_hangs_is_killed() {
        let error = outcome_of("exec sleep 600", Duration::ZERO).unwrap_err();
        assert_eq!(error, "it took longer than 0 s and was killed");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let missing = Command::new("no-such-program-here");
        let error = run(&missing, &Plan::new("redis://r", "n"), ENOUGH).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program-here"), "{error:#}");
    }
}
