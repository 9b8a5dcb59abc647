//! Tests of a shared quota: nodes whose server, lines and processes fail, on a manual clock.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicI64},
};

use async_trait::async_trait;
use cache_core::{Clock, QuotaSnapshot};
use proptest::prelude::*;

use super::{ledger::HOLD, *};

const MINUTE: Duration = Duration::from_secs(60);

/// A server that keeps records in memory, and forgets them when it is told to.
#[derive(Debug)]
struct Server {
    clock: Clock,
    /// How much its clock is ahead of those of the nodes.
    ahead: AtomicI64,
    shared: bool,
    held: Mutex<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    records: HashMap<String, (String, Vec<u8>)>,
    run: u32,
}

impl Server {
    fn new(clock: &Clock, shared: bool) -> Arc<Self> {
        let held = Mutex::default();
        Arc::new(Self { clock: clock.clone(), ahead: AtomicI64::new(0), shared, held })
    }

    /// It was killed and started again with what it has on disk.
    fn restarts_with(&self, records: HashMap<String, (String, Vec<u8>)>) {
        let mut held = self.held.lock();
        *held = Held { records, run: held.run + 1 };
    }
}

/// The connection of one node to the server.
#[derive(Debug)]
struct Line(Arc<Server>, AtomicBool);

impl Line {
    fn check(&self) -> Result<()> {
        match self.1.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Unavailable, "count calls", "cut")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl QuotaStore for Line {
    fn name(&self) -> &'static str {
        "server"
    }

    fn is_shared(&self) -> bool {
        self.0.shared
    }

    async fn read(&self, name: &str) -> Result<QuotaSnapshot> {
        tokio::task::yield_now().await;
        self.check()?;
        let held = self.0.held.lock();
        let now = self.0.clock.now().as_micros() + self.0.ahead.load(Ordering::Relaxed);
        Ok(QuotaSnapshot {
            record: held.records.get(name).cloned(),
            now: Timestamp::from_micros(now),
            run: self.0.shared.then(|| held.run.to_string()),
        })
    }

    async fn replace(
        &self,
        name: &str,
        expected: Option<&str>,
        version: &str,
        record: &[u8],
    ) -> Result<bool> {
        self.check()?;
        let mut held = self.0.held.lock();
        if held.records.get(name).map(|(version, _)| version.as_str()) != expected {
            return Ok(false);
        }
        held.records.insert(name.to_owned(), (version.to_owned(), record.to_vec()));
        Ok(true)
    }
}

struct Node {
    line: Arc<Line>,
    quota: Arc<SharedQuota>,
}

/// Nodes, their server, and the calls that they made.
struct Fleet {
    clock: Clock,
    server: Arc<Server>,
    limits: Vec<Limit>,
    nodes: Vec<Node>,
    made: Vec<Timestamp>,
}

impl Fleet {
    fn new(nodes: usize, limits: &[Limit], shared: bool) -> Self {
        let clock = Clock::manual();
        let server = Server::new(&clock, shared);
        let limits = limits.to_vec();
        let mut fleet = Self { clock, server, limits, nodes: Vec::new(), made: Vec::new() };
        fleet.nodes = (0..nodes).map(|_| fleet.node()).collect();
        fleet
    }

    fn node(&self) -> Node {
        let line = Arc::new(Line(Arc::clone(&self.server), AtomicBool::new(false)));
        let time = MonotonicClock::new(self.clock.clone());
        let store: Arc<dyn QuotaStore> = line.clone();
        Node { line, quota: SharedQuota::new(store, "acme".into(), self.limits.clone(), time) }
    }

    fn kill(&mut self, at: usize) {
        self.nodes[at] = self.node();
    }

    fn cut(&self, at: usize, cut: bool) {
        self.nodes[at].line.1.store(cut, Ordering::Relaxed);
    }

    /// Time passes in small steps, and what nodes do by themselves is done.
    async fn pass(&self, span: Duration) {
        let step = Duration::from_millis(500);
        let mut left = span;
        while !left.is_zero() {
            self.clock.advance(left.min(step));
            left = left.saturating_sub(step);
            for node in &self.nodes {
                node.quota.keep_up();
            }
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn call(&mut self, at: usize) -> std::result::Result<(), NotAdmitted> {
        self.nodes[at].quota.take().await?;
        self.made.push(self.clock.now());
        Ok(())
    }

    /// Lets a node make as many calls as it can.
    async fn call_all(&mut self, at: usize) -> usize {
        let mut calls = 0;
        while calls < 1000 && self.call(at).await.is_ok() {
            calls += 1;
        }
        calls
    }

    fn check(&self) -> std::result::Result<(), String> {
        for (limit, span) in &self.limits {
            for (at, began) in self.made.iter().enumerate() {
                let within = self.made[at..].iter().take_while(|call| call.since(*began) < *span).count();
                if within > *limit as usize {
                    return Err(format!("{within} calls in {span:?}, the limit is {limit}"));
                }
            }
        }
        Ok(())
    }

    fn knows(&self, at: usize) -> bool {
        self.nodes[at].quota.known.lock().memory.is_some()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Calls(usize, usize),
    Kill(usize),
    Cut(usize, bool),
    Forget,
    TakeBack,
    /// By seconds.
    SetBack(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..40_000_u64).prop_map(Step::Pass),
        9 => (0..3_usize, 1..30_usize).prop_map(|(at, calls)| Step::Calls(at, calls)),
        1 => (0..3_usize).prop_map(Step::Kill),
        3 => (0..3_usize, any::<bool>()).prop_map(|(at, cut)| Step::Cut(at, cut)),
        1 => Just(Step::Forget),
        1 => Just(Step::TakeBack),
        1 => (1..400_i64).prop_map(Step::SetBack),
    ]
}

/// Follows the steps. Where a server forgets, a node that knows more is connected, and not killed while it tells.
async fn follow(limits: &[Limit], steps: &[Step]) -> std::result::Result<(), String> {
    let mut fleet = Fleet::new(3, limits, true);
    fleet.pass(CHECK_TIME).await;
    let mut on_disk = HashMap::new();
    for step in steps {
        match step {
            Step::Pass(millis) => fleet.pass(Duration::from_millis(*millis)).await,
            Step::Calls(at, calls) => {
                for _ in 0..*calls {
                    let _ = fleet.call(*at).await;
                }
            }
            Step::Kill(at) => fleet.kill(*at),
            Step::Cut(at, cut) => fleet.cut(*at, *cut),
            Step::Forget | Step::TakeBack => {
                let witness = (0..3).find(|at| fleet.knows(*at)).unwrap_or(0);
                if fleet.knows(witness) {
                    fleet.cut(witness, false);
                    fleet.pass(Duration::from_secs(2)).await;
                    let records = match step {
                        Step::TakeBack => on_disk.clone(),
                        _ => HashMap::new(),
                    };
                    fleet.server.restarts_with(records);
                    fleet.pass(CHECK_TIME).await;
                }
                on_disk = fleet.server.held.lock().records.clone();
            }
            Step::SetBack(seconds) => {
                fleet.server.ahead.fetch_sub(seconds * 1_000_000, Ordering::Relaxed);
            }
        }
        fleet.check()?;
    }
    Ok(())
}

/// Nothing is granted by a new record for a while.
const CHECK_TIME: Duration = Duration::from_secs(7);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rule_82_no_span_sees_more_calls_than_the_limit_whatever_happens_to_nodes_and_server(
        limits in (2..8_u32, 4..60_u32, 20..200_u32),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let limits = [
            (limits.0, Duration::from_secs(1)),
            (limits.1, MINUTE),
            (limits.2, Duration::from_secs(86_400)),
        ];
        if let Err(why) = runtime.block_on(follow(&limits, &steps)) {
            prop_assert!(false, "{why}");
        }
    }
}

#[tokio::test]
async fn rule_82_nodes_make_all_calls_of_a_quota_together_and_no_more() {
    let mut fleet = Fleet::new(3, &[(50, MINUTE)], true);
    assert!(fleet.call(0).await.is_err(), "a record that is new is checked first");
    fleet.pass(CHECK_TIME).await;
    // Each has a third of the quarter for shares, and all the rest is for whoever comes.
    let first = fleet.call_all(0).await;
    let (second, third) = (fleet.call_all(1).await, fleet.call_all(2).await);
    assert_eq!((first, second, third), (38 + 4, 4, 4), "all 50");
    assert!(fleet.nodes.iter().all(|node| node.quota.counter().nodes == 3));
    fleet.kill(1);
    assert_eq!(fleet.call_all(1).await, 0, "a node that was started again knows of the calls before");
    fleet.pass(MINUTE + Duration::from_secs(2)).await;
    assert!(fleet.call_all(1).await > 30, "and has its part of the next ones");
    fleet.check().unwrap();
}

#[tokio::test]
async fn rule_82_a_node_without_its_counter_keeps_to_its_share_and_says_so() {
    let mut fleet = Fleet::new(2, &[(40, MINUTE)], true);
    fleet.pass(CHECK_TIME).await;
    (0..2).for_each(|at| fleet.cut(at, true));
    fleet.pass(Duration::from_secs(2)).await;
    let stranger = fleet.node();
    stranger.line.1.store(true, Ordering::Relaxed);
    fleet.nodes.push(stranger);
    for minute in 1..=3 {
        let calls = [fleet.call_all(0).await, fleet.call_all(1).await, fleet.call_all(2).await];
        assert_eq!(calls, [5, 5, 0], "minute {minute}: halves of a quarter; who never knew a share has none");
        fleet.pass(MINUTE + Duration::from_secs(1)).await;
    }
    let counter = fleet.nodes[0].quota.counter();
    assert_eq!(counter.share, [(5, MINUTE)]);
    assert!(counter.unreachable.unwrap().1.contains("cut"));
    let error = fleet.call(2).await.unwrap_err();
    assert!(error.why.contains("can't be counted"), "{}", error.why);
    fleet.pass(HOLD).await;
    assert_eq!(fleet.call_all(0).await, 0, "a share that was not confirmed for long is over");
    (0..3).for_each(|at| fleet.cut(at, false));
    fleet.pass(Duration::from_secs(2)).await;
    assert!(fleet.nodes[0].quota.counter().unreachable.is_none());
    assert!(fleet.call_all(0).await > 20, "and all is well again");
    fleet.check().unwrap();
}

#[tokio::test]
async fn rule_82_a_counter_that_forgot_grants_nothing_until_what_it_forgot_no_longer_counts() {
    let mut fleet = Fleet::new(2, &[(40, MINUTE)], true);
    fleet.pass(CHECK_TIME).await;
    assert_eq!(fleet.call_all(0).await, 30 + 5);
    fleet.server.restarts_with(HashMap::new());
    // Who made the calls is gone, and who heard of them tells.
    fleet.kill(0);
    fleet.pass(CHECK_TIME).await;
    assert_eq!(fleet.call_all(0).await, 0);
    assert_eq!(fleet.call_all(1).await, 5, "its share");
    fleet.pass(MINUTE + Duration::from_secs(5)).await;
    assert!(fleet.call_all(0).await >= 30);
    fleet.check().unwrap();
}

#[tokio::test]
async fn a_clock_of_the_server_that_is_set_back_makes_nobody_wait() {
    let mut fleet = Fleet::new(1, &[(40, MINUTE)], true);
    fleet.pass(CHECK_TIME).await;
    fleet.call_all(0).await;
    fleet.server.ahead.store(-3_600_000_000, Ordering::Relaxed);
    fleet.pass(MINUTE + Duration::from_secs(3)).await;
    assert!(fleet.call_all(0).await >= 30);
    fleet.check().unwrap();
}

#[tokio::test]
async fn rule_82_a_single_node_counts_over_restarts_and_goes_on_in_memory_without_its_disk() {
    let mut fleet = Fleet::new(1, &[(10, MINUTE)], false);
    for _ in 0..4 {
        fleet.call(0).await.expect("nothing is to be checked: nobody else calls");
    }
    fleet.kill(0);
    assert_eq!(fleet.call_all(0).await, 6, "all but those of the process before");
    fleet.pass(MINUTE + Duration::from_secs(1)).await;
    fleet.cut(0, true);
    assert_eq!(fleet.call_all(0).await, 10);
    assert!(fleet.nodes[0].quota.counter().unreachable.is_some(), "it says that a restart would forget them");
    fleet.cut(0, false);
    assert_eq!(fleet.call_all(0).await, 0);
    fleet.check().unwrap();
}

#[tokio::test]
async fn callers_that_wait_at_once_are_granted_calls_at_once() {
    let fleet = Fleet::new(1, &[(40, MINUTE)], true);
    fleet.pass(CHECK_TIME).await;
    let quota = &fleet.nodes[0].quota;
    let before = quota.known.lock().memory.unwrap().changes;
    let taken = futures_util::future::join_all((0..20).map(|_| quota.take())).await;
    assert!(taken.iter().all(std::result::Result::is_ok));
    assert!(quota.known.lock().memory.unwrap().changes - before <= 2);
}
