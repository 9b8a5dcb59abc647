//! Fixtures: nodes in this process, over shared or private servers, and waiting for what they do.

use std::{
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::Key;
use nodes::{Backend, NodeCache, NodeConfig};
use servers::Proxy;
use tests::ScriptedLoader;
use tokio::{task::block_in_place, time::sleep};

/// How long a condition may take to hold.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Runs a scenario once with the bus or lease of each server.
macro_rules! over_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn redis() {
                super::scenarios::$name(nodes::Backend::Redis).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::scenarios::$name(nodes::Backend::Postgres).await;
            }
        }
    )+};
}
pub(crate) use over_both;

/// The other server.
pub(crate) fn other(backend: Backend) -> Backend {
    match backend {
        Backend::Redis => Backend::Postgres,
        Backend::Postgres => Backend::Redis,
    }
}

/// The tier's name.
pub(crate) fn name(backend: Backend) -> &'static str {
    match backend {
        Backend::Redis => "redis",
        Backend::Postgres => "postgres",
    }
}

/// A namespace that no other test has, on the servers that all share. The bus is over `bus`, there is no
/// lease.
pub(crate) fn shared(bus: Backend) -> NodeConfig {
    static DATABASE: OnceLock<String> = OnceLock::new();
    let redis = block_in_place(servers::env::redis).expect("a Redis server");
    let database = || servers::env::postgres_database().expect("a PostgreSQL server");
    let postgres = block_in_place(|| DATABASE.get_or_init(database));
    config(bus, &redis, postgres)
}

/// The same on other servers.
pub(crate) fn config(bus: Backend, redis: &str, postgres: &str) -> NodeConfig {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let namespace = format!("n{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    NodeConfig {
        bus: Some(bus),
        life: Duration::from_secs(3600),
        ..NodeConfig::new(&namespace, redis, postgres)
    }
}

/// A node. Its bus works when this returns.
pub(crate) async fn node(config: &NodeConfig, source: &ScriptedLoader<u64>) -> NodeCache {
    let node = NodeCache::build(config, source.clone()).await.expect("a cache");
    until("the node is well", async || node.cache.health().healthy).await;
    node
}

/// Loads bring a thousand and more, so that they are told from what tests put.
pub(crate) fn source() -> ScriptedLoader<u64> {
    ScriptedLoader::new(|_: &Key, load| 1000 + load)
}

/// A proxy before the server of a URL, and the URL that leads through it.
pub(crate) fn through_proxy(url: &str) -> (Proxy, String) {
    let (before, rest) = match url.rsplit_once('@') {
        Some((login, rest)) => (format!("{login}@"), rest),
        None => url.split_once("://").map(|(scheme, rest)| (format!("{scheme}://"), rest)).expect("a URL"),
    };
    let (place, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let target: SocketAddr = place.parse().expect("an address");
    let proxy = block_in_place(|| Proxy::start(target)).expect("a proxy");
    let url = format!("{before}{}{after}", proxy.addr());
    (proxy, url)
}

/// The configuration with a proxy before one of its servers.
pub(crate) fn with_proxy(config: &NodeConfig, to: Backend) -> (Proxy, NodeConfig) {
    let mut config = config.clone();
    let url = match to {
        Backend::Redis => &mut config.redis,
        Backend::Postgres => &mut config.postgres,
    };
    let (proxy, through) = through_proxy(url);
    *url = through;
    (proxy, config)
}

/// Reads a key as a user does.
pub(crate) async fn get(node: &NodeCache, id: &str) -> Option<u64> {
    node.region.get(id).await.expect("an answer").as_deref().copied()
}

/// The version of a key in a tier.
pub(crate) async fn held(node: &NodeCache, tier: Backend, id: &str) -> Option<u64> {
    let held = node.versions(id).await.expect("the tiers can look");
    held.into_iter().find(|(held_by, _)| held_by == name(tier)).and_then(|(_, version)| version)
}

/// How many writes of the node are pending for a tier.
pub(crate) fn pending(node: &NodeCache, tier: Backend) -> u64 {
    let stats = node.cache.stats();
    stats.tiers.iter().find(|of| of.name == name(tier)).map_or(0, |of| of.pending)
}

/// How often the node marked its memory unproven.
pub(crate) fn unproven(node: &NodeCache) -> u64 {
    node.cache.stats().bus.map_or(0, |bus| bus.unproven)
}

/// How many keys the node looked up in the tiers.
pub(crate) fn looks(node: &NodeCache) -> u64 {
    node.cache.stats().tiers.iter().map(|tier| tier.hits + tier.misses).sum()
}

/// Waits until a condition holds. Returns how long that took.
///
/// # Panics
///
/// If it takes longer than half a minute.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < WAIT_LIMIT, "never came: {what}");
        sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}
