//! Panics in what users wrote: caught where it is called, counted, and nothing else changes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Event, Holder, Key, Lease, Listener, Observer, Result, Ttl};
use cache_facade::{Cache, Codec, Eviction, Fetched, Memory};
use serde::{Deserialize, Deserializer, Serialize};
use tests::{FaultyTier, Fixture, LocalBus, ModelTier, ScriptedLoader, settle};

const LIFE: Duration = Duration::from_secs(1000);

/// An observer that panics at every event.
#[derive(Debug)]
struct Nervous;

impl Observer for Nervous {
    fn on(&self, event: &Event<'_>) {
        panic!("not {event:?}");
    }
}

#[tokio::test]
async fn rule_107_an_observer_that_panics_at_every_event_changes_nothing() {
    let bus = LocalBus::default();
    let calm = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let nervous = calm.another_built(|cache| cache.bus(bus.clone()).observer(Nervous), |region| region).await;
    nervous.region.put("a", "1".to_owned()).await.unwrap();
    assert_eq!(nervous.get("a").await.as_deref(), Some("1"));
    assert_eq!(calm.get("a").await.as_deref(), Some("1"));
    assert_eq!(nervous.get("b").await, calm.get("b").await, "a load");
    calm.tier.down();
    nervous.region.put("a", "2".to_owned()).await.unwrap();
    nervous.region.remove("b").await.unwrap();
    assert_eq!(nervous.cache.stats().tiers[0].pending, 2, "owed, though an observer panicked at the failure");
    bus.cut();
    calm.pass(2);
    settle().await;
    bus.restore();
    calm.tier.up();
    for _ in 0..20 {
        calm.pass(1);
        settle().await;
    }
    assert_eq!(calm.get("a").await.as_deref(), Some("2"));
    assert!(nervous.cache.health().healthy, "the loops go on");
    assert!(nervous.cache.stats().observer_panics > 5);
    assert_eq!(calm.cache.stats().observer_panics, 0);
}

/// A bus and a lease whose every call panics, before or after they return a future.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Bus for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn max_message_len(&self) -> usize {
        1000
    }

    async fn publish(&self, _: Bytes) -> Result<()> {
        panic!("no bus")
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        panic!("no bus")
    }
}

#[async_trait]
impl Lease for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn acquire(&self, _: &[Key], _: Holder, _: Duration) -> Result<Vec<bool>> {
        panic!("no lease")
    }

    async fn renew(&self, _: &[Key], _: Holder, _: Duration) -> Result<Vec<bool>> {
        panic!("no lease")
    }

    async fn release(&self, _: &[Key], _: Holder) -> Result<()> {
        panic!("no lease")
    }
}

#[tokio::test]
async fn rule_107_a_bus_and_a_lease_that_panic_are_unwell_and_no_more() {
    let fixture = Fixture::built(|cache| cache.bus(Broken).lease(Broken), |region| region).await;
    fixture.region.put("a", "1".to_owned()).await.unwrap();
    fixture.region.remove("a").await.unwrap();
    fixture.cache.clear().await.unwrap();
    assert!(fixture.get("a").await.is_some(), "loaded");
    assert!(!fixture.cache.health().bus.unwrap().connected);
    for _ in 0..10 {
        fixture.pass(1);
        settle().await;
    }
    let bus = fixture.cache.stats().bus.unwrap();
    assert!(bus.errors > 3, "it is tried again and again: {bus:?}");
    assert!(fixture.cache.health().bus.unwrap().error.unwrap().to_string().contains("no bus"));
}

/// A value that panics when it is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sticky(u64);

impl Drop for Sticky {
    fn drop(&mut self) {
        if self.0 < 1000 {
            panic!("{} holds on", self.0);
        }
    }
}

#[test]
fn rule_107_values_that_panic_when_dropped_leave_memory_as_it_should_be() {
    for policy in [Eviction::Hybrid, Eviction::Lru, Eviction::Lfu, Eviction::Fifo, Eviction::Ttl] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let memory = Memory::builder().entries(8).eviction(policy).build();
            let cache = Cache::builder().clock(fixture.clock.clone()).memory(memory).build().await.unwrap();
            let region = cache.region::<Sticky>("k").ttl(Ttl::new(LIFE)).open().unwrap();
            let before = cache.stats().memory.panicked_drops;
            for number in 0..40 {
                region.put(&format!("k{}", number % 20), Sticky(number)).await.unwrap();
            }
            cache.clear().await.unwrap();
            for number in 0..8 {
                region.put(&format!("k{number}"), Sticky(number)).await.unwrap();
            }
            fixture.clock.advance(2 * LIFE);
            // All of them die in one sweep.
            cache.sweep();
            region.put("alive", Sticky(5000)).await.unwrap();
            let stats = cache.stats().memory;
            assert!(stats.panicked_drops >= before + 40, "{policy:?}: {stats:?}");
            assert_eq!((stats.entries, region.peek("alive").unwrap().0), (1, 5000), "{policy:?}");
        });
    }
}

/// A value whose `Deserialize` panics, but for one.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Shy(u64);

impl<'de> Deserialize<'de> for Shy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, 7, "not that one");
        Ok(Self(number))
    }
}

#[tokio::test]
async fn rule_107_a_deserialize_that_panics_is_a_counted_miss() {
    let model = Arc::new(ModelTier::new("far"));
    let fixture = Fixture::new().await;
    let cache = async || {
        let tier = FaultyTier::over(Arc::clone(&model));
        Cache::builder().clock(fixture.clock.clone()).tier(tier).build().await.unwrap()
    };
    // Written by a version of the program whose type was another one.
    let writer = cache().await.region::<u64>("k").codec(Codec::Json).ttl(Ttl::new(LIFE)).open().unwrap();
    for number in [7, 8] {
        writer.put(&number.to_string(), number).await.unwrap();
    }
    let reader = cache().await;
    let source = ScriptedLoader::new(|_: &Key, _| Shy(9));
    let region =
        reader.region::<Shy>("k").codec(Codec::Json).ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
    let read = region.get_many(&["7", "8"]).await.unwrap();
    assert_eq!(read.iter().flatten().map(|shy| shy.0).collect::<Vec<_>>(), [9, 8]);
    assert_eq!(reader.stats().tiers[0].corrupt, 1);
}

#[tokio::test]
async fn rule_107_policies_that_panic_fail_the_put_and_store_nothing() {
    let fixture = Fixture::new().await;
    let cost = |value: &u64| {
        assert_ne!(*value, 7);
        1
    };
    let region = fixture.cache.region::<u64>("heavy").cost(cost).open().unwrap();
    region.put("a", 1).await.unwrap();
    let error = region.put_many(vec![("a", Fetched::new(2)), ("b", Fetched::new(7))]).await.unwrap_err();
    assert!(error.to_string().contains("panicked over"), "{error}");
    assert_eq!((region.peek("a").as_deref(), region.peek("b")), (Some(&1), None), "none of them");
    region.put("b", 8).await.unwrap();
}
