//! Values computed from other regions, and regions read together, on two nodes over real servers.

use std::sync::Arc;

use cache_core::Result;
use cache_facade::{Cache, CacheBuilder, Region, Source};
use servers::env;
use tests::eventually;

/// A node: two inputs that nobody loads, and their sum.
struct Node {
    cache: Cache,
    one: Region<u64>,
    two: Region<u64>,
    sum: Region<u64>,
}

async fn node(name: &str, with: impl Fn(CacheBuilder) -> Result<CacheBuilder>) -> Node {
    let namespace = format!("computed-{}-{name}", std::process::id());
    let builder = with(Cache::builder().namespace(namespace)).unwrap().require_tiers(true);
    let cache = builder.build().await.unwrap();
    // Until then it can't tell what was stored since it began.
    eventually("the time of the server", || cache.clock().wall_ahead().is_some()).await;
    let input = |kind: &str| cache.region::<u64>(kind).ttl("1h").open().unwrap();
    let (one, two) = (input("one"), input("two"));
    let ids = |id: &str| Ok((id.to_owned(), id.to_owned()));
    let add = |_: &str, (one, two): (Option<Arc<u64>>, Option<Arc<u64>>)| {
        Ok(one.zip(two).map(|(one, two)| *one + *two))
    };
    let sum = cache.region::<u64>("sum").ttl("1d").computed((one.clone(), two.clone()), ids, add);
    Node { one, two, sum: sum.open().unwrap(), cache }
}

async fn what_one_node_changes_the_other_computes_anew(
    name: &str,
    with: impl Fn(CacheBuilder) -> Result<CacheBuilder>,
) {
    let (here, there) = (node(name, &with).await, node(name, &with).await);
    let ids: Vec<String> = (0..20).map(|id| format!("S{id}")).collect();
    here.one.put_many(ids.iter().map(|id| (id.clone(), 1))).await.unwrap();
    here.two.put_many(ids.iter().map(|id| (id.clone(), 10))).await.unwrap();
    let sums =
        |values: Vec<Option<Arc<u64>>>| values.into_iter().map(|sum| sum.map(|sum| *sum)).collect::<Vec<_>>();
    assert_eq!(sums(here.sum.get_many(&ids).await.unwrap()), [Some(11); 20], "{name}");

    // It finds the sums and what they were made of in one read, and computes none.
    let (mut sum, mut one) = (there.sum.wanted(&ids), there.one.wanted(&ids));
    there.cache.read_together(&mut [&mut sum, &mut one]).await;
    for answer in sum.into_answers() {
        let found = answer.unwrap();
        assert!(matches!(found.source, Source::Tier(_)) && found.value.as_deref() == Some(&11), "{name}");
        assert!(found.fresh_for.as_secs() <= 3600, "no longer than its inputs");
    }
    assert!(one.into_answers().into_iter().all(|answer| answer.unwrap().value.as_deref() == Some(&1)));
    assert_eq!(there.sum.stats().loads, 0, "{name}");

    here.one.put("S0", 5).await.unwrap();
    here.two.remove("S1").await.unwrap();
    for node in [&here, &there] {
        let put = async || node.sum.get("S0").await.unwrap().as_deref() == Some(&15);
        let removed = async || node.sum.get("S1").await.unwrap().is_none();
        // By the bus, a moment later.
        for _ in 0..200 {
            if put().await && removed().await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(put().await && removed().await, "{name}");
        assert_eq!(node.sum.get("S2").await.unwrap().as_deref(), Some(&11), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_redis() {
    let url = env::redis().expect("a Redis server");
    what_one_node_changes_the_other_computes_anew("redis", |cache| cache.redis(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgres() {
    let url = env::postgres_database().expect("a PostgreSQL server");
    what_one_node_changes_the_other_computes_anew("postgres", |cache| cache.postgres(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_redis_and_postgres() {
    let (redis, postgres) =
        (env::redis().expect("a Redis server"), env::postgres_database().expect("a PostgreSQL server"));
    what_one_node_changes_the_other_computes_anew("both", |cache| cache.redis(&redis)?.postgres(&postgres))
        .await;
}
