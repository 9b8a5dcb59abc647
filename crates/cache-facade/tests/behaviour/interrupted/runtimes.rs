//! A cache lives longer than a runtime: the one that it was built on, one that leads a load, one that gathers.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, ErrorKind, Key, Operation, Ttl};
use cache_facade::{Cache, Region};
use futures_util::{FutureExt, future::join_all};
use tests::{FaultyTier, LocalBus, ModelTier, Moment, ScriptedLoader, settle};
use tokio::runtime::{Builder, Runtime};

const LIFE: Duration = Duration::from_secs(100_000);
const HARD: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

struct World {
    clock: Clock,
    bus: LocalBus,
    model: Arc<ModelTier>,
    source: ScriptedLoader<u64>,
}

impl World {
    fn new() -> Self {
        Self {
            clock: Clock::manual(),
            bus: LocalBus::default(),
            model: Arc::new(ModelTier::new("far")),
            source: ScriptedLoader::new(|_: &Key, load| 100 + load),
        }
    }

    async fn node(&self) -> (Cache, Region<u64>, FaultyTier) {
        let tier = FaultyTier::over(Arc::clone(&self.model));
        let cache = Cache::builder().clock(self.clock.clone()).bus(self.bus.clone()).tier(tier.clone());
        let cache = cache.build().await.unwrap();
        let region =
            cache.region::<u64>("k").ttl(Ttl::new(LIFE)).hard_timeout(HARD).loader(self.source.clone());
        settle().await;
        (cache, region.open().unwrap(), tier)
    }

    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            settle().await;
        }
    }
}

async fn get(region: &Region<u64>, id: &str) -> u64 {
    *region.get(id).await.unwrap().unwrap()
}

#[test]
fn rule_106_upkeep_mending_and_listening_go_on_after_the_runtime_of_build_has_ended() {
    let world = World::new();
    let first = runtime();
    let (cache, region, tier) = first.block_on(world.node());
    first.block_on(async { region.put("heard", 1).await.unwrap() });
    drop(first);
    runtime().block_on(async {
        let (_other, there, _) = world.node().await;
        assert!(!cache.health().healthy, "nobody listens");
        tier.down();
        region.put("owed", 2).await.unwrap();
        tier.up();
        world.pass(5).await;
        assert!(cache.health().healthy, "{:?}", cache.health());
        assert_eq!(cache.stats().tiers[0].pending, 0, "mended");
        there.put("heard", 3).await.unwrap();
        settle().await;
        assert_eq!(get(&region, "heard").await, 3, "what other nodes do is heard");
        region.put("told", 4).await.unwrap();
        assert_eq!(get(&there, "told").await, 4);
        region.put("told", 5).await.unwrap();
        settle().await;
        assert_eq!(get(&there, "told").await, 5, "and they hear of what this one does");
        let entries = cache.stats().memory.entries;
        world.clock.advance(2 * LIFE);
        world.pass(31).await;
        assert!(entries > 0 && cache.stats().memory.entries == 0, "swept");
    });
}

#[test]
fn rule_106_a_waiter_takes_over_the_load_of_a_runtime_that_has_ended() {
    let world = World::new();
    let (ends, stays) = (runtime(), runtime());
    let (_cache, region, _) = stays.block_on(world.node());
    let gate = world.source.gate();
    let led = region.clone();
    ends.block_on(async {
        tokio::spawn(async move { led.get("a").await });
        settle().await;
    });
    assert_eq!(world.source.calls(), 1);
    stays.block_on(async {
        let waiters = join_all((0..50).map(|_| get(&region, "a")));
        let mut waiters = std::pin::pin!(waiters);
        assert!(waiters.as_mut().now_or_never().is_none());
        ends.shutdown_background();
        settle().await;
        gate.open();
        let answers = tests::soon(waiters).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    });
    assert_eq!(world.source.calls(), 2, "one of them leads");
}

#[test]
fn rule_106_a_load_that_nobody_drives_is_given_up_after_the_hard_timeout_since_it_began() {
    let world = World::new();
    let (still, moves) = (runtime(), runtime());
    let (_cache, region, _) = moves.block_on(world.node());
    let led = region.clone();
    let gate = world.source.gate();
    // From here on this runtime is not driven: its load neither ends nor times out.
    still.block_on(async {
        tokio::spawn(async move { led.get("a").await });
        settle().await;
    });
    gate.open();
    world.source.ungate();
    moves.block_on(async {
        world.pass(HARD.as_secs() / 2).await;
        let waiting = region.clone();
        let waiter = tokio::spawn(async move { get(&waiting, "a").await });
        settle().await;
        assert!(!waiter.is_finished());
        world.pass(HARD.as_secs() / 2).await;
        assert!(tests::soon(waiter).await.is_ok(), "it led a load of its own");
    });
    assert_eq!(world.source.calls(), 2);
}

#[test]
fn rule_106_a_batch_whose_runtime_has_ended_is_taken_over() {
    let world = World::new();
    let (ends, stays) = (runtime(), runtime());
    let (cache, ..) = stays.block_on(world.node());
    let region = cache.region::<u64>("gathered").ttl(Ttl::new(LIFE)).hard_timeout(HARD);
    let region = region.loader(world.source.clone()).batch_window(Duration::from_millis(50)).open().unwrap();
    let first = region.clone();
    ends.block_on(async {
        tokio::spawn(async move { first.get("a").await });
        settle().await;
    });
    assert_eq!(world.source.calls(), 0, "within the window");
    drop(ends);
    stays.block_on(async {
        let second = region.clone();
        let waiter = tokio::spawn(async move { get(&second, "b").await });
        settle().await;
        world.clock.advance(Duration::from_millis(60));
        assert!(tests::soon(waiter).await.is_ok());
    });
}

const WINDOW: Duration = Duration::from_millis(50);

impl World {
    async fn gathering(&self) -> (Cache, Region<u64>) {
        let (cache, ..) = self.node().await;
        let region = cache.region::<u64>("gathered").ttl(Ttl::new(LIFE)).hard_timeout(HARD);
        (cache, region.loader(self.source.clone()).batch_window(WINDOW).open().unwrap())
    }
}

/// A runtime on which somebody reads a key.
fn reading(region: &Region<u64>, id: &'static str) -> Runtime {
    let (runtime, region) = (runtime(), region.clone());
    runtime.block_on(async {
        tokio::spawn(async move { region.get(id).await });
        settle().await;
    });
    runtime
}

#[test]
fn rule_106_the_keys_of_a_coalesced_call_whose_runtime_has_ended_go_into_a_new_one() {
    for is_under_way in [false, true] {
        let world = World::new();
        let stays = runtime();
        let (_cache, region) = stays.block_on(world.gathering());
        let gate = world.source.gate();
        let ends = reading(&region, "a");
        let waiters = stays.block_on(async {
            let waiters = ["b", "c"].map(|id| {
                let region = region.clone();
                tokio::spawn(async move { get(&region, id).await })
            });
            settle().await;
            waiters
        });
        if is_under_way {
            world.clock.advance(WINDOW);
            ends.block_on(settle());
        }
        assert_eq!(world.source.calls(), usize::from(is_under_way));
        drop(ends);
        gate.open();
        stays.block_on(async {
            // Nobody comes who would find the batch.
            settle().await;
            world.clock.advance(WINDOW);
            for waiter in waiters {
                assert!(tests::soon(waiter).await.is_ok());
            }
        });
        assert_eq!(world.source.calls(), 1 + usize::from(is_under_way), "both in one call");
    }
}

#[test]
fn rule_106_a_key_that_is_lost_with_three_batches_is_loaded_by_itself() {
    let world = World::new();
    let stays = runtime();
    let (_cache, region) = stays.block_on(world.gathering());
    let mut ends = reading(&region, "0");
    let own = region.clone();
    let waiter = stays.spawn(async move { get(&own, "waited").await });
    stays.block_on(settle());
    for id in ["1", "2"] {
        drop(ends);
        // It opens the batch that the waiter joins.
        ends = reading(&region, id);
        stays.block_on(settle());
        assert!(!waiter.is_finished(), "it gathers");
    }
    assert_eq!(world.source.calls(), 0);
    drop(ends);
    assert!(stays.block_on(tests::soon(waiter)).is_ok(), "it waits for no window");
    assert_eq!(world.source.calls(), 1);
}

#[test]
fn rule_106_without_a_runtime_a_hit_is_answered_and_all_else_is_an_error() {
    let world = World::new();
    let first = runtime();
    let (cache, region, _) = first.block_on(world.node());
    first.block_on(async { region.put("a", 1).await.unwrap() });
    assert_eq!(get(&region, "a").now_or_never(), Some(1));
    let outside = |error: cache_core::Error| assert!(error.to_string().contains("Tokio runtime"), "{error}");
    outside(region.get("b").now_or_never().unwrap().unwrap_err());
    outside(region.put("b", 2).now_or_never().unwrap().unwrap_err());
    outside(region.remove("a").now_or_never().unwrap().unwrap_err());
    outside(region.refresh(&["a"]).now_or_never().unwrap().unwrap_err());
    outside(cache.clear().now_or_never().unwrap().unwrap_err());
    outside(Cache::builder().build().now_or_never().unwrap().unwrap_err());
    outside(cache.shutdown(HARD).now_or_never().unwrap().unwrap_err());
    assert_eq!(region.peek("a").as_deref(), Some(&1), "nothing has changed");
}

#[test]
fn rule_106_a_runtime_without_timers_is_refused_at_build() {
    let error =
        Builder::new_current_thread().build().unwrap().block_on(Cache::builder().build()).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("enable_time"), "{error}");
}

/// Whatever the tier had done of it when the runtime ended.
#[test]
fn rule_106_a_write_whose_runtime_ends_in_the_middle_is_carried_out_from_the_next() {
    for moment in [Moment::Before, Moment::After] {
        for removes in [false, true] {
            let world = World::new();
            let (stays, ends) = (runtime(), runtime());
            let ((_cache, region, tier), (_other, there, _)) =
                stays.block_on(async { (world.node().await, world.node().await) });
            stays.block_on(async {
                region.put("a", 1).await.unwrap();
                settle().await;
                assert_eq!(get(&there, "a").await, 1);
            });
            let operation = if removes { Operation::Remove } else { Operation::Put };
            ends.block_on(async {
                let gate = tier.gate(operation, moment);
                let region = region.clone();
                tokio::spawn(async move {
                    match removes {
                        true => assert!(region.remove("a").await.unwrap()),
                        false => region.put("a", 2).await.unwrap(),
                    }
                });
                gate.reached(1).await;
                tier.ungate(operation, moment);
            });
            drop(ends);
            stays.block_on(async {
                region.put("b", 1).await.unwrap();
                world.pass(10).await;
                let wanted = (!removes).then_some(2);
                let case = format!("{operation:?} {moment:?}");
                let value = world.model.entry(&region.key("a").unwrap()).and_then(|entry| entry.value);
                let stored = value.map(|blob| blob.decode::<u64>(0).unwrap());
                assert_eq!(stored, wanted, "{case}, in the tier");
                // Memory may have let go of it, but serves nothing from before.
                for (region, whose) in [(&region, "here"), (&there, "on the other node")] {
                    let seen = region.peek("a").map(|value| *value);
                    assert!(seen.is_none() || seen == wanted, "{case}, {whose}: {seen:?}");
                }
            });
        }
    }
}

/// What was to come in later calls as well.
#[test]
fn rule_106_a_batch_of_several_calls_whose_runtime_ends_in_the_first_is_carried_out_from_the_next() {
    let ids: Vec<u64> = (0..6000).collect();
    for operation in [Operation::Put, Operation::Remove] {
        let world = World::new();
        let (stays, ends) = (runtime(), runtime());
        let (_cache, region, tier) = stays.block_on(world.node());
        stays.block_on(region.put_many(ids.iter().map(|id| (*id, 1)))).unwrap();
        ends.block_on(async {
            let gate = tier.gate(operation, Moment::Before);
            let (region, ids) = (region.clone(), ids.clone());
            tokio::spawn(async move {
                match operation {
                    Operation::Put => region.put_many(ids.into_iter().map(|id| (id, 2))).await.unwrap(),
                    _ => drop(region.remove_many(&ids).await.unwrap()),
                }
            });
            gate.reached(1).await;
            tier.ungate(operation, Moment::Before);
        });
        drop(ends);
        stays.block_on(async {
            region.put("b", 1).await.unwrap();
            world.pass(10).await;
            let wanted = (operation == Operation::Put).then_some(2);
            for id in &ids {
                let value = world.model.entry(&region.key(id).unwrap()).and_then(|entry| entry.value);
                assert_eq!(value.map(|blob| blob.decode::<u64>(0).unwrap()), wanted, "{operation:?} {id}");
            }
        });
    }
}
