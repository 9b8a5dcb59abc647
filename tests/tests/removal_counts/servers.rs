//! Dry runs and counted removals on Redis, alone and as a Cluster, and on PostgreSQL, written through and behind.

mod property;

use std::{ops::Range, sync::Arc, time::Duration};

use cache_core::{Clock, Tier};
use cache_facade::{Guard, GuardSettings};
use cache_l1_redis::{RedisConfig, RedisTier};
use cache_l2_pg::{PgConfig, Postgres, Writes};
use servers::env;

/// How long a call may take: the tests share two processors with others.
const LIMIT: Duration = Duration::from_secs(30);

/// How large pages are: others keep thousands of keys on the same servers, which a listing passes.
const PAGES: Range<usize> = 50..500;

async fn redis(config: RedisConfig, clock: &Clock) -> Arc<dyn Tier> {
    let config = config.namespace("removal-counts").response_timeout(LIMIT);
    guarded(RedisTier::connect(config, clock.clone()).await.expect("a connection"), clock)
}

async fn postgres(table: &str, writes: Writes, clock: &Clock) -> Arc<dyn Tier> {
    let config = PgConfig::new(&env::postgres_database().expect("a PostgreSQL server")).expect("a URL");
    let config = config.table(table).pool_size(4).connect_timeout(LIMIT).wait_timeout(LIMIT).writes(writes);
    guarded(Postgres::connect(config, clock.clone()).await.expect("connected").tier(), clock)
}

fn guarded(tier: impl Tier, clock: &Clock) -> Arc<dyn Tier> {
    Arc::new(Guard::new(tier, GuardSettings { clock: clock.clone(), ..GuardSettings::default() }))
}

#[test]
fn rule_128_a_dry_run_counts_what_the_removal_ends_on_redis_and_postgres() {
    property::check(48, PAGES, async |clock| {
        let url = env::redis().expect("a server");
        vec![
            redis(RedisConfig::single(&url).expect("a URL"), clock).await,
            postgres("counts_through", Writes::Through, clock).await,
        ]
    });
}

#[test]
fn rule_128_a_dry_run_counts_what_the_removal_ends_on_a_cluster_and_behind_a_queue() {
    property::check(48, PAGES, async |clock| {
        let urls = env::redis_cluster().expect("a cluster");
        let behind = Writes::Behind { rows: 1000, bytes: 1 << 20 };
        vec![
            redis(RedisConfig::cluster(urls).expect("URLs"), clock).await,
            postgres("counts_behind", behind, clock).await,
        ]
    });
}
