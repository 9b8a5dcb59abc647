//! The pace of refreshes: a kind that is marked as a whole is no rush on its source.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, ErrorKind, Loaded, Loader, Operation, Request, Result};
use cache_facade::{Cache, Region, RegionBuilder, Ttl};
use tests::{Fixture, Moment, ScriptedLoader, settle};
use tokio::sync::Semaphore;

/// A loader that waits for leave, and tells how many calls ran at once.
#[derive(Clone, Debug)]
struct Awaited {
    max_batch: usize,
    leave: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    keys: Arc<AtomicUsize>,
}

impl Awaited {
    fn new(max_batch: usize) -> Self {
        let zero = Arc::<AtomicUsize>::default;
        let leave = Arc::new(Semaphore::new(0));
        Self { max_batch, leave, running: zero(), most: zero(), calls: zero(), keys: zero() }
    }

    fn seen(&self) -> [usize; 3] {
        [&self.most, &self.calls, &self.keys].map(|count| count.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Loader<u64> for Awaited {
    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.keys.fetch_add(requests.len(), Ordering::SeqCst);
        self.leave.acquire().await.expect("it is open").forget();
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(requests.iter().map(|_| 2.into()).collect())
    }
}

const KEYS: usize = 1000;

async fn marked(
    source: &Awaited,
    with: impl Fn(RegionBuilder<u64>) -> RegionBuilder<u64>,
) -> (Clock, Cache, Region<u64>) {
    let clock = Clock::manual();
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = cache.region::<u64>("k").ttl(Ttl::new(Duration::from_secs(3600))).loader(source.clone());
    let region = with(region).open().unwrap();
    region.put_many((0..KEYS).map(|id| (id, 1))).await.unwrap();
    region.mark_all_stale().await.unwrap();
    (clock, cache, region)
}

/// Reads all keys, each by itself, and lets the loads go on until all are fresh.
async fn refill(source: &Awaited, with: impl Fn(RegionBuilder<u64>) -> RegionBuilder<u64>) -> [usize; 3] {
    let (clock, _cache, region) = marked(source, with).await;
    for round in 0..3 {
        for id in 0..KEYS {
            let found = region.lookup(&id).await.unwrap();
            assert_eq!((found.value.as_deref(), found.stale), (Some(&1), true), "{round}");
        }
    }
    for _ in 0..KEYS {
        clock.advance(Duration::from_millis(10));
        settle().await;
        let [most, calls, keys] = source.seen();
        assert!(most <= 4, "{most} calls at once");
        source.leave.add_permits(source.running.load(Ordering::SeqCst));
        if keys == KEYS && calls > 0 && source.running.load(Ordering::SeqCst) == 0 {
            break;
        }
    }
    settle().await;
    for id in 0..KEYS {
        let found = region.lookup(&id).await.unwrap();
        assert_eq!((found.value.as_deref(), found.stale), (Some(&2), false), "{id}");
    }
    source.seen()
}

#[tokio::test]
async fn rule_84_a_kind_that_is_marked_is_refilled_by_few_calls_at_once_each_key_once() {
    assert_eq!(refill(&Awaited::new(50), |region| region).await, [4, KEYS / 50, KEYS], "in batches");
    assert_eq!(refill(&Awaited::new(1), |region| region).await, [4, KEYS, KEYS], "one by one");
    let coalesced = |region: RegionBuilder<u64>| region.batch_window(Duration::from_millis(5));
    let [most, calls, keys] = refill(&Awaited::new(50), coalesced).await;
    assert!(most <= 4 && keys == KEYS && calls <= KEYS / 40, "{most} {calls} {keys}");
}

#[tokio::test]
async fn rule_84_reads_that_wait_for_fresh_values_are_no_rush_either() {
    let source = Awaited::new(1);
    let (clock, _cache, region) = marked(&source, |region| region.soft_timeout(Duration::from_secs(1))).await;
    let readers: Vec<_> = (0..KEYS)
        .map(|id| {
            let region = region.clone();
            tokio::spawn(async move { region.lookup(&id).await.unwrap() })
        })
        .collect();
    settle().await;
    assert_eq!(source.seen(), [4, 4, 4]);
    source.leave.add_permits(4);
    settle().await;
    assert_eq!(source.seen(), [4, 8, 8], "the next ones go");
    clock.advance(Duration::from_secs(1));
    let mut fresh = 0;
    for reader in readers {
        let found = reader.await.unwrap();
        fresh += usize::from(!found.stale);
        assert_eq!(found.value.as_deref(), Some(if found.stale { &1 } else { &2 }));
    }
    assert_eq!(fresh, 4, "who waited longer got what there was");
}

/// A source that hangs: it is asked four times a hard timeout, and what dies meanwhile is loaded as ever.
#[tokio::test]
async fn rule_84_a_source_that_hangs_holds_up_no_key_that_has_died() {
    let source = Awaited::new(1);
    let (clock, _cache, region) = marked(&source, |region| region).await;
    for id in 0..20 {
        region.get(&id).await.unwrap();
    }
    settle().await;
    assert_eq!(source.seen()[1], 4);
    clock.advance(Duration::from_secs(31));
    settle().await;
    assert_eq!(region.get(&7).await.unwrap().as_deref(), Some(&1), "still there");
    settle().await;
    assert!(source.seen()[1] <= 8, "{:?}", source.seen());
    clock.advance(Duration::from_secs(3570));
    source.leave.add_permits(KEYS);
    settle().await;
    assert_eq!(region.get(&7).await.unwrap().as_deref(), Some(&2));
    assert_eq!(region.get(&19).await.unwrap().as_deref(), Some(&2));
}

#[tokio::test]
async fn rule_84_what_dies_before_its_turn_is_loaded_without_one() {
    let source = Awaited::new(1);
    let life = Duration::from_secs(20);
    let (clock, _cache, region) = marked(&source, |region| region.ttl(Ttl::new(life))).await;
    for id in 0..20 {
        assert_eq!(region.get(&id).await.unwrap().as_deref(), Some(&1));
    }
    settle().await;
    assert_eq!(source.seen()[1], 4);
    clock.advance(life);
    settle().await;
    assert_eq!(source.seen()[1], 20, "while the first four hang");
}

#[tokio::test]
async fn rule_84_a_failed_refresh_pauses_as_any_other() {
    let fixture = Fixture::new().await;
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    fixture.source.fail(ErrorKind::Unavailable);
    fixture.region.mark_stale("AAPL").await.unwrap();
    for _ in 0..20 {
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("old"));
        fixture.clock.advance(Duration::from_millis(200));
        settle().await;
    }
    assert_eq!(fixture.source.calls(), 1, "one call in five seconds");
}

#[tokio::test]
async fn rule_84_what_is_not_marked_has_no_pace() {
    let source = ScriptedLoader::<u64>::new(|_, _| 2).batch(1);
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u64>("k").ttl("1h").loader(source.clone()).open().unwrap();
    region.put("old", 1).await.unwrap();
    region.mark_all_stale().await.unwrap();
    let gate = source.gate();
    let readers: Vec<_> = (0..20)
        .map(|id| {
            let region = region.clone();
            tokio::spawn(async move { region.get(&id).await })
        })
        .collect();
    settle().await;
    assert_eq!(source.calls(), 20, "all are under way");
    gate.open();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().as_deref(), Some(&2));
    }
}

/// Whether the load waits for its turn already, or is still looking into the tiers.
#[tokio::test]
async fn rule_84_a_refresh_that_joins_a_load_with_a_pace_waits_for_no_turn() {
    for is_in_queue in [true, false] {
        let fixture = Fixture::new().await;
        drop(fixture.source.clone().batch(1));
        let ids: Vec<u32> = (0..20).collect();
        fixture.region.put_many(ids.iter().map(|id| (*id, "old".to_owned()))).await.unwrap();
        fixture.region.mark_all_stale().await.unwrap();
        let gate = fixture.source.gate();
        for id in &ids[..if is_in_queue { 20 } else { 10 }] {
            assert!(fixture.region.lookup(id).await.unwrap().stale);
        }
        settle().await;
        assert_eq!(fixture.source.calls(), 4, "the others wait");
        let of_tier = fixture.tier.gate(Operation::Get, Moment::Before);
        if !is_in_queue {
            assert!(fixture.region.lookup(&19).await.unwrap().stale);
            settle().await;
        }
        let region = fixture.region.clone();
        let refresh = tokio::spawn(async move { region.refresh(&[19]).await });
        settle().await;
        of_tier.open();
        settle().await;
        assert_eq!(fixture.source.calls(), 5, "{is_in_queue}");
        assert_eq!(fixture.source.loads(&fixture.key("19")), 1, "{is_in_queue}");
        gate.open();
        assert_eq!(refresh.await.unwrap().unwrap().loaded, 1);
        settle().await;
        assert!(!fixture.region.lookup(&19).await.unwrap().stale);
    }
}

#[tokio::test]
async fn rule_84_turns_come_in_the_order_in_which_they_were_asked_for() {
    let source = ScriptedLoader::<u64>::new(|_, _| 2).batch(1);
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u64>("k").ttl("1h").loader(source.clone()).open().unwrap();
    region.put_many((0..40).map(|id| (id, 1))).await.unwrap();
    region.mark_all_stale().await.unwrap();
    let gate = source.gate();
    for id in 0..40 {
        region.get(&id).await.unwrap();
        settle().await;
    }
    assert_eq!(source.calls(), 4);
    gate.open();
    settle().await;
    let asked: Vec<String> = source.batches().iter().map(|batch| batch[0].key.id().to_owned()).collect();
    assert_eq!(asked, (0..40).map(|id: u32| id.to_string()).collect::<Vec<_>>());
}
