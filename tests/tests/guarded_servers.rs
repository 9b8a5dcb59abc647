//! Tiers on servers, behind a guard: the behaviour suite, and a server that hangs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::{Blob, Bytes, Clock, Codec, Entry, ErrorKind, Key, Meta, Tier, TierExt, Timestamp, Ttl};
use cache_facade::{Guard, GuardSettings};
use cache_l1_redis::{RedisConfig, RedisTier};
use cache_l2_pg::{PgConfig, PgTier, Postgres};
use cache_tier_suite::{Subject, behaviour_suite};
use servers::env;
use tokio::{task::block_in_place, time::sleep};

/// Values of 32 MiB take a while in an unoptimised build.
const LIMIT: Duration = Duration::from_secs(30);

/// How long it may take to get a connection: the tests share two processors with others.
const PATIENT: Duration = Duration::from_secs(10);

const LONG: Duration = Duration::from_secs(3600);

/// A name that no other test of this process has.
fn name(prefix: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A Redis tier of its own on shared servers.
async fn redis_tier(config: RedisConfig, clock: &Clock) -> RedisTier {
    let namespace = name(&format!("guarded{}-", std::process::id()));
    let config = config.namespace(&namespace).response_timeout(LIMIT);
    RedisTier::connect(config, clock.clone()).await.expect("a connection")
}

async fn pg_tier(config: PgConfig, clock: &Clock) -> PgTier {
    Postgres::connect(config, clock.clone()).await.expect("connected").tier()
}

/// Settings for a table of its own.
fn pg_config(url: &str) -> PgConfig {
    let config = PgConfig::new(url).expect("a URL").table(&name("t")).pool_size(4);
    config.connect_timeout(PATIENT).wait_timeout(PATIENT)
}

/// The URL of a database that the tests of this process share.
fn database() -> &'static str {
    static URL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    URL.get_or_init(|| env::postgres_database().expect("a PostgreSQL server"))
}

fn settings(clock: &Clock) -> GuardSettings {
    GuardSettings { clock: clock.clone(), ..GuardSettings::default() }
}

async fn redis(config: RedisConfig) -> Subject {
    let clock = Clock::manual();
    let tier: Box<dyn Tier> = Box::new(Guard::new(redis_tier(config, &clock).await, settings(&clock)));
    let tier: Arc<dyn Tier> = tier.into();
    Subject::new(tier, clock, ())
}

async fn postgres() -> Subject {
    let clock = Clock::manual();
    let tier = pg_tier(pg_config(database()), &clock).await;
    Subject::new(Guard::new(tier, settings(&clock)), clock, ())
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

behaviour_suite!(redis_single_behind_guard, async || redis(single()).await);
behaviour_suite!(redis_cluster_behind_guard, async || redis(cluster()).await);
behaviour_suite!(redis_sentinel_behind_guard, async || redis(sentinel()).await);
behaviour_suite!(postgres_behind_guard, postgres);

fn key(id: &str) -> Key {
    Key::new("guarded", id).expect("a valid key")
}

fn entry(text: &str, born: Timestamp) -> Entry {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Entry::new(Blob { codec: Codec::Bincode, schema: 0, bytes }, Meta::new(born, Ttl::new(LONG)))
}

/// Waits until `condition` holds, on whatever clock the server and the tasks have.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_52_behind_a_guard_a_hanging_server_is_left_alone_and_probed_by_one() {
    let clock = Clock::manual();
    let mut server = block_in_place(servers::Postgres::start).expect("a server");
    let limit = Duration::from_millis(500);
    let config = pg_config(&server.url()).connect_timeout(limit * 4).wait_timeout(limit);
    let config = config.statement_timeout(Duration::from_secs(60));
    let tier = pg_tier(config, &clock).await;
    tier.put_one(key("a"), entry("v", Timestamp::from_micros(clock.now().as_micros() + 1))).await.unwrap();
    // The guard's own clock is the system's: its timeouts are real ones.
    let settings = GuardSettings {
        timeout: Duration::from_millis(100),
        retries: 0,
        failures: 3,
        pause: Duration::from_millis(300),
        clock: Clock::system(),
    };
    let guard = Arc::new(Guard::new(tier.clone(), settings));
    block_in_place(|| server.pause());
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(guard.get_one(&key("a")).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    assert!(guard.is_open());
    let begun = Instant::now();
    assert_eq!(guard.get_one(&key("a")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(90), "at once: {:?}", begun.elapsed());
    block_in_place(|| server.resume());
    until("a probe closes the breaker", async || guard.get_one(&key("a")).await.is_ok()).await;
    assert!(!guard.is_open());
}
