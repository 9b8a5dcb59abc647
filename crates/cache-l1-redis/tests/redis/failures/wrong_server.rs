//! One address behind which the server changes, while old connections stay open.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use cache_core::{Bus, Bytes, Clock, Tier, TierExt};
use cache_l1_redis::{Redis, RedisBus, RedisConfig, RedisTier};
use servers::Proxy;
use tokio::time::timeout;

use crate::fixture::{entry, eventually, get, key, server_with};

/// Within what time everything works again.
const HEALED: Duration = Duration::from_secs(3);

/// A master, its replica, and one address that leads to the master.
struct OneAddress {
    master: servers::Redis,
    replica: servers::Redis,
    proxy: Proxy,
}

fn addr(server: &servers::Redis) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port()).into()
}

impl OneAddress {
    async fn start() -> Self {
        let master = server_with(&["repl-diskless-sync-delay 0"]);
        let replica = server_with(&[&format!("replicaof 127.0.0.1 {}", master.port())]);
        eventually("the replica has its copy", async || {
            format!("{:?}", replica.command(&["INFO", "replication"])).contains("master_link_status:up")
        })
        .await;
        let proxy = Proxy::start(addr(&master)).unwrap();
        Self { master, replica, proxy }
    }

    async fn client(&self) -> (RedisTier, RedisBus) {
        let config = RedisConfig::single(&format!("redis://{}", self.proxy.addr())).unwrap();
        let redis = Redis::connect(config, Clock::system()).await.unwrap();
        (redis.tier(), redis.bus("bus"))
    }

    /// Promotes the replica, and lets the address lead to it.
    fn promote(&self) {
        self.master.command(&["WAIT", "1", "2000"]).unwrap();
        self.replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
        self.proxy.switch(addr(&self.replica));
    }

    /// Makes the old master a replica of the new one. Its connections stay open.
    fn demote(&self) {
        self.master.command(&["REPLICAOF", "127.0.0.1", &self.replica.port().to_string()]).unwrap();
    }
}

/// Publishes at one node until another hears it, within the time in which all must be healed.
async fn heard_by(publisher: &RedisBus, subscriber: &RedisBus, until: Instant) {
    loop {
        assert!(Instant::now() < until, "one node's bus does not reach the other's");
        let Ok(mut listener) = subscriber.listen().await else { continue };
        let _ = publisher.publish(Bytes::from_static(b"hello")).await;
        if timeout(Duration::from_millis(100), listener.next()).await.is_ok_and(|heard| heard.is_ok()) {
            return;
        }
    }
}

async fn is_written_to_new_master(tier: &RedisTier, servers: &OneAddress, id: &str, until: Instant) {
    let clock = Clock::system();
    while let Err(error) = tier.put_one(key(id), entry("after", clock.tick())).await {
        assert!(Instant::now() < until, "still failing: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let there = servers.replica.command(&["DBSIZE"]).unwrap();
    assert!(Instant::now() < until && format!("{there:?}") != "Integer(0)", "{there:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_writes_reach_the_new_master_behind_the_same_address() {
    let servers = OneAddress::start().await;
    let (tier, bus) = servers.client().await;
    let mut listener = bus.listen().await.unwrap();
    let clock = Clock::system();
    tier.put_one(key("a"), entry("before", clock.tick())).await.unwrap();
    servers.promote();
    servers.demote();
    let until = Instant::now() + HEALED;
    assert!(
        tier.put_one(key("a"), entry("late", clock.tick())).await.is_err_and(|error| error.is_retryable())
    );
    is_written_to_new_master(&tier, &servers, "a", until).await;
    assert_eq!(get(&tier, "a").await.unwrap().as_deref(), Some("after"));
    timeout(HEALED, listener.next()).await.expect("the old subscription ends").unwrap_err();
    heard_by(&bus, &bus, until).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_a_node_that_only_reads_and_listens_notices_as_well() {
    let servers = OneAddress::start().await;
    let (tier, bus) = servers.client().await;
    let mut listener = bus.listen().await.unwrap();
    servers.promote();
    servers.demote();
    timeout(HEALED, listener.next()).await.expect("the subscription at the old master ends").unwrap_err();
    let (other, other_bus) = servers.client().await;
    let clock = Clock::system();
    other.put_one(key("a"), entry("new", clock.tick())).await.unwrap();
    let until = Instant::now() + HEALED;
    heard_by(&other_bus, &bus, until).await;
    let until = Instant::now() + HEALED;
    while !get(&tier, "a").await.is_ok_and(|found| found.as_deref() == Some("new")) {
        assert!(Instant::now() < until, "the tier still reads from the old master");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_an_old_master_that_was_never_demoted_is_left_as_well() {
    let servers = OneAddress::start().await;
    let (tier, bus) = servers.client().await;
    let mut listener = bus.listen().await.unwrap();
    servers.promote();
    // Both are masters now: the old one takes writes, and carries the bus of whoever is still connected.
    let until = Instant::now() + HEALED;
    timeout(HEALED, listener.next()).await.expect("the subscription at the old master ends").unwrap_err();
    let (other, other_bus) = servers.client().await;
    heard_by(&other_bus, &bus, until + HEALED).await;
    is_written_to_new_master(&tier, &servers, "b", until + HEALED).await;
    assert_eq!(get(&other, "b").await.unwrap().as_deref(), Some("after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_nothing_is_called_healthy_while_only_a_replica_answers() {
    let servers = OneAddress::start().await;
    let config = RedisConfig::single(&format!("redis://{}", servers.proxy.addr())).unwrap();
    let redis = Redis::connect(config, Clock::system()).await.unwrap();
    // The address leads to a replica: whose master is gone, or which was not promoted yet.
    servers.proxy.switch(addr(&servers.replica));
    servers.master.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let failed = async || redis.health().servers[0].error.is_some();
    eventually("the server counts as failed", failed).await;
    assert!(redis.bus("bus").listen().await.is_err(), "nor may a bus listen there");
    for _ in 0..5 {
        let error = redis.tier().flush().await.unwrap_err();
        assert!(error.to_string().contains("is a replica"), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    servers.replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    eventually("the promoted replica serves", async || redis.tier().flush().await.is_ok()).await;
    assert!(redis.health().servers[0].error.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_66_a_user_who_may_not_ask_for_the_role_is_told_by_readonly() {
    let servers = OneAddress::start().await;
    for server in [&servers.master, &servers.replica] {
        let user = ["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-role", "-info"];
        server.command(&user).unwrap();
    }
    let config = RedisConfig::single(&format!("redis://app:secret@{}", servers.proxy.addr())).unwrap();
    let redis = Redis::connect(config, Clock::system()).await.unwrap();
    let (tier, bus, clock) = (redis.tier(), redis.bus("bus"), Clock::system());
    let mut listener = bus.listen().await.unwrap();
    servers.promote();
    servers.demote();
    let until = Instant::now() + HEALED;
    assert!(
        tier.put_one(key("a"), entry("late", clock.tick())).await.is_err_and(|error| error.is_retryable())
    );
    is_written_to_new_master(&tier, &servers, "a", until).await;
    timeout(HEALED, listener.next()).await.expect("the old subscription ends").unwrap_err();
}
