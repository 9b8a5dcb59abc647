//! Removals by pattern that take longer than a call may: each goes on once, tells that it is under way, and
//! settles.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Error, ErrorKind, Key, ListCursor, Pattern, PutOutcome, RemovalStep, Result, Target, Tier,
    Tombstone, envelope::Record, sync::Mutex,
};
use cache_facade::{Cache, Guard, GuardSettings, Region, Removed};
use tests::{Gate, ModelTier, eventually, settle};

/// How many entries a step of [`Stepping`] removes, whatever its caller wants.
const STEP: usize = 10;

/// What a removal answers within, and a little more.
const CALL_LIMIT: Duration = Duration::from_secs(11);

/// A tier that removes a few entries in each step, which takes as long as it is told to.
#[derive(Clone, Debug)]
struct Stepping {
    inner: Arc<ModelTier>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    /// How long each step takes.
    takes: Mutex<Duration>,
    first_steps: AtomicUsize,
    steps: AtomicUsize,
    down: AtomicBool,
    whole_removals: AtomicUsize,
    gate: Mutex<Option<Gate>>,
}

impl Stepping {
    fn new(clock: &Clock) -> Self {
        let state = State {
            clock: clock.clone(),
            takes: Mutex::new(Duration::ZERO),
            first_steps: AtomicUsize::new(0),
            steps: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            whole_removals: AtomicUsize::new(0),
            gate: Mutex::new(None),
        };
        Self { inner: Arc::new(ModelTier::new("far")), state: Arc::new(state) }
    }

    fn held(&self) -> usize {
        let records = self.inner.records();
        let is_value = |record: &&Record| matches!(record, Record::Entry(entry) if entry.value.is_some());
        records.values().filter(is_value).count()
    }

    fn check_up(&self) -> Result<()> {
        if self.state.down.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "tier", "it is down"));
        }
        Ok(())
    }
}

#[async_trait]
impl Tier for Stepping {
    fn name(&self) -> &'static str {
        "far"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.check_up()?;
        self.inner.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.check_up()?;
        self.inner.put(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        if matches!(target, Target::Matching(_)) {
            self.state.whole_removals.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        _limit: usize,
    ) -> Result<Option<RemovalStep>> {
        self.check_up()?;
        let gate = self.state.gate.lock().clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let takes = *self.state.takes.lock();
        if !takes.is_zero()
            && let Some(sleep) = self.state.clock.manual_sleep(self.state.clock.now().after(takes))
        {
            sleep.await;
        }
        self.check_up()?;
        self.state.steps.fetch_add(1, Ordering::Relaxed);
        self.state.first_steps.fetch_add(usize::from(after.is_none()), Ordering::Relaxed);
        self.inner.remove_step(pattern, tombstone, after, STEP).await
    }
}

struct Stage {
    cache: Cache,
    region: Region<String>,
    tier: Stepping,
    clock: Clock,
}

/// A cache whose tier, behind a guard, holds this many values.
async fn stage(values: usize) -> Stage {
    let clock = Clock::manual();
    let tier = Stepping::new(&clock);
    let guard = GuardSettings { clock: clock.clone(), failures: 2, ..GuardSettings::default() };
    let cache = Cache::builder().clock(clock.clone()).tier(Guard::new(tier.clone(), guard));
    let cache = cache.build().await.unwrap();
    let region = cache.region::<String>("k").open().unwrap();
    for id in 0..values {
        region.put(&id, "value".to_owned()).await.unwrap();
    }
    Stage { cache, region, tier, clock }
}

impl Stage {
    async fn pass(&self, span: Duration) {
        let step = Duration::from_millis(500);
        let until = self.clock.now().after(span);
        while self.clock.now() < until {
            self.clock.advance(step);
            settle().await;
        }
    }

    /// Removes all, while time passes.
    async fn remove_all(&self) -> Removed {
        let cache = self.cache.clone();
        let removal = tokio::spawn(async move { cache.remove_matching("k:*").await.unwrap() });
        settle().await;
        while !removal.is_finished() {
            self.pass(Duration::from_secs(1)).await;
        }
        removal.await.unwrap()
    }

    fn removing(&self) -> u64 {
        self.cache.stats().tiers[0].removing
    }
}

#[tokio::test]
async fn rule_98_a_removal_within_the_limit_is_counted_whole() {
    let stage = stage(95).await;
    let removed = stage.remove_all().await;
    assert!(removed.is_done());
    assert_eq!((removed.memory, &*removed.tiers, removed.under_way.len()), (95, &[("far", 95)][..], 0));
    assert_eq!(removed.settled().await, removed);
    assert_eq!((stage.tier.held(), stage.removing()), (0, 0));
    assert_eq!(stage.tier.state.whole_removals.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn rule_98_a_removal_that_takes_longer_goes_on_once_and_settles_with_the_whole_count() {
    let stage = stage(400).await;
    // 40 steps of 900 ms: each within the guard's limit of a second, all together far past any.
    *stage.tier.state.takes.lock() = Duration::from_millis(900);
    let begun = stage.clock.now();
    let removed = stage.remove_all().await;
    assert!(stage.clock.now().since(begun) < CALL_LIMIT + Duration::from_secs(2), "it answers");
    assert_eq!((removed.memory, &*removed.tiers, &*removed.under_way), (400, &[][..], &["far"][..]));
    assert!(!removed.is_done() && stage.tier.held() > 0 && stage.removing() == 1);
    let health = stage.cache.health();
    assert!(health.healthy, "it makes progress: {health:?}");
    assert_eq!(stage.region.get(&399).await.unwrap(), None, "what is still there is not served");

    let waits = tokio::spawn(async move { removed.settled().await });
    settle().await;
    drop(tokio::spawn({
        let cache = stage.cache.clone();
        async move { cache.remove_matching("other:*").await }
    }));
    assert!(!waits.is_finished());
    stage.pass(Duration::from_secs(60)).await;
    let settled = waits.await.unwrap();
    assert!(settled.is_done());
    assert_eq!(settled.tiers, [("far", 400)], "the whole count, and never a part");
    assert_eq!((stage.tier.held(), stage.removing(), stage.cache.stats().tiers[0].pending), (0, 0, 0));
    assert_eq!(stage.cache.stats().tiers[0].errors, 0);
    let firsts = stage.tier.state.first_steps.load(Ordering::Relaxed);
    assert!(firsts <= 4, "one for each removal, and where a tombstone was made to last longer: {firsts}");
}

#[tokio::test]
async fn rule_98_a_tier_that_was_down_goes_on_where_it_was_and_is_not_counted() {
    let stage = stage(100).await;
    let gate = Gate::closed();
    *stage.tier.state.gate.lock() = Some(gate.clone());
    let cache = stage.cache.clone();
    let removal = tokio::spawn(async move { cache.remove_matching("k:*").await.unwrap() });
    gate.reached(1).await;
    stage.tier.state.down.store(true, Ordering::Relaxed);
    gate.open();
    let removed = removal.await.unwrap();
    assert_eq!((&*removed.tiers, &*removed.under_way), (&[][..], &["far"][..]), "it owes it");
    assert!(stage.cache.stats().tiers[0].pending >= 1);
    stage.pass(Duration::from_secs(3)).await;
    stage.tier.state.down.store(false, Ordering::Relaxed);
    *stage.tier.state.gate.lock() = None;
    stage.pass(Duration::from_secs(10)).await;
    let settled = removed.settled().await;
    assert!(settled.is_done() && settled.tiers.is_empty(), "{settled:?}");
    assert_eq!((stage.tier.held(), stage.removing(), stage.cache.stats().tiers[0].pending), (0, 0, 0));
}

#[tokio::test]
async fn rule_98_a_walk_of_many_steps_opens_no_breaker_and_fails_no_other_call() {
    let stage = stage(300).await;
    *stage.tier.state.takes.lock() = Duration::from_millis(900);
    let removed = stage.remove_all().await;
    assert!(!removed.is_done());
    for id in 1000..1010 {
        stage.region.put(&id, "new".to_owned()).await.unwrap();
        stage.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(stage.cache.stats().tiers[0].pending, 1, "the removal alone");
    stage.pass(Duration::from_secs(60)).await;
    assert_eq!(removed.settled().await.tiers, [("far", 300)]);
    assert_eq!(stage.tier.held(), 10, "what was put after it began stays");
}

#[tokio::test]
async fn rule_98_who_waits_is_told_when_the_cache_ends_before() {
    let stage = stage(100).await;
    stage.tier.state.down.store(true, Ordering::Relaxed);
    let removed = stage.remove_all().await;
    let waits = tokio::spawn({
        let removed = removed.clone();
        async move { removed.settled().await }
    });
    settle().await;
    assert!(!waits.is_finished());
    drop(stage.region);
    let _ = stage.cache.shutdown(Duration::from_secs(1)).await;
    assert_eq!(waits.await.unwrap().under_way, ["far"]);
}

#[test]
fn rule_106_a_removal_whose_runtime_has_ended_is_gone_on_with_on_the_next() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let (stage, removed) = first.block_on(async {
        let stage = stage(100).await;
        *stage.tier.state.takes.lock() = Duration::from_millis(900);
        let removed = stage.remove_all().await;
        (stage, removed)
    });
    drop(first);
    second.block_on(async {
        // A call begins the loops anew.
        stage.region.put(&1000, "new".to_owned()).await.unwrap();
        *stage.tier.state.takes.lock() = Duration::ZERO;
        stage.pass(Duration::from_secs(70)).await;
        eventually("it is done", || stage.removing() == 0).await;
        assert!(removed.settled().await.is_done());
        assert_eq!(stage.tier.held(), 1);
    });
}
