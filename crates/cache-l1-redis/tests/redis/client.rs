//! The client: what its tier, buses and leases have in common.

use cache_core::{Bus, Clock, Holder, Lease, Target, Tier, TierExt};
use cache_l1_redis::{Redis, RedisConfig};

use crate::fixture::{LONG, connect, entry, get, key, namespace, remove_matching, shared, tombstone};

#[tokio::test]
async fn namespaces_are_apart() {
    let (one, other) = (connect(shared()).await.tier(), connect(shared()).await.tier());
    let clock = Clock::system();
    one.put_one(key("a"), entry("one", clock.tick())).await.unwrap();
    assert_eq!(get(&other, "a").await.unwrap(), None);
    assert_eq!(remove_matching(&other, "*", clock.tick()).await.unwrap(), 0);
    other.remove(Target::Keys(&[key("a")]), tombstone(clock.tick())).await.unwrap();
    assert_eq!(get(&one, "a").await.unwrap().as_deref(), Some("one"));
}

#[tokio::test]
async fn removing_all_leaves_leases_alone() {
    let redis = connect(shared().namespace(&namespace())).await;
    let keys = [key("a")];
    assert_eq!(redis.lease().acquire(&keys, Holder(1), LONG).await.unwrap(), [true]);
    remove_matching(&redis.tier(), "*", Clock::system().tick()).await.unwrap();
    assert_eq!(redis.lease().renew(&keys, Holder(1), LONG).await.unwrap(), [true]);
}

#[tokio::test]
async fn the_configured_name_is_shown() {
    let redis = connect(shared().name("near-redis")).await;
    assert_eq!(
        (redis.tier().name(), redis.bus("a").name(), redis.lease().name()),
        ("near-redis", "near-redis", "near-redis")
    );
}

#[test]
fn without_a_runtime_the_error_says_so() {
    let config = RedisConfig::single("redis://127.0.0.1").unwrap();
    let error = Redis::new(config, Clock::system()).unwrap_err();
    assert!(error.to_string().contains("runtime"), "{error}");
}
