//! Values that a refresh replaced, or a write that leaves out memory or a tier: nobody serves them any more.

use cache_core::Key;
use cache_facade::Ttl;
use tests::{ScriptedLoader, settle};

use crate::interrupted::{LIFE, World};

#[tokio::test]
async fn rule_109_a_refresh_that_changed_nothing_takes_nothing_from_other_nodes() {
    let (world, [first, second]) = World::new().await;
    let same = ScriptedLoader::new(|_: &Key, _| 1);
    let region = first.cache.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(same).open().unwrap();
    assert_eq!(region.refresh(&["a"]).await.unwrap(), 1);
    settle().await;
    assert_eq!(second.region.peek("a").as_deref(), Some(&1));
    drop(world);
}

/// A handle that leaves out memory or a tier: what is there from before is not served by others.
#[tokio::test]
async fn rule_110_a_write_that_skips_a_tier_ends_the_older_value_there() {
    for skipped in ["memory", "own", "shared"] {
        for refreshed in [false, true] {
            let (world, [first, second]) = World::new().await;
            let source = ScriptedLoader::new(|_: &Key, _| 50);
            let region = first.cache.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
            let elsewhere = region.with(|policy| policy.skip(skipped));
            if refreshed {
                assert_eq!(elsewhere.refresh(&["a"]).await.unwrap(), 1);
            } else {
                elsewhere.put("a", 50).await.unwrap();
            }
            settle().await;
            let held = World::served(&first).await[0];
            assert!(held != Some(1), "{skipped}, refreshed: {refreshed}: {held:?}");
            // Neither by another node, nor once memory has forgotten it.
            let there = World::served(&second).await[0];
            assert!(there != Some(1), "{skipped}, refreshed: {refreshed}, on the other node: {there:?}");
            drop(first);
            let again = World::served(&world.node(0).await).await[0];
            assert!(again != Some(1), "{skipped}, refreshed: {refreshed}, after a restart: {again:?}");
        }
    }
}
