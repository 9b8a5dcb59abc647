//! The report of a run: one JSON object, or a table.

use std::{collections::BTreeMap, fmt, time::Duration};

use nodes::{Backend, Bounds, GuardConfig, Mix, NodeState, Sample, Tally, Verdict};
use serde::Serialize;

use crate::run::FaultRun;

/// The name of the time without a fault, among those of the faults.
const CALM: &str = "calm";

/// How many errors are shown.
const SHOWN_ERRORS: usize = 5;

/// The report. Times are in milliseconds where the name says nothing else.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seconds: f64,
    settings: Settings,
    reads: u64,
    puts: u64,
    removes: u64,
    /// How many loads the source had.
    provider_loads: u64,
    /// Calls that failed or returned no value. Loads never fail, so there should be none.
    errors_to_callers: usize,
    first_errors: Vec<String>,
    /// See [`Staleness::definition`].
    stale_after_remove: usize,
    stale_after_put: usize,
    staleness: Staleness,
    /// What memory or a tier held at the end that was older than the source.
    left_over: Vec<String>,
    /// Of reads, by the fault during which they began, from its beginning until all was well.
    p99_ms: BTreeMap<&'static str, f64>,
    /// Of puts and removals.
    writes_p99_ms: BTreeMap<&'static str, f64>,
    /// From a fault's end until both nodes are healthy without pending writes; `null` if that never came.
    recovered_s: BTreeMap<&'static str, Option<f64>>,
    lasted_s: BTreeMap<&'static str, f64>,
    /// From a fault's beginning until a node called itself unwell, to a second; `null` if none did.
    noticed_s: BTreeMap<&'static str, Option<f64>>,
    nodes: Vec<NodeState>,
}

/// The definition of a stale read, and how late the other node was.
#[derive(Debug, Serialize)]
struct Staleness {
    definition: String,
    bound_ms: f64,
    bound_after_fault_ms: f64,
    longest_lag_ms: f64,
    longest_lag_after_fault_ms: f64,
    longest_lag_in_fault_ms: f64,
    older_within_bounds: usize,
    examples: Vec<String>,
}

/// How the run was set up.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    nodes: &'static str,
    bus_and_lease: &'static str,
    memory: &'static str,
    redis: &'static str,
    guard: String,
    keys: usize,
    callers: usize,
    put_share: f64,
    remove_share: f64,
    provider: String,
    #[serde(skip)]
    bounds: Bounds,
}

impl Settings {
    pub(crate) fn new(
        bus: Backend,
        guard: GuardConfig,
        mix: Mix,
        keys: usize,
        slowness: [Duration; 2],
        bounds: Bounds,
    ) -> Self {
        let GuardConfig { timeout, retries, failures, pause } = guard;
        Self {
            nodes: "two processes",
            bus_and_lease: match bus {
                Backend::Redis => "redis",
                Backend::Postgres => "postgres",
            },
            memory: "serves nothing while the bus is lost (OnBusLoss::AskTiers)",
            redis: "appendonly yes, appendfsync no: what was acknowledged outlives kill -9",
            guard: format!(
                "each tier: timeout {timeout:?}, {retries} retry, open after {failures} failures for {pause:?}"
            ),
            keys,
            callers: mix.callers,
            put_share: mix.puts,
            remove_share: mix.removals,
            provider: format!("{:?} to {:?} a load, never fails", slowness[0], slowness[1]),
            bounds,
        }
    }
}

impl Report {
    #[expect(clippy::too_many_arguments, reason = "each is a part of what came of it")]
    pub(crate) fn new(
        took: Duration,
        settings: Settings,
        tally: &Tally,
        runs: &[FaultRun],
        verdict: Verdict,
        left_over: Vec<String>,
        provider_loads: u64,
        nodes: Vec<NodeState>,
    ) -> Self {
        Self {
            seconds: seconds(took),
            reads: tally.reads,
            puts: tally.puts,
            removes: tally.removals,
            provider_loads,
            errors_to_callers: tally.errors.len(),
            first_errors: tally.errors.iter().take(SHOWN_ERRORS).cloned().collect(),
            stale_after_remove: verdict.stale_after_removal,
            stale_after_put: verdict.stale_after_put,
            staleness: Staleness::new(verdict, settings.bounds),
            left_over,
            p99_ms: p99s(tally, runs, false),
            writes_p99_ms: p99s(tally, runs, true),
            recovered_s: runs.iter().map(|run| (run.kind.name(), run.recovered.map(seconds))).collect(),
            lasted_s: runs
                .iter()
                .map(|run| (run.kind.name(), seconds(run.fault.ended - run.fault.began)))
                .collect(),
            noticed_s: runs.iter().map(|run| (run.kind.name(), run.noticed.map(seconds))).collect(),
            nodes,
            settings,
        }
    }
}

impl Staleness {
    fn new(verdict: Verdict, bounds: Bounds) -> Self {
        let Bounds { calm, after_fault } = bounds;
        Self {
            definition: format!(
                "a read that brought what a removal (or put) had ended, and began later than that returned: on the \
                 node that wrote, at all; on the other, later than {calm:?} after it, or, if it returned during a \
                 fault or {calm:?} before or {after_fault:?} after one, later than {after_fault:?} after the \
                 fault's end"
            ),
            bound_ms: millis(calm),
            bound_after_fault_ms: millis(after_fault),
            longest_lag_ms: millis(verdict.longest_lag),
            longest_lag_after_fault_ms: millis(verdict.longest_lag_after_fault),
            longest_lag_in_fault_ms: millis(verdict.longest_lag_in_fault),
            older_within_bounds: verdict.older_within_bounds,
            examples: verdict.examples,
        }
    }
}

/// The 99th percentile of each fault, and of the calm.
fn p99s(tally: &Tally, runs: &[FaultRun], wrote: bool) -> BTreeMap<&'static str, f64> {
    let mut by_kind: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for Sample { began, micros, .. } in tally.samples.iter().filter(|sample| sample.wrote == wrote) {
        let run = runs.iter().find(|run| (run.fault.began..run.effect_ends()).contains(began));
        by_kind.entry(run.map_or(CALM, |run| run.kind.name())).or_default().push(*micros);
    }
    by_kind.into_iter().map(|(name, mut micros)| (name, p99(&mut micros))).collect()
}

fn p99(micros: &mut [u64]) -> f64 {
    micros.sort_unstable();
    let at = (micros.len() * 99).div_ceil(100).saturating_sub(1);
    micros.get(at).map_or(0.0, |micros| rounded(*micros as f64 / 1000.0))
}

fn seconds(span: Duration) -> f64 {
    rounded(span.as_secs_f64())
}

fn millis(span: Duration) -> f64 {
    rounded(span.as_secs_f64() * 1000.0)
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { nodes, bus_and_lease, guard, .. } = &self.settings;
        writeln!(f, "{:.0} s on {nodes}, bus and lease over {bus_and_lease}; {guard}", self.seconds)?;
        writeln!(
            f,
            "{} reads, {} puts, {} removals, {} loads",
            self.reads, self.puts, self.removes, self.provider_loads
        )?;
        writeln!(f, "errors to callers: {}", self.errors_to_callers)?;
        self.first_errors.iter().try_for_each(|error| writeln!(f, "  {error}"))?;
        writeln!(
            f,
            "stale reads: {} after a removal, {} after a put; left over at the end: {}",
            self.stale_after_remove,
            self.stale_after_put,
            self.left_over.len()
        )?;
        let Staleness { definition, longest_lag_ms, longest_lag_after_fault_ms, examples, .. } =
            &self.staleness;
        writeln!(f, "  stale is {definition}")?;
        writeln!(
            f,
            "  longest lag of the other node: {longest_lag_ms} ms; after the end of a fault \
             {longest_lag_after_fault_ms} ms"
        )?;
        examples.iter().try_for_each(|example| writeln!(f, "  {example}"))?;
        writeln!(
            f,
            "\n{:<26}{:>10}{:>14}{:>16}{:>14}",
            "", "lasted, s", "recovered, s", "reads p99, ms", "writes p99, ms"
        )?;
        let shown =
            |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
        for (name, p99) in &self.p99_ms {
            writeln!(
                f,
                "{name:<26}{:>10}{:>14}{:>16}{:>14}",
                shown(self.lasted_s.get(name).copied()),
                shown(self.recovered_s.get(name).copied().flatten()),
                shown(Some(*p99)),
                shown(self.writes_p99_ms.get(name).copied())
            )?;
        }
        writeln!(f)?;
        for (number, node) in self.nodes.iter().enumerate() {
            writeln!(f, "node {number}: {} loads, {} hits in memory", node.loads, node.memory_hits)?;
            if let Some(bus) = &node.bus {
                writeln!(
                    f,
                    "  bus: {} messages sent, {} received, {} times unproven, {} errors",
                    bus.sent, bus.received, bus.unproven, bus.errors
                )?;
            }
            for tier in &node.tiers {
                writeln!(
                    f,
                    "  {}: {} hits, {} misses, {} errors, {} pending, {} lost",
                    tier.name, tier.hits, tier.misses, tier.errors, tier.pending, tier.lost
                )?;
            }
        }
        Ok(())
    }
}
