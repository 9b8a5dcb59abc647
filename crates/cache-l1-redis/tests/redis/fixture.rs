//! The fixture: servers, tiers and entries to test with.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use cache_core::{
    Blob, Bytes, Clock, Codec, Entry, Key, Meta, Pattern, Result, Target, Tier, TierExt, Timestamp,
    Tombstone, Ttl,
};
use cache_l1_redis::{Redis, RedisConfig};
use redis::{FromRedisValue, aio::MultiplexedConnection};
use servers::{RedisOptions, env};

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// How long something may take that is expected to be quick.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns a namespace that no other test has.
pub(crate) fn namespace() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("test{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Configures the server that all tests share, with a new namespace.
pub(crate) fn shared() -> RedisConfig {
    RedisConfig::single(&env::redis().unwrap()).unwrap().namespace(&namespace())
}

/// Configures the Cluster that all tests share, with a new namespace.
pub(crate) fn shared_cluster() -> RedisConfig {
    RedisConfig::cluster(env::redis_cluster().unwrap()).unwrap().namespace(&namespace())
}

/// Configures the sentinels that all tests share, with a new namespace.
pub(crate) fn shared_sentinel() -> RedisConfig {
    let (urls, master) = env::redis_sentinel().unwrap();
    RedisConfig::sentinel(urls, &master).unwrap().namespace(&namespace())
}

/// Starts a server for one test.
pub(crate) fn server() -> servers::Redis {
    server_with(&[])
}

/// Starts a server for one test, with these lines of configuration.
pub(crate) fn server_with(config: &[&str]) -> servers::Redis {
    let config = config.iter().map(ToString::to_string).collect();
    servers::Redis::start(&RedisOptions { config, ..RedisOptions::default() }).unwrap()
}

/// Configures a client that times out soon and reconnects soon.
pub(crate) fn short_timeouts(url: &str) -> RedisConfig {
    let millis = Duration::from_millis;
    RedisConfig::single(url)
        .unwrap()
        .connect_timeout(millis(300))
        .response_timeout(millis(200))
        .keepalive(millis(200))
        .reconnect(millis(10)..=millis(100))
}

pub(crate) async fn connect(config: RedisConfig) -> Redis {
    Redis::connect(config, Clock::system()).await.unwrap()
}

/// Opens a connection of the driver, past the tier.
pub(crate) async fn raw(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Runs a command over a connection of the driver.
pub(crate) async fn run<T: FromRedisValue>(raw: &mut MultiplexedConnection, command: &[&[u8]]) -> T {
    let mut call = redis::cmd(str::from_utf8(command[0]).unwrap());
    command[1..].iter().for_each(|word| {
        call.arg(*word);
    });
    call.query_async(raw).await.unwrap()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("k", id).unwrap()
}

pub(crate) fn keys(count: usize) -> Vec<Key> {
    (0..count).map(|id| key(&id.to_string())).collect()
}

/// Returns the time `micros` after the start of a manual clock.
pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(Clock::manual().now().as_micros() + micros)
}

/// Returns an entry that holds a text and lives for an hour.
pub(crate) fn entry(text: &str, born: Timestamp) -> Entry {
    entry_of(text.as_bytes(), born, LONG)
}

pub(crate) fn entry_of(bytes: &[u8], born: Timestamp, life: Duration) -> Entry {
    let blob = Blob { codec: Codec::Bincode, schema: 0, bytes: Bytes::copy_from_slice(bytes) };
    Entry::new(blob, Meta::new(born, Ttl::new(life)))
}

pub(crate) fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(&entry.value.as_ref().unwrap().bytes).into_owned()
}

pub(crate) fn tombstone(born: Timestamp) -> Tombstone {
    Tombstone { born, dead_at: born.after(LONG) }
}

pub(crate) async fn remove_matching(tier: &dyn Tier, glob: &str, born: Timestamp) -> Result<u64> {
    tier.remove(Target::Matching(&Pattern::glob(glob).unwrap()), tombstone(born)).await
}

/// Returns the text under a key, if there is an entry.
pub(crate) async fn get(tier: &dyn Tier, id: &str) -> Result<Option<String>> {
    Ok(tier.get_one(&key(id)).await?.as_ref().map(text))
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < until, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a tier reads again.
pub(crate) async fn reads_again(tier: &dyn Tier) {
    eventually("the tier reads again", async || tier.get(&[key("any")]).await.is_ok()).await;
}
