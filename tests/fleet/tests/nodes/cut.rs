//! A connection that is lost and had again: what was held before is not served unchecked.

use crate::house::over_both;

over_both!(
    rule_37_nothing_from_before_the_gap_is_served_after_it,
    rule_37_nothing_is_served_from_memory_meanwhile_if_so_told,
);

mod scenarios {
    use fleet::{Over, Recipe};

    use crate::house::{get, node, shared, source, unproven, until, with_line};

    pub(super) async fn rule_37_nothing_from_before_the_gap_is_served_after_it(over: Over) {
        let (recipe, source) = (shared(over), source());
        let (proxy, behind) = with_line(&recipe, over);
        let (a, b) = (node(&recipe, &source).await, node(&behind, &source).await);
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
        println!("over {over:?} the bus was back after {back:.1?}");
        assert_eq!(get(&b, "put").await, Some(2));
        assert_eq!(get(&b, "removed").await, Some(1001));
        assert_eq!(get(&b, "same").await, Some(1), "from a tier");
        until("all is well", async || b.cache.health().healthy).await;
    }

    pub(super) async fn rule_37_nothing_is_served_from_memory_meanwhile_if_so_told(over: Over) {
        let (recipe, source) = (Recipe { asks_tiers_on_bus_loss: true, ..shared(over) }, source());
        let (proxy, behind) = with_line(&recipe, over);
        let (a, b) = (node(&recipe, &source).await, node(&behind, &source).await);
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
