//! A cache that was told no more than where its servers are: tiers in their order, guarded, on one clock, with a
//! bus and a lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, Loaded, Loader, Request, Result};
use cache_facade::{Cache, CacheBuilder, Region};
use cache_l1_redis::{Redis, RedisConfig};
use cache_l2_pg::{PgConfig, Postgres};
use servers::env;
use tests::eventually;

/// A source that takes its time, and counts its loads.
#[derive(Clone, Default)]
struct Slow(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Loader<usize> for Slow {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(requests.iter().map(|_| number.into()).collect())
    }
}

fn names(cache: &Cache) -> Vec<&'static str> {
    cache.stats().tiers.iter().map(|tier| tier.name).collect()
}

fn redis() -> String {
    env::redis().expect("a Redis server")
}

fn postgres() -> String {
    env::postgres_database().expect("a PostgreSQL server")
}

async fn node(
    name: &str,
    url: impl Fn(CacheBuilder) -> Result<CacheBuilder>,
) -> (Cache, Region<usize>, Slow) {
    let namespace = format!("short-{}-{name}", std::process::id());
    // The namespace before or after, the topic follows it.
    let cache =
        url(Cache::builder()).unwrap().namespace(namespace).require_tiers(true).build().await.unwrap();
    // Until then it can't tell what was stored since it began.
    eventually("the time of the server", || cache.clock().wall_ahead().is_some()).await;
    let source = Slow::default();
    let region = cache.region::<usize>("k").ttl("1h").loader(source.clone()).open().unwrap();
    (cache, region, source)
}

/// Two nodes that know one place: a put of the one is seen by the other, which has an older value in memory, and
/// what the one is loading the other waits for.
async fn two_nodes_are_one_cache(
    name: &str,
    tiers: &[&str],
    bus: &str,
    url: impl Fn(CacheBuilder) -> Result<CacheBuilder>,
) {
    let (one, ours, our_source) = node(name, &url).await;
    let (two, theirs, their_source) = node(name, &url).await;
    for cache in [&one, &two] {
        assert_eq!(names(cache), tiers);
        assert_eq!(cache.stats().bus.unwrap().name, bus);
    }
    ours.put("put", 1000).await.unwrap();
    assert_eq!(theirs.get("put").await.unwrap().as_deref(), Some(&1000));
    ours.put("put", 1001).await.unwrap();
    eventually("the message", || theirs.peek("put").is_none_or(|value| *value == 1001)).await;
    assert_eq!(theirs.get("put").await.unwrap().as_deref(), Some(&1001));
    assert_eq!(our_source.0.load(Ordering::SeqCst) + their_source.0.load(Ordering::SeqCst), 0);

    // Both miss at once: the lease has one of them load.
    let (ours, theirs) = tokio::join!(ours.get("loaded"), theirs.get("loaded"));
    assert_eq!(ours.unwrap(), theirs.unwrap());
    assert_eq!(our_source.0.load(Ordering::SeqCst) + their_source.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_know_a_redis_are_one_cache() {
    two_nodes_are_one_cache("redis", &["redis"], "redis", |builder| builder.redis(&redis())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_know_a_postgresql_are_one_cache() {
    let url = postgres();
    two_nodes_are_one_cache("pg", &["postgres"], "postgres", |builder| builder.postgres(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_redis_carries_the_bus_whatever_the_order_of_the_tiers() {
    let url = postgres();
    for tiers in [["redis", "postgres"], ["postgres", "redis"]] {
        two_nodes_are_one_cache(&tiers.join("-"), &tiers, "redis", |builder| {
            tiers.iter().try_fold(builder, |builder, tier| match *tier {
                "redis" => builder.redis(RedisConfig::parse(&redis())?),
                _ => builder.postgres(PgConfig::new(&url)?),
            })
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_parts_a_tier_brings_its_clock_and_two_clocks_are_refused() {
    let (one, two) = (Clock::system(), Clock::system());
    let redis = Redis::new(RedisConfig::parse(&redis()).unwrap(), one.clone()).unwrap();
    let postgres = |clock: &Clock| Postgres::new(PgConfig::new(&postgres()).unwrap(), clock.clone()).unwrap();
    let cache = Cache::builder().tier(redis.tier()).tier(postgres(&one).tier()).build().await.unwrap();
    assert!(cache.clock().is_same(&one));
    let other = postgres(&two);
    for (part, builder) in [
        ("the tier \"postgres\"", Cache::builder().tier(redis.tier()).tier(other.tier())),
        ("the bus \"postgres\"", Cache::builder().tier(redis.tier()).bus(other.bus("short").unwrap())),
        ("the lease \"postgres\"", Cache::builder().tier(redis.tier()).lease(other.lease())),
        ("the bus \"redis\"", Cache::builder().tier(other.tier()).bus(redis.bus("short"))),
        ("the lease \"redis\"", Cache::builder().clock(two.clone()).lease(redis.lease())),
    ] {
        let error = builder.build().await.unwrap_err();
        assert!(error.to_string().contains(&format!("and {part} go by two clocks")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_or_lease_that_is_not_wanted_or_given_is_not_the_servers() {
    let without = || Cache::builder().redis(&redis()).unwrap().namespace("without").require_tiers(true);
    assert!(without().without_bus().build().await.unwrap().stats().bus.is_none());
    let given = without().bus(tests::LocalBus::default()).build().await.unwrap();
    assert_eq!(given.stats().bus.unwrap().name, "local");
    let leaseless = |builder: CacheBuilder| builder.redis(&redis()).map(CacheBuilder::without_lease);
    let (_one, ours, our_source) = node("leaseless", leaseless).await;
    let (_two, theirs, their_source) = node("leaseless", leaseless).await;
    let (ours, theirs) = tokio::join!(ours.get("a"), theirs.get("a"));
    assert!(ours.is_ok() && theirs.is_ok());
    assert_eq!(our_source.0.load(Ordering::SeqCst) + their_source.0.load(Ordering::SeqCst), 2);
}
