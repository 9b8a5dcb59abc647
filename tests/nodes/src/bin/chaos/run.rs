//! The run: one fault after the other under load, with time to recover in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Error, Result};
use nodes::{Backend, Bounds, Fault, GuardConfig, Harness, Mix, Node, NodeConfig, Request, Source};
use tokio::time::sleep;

use crate::{
    faults::{FaultKind, Servers},
    report::{Report, Settings},
};

/// How many keys there are.
const KEYS: usize = 200;

/// The shortest and the longest time of a load.
const LOAD_TIMES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// How long the node that did not write may read an older version.
const BOUNDS: Bounds = Bounds { calm: Duration::from_millis(500), after_fault: Duration::from_secs(10) };

/// How long a recovery may take before the next fault begins regardless.
const MAX_RECOVERY: Duration = Duration::from_secs(30);

const GUARD: GuardConfig = GuardConfig {
    timeout: Duration::from_millis(300),
    retries: 1,
    failures: 5,
    pause: Duration::from_secs(1),
};

/// A fault that was injected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultRun {
    pub(crate) kind: FaultKind,
    pub(crate) fault: Fault,
    /// The time from its beginning until a node said that something is wrong.
    pub(crate) noticed: Option<Duration>,
    /// The time from its end until all nodes were healthy.
    pub(crate) recovered: Option<Duration>,
}

impl FaultRun {
    /// The end of its effect on callers.
    pub(crate) fn effect_ends(&self) -> Instant {
        self.fault.ended + self.recovered.unwrap_or(MAX_RECOVERY)
    }
}

/// Injects all faults under load, within about `span`.
///
/// # Errors
///
/// If a server or a node can't be started, or does not come back.
pub(crate) async fn run(span: Duration, bus: Backend, callers: usize) -> Result<Report> {
    let mut servers = tokio::task::block_in_place(Servers::start)?;
    let source = Arc::new(Source::new(KEYS, LOAD_TIMES[0]..=LOAD_TIMES[1]));
    let program = std::env::current_exe()?;
    let mut nodes = Vec::new();
    for node in 0..2 {
        let config = NodeConfig {
            bus: Some(bus),
            lease: Some(bus),
            ask_on_bus_loss: true,
            guard: Some(GUARD),
            ..NodeConfig::new("chaos", &servers.redis_of(node), &servers.postgres())
        };
        nodes.push(Node::start(&program, &config, Arc::clone(&source)).await?);
    }
    let harness = Arc::new(Harness::new(nodes, source));
    harness.recovered(MAX_RECOVERY).await;
    let mix = Mix { puts: 0.05, removals: 0.04, callers, pause: Duration::from_millis(20) };
    let stopped = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let work = tokio::spawn({
        let (harness, stopped) = (Arc::clone(&harness), Arc::clone(&stopped));
        async move { harness.work(mix, move |_| !stopped.load(Ordering::Relaxed)).await }
    });

    sleep(span / 10).await;
    let share = span * 9 / 10 / u32::try_from(FaultKind::ALL.len())?;
    let mut runs = Vec::new();
    for kind in FaultKind::ALL {
        let began = Instant::now();
        eprintln!("{}", kind.name());
        servers.begin(kind)?;
        let mut noticed = None;
        if kind.lasts() {
            let lasts = (share * 3 / 10).max(kind.shortest());
            for second in 0..=lasts.as_secs() {
                for (number, node) in harness.nodes.iter().enumerate() {
                    if let Some(request) = kind.request(number, second) {
                        node.ask(request).await?.map_err(Error::msg)?;
                    }
                    noticed = noticed.or((!node.state().await?.healthy).then(|| began.elapsed()));
                }
                sleep((lasts - Duration::from_secs(second)).min(Duration::from_secs(1))).await;
            }
        }
        servers.end(kind)?;
        for node in &harness.nodes {
            node.ask(Request::ShiftClock(0)).await?.map_err(Error::msg)?;
            node.ask(Request::SwallowMessages(false)).await?.map_err(Error::msg)?;
        }
        let fault = Fault { began, ended: Instant::now() };
        let recovered = harness.recovered(MAX_RECOVERY).await;
        runs.push(FaultRun { kind, fault, noticed, recovered });
        sleep(share.saturating_sub(began.elapsed())).await;
    }
    stopped.store(true, Ordering::Relaxed);
    let tally = work.await?;
    let took = began.elapsed();

    harness.recovered(MAX_RECOVERY).await;
    sleep(BOUNDS.calm).await;
    let leftovers = harness.leftovers().await;
    let mut states = Vec::new();
    for node in &harness.nodes {
        states.push(node.state().await?);
    }
    let faults: Vec<Fault> = runs.iter().map(|run| run.fault).collect();
    let verdict = harness.checker.verdict(&faults, BOUNDS);
    let settings = Settings::new(bus, GUARD, mix, KEYS, LOAD_TIMES, BOUNDS);
    Ok(Report::new(took, settings, &tally, &runs, verdict, leftovers, harness.source.loads(), states))
}
