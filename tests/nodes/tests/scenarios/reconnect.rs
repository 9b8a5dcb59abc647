//! A hundred nodes that lost the same server reconnect spread over time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cache_core::{Clock, Event, Observer, sync::Mutex};
use cache_facade::{Cache, CacheBuilder};
use cache_l1_redis::{Redis, RedisConfig};
use cache_l2_pg::{PgConfig, Postgres};
use servers::Proxy;
use tokio::task::block_in_place;

use crate::fixture::{shared, through_proxy, until};

const NODES: usize = 100;

/// When nodes began to listen.
#[derive(Clone, Debug, Default)]
struct Arrivals(Arc<Mutex<Vec<Instant>>>);

impl Arrivals {
    fn since(&self, moment: Instant) -> Vec<Duration> {
        let arrivals = self.0.lock();
        let mut since: Vec<_> = arrivals.iter().filter_map(|at| at.checked_duration_since(moment)).collect();
        since.sort_unstable();
        since
    }
}

impl Observer for Arrivals {
    fn on(&self, event: &Event<'_>) {
        if let Event::Unproven { .. } = event {
            self.0.lock().push(Instant::now());
        }
    }
}

/// Cuts and restores the line of a hundred nodes, and looks at when they are back.
async fn come_back(what: &str, proxy: &Proxy, with_bus: impl Fn(CacheBuilder) -> CacheBuilder) {
    let arrivals = Arrivals::default();
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(with_bus(Cache::builder().observer(arrivals.clone())).build().await.unwrap());
    }
    let connected = |node: &Cache| node.health().bus.is_some_and(|bus| bus.connected);
    let all = async || nodes.iter().all(connected);
    until("all listen", all).await;
    proxy.cut();
    until("all have noticed", async || !nodes.iter().any(connected)).await;
    // Some have tried again in vain by then, as when a server restarts.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let restored = Instant::now();
    proxy.restore();
    until("all are back", async || arrivals.since(restored).len() >= NODES).await;

    let back = arrivals.since(restored);
    let window = Duration::from_millis(50);
    let within = |start: &Duration| back.iter().filter(|at| (*start..*start + window).contains(at)).count();
    let crowd = back.iter().map(within).max().unwrap_or(0);
    println!(
        "{what}: {NODES} nodes were back after {:.0?} (10 %), {:.0?} (50 %), {:.0?} (90 %), {:.0?} (all), at most \
         {crowd} within {window:?}",
        back[9], back[49], back[89], back[99]
    );
    // Evenly spread it would be a tenth; a busy machine lets them gather. Without jitter it is all of them.
    assert!(crowd <= NODES * 2 / 5, "{crowd} at once");
    assert!(back[89] - back[9] > Duration::from_millis(400), "{:?}", back[89] - back[9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_38_nodes_that_lost_redis_come_back_spread() {
    let config = shared(nodes::Backend::Redis);
    let (proxy, url) = through_proxy(&config.redis);
    let redis = Redis::connect(RedisConfig::parse(&url).unwrap(), Clock::system()).await.unwrap();
    come_back("Redis", &proxy, |cache| cache.bus(redis.bus("many"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_38_nodes_that_lost_postgres_come_back_spread() {
    // Of its own: a hundred connections are half of what it has.
    let server = block_in_place(servers::Postgres::start).unwrap();
    let (proxy, url) = through_proxy(&server.url());
    let postgres = Postgres::connect(PgConfig::new(&url).unwrap(), Clock::system()).await.unwrap();
    come_back("PostgreSQL", &proxy, |cache| cache.bus(postgres.bus("many").unwrap())).await;
}
