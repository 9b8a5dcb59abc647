//! One load a key for all nodes, and nobody waits for a holder that died.

use crate::fixture::over_both;

over_both!(
    rule_09_two_nodes_that_miss_load_once,
    rule_09_of_many_keys_each_is_loaded_once,
    rule_10_the_lease_of_a_killed_process_lapses,
);

mod scenarios {
    use std::{path::Path, sync::Arc, time::Duration};

    use nodes::{Backend, Node, NodeCache, NodeConfig, Request, Source};
    use tests::ScriptedLoader;
    use tokio::{spawn, time::Instant};

    use crate::fixture::{get, looks, node, other, shared, source, until};

    /// The lease is over one server, the bus over the other.
    fn leased(backend: Backend) -> NodeConfig {
        NodeConfig { lease: Some(backend), ..shared(other(backend)) }
    }

    async fn two(backend: Backend) -> (ScriptedLoader<u64>, NodeCache, NodeCache) {
        let (config, source) = (leased(backend), source());
        let (a, b) = (node(&config, &source).await, node(&config, &source).await);
        (source, a, b)
    }

    pub(super) async fn rule_09_two_nodes_that_miss_load_once(backend: Backend) {
        let (source, a, b) = two(backend).await;
        let gate = source.gate();
        let ask = |node: &NodeCache| {
            let node = node.clone();
            spawn(async move { get(&node, "x").await })
        };
        let one = ask(&a);
        gate.reached(1).await;
        let another = ask(&b);
        until("the other looks for it again and again", async || looks(&b) > 8).await;
        assert!(!another.is_finished());
        gate.open();
        assert_eq!((one.await.unwrap(), another.await.unwrap()), (Some(1001), Some(1001)));
        assert_eq!(source.calls(), 1);
        assert_eq!(b.cache.stats().loads, 0, "it read the tier");
    }

    pub(super) async fn rule_09_of_many_keys_each_is_loaded_once(backend: Backend) {
        let (source, a, b) = two(backend).await;
        let ids: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let ask = |node: &NodeCache, ids: Vec<String>| {
            let node = node.clone();
            spawn(async move { node.region.get_many(&ids).await.unwrap() })
        };
        let backwards = ids.iter().rev().cloned().collect();
        let (one, another) = (ask(&a, ids.clone()), ask(&b, backwards));
        for values in [one.await.unwrap(), another.await.unwrap()] {
            assert!(values.iter().all(|value| value.as_deref() == Some(&1001)), "{values:?}");
        }
        for id in &ids {
            assert_eq!(source.loads(&a.region.key(id).unwrap()), 1, "{id}");
        }
    }

    pub(super) async fn rule_10_the_lease_of_a_killed_process_lapses(backend: Backend) {
        let (config, source) = (leased(backend), source());
        let b = node(&config, &source).await;
        let forever = Duration::from_secs(3600);
        let hanging = Arc::new(Source::new(1, forever..=forever));
        let program = Path::new(env!("CARGO_BIN_EXE_chaos"));
        let a = Arc::new(Node::start(program, &config, Arc::clone(&hanging)).await.unwrap());
        let asked = spawn({
            let a = Arc::clone(&a);
            async move { a.ask(Request::Get("k0".to_owned())).await }
        });
        until("the other process loads", async || hanging.loads() == 1).await;
        let waiting = spawn({
            let b = b.clone();
            async move { get(&b, "k0").await }
        });
        // Longer than a lease lasts that nobody renews.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(!waiting.is_finished() && source.calls() == 0, "whoever lives keeps its lease");

        a.kill();
        let killed = Instant::now();
        assert!(asked.await.unwrap().is_err(), "it is gone");
        assert_eq!(waiting.await.unwrap(), Some(1001));
        let took = killed.elapsed();
        println!("the lease over {backend:?} of a killed process was taken over after {took:.1?}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        assert_eq!(source.calls(), 1);
    }
}
