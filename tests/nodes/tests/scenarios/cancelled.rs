//! Calls that are cancelled, over Redis and PostgreSQL: what began is there after a restart, and on other nodes.

use cache_core::Clock;
use cache_facade::Cache;
use cache_l1_redis::{Redis, RedisConfig};
use cache_l2_pg::{PgConfig, Postgres};
use nodes::Backend;
use tests::mutations::cancel_everywhere;

use crate::fixture::{over_both, shared, until};

over_both!(rule_105_a_call_cancelled_at_any_point_has_done_all_or_nothing);

mod scenarios {
    use super::*;

    /// A node opened anew has clients of its own, as after a restart of its process.
    pub(super) async fn rule_105_a_call_cancelled_at_any_point_has_done_all_or_nothing(bus: Backend) {
        let (config, clock) = (shared(bus), Clock::system());
        let points = cancel_everywhere(async |_| {
            let redis =
                Redis::connect(RedisConfig::parse(&config.redis).unwrap(), clock.clone()).await.unwrap();
            let postgres = PgConfig::new(&config.postgres).unwrap().pool_size(2);
            let postgres = Postgres::connect(postgres, clock.clone()).await.unwrap();
            let cache = Cache::builder().namespace(&config.namespace).clock(clock.clone());
            let cache = match bus {
                Backend::Redis => cache.bus(redis.bus("cancelled")),
                Backend::Postgres => cache.bus(postgres.bus("cancelled").unwrap()),
            };
            let cache = cache.tier(redis.tier()).tier(postgres.tier()).build().await.unwrap();
            until("it hears", async || cache.health().healthy).await;
            cache
        })
        .await;
        assert!(points > 24, "{points} points");
    }
}
