//! The behaviour suite on Redis: one server, a Cluster, a master under sentinels.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::Clock;
use cache_l1_redis::{RedisConfig, RedisTier};
use cache_tier_suite::{Subject, behaviour_suite};
use servers::env;

/// Values of 32 MiB take a while in an unoptimised build.
const LIMIT: Duration = Duration::from_secs(30);

/// A tier of its own on shared servers, by a namespace that no other has.
async fn tier(config: RedisConfig, clock: &Clock) -> RedisTier {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let namespace = format!("suite{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let config = config.namespace(&namespace).response_timeout(LIMIT);
    RedisTier::connect(config, clock.clone()).await.expect("a connection")
}

fn single() -> RedisConfig {
    RedisConfig::single(&env::redis().expect("a server")).expect("a URL")
}

fn cluster() -> RedisConfig {
    RedisConfig::cluster(env::redis_cluster().expect("a cluster")).expect("URLs")
}

fn sentinel() -> RedisConfig {
    let (urls, master) = env::redis_sentinel().expect("sentinels");
    RedisConfig::sentinel(urls, &master).expect("URLs")
}

async fn plain(config: RedisConfig) -> Subject {
    let clock = Clock::manual();
    Subject::new(tier(config, &clock).await, clock, ())
}

behaviour_suite!(redis_single, async || plain(single()).await);
behaviour_suite!(redis_cluster, async || plain(cluster()).await);
behaviour_suite!(redis_sentinel, async || plain(sentinel()).await);
