//! Rule 33 under stress: two processes over one Redis and one PostgreSQL, 10,000 random reads, puts and
//! removals, with slow loads and puts. Every read is compared with the writes that ended before it began.
//!
//! There are no leases here: they would prevent the very races that this test looks for.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use cache_core::sync::Mutex;
use nodes::{Backend, Bounds, Fault, GuardConfig, Harness, Mix, Node, NodeConfig, Source, Verdict};
use servers::{Redis, RedisOptions};
use tokio::task::block_in_place;

const OPERATIONS: u64 = 10_000;

/// Few keys, so that the nodes often use the same ones.
const KEYS: usize = 64;

/// Redis is killed once this many operations have begun, and restarted at the second number.
const KILL_AT: u64 = 3_000;
const RESTART_AT: u64 = 6_500;

const MIX: Mix = Mix { puts: 0.1, removals: 0.12, callers: 32, pause: Duration::ZERO };

/// How long the node that did not write may read an older version. The bus takes milliseconds, but the tests
/// share two processors with others. After a fault of the server that carries the bus, both nodes must
/// reconnect.
const BOUNDS: Bounds = Bounds { calm: Duration::from_millis(400), after_fault: Duration::from_secs(6) };

/// The tests run one after the other, since they measure time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What happens to Redis in the middle of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Never,
    /// It comes back with its data: what it acknowledged was written, so SIGKILL loses nothing.
    ComesBack,
    /// It comes back empty.
    ComesBackEmpty,
}

struct Outcome {
    verdict: Verdict,
    /// Old versions that tiers held at the end.
    leftovers: Vec<String>,
    errors: Vec<String>,
}

/// Runs the stress test on nodes of this configuration, and prints the results.
fn stress(name: &str, killed: Killed, config: impl FnOnce(NodeConfig) -> NodeConfig) -> Outcome {
    let _alone = ONE_AT_A_TIME.lock();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let keeps = ["appendonly yes", "appendfsync no"].map(str::to_owned);
        let lines = if killed == Killed::ComesBack { keeps.to_vec() } else { Vec::new() };
        let mut redis = Redis::start(&RedisOptions { config: lines, ..RedisOptions::default() }).unwrap();
        let postgres = servers::env::postgres_database().unwrap();
        let config = config(NodeConfig {
            slow_puts: Duration::from_millis(5),
            ..NodeConfig::new("rule33", &redis.url(), &postgres)
        });
        let source = Arc::new(Source::new(KEYS, Duration::ZERO..=Duration::from_millis(20)));
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let program = Path::new(env!("CARGO_BIN_EXE_chaos"));
            nodes.push(Node::start(program, &config, Arc::clone(&source)).await.unwrap());
        }
        let harness = Arc::new(Harness::new(nodes, source));
        let began = Instant::now();
        let work = tokio::spawn({
            let harness = Arc::clone(&harness);
            async move { harness.work(MIX, |begun| begun < OPERATIONS).await }
        });
        let mut faults = Vec::new();
        if killed != Killed::Never {
            begun(&harness, KILL_AT).await;
            let began = Instant::now();
            block_in_place(|| redis.kill());
            begun(&harness, RESTART_AT).await;
            block_in_place(|| redis.restart()).unwrap();
            // A bus on the other server had no fault.
            if config.bus == Some(Backend::Redis) {
                faults.push(Fault { began, ended: Instant::now() });
            }
        }
        let tally = work.await.unwrap();
        let took = began.elapsed();
        let quiet = harness.recovered(Duration::from_secs(30)).await.expect("all is well in the end");
        // The last messages have arrived by then.
        tokio::time::sleep(BOUNDS.calm).await;
        let leftovers = harness.leftovers().await;
        let verdict = harness.checker.verdict(&faults, BOUNDS);
        println!(
            "{name}: {} reads, {} puts, {} removals, {} loads in {took:.1?}, quiet after {quiet:.1?}; stale: {} after \
             a removal, {} after a put, {} left over; older on the other node within the bound of {:?}: {}, for {:.1?} \
             at most{}",
            tally.reads,
            tally.puts,
            tally.removals,
            harness.source.loads(),
            verdict.stale_after_removal,
            verdict.stale_after_put,
            leftovers.len(),
            BOUNDS.calm,
            verdict.older_within_bounds,
            verdict.longest_lag,
            match faults.first() {
                None => String::new(),
                Some(fault) => format!(
                    "; Redis was away for {:.1?}, meanwhile for {:.1?}, and for {:.1?} after it was back (bound {:?})",
                    fault.ended - fault.began,
                    verdict.longest_lag_in_fault,
                    verdict.longest_lag_after_fault,
                    BOUNDS.after_fault
                ),
            }
        );
        verdict.examples.iter().chain(leftovers.iter().take(5)).for_each(|example| println!("  {example}"));
        Outcome { verdict, leftovers, errors: tally.errors }
    })
}

/// Waits until this many operations have begun.
async fn begun(harness: &Harness, operations: u64) {
    while harness.begun.load(Ordering::Relaxed) < operations {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

impl Outcome {
    /// Checks that no old version was read or kept, and no caller got an error.
    fn is_clean(&self) {
        assert_eq!(self.errors, [""; 0]);
        assert_eq!(self.verdict.stale(), 0, "{:#?}", self.verdict);
        assert_eq!(self.leftovers, [""; 0]);
    }
}

#[test]
fn rule_33_two_processes_on_redis_and_postgres() {
    stress("bus on Redis", Killed::Never, |config| config).is_clean();
}

#[test]
fn rule_33_with_redis_killed_in_the_middle_and_back_with_what_it_held() {
    let on_postgres = |config| NodeConfig { bus: Some(Backend::Postgres), ..config };
    stress("bus on PostgreSQL, Redis killed", Killed::ComesBack, on_postgres).is_clean();
}

#[test]
fn rule_33_with_redis_killed_in_the_middle_and_the_bus_with_it() {
    let with_it = |config| NodeConfig { ask_on_bus_loss: true, guard: Some(guard()), ..config };
    stress("bus on Redis, which is killed", Killed::ComesBack, with_it).is_clean();
}

#[test]
fn rule_33_with_redis_killed_in_the_middle_and_back_with_nothing() {
    let with_it = |config| NodeConfig { ask_on_bus_loss: true, ..config };
    stress("bus on Redis, which is killed and comes back empty", Killed::ComesBackEmpty, with_it).is_clean();
}

/// The same run without the comparison of births: shows that the other runs would see a violation.
#[test]
fn rule_33_is_broken_without_the_compare_of_births_and_that_is_seen() {
    let outcome =
        stress("births not compared", Killed::Never, |config| NodeConfig { compares: false, ..config });
    assert!(outcome.verdict.stale_after_removal > 0, "{:#?}", outcome.verdict);
}

/// The same run without a bus: shows that the other runs would see a violation.
#[test]
fn rule_33_is_broken_without_a_bus_and_that_is_seen() {
    let outcome = stress("no bus", Killed::Never, |config| NodeConfig { bus: None, ..config });
    assert!(outcome.verdict.stale_after_removal > 0, "{:#?}", outcome.verdict);
    assert!(outcome.verdict.longest_lag > BOUNDS.calm);
}

fn guard() -> GuardConfig {
    GuardConfig { pause: Duration::from_secs(1), ..GuardConfig::default() }
}
