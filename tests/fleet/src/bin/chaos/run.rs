//! The run: one scene after the other under load, and calm in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use fleet::{Arm, Bounds, Fault, Fleet, Mix, Node, Over, Recipe, Source};
use tokio::time::sleep;

use crate::{
    report::{Report, Settings},
    scenes::{Scene, Servers},
};

/// How many keys there are, and how long the source takes for one.
const KEYS: usize = 200;
const SLOWNESS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// What is granted to the node that did not write.
const BOUNDS: Bounds = Bounds { calm: Duration::from_millis(500), after_fault: Duration::from_secs(10) };

/// How long recovering may take before the next scene begins regardless.
const PATIENCE: Duration = Duration::from_secs(30);

const GUARD: Arm =
    Arm { timeout: Duration::from_millis(300), retries: 1, failures: 5, pause: Duration::from_secs(1) };

/// One scene as it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    pub(crate) scene: Scene,
    pub(crate) fault: Fault,
    /// How long after its end all was well.
    pub(crate) recovered: Option<Duration>,
}

impl Act {
    /// Until when callers may have felt it.
    pub(crate) fn felt_until(&self) -> Instant {
        self.fault.ended + self.recovered.unwrap_or(PATIENCE)
    }
}

/// Runs all scenes within about `span`.
///
/// # Errors
///
/// If a server or a node can't be started, or does not come back.
pub(crate) async fn run(span: Duration, bus: Over, callers: usize) -> Result<Report> {
    let mut servers = tokio::task::block_in_place(Servers::start)?;
    let source = Arc::new(Source::new(KEYS, SLOWNESS[0]..=SLOWNESS[1]));
    let program = std::env::current_exe()?;
    let mut nodes = Vec::new();
    for node in 0..2 {
        let recipe = Recipe {
            bus: Some(bus),
            lease: Some(bus),
            asks_tiers_on_bus_loss: true,
            guard: Some(GUARD),
            ..Recipe::new("chaos", &servers.redis_of(node), &servers.postgres())
        };
        nodes.push(Node::start(&program, &recipe, Arc::clone(&source)).await?);
    }
    let fleet = Arc::new(Fleet::new(nodes, source));
    fleet.recovered(PATIENCE).await;
    let mix = Mix { puts: 0.05, removals: 0.04, callers, pause: Duration::from_millis(20) };
    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let work = tokio::spawn({
        let (fleet, over) = (Arc::clone(&fleet), Arc::clone(&over));
        async move { fleet.work(mix, move |_| !over.load(Ordering::Relaxed)).await }
    });

    sleep(span / 10).await;
    let share = span * 9 / 10 / u32::try_from(Scene::ALL.len())?;
    let mut acts = Vec::new();
    for scene in Scene::ALL {
        let began = Instant::now();
        eprintln!("{}", scene.name());
        servers.begin(scene)?;
        if scene.lasts() {
            sleep(share * 3 / 10).await;
        }
        servers.end(scene)?;
        let fault = Fault { began, ended: Instant::now() };
        let recovered = fleet.recovered(PATIENCE).await;
        acts.push(Act { scene, fault, recovered });
        sleep(share.saturating_sub(began.elapsed())).await;
    }
    over.store(true, Ordering::Relaxed);
    let tally = work.await?;
    let took = began.elapsed();

    fleet.recovered(PATIENCE).await;
    sleep(BOUNDS.calm).await;
    let leftovers = fleet.leftovers().await;
    let mut states = Vec::new();
    for node in &fleet.nodes {
        states.push(node.state().await?);
    }
    let faults: Vec<Fault> = acts.iter().map(|act| act.fault).collect();
    let verdict = fleet.judge.verdict(&faults, BOUNDS);
    let settings = Settings::new(bus, GUARD, mix, KEYS, SLOWNESS, BOUNDS);
    Ok(Report::new(took, settings, &tally, &acts, verdict, leftovers, fleet.source.loads(), states))
}
