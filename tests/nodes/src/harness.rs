//! A mixed load on all nodes, and its results.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use crate::{Checker, Node, Reply, Request, Source, WriteKind};

/// The nodes, the source of their values, and the checker.
#[derive(Debug)]
pub struct Harness {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Where values come from.
    pub source: Arc<Source>,
    /// The checker of every read and write.
    pub checker: Checker,
    /// How many operations have begun.
    pub begun: AtomicU64,
}

/// The load: its operations and callers.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// The share of puts.
    pub puts: f64,
    /// The share of removals. All other operations are reads.
    pub removals: f64,
    /// How many callers there are, each with one call at a time.
    pub callers: usize,
    /// How long each pauses between two calls, on average.
    pub pause: Duration,
}

/// The results of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// Reads that returned a value.
    pub reads: u64,
    /// Puts that succeeded.
    pub puts: u64,
    /// Removals that succeeded.
    pub removals: u64,
    /// Calls that failed, and reads without a value though the source has one.
    pub errors: Vec<String>,
    /// How long each call took.
    pub samples: Vec<Sample>,
}

/// How long a call took in its node.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it began.
    pub began: Instant,
    /// How many microseconds its caller waited.
    pub micros: u64,
    /// Whether it wrote.
    pub wrote: bool,
}

impl Harness {
    /// Nodes over a source.
    #[must_use]
    pub fn new(nodes: Vec<Node>, source: Arc<Source>) -> Self {
        let checker = Checker::new(source.keys());
        Self { nodes, source, checker, begun: AtomicU64::new(0) }
    }

    /// Keeps the nodes busy for as long as `goes_on` holds for the number of operations begun before.
    ///
    /// # Panics
    ///
    /// If a node is gone.
    pub async fn work(
        self: &Arc<Self>,
        mix: Mix,
        goes_on: impl Fn(u64) -> bool + Clone + Send + 'static,
    ) -> Tally {
        let mut callers = JoinSet::new();
        for _ in 0..mix.callers {
            let (harness, goes_on) = (Arc::clone(self), goes_on.clone());
            callers.spawn(async move {
                let mut tally = Tally::default();
                while goes_on(harness.begun.fetch_add(1, Ordering::Relaxed)) {
                    harness.one(mix, &mut tally).await;
                    if !mix.pause.is_zero() {
                        sleep(mix.pause.mul_f64(2.0 * fastrand::f64())).await;
                    }
                }
                tally
            });
        }
        let mut sum = Tally::default();
        while let Some(tally) = callers.join_next().await {
            sum.add(tally.expect("every node is there"));
        }
        sum
    }

    /// One operation, at random.
    async fn one(&self, mix: Mix, tally: &mut Tally) {
        let (node, key) = (fastrand::usize(..self.nodes.len()), fastrand::usize(..self.source.keys()));
        let dice = fastrand::f64();
        if dice < mix.puts {
            self.write(node, key, WriteKind::Put, tally).await;
        } else if dice < mix.puts + mix.removals {
            self.write(node, key, WriteKind::Removal, tally).await;
        } else {
            self.read(node, key, tally).await;
        }
    }

    async fn read(&self, node: usize, key: usize, tally: &mut Tally) {
        let began = Instant::now();
        match self.nodes[node].ask(Request::Get(Source::id(key))).await.expect("the node is there") {
            Ok(Reply::Got(Some(version), micros)) => {
                self.checker.read(node, key, version, began);
                tally.reads += 1;
                tally.samples.push(Sample { began, micros, wrote: false });
            }
            other => tally.errors.push(format!("node {node}, get: {other:?}")),
        }
    }

    /// Raises the version in the source, then writes by a node. Until that has ended no other call writes the
    /// key.
    async fn write(&self, node: usize, key: usize, what: WriteKind, tally: &mut Tally) {
        let (version, _writing) = self.source.raise(key).await;
        let request = match what {
            WriteKind::Put => Request::Put(Source::id(key), version),
            WriteKind::Removal => Request::Remove(Source::id(key)),
        };
        let began = Instant::now();
        match self.nodes[node].ask(request).await.expect("the node is there") {
            Ok(Reply::Written(micros)) => {
                self.checker.wrote(node, key, version, what);
                *(if what == WriteKind::Put { &mut tally.puts } else { &mut tally.removals }) += 1;
                tally.samples.push(Sample { began, micros, wrote: true });
            }
            other => tally.errors.push(format!("node {node}, {what:?}: {other:?}")),
        }
    }

    /// Waits until every node is healthy and no tier has pending writes. Returns how long that took, or
    /// `None` if it took longer than `limit`.
    ///
    /// # Panics
    ///
    /// If a node is gone.
    pub async fn recovered(&self, limit: Duration) -> Option<Duration> {
        let began = Instant::now();
        loop {
            let mut all = true;
            for node in &self.nodes {
                all &= node.state().await.expect("the node is there").is_well();
            }
            match began.elapsed() {
                took if all => return Some(took),
                took if took > limit => return None,
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Lists what any tier of any node holds that is older than the source. Nothing may be written meanwhile.
    ///
    /// # Panics
    ///
    /// If a node or a server is gone.
    pub async fn leftovers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for key in 0..self.source.keys() {
                let held = node.ask(Request::Inspect(Source::id(key))).await.expect("the node is there");
                let Ok(Reply::Versions(held)) = held else { panic!("node {number} can't look: {held:?}") };
                let now = self.source.version(key);
                let old = held.iter().filter_map(|(tier, version)| Some((tier, (*version)?)));
                found.extend(old.filter(|(_, version)| *version < now).map(|(tier, version)| {
                    format!("node {number}: {tier} holds version {version} of k{key}, which is at {now}")
                }));
            }
        }
        found
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.puts += other.puts;
        self.removals += other.removals;
        self.errors.extend(other.errors);
        self.samples.extend(other.samples);
    }

    /// How many calls succeeded.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.reads + self.puts + self.removals
    }
}
