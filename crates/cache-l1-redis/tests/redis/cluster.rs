//! A Redis Cluster whose nodes die and whose slots move.

use std::time::Duration;

use cache_core::{Clock, ErrorKind, Key, Target, Tier, TierExt};
use cache_l1_redis::{RedisConfig, RedisTier};
use redis::aio::MultiplexedConnection;
use servers::RedisCluster;

use crate::fixture::{
    connect, entry, eventually, key, keys, raw, remove_matching, run, shared_cluster, text, tombstone,
};

fn config(cluster: &RedisCluster) -> RedisConfig {
    let millis = Duration::from_millis;
    RedisConfig::cluster(cluster.urls())
        .unwrap()
        .response_timeout(millis(500))
        .reconnect(millis(10)..=millis(100))
        .keepalive(millis(200))
}

async fn fill(tier: &RedisTier, keys: &[Key], clock: &Clock) {
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry(key.id(), clock.tick()))).collect();
    tier.put(&put).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_55_a_batch_over_all_slots_keeps_its_order() {
    let tier = connect(shared_cluster()).await.tier();
    let clock = Clock::system();
    let keys = keys(2000);
    fill(&tier, &keys[..1500], &clock).await;
    let asked: Vec<Key> = keys.iter().rev().step_by(3).cloned().collect();
    let answers = tier.get(&asked).await.unwrap();
    for (key, answer) in asked.iter().zip(answers) {
        let there = key.id().parse::<usize>().unwrap() < 1500;
        assert_eq!(answer.as_ref().map(text), there.then(|| key.id().to_owned()));
    }
    let gone = tier.remove(Target::Keys(&keys), tombstone(clock.tick())).await.unwrap();
    assert_eq!(gone, 1500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_55_a_dead_node_fails_its_own_keys() {
    let mut cluster = RedisCluster::start_with(&["cluster-require-full-coverage no"]).unwrap();
    let tier = connect(config(&cluster)).await.tier();
    let clock = Clock::system();
    let keys = keys(60);
    fill(&tier, &keys, &clock).await;

    cluster.node(1).kill();
    let mut alive = 0;
    for key in &keys {
        alive += usize::from(tier.get_one(key).await.is_ok());
    }
    assert!((20..60).contains(&alive), "{alive} of 60 are readable");
    // Keys that could not be looked up are not absent: the batch fails, and the error says how many they are.
    let error = tier.get(&keys).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&format!("{} of 60 keys", 60 - alive)), "{error}");
    let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("new", clock.tick()))).collect();
    let error = tier.put(&put).await.unwrap_err();
    assert!(error.to_string().contains(&format!("{} of 60 keys", 60 - alive)), "{error}");
    for key in &keys {
        if let Ok(answer) = tier.get_one(key).await {
            assert_eq!(answer.as_ref().map(text).as_deref(), Some("new"), "the others were stored");
        }
    }
    assert!(remove_matching(&tier, "k:*", clock.tick()).await.is_err());

    cluster.node(1).restart().unwrap();
    eventually("all nodes serve again", async || tier.get(&keys).await.is_ok()).await;
    fill(&tier, &keys, &clock).await;
    assert!(tier.get(&keys).await.unwrap().iter().all(Option::is_some));
}

/// A slot that is to move, and the names in it.
struct Slot {
    number: String,
    names: Vec<String>,
    from: usize,
    to: usize,
}

struct Reshard {
    cluster: RedisCluster,
    nodes: Vec<MultiplexedConnection>,
    ids: Vec<String>,
    ports: Vec<u16>,
}

impl Reshard {
    async fn new() -> Self {
        let mut cluster = RedisCluster::start().unwrap();
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        for url in cluster.urls() {
            let mut node = raw(&url).await;
            ids.push(run(&mut node, &[b"CLUSTER", b"MYID"]).await);
            nodes.push(node);
        }
        let ports = (0..3).map(|n| cluster.node(n).port()).collect();
        Self { cluster, nodes, ids, ports }
    }

    /// Finds the slot of the names that contain `part`, and the node that has it.
    async fn find(&mut self, part: &str) -> Slot {
        for from in 0..3 {
            let pattern = format!("*{part}*");
            let names: Vec<String> = run(&mut self.nodes[from], &[b"KEYS", pattern.as_bytes()]).await;
            if let Some(name) = names.first() {
                let number: i64 =
                    run(&mut self.nodes[from], &[b"CLUSTER", b"KEYSLOT", name.as_bytes()]).await;
                return Slot { number: number.to_string(), names, from, to: (from + 1) % 3 };
            }
        }
        panic!("nowhere: {part}")
    }

    async fn set_slot(&mut self, node: usize, slot: &Slot, what: &[&str]) {
        let mut command = vec![&b"CLUSTER"[..], b"SETSLOT", slot.number.as_bytes()];
        command.extend(what.iter().map(|word| word.as_bytes()));
        let () = run(&mut self.nodes[node], &command).await;
    }

    async fn begin(&mut self, slot: &Slot) {
        let (from, to) = (self.ids[slot.from].clone(), self.ids[slot.to].clone());
        self.set_slot(slot.to, slot, &["IMPORTING", &from]).await;
        self.set_slot(slot.from, slot, &["MIGRATING", &to]).await;
    }

    async fn move_key(&mut self, slot: &Slot, name: &str) {
        let port = self.ports[slot.to].to_string();
        let command = [b"MIGRATE", b"127.0.0.1" as &[u8], port.as_bytes(), name.as_bytes(), b"0", b"5000"];
        let _: redis::Value = run(&mut self.nodes[slot.from], &command).await;
    }

    async fn end(&mut self, slot: &Slot) {
        let to = self.ids[slot.to].clone();
        for node in [slot.to, slot.from] {
            self.set_slot(node, slot, &["NODE", &to]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_55_slots_that_move_are_followed() {
    let mut reshard = Reshard::new().await;
    let tier = connect(config(&reshard.cluster)).await.tier();
    let clock = Clock::system();
    let keys: Vec<Key> = ["a", "b", "c"].map(|id| key(&format!("{{moving}}{id}"))).to_vec();
    fill(&tier, &keys, &clock).await;
    let slot = reshard.find("moving").await;
    assert_eq!(slot.names.len(), 3, "one tag, one slot");

    reshard.begin(&slot).await;
    let first = slot.names.iter().find(|name| name.ends_with("}a")).unwrap().clone();
    reshard.move_key(&slot, &first).await;
    // One key is at the new node already, the others are still at the old one.
    for key in &keys {
        assert_eq!(tier.get_one(key).await.unwrap().as_ref().map(text).as_deref(), Some(key.id()));
    }
    // A command about all of them must wait until they are at one node again.
    let rest = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        for name in slot.names.iter().filter(|name| **name != first) {
            reshard.move_key(&slot, name).await;
        }
        reshard.end(&slot).await;
    };
    let (answers, ()) = tokio::join!(tier.get(&keys), rest);
    let texts: Vec<String> = answers.unwrap().iter().flatten().map(text).collect();
    assert!(texts.iter().eq(keys.iter().map(|key| key.id())), "{texts:?}");

    // The tier still uses the old slot map, so the first call is redirected.
    tier.put_one(keys[0].clone(), entry("new", clock.tick())).await.unwrap_or_else(|error| panic!("{error}"));
    tier.remove(Target::Keys(&keys[1..]), tombstone(clock.tick())).await.unwrap();
    let answers = tier.get(&keys).await.unwrap();
    assert!(answers[1..].iter().all(Option::is_none));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_29_removals_move_with_their_slot() {
    let mut reshard = Reshard::new().await;
    let tier = connect(config(&reshard.cluster)).await.tier();
    // Births by the wall clock, as they are compared with the birth floor, which rises when slots move.
    let clock = Clock::system();
    let begun = clock.tick();
    tier.put_one(key("{moving}a"), entry("a", begun)).await.unwrap();
    remove_matching(&tier, "k:{moving}*", clock.tick()).await.unwrap();
    let slot = reshard.find("moving").await;
    let tag = slot.names[0].split_once('}').unwrap().0.to_owned() + "}";
    reshard.begin(&slot).await;
    for name in slot.names.iter().chain([&format!("{tag}!!patterns")]) {
        reshard.move_key(&slot, name).await;
    }
    reshard.end(&slot).await;

    // A client that has seen nothing of it.
    let other = connect(config(&reshard.cluster)).await.tier();
    for id in ["{moving}a", "{moving}b"] {
        other.put_one(key(id), entry("late", begun)).await.unwrap();
        assert_eq!(other.get_one(&key(id)).await.unwrap(), None, "{id}");
    }
}

#[tokio::test]
async fn a_cluster_node_configured_as_a_single_server_is_a_config_error() {
    let url = servers::env::redis_cluster().unwrap().remove(0);
    let tier = connect(RedisConfig::single(&url).unwrap()).await.tier();
    let mut errors = Vec::new();
    for key in keys(20) {
        errors.extend(tier.get_one(&key).await.err());
    }
    assert!(
        errors.iter().all(|error| error.kind() == ErrorKind::Config && error.to_string().contains("cluster")),
        "{errors:?}"
    );
    assert!(!errors.is_empty());
}

#[tokio::test]
async fn a_cluster_is_found_through_any_node_that_is_up() {
    let mut urls = vec!["redis://127.0.0.1:1".to_owned()];
    urls.extend(servers::env::redis_cluster().unwrap().pop());
    let redis = connect(RedisConfig::cluster(urls).unwrap()).await;
    assert_eq!(redis.health().servers.len(), 3);
    redis.tier().flush().await.unwrap();
}
