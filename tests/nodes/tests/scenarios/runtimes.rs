//! A cache in a `static` that one runtime after the other uses, as each `#[tokio::test]` has its own.

use std::time::{Duration, Instant};

use nodes::{Backend, NodeCache, NodeConfig};
use tests::ScriptedLoader;
use tokio::runtime::{Builder, Runtime};

use crate::fixture::{get, held, node, shared, source, until};

/// How soon a cache works again from the next runtime, and the longest that any call may take.
const SOON: Duration = Duration::from_secs(5);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Both nodes miss a key at the same time, and the lease lets one of them load it.
async fn load_once(here: &NodeCache, there: &NodeCache, source: &ScriptedLoader<u64>, id: &str) {
    let gate = source.gate();
    let ask = |node: &NodeCache| {
        let (node, id) = (node.clone(), id.to_owned());
        tokio::spawn(async move { get(&node, &id).await })
    };
    let one = ask(here);
    gate.reached(1).await;
    let another = ask(there);
    tokio::time::sleep(Duration::from_millis(100)).await;
    gate.open();
    source.ungate();
    assert_eq!((one.await.unwrap(), another.await.unwrap()), (Some(1001), Some(1001)));
    assert_eq!(source.loads(&here.region.key(id).unwrap()), 1, "the lease works");
}

fn works_from_each_runtime(bus: Backend) {
    let lasting = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (config, source) = (NodeConfig { lease: Some(bus), ..shared(bus) }, source());
    let there = lasting.block_on(node(&config, &source));
    let first = runtime();
    let here = first.block_on(node(&config, &source));
    first.block_on(load_once(&here, &there, &source, "l0"));
    drop(first);
    for round in 1..=3 {
        runtime().block_on(async {
            let begun = Instant::now();
            here.region.put("a", round).await.unwrap();
            assert!(begun.elapsed() < SOON, "the put took {:?}", begun.elapsed());
            until("it is well", async || here.cache.health().healthy).await;
            here.region.put("b", 10 * round).await.unwrap();
            for tier in [Backend::Redis, Backend::Postgres] {
                assert_eq!(held(&here, tier, "b").await, Some(10 * round), "{tier:?}, round {round}");
            }
            until("what failed at first is mended", async || held(&here, bus, "a").await == Some(round))
                .await;
            until("the other node hears", async || get(&there, "a").await == Some(round)).await;
            until("both hold it", async || get(&here, "b").await == get(&there, "b").await).await;
            there.region.put("b", 10 * round + 1).await.unwrap();
            until("it hears of the other node", async || get(&here, "b").await == Some(10 * round + 1)).await;
            load_once(&here, &there, &source, &format!("l{round}")).await;
            assert!(begun.elapsed() < 2 * SOON, "round {round} took {:?}", begun.elapsed());
        });
    }
}

#[test]
fn rule_106_a_cache_over_servers_with_the_bus_of_redis_works_from_each_runtime() {
    works_from_each_runtime(Backend::Redis);
}

#[test]
fn rule_106_a_cache_over_servers_with_the_bus_of_postgres_works_from_each_runtime() {
    works_from_each_runtime(Backend::Postgres);
}
