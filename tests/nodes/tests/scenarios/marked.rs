//! What one node marks stale is stale on all of them, and none is left without an answer.

use crate::fixture::over_both;

over_both!(
    rule_84_what_one_node_marks_is_stale_on_all_and_loaded_once,
    rule_84_a_node_that_was_cut_off_learns_what_was_marked,
);

mod scenarios {
    use cache_core::ErrorKind;
    use cache_facade::Fetched;
    use nodes::{Backend, NodeCache, NodeConfig};

    use crate::fixture::{node, shared, source, unproven, until, with_proxy};

    const WAYS: [&str; 5] = ["key", "tag", "pattern", "kind", "all"];

    async fn mark(node: &NodeCache, way: &str) {
        match way {
            "key" => node.region.mark_stale("x").await,
            "tag" => node.cache.mark_stale("tag").await,
            "pattern" => node.cache.mark_matching_stale("k:x*").await,
            "kind" => node.region.mark_all_stale().await,
            _ => node.cache.mark_all_stale().await,
        }
        .unwrap();
    }

    async fn put(node: &NodeCache, value: u64) {
        node.region.put("x", Fetched::new(value).tag("tag")).await.unwrap();
    }

    /// The value that is served, and whether it is flagged as stale.
    async fn served(node: &NodeCache) -> (Option<u64>, bool) {
        let found = node.region.lookup("x").await.expect("an answer");
        (found.value.as_deref().copied(), found.stale)
    }

    pub(super) async fn rule_84_what_one_node_marks_is_stale_on_all_and_loaded_once(backend: Backend) {
        for way in WAYS {
            let source = source();
            let config = NodeConfig { lease: Some(backend), ..shared(backend) };
            let (a, b) = (node(&config, &source).await, node(&config, &source).await);
            put(&a, 1).await;
            until("b holds it", async || served(&b).await == (Some(1), false)).await;
            source.fail(ErrorKind::Unavailable);
            mark(&a, way).await;
            assert_eq!(served(&a).await, (Some(1), true), "{way}");
            until("b knows", async || served(&b).await == (Some(1), true)).await;
            // One that has heard nothing finds it in the tiers.
            let later = node(&config, &source).await;
            assert_eq!(served(&later).await, (Some(1), true), "{way}");

            source.recover();
            let fresh = async |node: &NodeCache| {
                let (value, stale) = served(node).await;
                !stale && value > Some(1000)
            };
            for node in [&a, &b, &later] {
                until("it is refreshed", async || fresh(node).await).await;
            }
            let succeeded = |node: &NodeCache| {
                let stats = node.region.stats();
                stats.loads - stats.load_failures
            };
            // Whoever gets the lease looks into the tiers first.
            assert_eq!([&a, &b, &later].map(succeeded).iter().sum::<u64>(), 1, "{way}: by all together");
            put(&b, 2).await;
            until("what is put later is fresh", async || served(&a).await == (Some(2), false)).await;
            // A refresh that was put off may still come, and what it began to load after the removal would stay.
            source.fail(ErrorKind::Unavailable);
            mark(&b, way).await;
            a.region.remove("x").await.unwrap();
            for node in [&a, &b, &later] {
                until("what is removed is gone", async || node.region.get("x").await.is_err()).await;
            }
        }
    }

    pub(super) async fn rule_84_a_node_that_was_cut_off_learns_what_was_marked(backend: Backend) {
        for way in WAYS {
            let (config, source) = (shared(backend), source());
            let (proxy, behind) = with_proxy(&config, backend);
            let (a, b) = (node(&config, &source).await, node(&behind, &source).await);
            put(&b, 1).await;
            source.fail(ErrorKind::Unavailable);
            proxy.cut();
            until("it is noticed", async || !b.cache.health().bus.unwrap().connected).await;
            mark(&a, way).await;
            assert_eq!(served(&b).await, (Some(1), false), "{way}: it can't know");
            let before = unproven(&b);
            proxy.restore();
            until("it doubts", async || unproven(&b) > before).await;
            until("all is well", async || b.cache.health().healthy).await;
            until("it knows", async || b.region.lookup("x").await.is_ok_and(|found| found.stale)).await;
            assert_eq!(served(&b).await, (Some(1), true), "{way}");
        }
    }
}
