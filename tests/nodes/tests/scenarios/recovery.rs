//! A tier that is killed, paused or cut off, and comes back: pending writes are applied, and until then reads
//! see them all the same. The tier is on one server and the bus on the other, unless a test says otherwise.

use crate::fixture::over_both;

over_both!(
    rule_40_a_write_harms_nobody_while_a_tier_is_killed_and_rule_41_it_reaches_the_newest_state,
    rule_41_a_newer_value_there_survives_an_older_removal,
    rule_44_a_removal_while_the_line_was_cut_holds,
    rule_44_a_removal_on_a_node_cut_off_holds_on_the_others_past_the_replay,
);

mod scenarios {
    use std::time::{Duration, Instant};

    use nodes::Backend;
    use servers::{Postgres, Redis, RedisOptions};
    use tokio::task::block_in_place;

    use crate::fixture::{config, get, held, node, other, pending, shared, source, until, with_proxy};

    /// Either server, private.
    enum Server {
        Redis(Redis),
        Postgres(Postgres),
    }

    impl Server {
        fn kill(&mut self) {
            block_in_place(|| match self {
                Self::Redis(server) => server.kill(),
                Self::Postgres(server) => server.kill(),
            });
        }

        fn restart(&mut self) {
            block_in_place(|| match self {
                Self::Redis(server) => server.restart(),
                Self::Postgres(server) => server.restart(),
            })
            .unwrap();
        }
    }

    pub(super) async fn rule_40_a_write_harms_nobody_while_a_tier_is_killed_and_rule_41_it_reaches_the_newest_state(
        tier: Backend,
    ) {
        let common = shared(other(tier));
        let (mut server, config) = match tier {
            Backend::Redis => {
                let lines = ["appendonly yes", "appendfsync no"].map(str::to_owned).to_vec();
                let options = RedisOptions { config: lines, ..RedisOptions::default() };
                let server = block_in_place(|| Redis::start(&options)).unwrap();
                let config = config(other(tier), &server.url(), &common.postgres);
                (Server::Redis(server), config)
            }
            Backend::Postgres => {
                let server = block_in_place(Postgres::start).unwrap();
                let config = config(other(tier), &common.redis, &server.url());
                (Server::Postgres(server), config)
            }
        };
        let (a, b) = (node(&config, &source()).await, node(&config, &source()).await);
        for id in ["put", "removed", "back"] {
            a.region.put(id, 1).await.unwrap();
            assert_eq!(get(&b, id).await, Some(1));
        }
        server.kill();
        let began = Instant::now();
        for version in 2..=4 {
            a.region.put("put", version).await.unwrap();
        }
        a.region.remove("removed").await.unwrap();
        a.region.remove("back").await.unwrap();
        a.region.put("back", 5).await.unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(3), "its callers waited {took:?}");
        assert_eq!(pending(&a, tier), 3);
        assert!(!a.cache.health().healthy);
        assert_eq!((get(&a, "put").await, get(&a, "back").await), (Some(4), Some(5)));
        until("the other hears of it", async || b.region.peek("back").is_none()).await;
        assert_eq!(get(&b, "put").await, Some(4), "from the tier that is there");

        server.restart();
        let took = until("it is told", async || pending(&a, tier) == 0 && a.cache.health().healthy).await;
        println!("{tier:?} was told what it was owed {took:.1?} after its restart");
        // What Redis is told of is not stored if it was born before its restart: nothing is, either.
        let stays = |version| if tier == Backend::Redis { None } else { Some(version) };
        assert_eq!(held(&a, tier, "put").await, stays(4));
        assert_eq!(held(&a, tier, "back").await, stays(5));
        assert_eq!(held(&a, tier, "removed").await, None);
        assert_eq!((get(&b, "put").await, get(&b, "back").await), (Some(4), Some(5)));
    }

    pub(super) async fn rule_41_a_newer_value_there_survives_an_older_removal(tier: Backend) {
        let config = shared(other(tier));
        let (proxy, cut_off) = with_proxy(&config, tier);
        let (a, b) = (node(&cut_off, &source()).await, node(&config, &source()).await);
        proxy.cut();
        a.region.remove("removed").await.unwrap();
        a.region.put("put", 1).await.unwrap();
        assert_eq!(pending(&a, tier), 2);
        b.region.put("removed", 2).await.unwrap();
        b.region.put("put", 2).await.unwrap();
        proxy.restore();
        until("it is told", async || pending(&a, tier) == 0).await;
        assert_eq!(held(&b, tier, "removed").await, Some(2));
        assert_eq!(held(&b, tier, "put").await, Some(2));
        assert_eq!((get(&a, "removed").await, get(&a, "put").await), (Some(2), Some(2)));
    }

    pub(super) async fn rule_44_a_removal_while_the_line_was_cut_holds(tier: Backend) {
        let config = shared(other(tier));
        let (proxy, cut_off) = with_proxy(&config, tier);
        let (a, b) = (node(&cut_off, &source()).await, node(&config, &source()).await);
        b.region.put("x", 1).await.unwrap();
        proxy.cut();
        a.region.remove("x").await.unwrap();
        assert_eq!(held(&b, tier, "x").await, Some(1), "the old value survives");
        until("the other hears of it", async || b.region.peek("x").is_none()).await;
        proxy.restore();
        let told = async || {
            assert_ne!(get(&a, "x").await, Some(1), "on the node itself");
            assert_ne!(get(&b, "x").await, Some(1), "on the other, which heard of it");
            // As long as nothing newer comes in its place, the old one could come back.
            a.region.remove("y").await.unwrap();
            pending(&a, tier) == 0
        };
        until("it is told", told).await;
        assert_ne!(held(&b, tier, "x").await, Some(1));
    }

    /// The bus is cut along with the tier: the other node can't know before the replay.
    pub(super) async fn rule_44_a_removal_on_a_node_cut_off_holds_on_the_others_past_the_replay(
        tier: Backend,
    ) {
        let config = shared(tier);
        let (proxy, cut_off) = with_proxy(&config, tier);
        let (a, b) = (node(&cut_off, &source()).await, node(&config, &source()).await);
        b.region.put("x", 1).await.unwrap();
        proxy.cut();
        until("it is noticed", async || !a.cache.health().bus.unwrap().connected).await;
        a.region.remove("x").await.unwrap();
        assert_ne!(get(&a, "x").await, Some(1));
        assert_eq!(get(&b, "x").await, Some(1), "nobody could tell it");
        proxy.restore();
        let told = async || {
            assert_ne!(get(&a, "x").await, Some(1), "on the node itself, ever");
            pending(&a, tier) == 0
        };
        let took = until("it is told", told).await;
        let heard = until("the other hears of it", async || get(&b, "x").await != Some(1)).await;
        println!(
            "{tier:?} was told {took:.1?} after the line was back, and the other node {heard:.1?} later"
        );
        assert_ne!(held(&b, tier, "x").await, Some(1));
        until("all is well", async || a.cache.health().healthy).await;
        assert_ne!(get(&b, "x").await, Some(1));
    }
}
