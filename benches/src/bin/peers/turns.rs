//! Who takes part, and a round of each in turn.

use std::{env, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::peers::{OURS, Outcome, Peers, Plan, Scripts, bentocache, cashews, fusion_cache, run, sturdyc};
use servers::Redis;

use crate::caches;

/// How long one peer's round may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The peers beside crates.
const KNOWN: [&str; 4] = ["bentocache", "cashews", "sturdyc", "FusionCache"];

/// Runs all rounds. `only` names who takes part; all, if it is empty. Ours always does.
pub(crate) fn take(redis: &Redis, rounds: u32, only: &[String]) -> Result<Peers> {
    for name in only {
        let known = KNOWN.iter().copied().chain(caches::ALL.iter().map(|(name, _)| *name));
        let known: Vec<&str> = known.collect();
        ensure!(known.contains(&name.as_str()), "`{name}` is no peer. There are: {}", known.join(", "));
    }
    let wanted = |name: &str| only.is_empty() || name == OURS || only.iter().any(|chosen| chosen == name);
    let mut peers = Peers::new(Plan::new("", "").never_ms);
    let mut commands = commands(&mut peers, wanted)?;
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for at in order(commands.len(), round) {
            let Some((name, command)) = &commands[at] else { continue };
            let removals = if peers.never_hears(name) { Some(0) } else { None };
            match run_once_or_twice(name, command, redis, round, removals) {
                Ok(outcome) => peers.add(name, outcome),
                Err(error) if *name == OURS => {
                    return Err(error.context("our own cache could not be measured"));
                }
                Err(error) => {
                    let reason = format!("in round {round}: {error:#}");
                    eprintln!("{name} failed {reason}");
                    peers.leave_out(name, reason);
                    commands[at] = None;
                }
            }
        }
    }
    Ok(peers)
}

/// Runs a peer, and once more if it fails: on a busy machine a call may outlast its limit.
fn run_once_or_twice(
    name: &str,
    command: &Command,
    redis: &Redis,
    round: u32,
    removals: Option<usize>,
) -> Result<Outcome> {
    let attempt = |number: u32| {
        let mut plan = Plan::new(redis.url(), format!("{name}{round}-{number}"));
        plan.removals = removals.unwrap_or(plan.removals);
        run(command, &plan, LIMIT)
    };
    attempt(1).or_else(|error| {
        eprintln!("{name} failed in round {round} and is tried again: {error:#}");
        attempt(2)
    })
}

/// The command that measures each, ours first; who can't be had is left out.
fn commands(
    peers: &mut Peers,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Option<(&'static str, Command)>>> {
    let this = env::current_exe().context("can't find this program")?;
    let own = caches::ALL.iter().filter(|(name, _)| wanted(name)).map(|(name, _)| {
        let mut command = Command::new(&this);
        command.args(["--as", name]).env("RUST_BACKTRACE", "0");
        Some((*name, command))
    });
    let mut commands: Vec<_> = own.collect();
    let scripts = Scripts::here();
    let mut scripted = Vec::new();
    if wanted("bentocache") {
        scripted.push(("bentocache", bentocache(&scripts)));
    }
    if wanted("cashews") {
        scripted.push(("cashews", cashews(&scripts)));
    }
    for (name, command) in scripted {
        match command {
            Ok(command) => commands.push(Some((name, command))),
            Err(error) => leave_out(peers, name, format!("{error:#}")),
        }
    }
    if wanted("sturdyc") {
        leave_out(peers, "sturdyc", sturdyc(&scripts.path));
    }
    if wanted("FusionCache") {
        leave_out(peers, "FusionCache", fusion_cache(&scripts.path));
    }
    Ok(commands)
}

fn leave_out(peers: &mut Peers, name: &str, reason: String) {
    eprintln!("{name} is left out: {reason}");
    peers.leave_out(name, reason);
}

/// The order of turns: every other round the opposite one.
fn order(count: usize, round: u32) -> Vec<usize> {
    if round % 2 == 1 { (0..count).collect() } else { (0..count).rev().collect() }
}
