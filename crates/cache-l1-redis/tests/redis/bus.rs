//! Messages between nodes.

use std::{net::SocketAddr, time::Duration};

use cache_core::{Bus, Bytes, Clock, ErrorKind, Listener};
use cache_l1_redis::{Redis, RedisConfig};
use futures_util::future::join_all;
use servers::{Proxy, RedisSentinel};
use tokio::time::timeout;

use crate::fixture::{connect, eventually, server, shared, shared_cluster, shared_sentinel, short_timeouts};

const PATIENCE: Duration = Duration::from_secs(10);

async fn next(listener: &mut Box<dyn Listener>) -> cache_core::Result<Bytes> {
    timeout(PATIENCE, listener.next()).await.expect("a message or an error")
}

async fn every_listener_receives_all_in_order(config: RedisConfig) {
    let (here, there) = (connect(config.clone()).await.bus("changes"), connect(config).await.bus("changes"));
    let mut listeners = Vec::new();
    for n in 0..10 {
        let bus = if n % 2 == 0 { &here } else { &there };
        listeners.push(bus.listen().await.unwrap());
    }
    let say = async |bus: &dyn Bus, who: &str| {
        for n in 0..200 {
            bus.publish(format!("{who} {n}").into()).await.unwrap();
        }
    };
    tokio::join!(say(&here, "here"), say(&there, "there"));
    for listener in &mut listeners {
        let mut received = [0, 0];
        for _ in 0..400 {
            let message = String::from_utf8(next(listener).await.unwrap().to_vec()).unwrap();
            let (who, n) = message.split_once(' ').unwrap();
            let who = &mut received[usize::from(who == "there")];
            assert_eq!(n.parse(), Ok(*who), "in the order of its sender");
            *who += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_34_every_listener_receives_all_messages_in_each_senders_order() {
    every_listener_receives_all_in_order(shared()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_34_every_listener_receives_all_messages_in_each_senders_order_in_a_cluster() {
    every_listener_receives_all_in_order(shared_cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_34_every_listener_receives_all_messages_in_each_senders_order_under_sentinel() {
    every_listener_receives_all_in_order(shared_sentinel()).await;
}

#[tokio::test]
async fn rule_34_messages_of_other_channels_and_namespaces_are_not_received() {
    let (redis, other) = (connect(shared()).await, connect(shared()).await);
    let mut listener = redis.bus("a").listen().await.unwrap();
    redis.bus("b").publish("of another channel".into()).await.unwrap();
    other.bus("a").publish("of another namespace".into()).await.unwrap();
    redis.bus("a").publish("ours".into()).await.unwrap();
    assert_eq!(next(&mut listener).await.unwrap(), "ours");
}

#[tokio::test]
async fn rule_63_messages_have_a_limit_and_may_hold_any_bytes() {
    let bus = connect(shared()).await.bus("a");
    let mut listener = bus.listen().await.unwrap();
    let error = bus.publish(vec![0; bus.max_message_len() + 1].into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let longest: Bytes = (0..bus.max_message_len()).map(|n| n as u8).collect();
    bus.publish(longest.clone()).await.unwrap();
    bus.publish(Bytes::new()).await.unwrap();
    assert_eq!(next(&mut listener).await.unwrap(), longest);
    assert_eq!(next(&mut listener).await.unwrap(), "");
}

#[tokio::test]
async fn rule_60_a_wait_that_is_dropped_loses_no_message() {
    let bus = connect(shared()).await.bus("a");
    let mut listener = bus.listen().await.unwrap();
    for n in 0..50_u8 {
        let _ = timeout(Duration::from_micros(u64::from(n) * 10), listener.next()).await.is_err_and(|_| true);
        bus.publish(vec![n].into()).await.unwrap();
        // The message may be there already or still arrive, but it is never lost.
        assert_eq!(next(&mut listener).await.unwrap(), vec![n]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_37_a_lost_connection_is_an_error_and_listening_anew_works() {
    let mut server = server();
    let redis = connect(short_timeouts(&server.url())).await;
    let bus = redis.bus("a");
    let mut listener = bus.listen().await.unwrap();
    bus.publish("before".into()).await.unwrap();
    assert_eq!(next(&mut listener).await.unwrap(), "before");
    server.kill();
    assert_eq!(next(&mut listener).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(next(&mut listener).await.unwrap_err().kind(), ErrorKind::Unavailable, "for good");
    assert!(bus.listen().await.is_err() && bus.publish("nobody".into()).await.is_err());

    server.restart().unwrap();
    let mut listener = None;
    eventually("the bus listens again", async || {
        listener = bus.listen().await.ok();
        listener.is_some()
    })
    .await;
    eventually("the bus publishes again", async || bus.publish("after".into()).await.is_ok()).await;
    assert_eq!(next(listener.as_mut().unwrap()).await.unwrap(), "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_37_a_silent_connection_is_noticed_though_nobody_publishes() {
    let server = server();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], server.port()))).unwrap();
    let redis = connect(short_timeouts(&format!("redis://{}", proxy.addr()))).await;
    let mut listener = redis.bus("a").listen().await.unwrap();
    proxy.stall();
    assert_eq!(next(&mut listener).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_37_a_listener_that_is_too_slow_gets_an_error_instead_of_a_gap() {
    let bus = connect(shared()).await.bus("a");
    let (mut slow, mut quick) = (bus.listen().await.unwrap(), bus.listen().await.unwrap());
    let messages = 6000;
    let reading = tokio::spawn(async move {
        for _ in 0..messages {
            next(&mut quick).await.unwrap();
        }
    });
    for _ in 0..messages / 100 {
        let all = (0..100).map(|_| bus.publish("message".into()));
        join_all(all).await.into_iter().for_each(Result::unwrap);
    }
    reading.await.unwrap();
    let mut received = 0;
    let error = loop {
        match next(&mut slow).await {
            Ok(_) => received += 1,
            Err(error) => break error,
        }
    };
    assert!(
        received < messages && error.kind() == ErrorKind::Unavailable,
        "{received} messages, then {error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_37_a_failover_is_a_lost_connection() {
    let mut servers = RedisSentinel::start().unwrap();
    let config = RedisConfig::sentinel(servers.sentinel_urls(), servers.master_name()).unwrap();
    let config = config.keepalive(Duration::from_millis(200)).response_timeout(Duration::from_millis(200));
    let bus = Redis::connect(config, Clock::system()).await.unwrap().bus("a");
    let mut listener = bus.listen().await.unwrap();
    let old = servers.kill_master().unwrap();
    assert!(next(&mut listener).await.is_err());
    servers.wait_for_failover(old, Duration::from_secs(30)).unwrap();
    let mut listener = None;
    eventually("the bus listens at the new master", async || {
        listener = bus.listen().await.ok();
        listener.is_some()
    })
    .await;
    eventually("the bus publishes at the new master", async || bus.publish("after".into()).await.is_ok())
        .await;
    assert_eq!(next(listener.as_mut().unwrap()).await.unwrap(), "after");
}
