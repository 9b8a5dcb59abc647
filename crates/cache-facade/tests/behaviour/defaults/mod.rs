//! What a cache does unasked: it guards tiers that may hang, and goes by one clock with all of its parts.

mod lives;
mod texts;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{
    Bus, Bytes, Clock, Entry, ErrorKind, Holder, Key, Lease, Listener, Operation, PutOutcome, Result, Target,
    Tier, Tombstone,
};
use cache_facade::{Cache, CacheBuilder, Guard, GuardSettings};
use tests::{FaultyTier, LocalBus, LocalLease, ModelTier, Moment, settle};

/// A tier, bus or lease that is on a server, as far as it says.
#[derive(Debug)]
struct Remote<T> {
    inner: T,
    clock: Option<Clock>,
}

#[async_trait]
impl<T: Tier> Tier for Remote<T> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.inner.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.inner.put(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.inner.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }

    fn needs_guard(&self) -> bool {
        true
    }

    fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }
}

#[async_trait]
impl<B: Bus> Bus for Remote<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn max_message_len(&self) -> usize {
        self.inner.max_message_len()
    }

    async fn publish(&self, message: Bytes) -> Result<()> {
        self.inner.publish(message).await
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        self.inner.listen().await
    }

    fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }
}

#[async_trait]
impl<L: Lease> Lease for Remote<L> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.inner.acquire(keys, holder, span).await
    }

    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.inner.renew(keys, holder, span).await
    }

    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()> {
        self.inner.release(keys, holder).await
    }

    fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }
}

fn tier(name: &'static str, clock: &Clock) -> Remote<ModelTier> {
    Remote { inner: ModelTier::new(name), clock: Some(clock.clone()) }
}

/// How many calls of a tier that is down a read that waits for it makes, and whether the read ends on the
/// timeout of a guard while the tier hangs.
async fn calls_and_timeout(builder: CacheBuilder, inner: &FaultyTier, clock: &Clock) -> (usize, bool) {
    let cache = builder.clock(clock.clone()).build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    inner.down();
    inner.forget_calls();
    let _ = region.get("down").await;
    let calls = inner.calls(Operation::Get).len();
    inner.up();
    let gate = inner.gate(Operation::Get, Moment::Before);
    let read = tokio::spawn(async move { region.get("hangs").await.map_err(|error| error.kind()) });
    gate.reached(1).await;
    // Both attempts of a guard are over, and the hard timeout of the read is far away.
    for _ in 0..2 {
        settle().await;
        clock.advance(Duration::from_secs(1));
    }
    settle().await;
    let ended = read.is_finished();
    read.abort();
    inner.ungate(Operation::Get, Moment::Before);
    gate.open();
    settle().await;
    (calls, ended)
}

#[tokio::test]
async fn a_tier_that_needs_a_guard_gets_one_on_the_clock_of_the_cache_and_only_one() {
    let (clock, inner) = (Clock::manual(), FaultyTier::over(ModelTier::new("far")));
    let far = || Remote { inner: inner.clone(), clock: None };
    let builder = Cache::builder().tier(far());
    assert_eq!(calls_and_timeout(builder, &inner, &clock).await, (2, true), "guarded: tried again");
    let builder = Cache::builder().local_tier(Arc::new(far()));
    assert_eq!(calls_and_timeout(builder, &inner, &clock).await, (2, true), "also behind an Arc");
    let settings = GuardSettings { retries: 0, clock: clock.clone(), ..GuardSettings::default() };
    let builder = Cache::builder().tier(Guard::new(far(), settings));
    assert_eq!(calls_and_timeout(builder, &inner, &clock).await, (1, true), "in the guard that it was given");
    let builder = Cache::builder().tier(inner.clone());
    assert_eq!(calls_and_timeout(builder, &inner, &clock).await, (1, false), "it needs none");
}

#[tokio::test]
async fn a_cache_without_a_clock_goes_by_that_of_its_parts() {
    let clock = Clock::manual();
    let some = Some(clock.clone());
    let guard = |tier| Guard::new(tier, GuardSettings::default());
    for (part, builder) in [
        ("tier", Cache::builder().tier(tier("far", &clock))),
        ("guarded tier", Cache::builder().tier(guard(tier("far", &clock)))),
        ("tier behind a pointer", Cache::builder().tier(Arc::new(tier("far", &clock)))),
        ("second tier", Cache::builder().tier(ModelTier::new("near")).local_tier(tier("far", &clock))),
        ("bus", Cache::builder().bus(Remote { inner: LocalBus::default(), clock: some.clone() })),
        ("lease", Cache::builder().lease(LocalLease::new(clock.clone()))),
        ("all", {
            let builder = Cache::builder().tier(tier("far", &clock)).tier(tier("farther", &clock));
            builder.bus(Remote { inner: LocalBus::default(), clock: some }).clock(clock.clone())
        }),
    ] {
        assert!(builder.build().await.unwrap().clock().is_same(&clock), "{part}");
    }
    let cache = Cache::builder().tier(ModelTier::new("near")).build().await.unwrap();
    assert!(!cache.clock().is_same(&clock) && cache.clock().follows_servers(), "else the system's");
}

#[tokio::test]
async fn two_clocks_are_refused_whoever_has_them() {
    let (one, two) = (Clock::system(), Clock::system());
    let bus = |clock: &Clock| Remote { inner: LocalBus::default(), clock: Some(clock.clone()) };
    let lease =
        |clock: &Clock| Remote { inner: LocalLease::new(Clock::manual()), clock: Some(clock.clone()) };
    for (wanted, builder) in [
        ("the cache and the tier \"far\"", Cache::builder().tier(tier("far", &one)).clock(two.clone())),
        (
            "the tier \"far\" and the tier \"farther\"",
            Cache::builder().tier(tier("far", &one)).tier(tier("farther", &two)),
        ),
        ("the tier \"far\" and the bus \"local\"", Cache::builder().bus(bus(&two)).tier(tier("far", &one))),
        (
            "the tier \"far\" and the lease \"local\"",
            Cache::builder().tier(tier("far", &one)).lease(lease(&two)),
        ),
        ("the bus \"local\" and the lease \"local\"", Cache::builder().bus(bus(&one)).lease(lease(&two))),
    ] {
        let error = builder.build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains(wanted) && text.contains("`.clock(clock)`"), "{text}");
    }
}
