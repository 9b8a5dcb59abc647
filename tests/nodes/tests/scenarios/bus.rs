//! What one node writes, the others drop, and nothing else.

use crate::fixture::over_both;

over_both!(
    rule_34_a_put_or_removal_reaches_who_holds_the_key_and_costs_the_others_nothing,
    rule_35_a_node_ignores_its_own_messages,
    rule_36_a_message_older_than_the_entry_is_ignored,
);

mod scenarios {
    use std::time::Duration;

    use cache_core::{Bus, Bytes, Clock, Listener, message::Message};
    use cache_l1_redis::{Redis, RedisConfig};
    use cache_l2_pg::{PgConfig, Postgres};
    use nodes::{Backend, NodeCache, NodeConfig};
    use tokio::time::timeout;

    use crate::fixture::{get, looks, node, shared, source, until};

    /// The bus of the configuration, for a listener that is no node.
    async fn bus(backend: Backend, config: &NodeConfig) -> Box<dyn Bus> {
        let clock = Clock::system();
        match backend {
            Backend::Redis => {
                let config = RedisConfig::parse(&config.redis).unwrap();
                Box::new(Redis::connect(config, clock).await.unwrap().bus("nodes"))
            }
            Backend::Postgres => {
                let config = PgConfig::new(&config.postgres).unwrap();
                Box::new(Postgres::connect(config, clock).await.unwrap().bus("nodes").unwrap())
            }
        }
    }

    /// The next message of these nodes that holds changes.
    async fn next(listener: &mut dyn Listener, config: &NodeConfig) -> Bytes {
        let heard = async {
            loop {
                let bytes = listener.next().await.unwrap();
                let message = Message::open(&bytes).unwrap();
                if message.namespace == config.namespace && !message.changes.is_empty() {
                    return bytes;
                }
            }
        };
        timeout(Duration::from_secs(20), heard).await.expect("a message")
    }

    fn heard(node: &NodeCache) -> u64 {
        node.cache.stats().bus.unwrap().received
    }

    pub(super) async fn rule_34_a_put_or_removal_reaches_who_holds_the_key_and_costs_the_others_nothing(
        backend: Backend,
    ) {
        let (config, source) = (shared(backend), source());
        let a = node(&config, &source).await;
        let (b, c) = (node(&config, &source).await, node(&config, &source).await);
        assert_eq!(get(&b, "x").await, Some(1001));
        assert_eq!(b.region.peek("x").as_deref(), Some(&1001));
        let (before, heard_before) = (looks(&c), heard(&c));
        a.region.put("x", 7).await.unwrap();
        let lag = until("the holder lets go", async || b.region.peek("x").is_none()).await;
        println!("over {backend:?} a put was heard after {lag:?} or less");
        until("the third hears of it", async || heard(&c) > heard_before).await;
        assert_eq!(looks(&c), before, "nobody reads because somebody wrote");
        assert_eq!(c.cache.stats().memory.tombstones, 0, "nor keeps anything in mind");
        assert_eq!(get(&b, "x").await, Some(7));

        a.region.remove("x").await.unwrap();
        until("the holder lets go", async || b.region.peek("x").is_none()).await;
        assert_eq!(get(&b, "x").await, Some(1002));
        assert_eq!(looks(&c), before);
    }

    pub(super) async fn rule_35_a_node_ignores_its_own_messages(backend: Backend) {
        let (config, source) = (shared(backend), source());
        let a = node(&config, &source).await;
        let mut listener = bus(backend, &config).await.listen().await.unwrap();
        a.region.put("x", 7).await.unwrap();
        next(&mut *listener, &config).await;
        // Whoever listened heard of it twice: what came first is surely through.
        a.region.put("y", 7).await.unwrap();
        next(&mut *listener, &config).await;
        assert_eq!((a.region.peek("x").as_deref(), heard(&a)), (Some(&7), 0));
    }

    pub(super) async fn rule_36_a_message_older_than_the_entry_is_ignored(backend: Backend) {
        let (config, source) = (shared(backend), source());
        let (a, b) = (node(&config, &source).await, node(&config, &source).await);
        let bus = bus(backend, &config).await;
        let mut listener = bus.listen().await.unwrap();
        a.region.put("put", 1).await.unwrap();
        a.region.remove("removed").await.unwrap();
        let messages = [next(&mut *listener, &config).await, next(&mut *listener, &config).await];
        until("they are heard", async || heard(&b) >= 2).await;
        b.region.put("put", 2).await.unwrap();
        b.region.put("removed", 2).await.unwrap();

        let before = heard(&b);
        for message in messages {
            bus.publish(message).await.unwrap();
        }
        a.region.put("last", 1).await.unwrap();
        until("all are heard", async || heard(&b) >= before + 3).await;
        assert_eq!(b.region.peek("put").as_deref(), Some(&2));
        assert_eq!(b.region.peek("removed").as_deref(), Some(&2));
    }
}
