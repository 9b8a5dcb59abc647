//! A connection that is lost and restored: entries from before are not served unchecked.

use crate::fixture::over_both;

over_both!(
    rule_37_nothing_from_before_the_gap_is_served_after_it,
    rule_37_nothing_is_served_from_memory_meanwhile_if_so_told,
);

mod scenarios {
    use nodes::{Backend, NodeConfig};

    use crate::fixture::{get, node, shared, source, unproven, until, with_proxy};

    pub(super) async fn rule_37_nothing_from_before_the_gap_is_served_after_it(backend: Backend) {
        let (config, source) = (shared(backend), source());
        let (proxy, behind) = with_proxy(&config, backend);
        let (a, b) = (node(&config, &source).await, node(&behind, &source).await);
        for id in ["put", "removed", "same"] {
            b.region.put(id, 1).await.unwrap();
        }
        proxy.cut();
        until("it is noticed", async || !b.cache.health().bus.unwrap().connected).await;
        a.region.put("put", 2).await.unwrap();
        a.region.remove("removed").await.unwrap();
        assert_eq!(get(&b, "put").await, Some(1), "while it is cut, for as long as it lives");

        let before = unproven(&b);
        proxy.restore();
        let back = until("it doubts", async || unproven(&b) > before).await;
        println!("over {backend:?} the bus was back after {back:.1?}");
        assert_eq!(get(&b, "removed").await, Some(1001));
        // Before that a tier may not say what was cleared meanwhile, and then all is loaded.
        until("all is well", async || b.cache.health().healthy).await;
        assert_eq!(get(&b, "put").await, Some(2));
        assert_eq!(get(&b, "same").await, Some(1), "from a tier");
    }

    pub(super) async fn rule_37_nothing_is_served_from_memory_meanwhile_if_so_told(backend: Backend) {
        let (config, source) = (NodeConfig { ask_on_bus_loss: true, ..shared(backend) }, source());
        let (proxy, behind) = with_proxy(&config, backend);
        let (a, b) = (node(&config, &source).await, node(&behind, &source).await);
        b.region.put("x", 1).await.unwrap();
        // What was cleared before it came it has to ask of all tiers, once.
        get(&b, "y").await;
        proxy.cut();
        until("it is noticed", async || !b.cache.health().bus.unwrap().connected).await;
        a.region.put("x", 2).await.unwrap();
        assert_eq!(get(&b, "x").await, Some(2), "from the tier that it still reaches");
        a.region.remove("x").await.unwrap();
        assert_eq!(get(&b, "x").await, Some(1001));
        assert_eq!(b.region.peek("x"), None);
        proxy.restore();
        until("all is well", async || b.cache.health().healthy).await;
        assert_eq!(get(&b, "x").await, Some(1001));
    }
}
