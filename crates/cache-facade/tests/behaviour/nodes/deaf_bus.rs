//! A bus that is connected and delivers nothing: it is believed only while a node's own messages come back.

use cache_core::Bus;
use cache_facade::{CacheBuilder, OnBusLoss};
use tests::{Fixture, LocalBus, RecordedEvent, settle};

/// Two heartbeats, in seconds.
const TWO_HEARTBEATS: u64 = 10;

async fn two_nodes(bus: &LocalBus, on_loss: OnBusLoss) -> (Fixture, Fixture) {
    let with = |cache: CacheBuilder| cache.bus(bus.clone()).on_bus_loss(on_loss);
    let a =
        Fixture::built(with, |region| region.ttl(cache_core::Ttl::new(std::time::Duration::from_secs(3600))))
            .await;
    let b = a
        .another_built(with, |region| region.ttl(cache_core::Ttl::new(std::time::Duration::from_secs(3600))))
        .await;
    settle().await;
    (a, b)
}

async fn pass(node: &Fixture, seconds: u64) {
    for _ in 0..seconds * 4 {
        node.clock.advance(std::time::Duration::from_millis(250));
        settle().await;
    }
}

fn connected(node: &Fixture) -> bool {
    let health = node.cache.health();
    assert_eq!(health.healthy, health.bus.as_ref().unwrap().connected);
    health.bus.unwrap().connected
}

fn unproven(node: &Fixture) -> usize {
    node.events.count(|seen| matches!(seen, RecordedEvent::Unproven { .. }))
}

#[tokio::test]
async fn rule_67_a_bus_that_delivers_nothing_is_unwell_within_two_heartbeats() {
    for on_loss in [OnBusLoss::ServeMemory, OnBusLoss::AskTiers] {
        let bus = LocalBus::default();
        let (a, b) = two_nodes(&bus, on_loss).await;
        b.region.put("m", "old".to_owned()).await.unwrap();
        settle().await;
        assert!(connected(&b));
        bus.lose(usize::MAX);
        a.region.put("m", "new".to_owned()).await.unwrap();
        settle().await;
        assert_eq!(b.get("m").await.as_deref(), Some("old"), "nobody can know yet");
        let before = unproven(&b);
        pass(&b, TWO_HEARTBEATS).await;
        assert!(!connected(&a) && !connected(&b));
        assert!(unproven(&b) > before);
        assert_eq!(b.get("m").await.as_deref(), Some("new"), "asked of the tier");
        assert!(b.cache.health().bus.unwrap().error.unwrap().to_string().contains("don't come back"));

        // However often it is subscribed to, it is not believed.
        for _ in 0..30 {
            pass(&b, 1).await;
            assert!(!connected(&b));
        }
        a.region.put("m", "newest".to_owned()).await.unwrap();
        if on_loss == OnBusLoss::AskTiers {
            assert_eq!(b.get("m").await.as_deref(), Some("newest"), "memory serves nothing meanwhile");
        }

        bus.lose(0);
        let before = unproven(&b);
        pass(&b, TWO_HEARTBEATS).await;
        assert!(connected(&a) && connected(&b));
        assert!(unproven(&b) > before, "what was held until then was doubted");
        assert_eq!(b.get("m").await.as_deref(), Some("newest"));
        a.region.put("m", "heard".to_owned()).await.unwrap();
        settle().await;
        assert_eq!(b.get("m").await.as_deref(), Some("heard"));
    }
}

#[tokio::test]
async fn rule_67_a_bus_that_delivers_nothing_from_the_start_is_noticed() {
    let bus = LocalBus::default();
    bus.lose(usize::MAX);
    let (a, _b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    pass(&a, TWO_HEARTBEATS).await;
    assert!(!connected(&a));
}

#[tokio::test]
async fn rule_67_an_idle_bus_and_a_busy_one_are_believed_for_as_long_as_they_deliver() {
    let bus = LocalBus::default();
    let (a, b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    let before = (unproven(&a), unproven(&b));
    for second in 0..120 {
        pass(&a, 1).await;
        if second > 60 {
            a.region.put("m", second.to_string()).await.unwrap();
            settle().await;
        }
        assert!(connected(&a) && connected(&b));
    }
    assert_eq!((unproven(&a), unproven(&b)), before);
}

#[tokio::test]
async fn rule_67_one_lost_message_is_no_deaf_bus() {
    let bus = LocalBus::default();
    let (a, _b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    pass(&a, 6).await;
    bus.lose(1);
    a.region.put("m", "lost".to_owned()).await.unwrap();
    for _ in 0..20 {
        pass(&a, 1).await;
        assert!(connected(&a));
    }
}

#[tokio::test]
async fn rule_67_messages_of_others_are_not_taken_for_ones_own() {
    let bus = LocalBus::default();
    let (a, b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    b.region.put("m", "of b".to_owned()).await.unwrap();
    settle().await;
    let message = bus.carried().pop().unwrap();
    // What a says is lost, what b said comes again and again.
    for _ in 0..TWO_HEARTBEATS {
        bus.lose(usize::MAX);
        pass(&a, 1).await;
        bus.lose(0);
        bus.publish(message.clone()).await.unwrap();
        settle().await;
    }
    bus.lose(usize::MAX);
    pass(&a, 1).await;
    assert!(!connected(&a));
}

#[tokio::test]
async fn rule_67_memory_is_doubted_when_the_bus_is_found_deaf_and_not_only_at_the_next_connection() {
    let bus = LocalBus::default();
    let (a, _b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    bus.lose(usize::MAX);
    let before = unproven(&a);
    while connected(&a) {
        a.clock.advance(std::time::Duration::from_millis(1));
        settle().await;
    }
    assert_eq!(unproven(&a), before + 1);
}

#[tokio::test]
async fn rule_67_a_heartbeat_that_is_lost_alone_is_followed_by_another() {
    let bus = LocalBus::default();
    let (a, _b) = two_nodes(&bus, OnBusLoss::ServeMemory).await;
    for _ in 0..12 {
        a.region.put("m", "heard".to_owned()).await.unwrap();
        settle().await;
        // Of each node one.
        bus.lose(2);
        for _ in 0..16 {
            pass(&a, 1).await;
            assert!(connected(&a));
        }
    }
}
