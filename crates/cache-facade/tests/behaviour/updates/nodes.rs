//! Updates on several nodes: the later born wins, who lost to it is told, and what won stays.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Operation};
use cache_facade::{Op, Ttl};
use tests::{Fixture, LocalBus, Moment, settle, soon};
use tokio::spawn;

const LONG: Ttl = Ttl { life: Duration::from_secs(3600), grace: Duration::from_secs(3600) };

/// Two nodes over one tier, by one clock, or the clock of the second so many microseconds ahead.
async fn nodes(ahead: u64, bus: Option<&LocalBus>) -> [Fixture; 2] {
    let with = |cache: cache_facade::CacheBuilder| match bus {
        Some(bus) => cache.bus(bus.clone()),
        None => cache,
    };
    let first = Fixture::built(with, |region| region.ttl(LONG)).await;
    let clock = if ahead == 0 { first.clock.clone() } else { Clock::manual() };
    clock.advance(Duration::from_micros(ahead));
    let other = clock.clone();
    let mut second = first.another_built(|cache| with(cache.clock(other)), |region| region.ttl(LONG)).await;
    second.clock = clock;
    settle().await;
    [first, second]
}

#[tokio::test]
async fn rule_122_an_update_sees_what_another_node_wrote_though_memory_has_not_heard_of_it() {
    let [first, second] = nodes(0, None).await;
    first.region.put("m", "first".to_owned()).await.unwrap();
    let seen = first.region.lookup("m").await.unwrap();
    second.region.put("m", "second".to_owned()).await.unwrap();
    assert_eq!(first.peek("m").as_deref(), Some("first"), "there is no bus");
    let updated = first.region.replace_if("m", seen.born, "third".to_owned()).await.unwrap();
    assert_eq!((updated.changed, updated.value.as_deref()), (false, Some(&"second".to_owned())));
    let add = |seen: Option<Arc<String>>| Op::put(format!("{} and more", seen.unwrap()));
    first.region.compute("m", add).await.unwrap();
    assert_eq!(second.held("m").as_deref(), Some("second and more"));
}

/// The other node's write comes between the look and the write of the update.
#[tokio::test]
async fn rule_122_an_update_that_lost_in_a_tier_says_so_and_leaves_what_won() {
    for ahead in [0, 30_000_000] {
        for absent in [false, true] {
            let bus = LocalBus::default();
            let [first, second] = nodes(ahead, Some(&bus)).await;
            if !absent {
                first.region.put("m", "old".to_owned()).await.unwrap();
            }
            settle().await;
            let gate = first.tier.gate(Operation::Put, Moment::Before);
            let region = first.region.clone();
            let update = spawn(async move {
                if absent {
                    region.put_if_absent("m", "lost".to_owned()).await
                } else {
                    let seen = region.lookup("m").await?;
                    region.replace_if("m", seen.born, "lost".to_owned()).await
                }
            });
            gate.reached(1).await;
            first.tier.ungate(Operation::Put, Moment::Before);
            second.region.put("m", "won".to_owned()).await.unwrap();
            gate.open();
            let updated = soon(update).await.unwrap().unwrap();
            let what = format!("{ahead} ahead, absent: {absent}");
            assert_eq!(
                (updated.changed, updated.value.as_deref()),
                (false, Some(&"won".to_owned())),
                "{what}"
            );
            settle().await;
            for node in [&first, &second] {
                assert_eq!(node.held("m").as_deref(), Some("won"), "{what}");
                assert_eq!(node.get("m").await.as_deref(), Some("won"), "{what}");
            }
        }
    }
}

/// What was stored in a tier of the node's own before the shared one refused it is not left there.
#[tokio::test]
async fn rule_122_what_lost_is_withdrawn_from_the_tiers_that_took_it() {
    let own = Arc::new(tests::ModelTier::new("own"));
    let local = Arc::clone(&own);
    let first = Fixture::built(|cache| cache.local_tier(local), |region| region.ttl(LONG)).await;
    let second = first.another(|region| region.ttl(LONG)).await;
    let gate = first.tier.gate(Operation::Put, Moment::Before);
    let region = first.region.clone();
    let update = spawn(async move { region.put_if_absent("m", "lost".to_owned()).await });
    gate.reached(1).await;
    first.tier.ungate(Operation::Put, Moment::Before);
    second.region.put("m", "won".to_owned()).await.unwrap();
    gate.open();
    assert!(!soon(update).await.unwrap().unwrap().changed);
    assert_eq!(own.entry(&first.key("m")), None);
    assert_eq!(first.get("m").await.as_deref(), Some("won"));
}

#[tokio::test]
async fn rule_122_an_increment_that_lost_is_made_again_on_what_won() {
    let [first, second] = nodes(0, None).await;
    let add = |seen: Option<Arc<String>>| Op::put(format!("{}+", seen.as_deref().map_or("", String::as_str)));
    let gate = first.tier.gate(Operation::Put, Moment::Before);
    let region = first.region.clone();
    let update = spawn(async move { region.compute("m", add).await });
    gate.reached(1).await;
    first.tier.ungate(Operation::Put, Moment::Before);
    second.region.compute("m", add).await.unwrap();
    gate.open();
    assert_eq!(soon(update).await.unwrap().unwrap().value.as_deref(), Some(&"++".to_owned()));
    assert_eq!(second.held("m").as_deref(), Some("++"));
}

#[tokio::test]
async fn rule_122_an_update_wins_over_a_removal_by_a_clock_that_runs_a_little_ahead() {
    let [first, second] = nodes(5_000, None).await;
    second.region.remove("m").await.unwrap();
    assert!(first.region.put_if_absent("m", "mine".to_owned()).await.unwrap().changed);
    assert_eq!(second.get("m").await.as_deref(), Some("mine"));
}

#[tokio::test]
async fn rule_122_other_nodes_let_go_of_what_an_update_replaced_or_removed() {
    let bus = LocalBus::default();
    let [first, second] = nodes(0, Some(&bus)).await;
    first.region.put("m", "old".to_owned()).await.unwrap();
    assert_eq!(second.get("m").await.as_deref(), Some("old"));
    first.region.compute("m", |_| Op::put("new".to_owned())).await.unwrap();
    settle().await;
    assert_eq!(second.get("m").await.as_deref(), Some("new"));
    first.region.compute("m", |_| Op::Remove).await.unwrap();
    settle().await;
    assert_eq!((second.peek("m"), second.held("m")), (None, None));
}
