//! Observers that panic at each failure, while the only server is away: the node comes back, and nothing is lost.

use crate::fixture::over_both;

over_both!(rule_107_observers_that_panic_while_the_server_is_away_change_nothing);

mod scenarios {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    };

    use cache_core::{Clock, Event, Observer, Ttl};
    use cache_facade::{Cache, Region};
    use cache_l1_redis::{Redis, RedisConfig};
    use cache_l2_pg::{PgConfig, Postgres};
    use nodes::{Backend, NodeConfig};
    use tests::ScriptedLoader;

    use crate::fixture::{shared, source, until, with_proxy};

    /// Panics when a bus or a tier fails, and counts how often.
    #[derive(Clone, Debug, Default)]
    struct Nervous {
        bus: Arc<AtomicU64>,
        tier: Arc<AtomicU64>,
    }

    impl Observer for Nervous {
        fn on(&self, event: &Event<'_>) {
            let count = match event {
                Event::BusFailed { .. } => &self.bus,
                Event::TierFailed { .. } => &self.tier,
                _ => return,
            };
            count.fetch_add(1, Relaxed);
            panic!("a scripted panic at {event:?}");
        }
    }

    /// A node whose tier, bus and lease are on one server.
    async fn node(
        on: Backend,
        config: &NodeConfig,
        source: &ScriptedLoader<u64>,
        observer: Option<Nervous>,
    ) -> (Cache, Region<u64>) {
        let clock = Clock::system();
        let cache = Cache::builder().namespace(&config.namespace).clock(clock.clone());
        let cache = match on {
            Backend::Redis => {
                let redis = Redis::new(RedisConfig::parse(&config.redis).unwrap(), clock).unwrap();
                cache.tier(redis.tier()).bus(redis.bus("panics")).lease(redis.lease())
            }
            Backend::Postgres => {
                let postgres = Postgres::new(PgConfig::new(&config.postgres).unwrap(), clock).unwrap();
                cache.tier(postgres.tier()).bus(postgres.bus("panics").unwrap()).lease(postgres.lease())
            }
        };
        let cache = observer.into_iter().fold(cache, |cache, observer| cache.observer(observer));
        let cache = cache.build().await.unwrap();
        let region = cache.region::<u64>("k").ttl(Ttl::new(config.life)).loader(source.clone());
        until("the node is well", async || cache.health().healthy).await;
        (cache, region.open().unwrap())
    }

    async fn get(region: &Region<u64>, id: &str) -> Option<u64> {
        region.get(id).await.unwrap().as_deref().copied()
    }

    pub(super) async fn rule_107_observers_that_panic_while_the_server_is_away_change_nothing(on: Backend) {
        let (config, source, nervous) = (shared(on), source(), Nervous::default());
        let (proxy, through) = with_proxy(&config, on);
        let (calm_cache, calm) = node(on, &config, &source, None).await;
        let (cache, region) = node(on, &through, &source, Some(nervous.clone())).await;
        for id in ["put", "removed", "heard"] {
            region.put(id, 1).await.unwrap();
            assert_eq!(get(&calm, id).await, Some(1));
        }
        proxy.cut();
        region.put("put", 2).await.unwrap();
        region.remove("removed").await.unwrap();
        calm.put("heard", 3).await.unwrap();
        let seen = async || nervous.bus.load(Relaxed) > 0 && nervous.tier.load(Relaxed) > 0;
        until("bus and tier have failed", seen).await;
        assert_eq!(get(&region, "loaded").await, Some(1001), "without tier and lease");
        proxy.restore();
        until("the node is well", async || cache.health().healthy).await;
        until("nothing is pending", async || cache.stats().tiers[0].pending == 0).await;
        until("what was missed is known", async || get(&region, "heard").await == Some(3)).await;
        until("what was put is there", async || get(&calm, "put").await == Some(2)).await;
        calm.put("heard", 4).await.unwrap();
        until("the node hears", async || get(&region, "heard").await == Some(4)).await;
        region.put("put", 5).await.unwrap();
        until("and is heard", async || get(&calm, "put").await == Some(5)).await;
        until("what was removed is gone", async || {
            get(&calm, "removed").await.is_some_and(|value| value > 1000)
        })
        .await;
        assert_eq!(get(&region, "removed").await, get(&calm, "removed").await, "loaded once");
        let panics = nervous.bus.load(Relaxed) + nervous.tier.load(Relaxed);
        assert_eq!(cache.stats().observer_panics, panics, "each is counted");
        assert!(calm_cache.health().healthy);
    }
}
