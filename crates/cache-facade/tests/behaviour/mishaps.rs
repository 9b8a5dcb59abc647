//! Parts of a cache that misbehave: they panic, hang, evict too soon, or have a clock that goes back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, ErrorKind, Key, Operation, PutOutcome, Result, Target, Tier, Timestamp, Tombstone, Ttl,
};
use cache_facade::{Cache, Eviction, Memory};
use tests::{Answer, FaultyTier, Fixture, ModelTier, Moment, ScriptedLoader, settle, soon};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn rule_30_a_put_that_memory_evicts_before_a_tier_has_it_is_not_undone() {
    let memory = Memory::builder().bytes(20_000).eviction(Eviction::Fifo);
    let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
    fixture.region.put("AAPL", "old".to_owned()).await.unwrap();
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    let put = tokio::spawn({
        let region = fixture.region.clone();
        async move { region.put("AAPL", "new".to_owned()).await.unwrap() }
    });
    gate.reached(1).await;
    let crowd = fixture.region.with(|policy| policy.skip("far"));
    for other in 0..500 {
        crowd.put(&other.to_string(), "x".repeat(100)).await.unwrap();
    }
    assert!(fixture.cache.stats().memory.evictions.size > 0);
    assert_eq!(fixture.peek("AAPL"), None, "evicted");
    let meanwhile = fixture.get("AAPL").await;
    assert_ne!(meanwhile.as_deref(), Some("old"), "not what the tier still holds");
    gate.open();
    put.await.unwrap();
    settle().await;
    assert_ne!(fixture.get("AAPL").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn rule_52_a_tier_that_never_answers_costs_its_limit_and_not_the_key() {
    let fixture = Fixture::new().await;
    let gate = fixture.tier.gate(Operation::Get, Moment::Before);
    let caller = fixture.ask("AAPL").await;
    assert!(!caller.is_finished());
    fixture.pass(11);
    assert_eq!(soon(caller).await.unwrap().unwrap().as_deref(), Some("AAPL@1"), "from the source");
    assert!(!fixture.cache.health().healthy);
    gate.open();
}

/// A tier whose every call panics.
#[derive(Debug)]
struct Panicking;

#[async_trait]
impl Tier for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    async fn get(&self, _: &[Key]) -> Result<Vec<Option<Entry>>> {
        panic!("get")
    }

    async fn put(&self, _: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        panic!("put")
    }

    async fn remove(&self, _: Target<'_>, _: Tombstone) -> Result<u64> {
        panic!("remove")
    }

    async fn flush(&self) -> Result<()> {
        panic!("flush")
    }
}

#[tokio::test]
async fn rule_64_a_tier_that_panics_is_unwell_and_harms_no_caller() {
    let cache = Cache::builder().tier(Panicking).build().await.unwrap();
    let region = cache.region::<String>("price").loader(ScriptedLoader::versions()).open().unwrap();
    assert_eq!(region.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    region.put("MSFT", "put".to_owned()).await.unwrap();
    region.remove("MSFT").await.unwrap();
    assert!(!cache.health().healthy);
}

#[tokio::test]
async fn rule_04_a_policy_that_panics_over_one_key_fails_that_key_alone() {
    let policy = |key: &Key, _: Option<&String>, _: Timestamp| {
        assert!(key.id() != "13", "unlucky");
        Ttl::new(MINUTE)
    };
    let fixture = Fixture::with(|region| region.ttl(policy)).await;
    let ids: Vec<String> = (10..16).map(|id| id.to_string()).collect();
    for (id, answer) in ids.iter().zip(fixture.region.lookup_many(&ids).await) {
        assert_eq!(answer.is_err(), id == "13", "{id}");
    }
}

#[tokio::test]
async fn rule_58_a_tier_that_takes_no_writes_is_unwell_though_it_can_be_read() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    settle().await;
    fixture.tier.fail(Operation::Put, ErrorKind::Storage);
    fixture.region.put("MSFT", "put".to_owned()).await.unwrap();
    assert!(!fixture.cache.health().healthy);
    let reader = fixture.region.with(|policy| policy.skip("memory"));
    assert_eq!(reader.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    assert!(!fixture.cache.health().healthy, "a read that works says nothing of writes");
}

/// The same tier under a clock that stands an hour earlier, as after a restart without a time server.
#[tokio::test]
async fn rule_29_after_the_clock_was_set_back_removals_hold_and_lives_are_not_stretched() {
    let model = Arc::new(ModelTier::new("far"));
    let ahead = Clock::manual();
    ahead.advance(Duration::from_secs(3600));
    for (clock, removes) in [(ahead, false), (Clock::manual(), true)] {
        let source = ScriptedLoader::<String>::versions();
        let tier = FaultyTier::over(model.clone());
        let cache = Cache::builder().tier(tier).clock(clock.clone()).build().await.unwrap();
        let region =
            cache.region::<String>("price").ttl(Ttl::new(MINUTE)).loader(source.clone()).open().unwrap();
        if !removes {
            region.put("AAPL", "from ahead".to_owned()).await.unwrap();
            continue;
        }
        assert_eq!(region.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
        settle().await;
        clock.advance(Duration::from_secs(30));
        assert!(region.lookup("AAPL").await.unwrap().fresh_for <= MINUTE / 2);
        source.answer(&region.key("AAPL").unwrap(), Answer::Absent);
        region.remove("AAPL").await.unwrap();
        assert_eq!(region.get("AAPL").await.unwrap(), None, "removed, and from no tier");
    }
}
