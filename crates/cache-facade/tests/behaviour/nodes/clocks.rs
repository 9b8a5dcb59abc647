//! Nodes whose clocks differ or jump: what was put later wins everywhere, and nobody holds what lost.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Operation, Ttl};
use cache_facade::Cache;
use proptest::prelude::*;
use tests::{FaultyTier, Fixture, LocalBus, ModelTier, Moment, settle};
use tokio::runtime::Builder;

/// Nodes over one tier, the clock of each ahead of the first one's by so many microseconds.
async fn nodes(ahead: &[u64], bus: Option<&LocalBus>, synchronised: bool) -> Vec<Fixture> {
    let with = |cache: cache_facade::CacheBuilder| match bus {
        Some(bus) => cache.bus(bus.clone()),
        None => cache,
    };
    let long = |region: tests::Settings| region.ttl(Ttl::new(Duration::from_secs(3600)));
    let mut nodes = vec![Fixture::built(with, long).await];
    let server = nodes[0].clock.now();
    for micros in ahead {
        let clock = Clock::manual();
        clock.advance(Duration::from_micros(*micros));
        if synchronised {
            clock.synchronise(0, clock.steady(), server);
        }
        let other = clock.clone();
        let mut node = nodes[0].another_built(|cache| with(cache.clock(other)), long).await;
        node.clock = clock;
        nodes.push(node);
    }
    settle().await;
    nodes
}

#[tokio::test]
async fn rule_104_a_put_wins_over_what_was_loaded_by_a_clock_that_runs_ahead() {
    for bus in [None, Some(LocalBus::default())] {
        let nodes = nodes(&[30_000_000], bus.as_ref(), false).await;
        let [behind, ahead] = &nodes[..] else { unreachable!() };
        assert_eq!(ahead.get("m").await.as_deref(), Some("m@1"));
        settle().await;
        behind.region.put("m", "y".to_owned()).await.unwrap();
        settle().await;
        assert_eq!(behind.get("m").await.as_deref(), Some("y"));
        assert_eq!(behind.held("m").as_deref(), Some("y"), "the tier holds it");
        if bus.is_some() {
            assert_eq!(ahead.get("m").await.as_deref(), Some("y"), "and so does the other node");
        }
    }
}

#[tokio::test]
async fn rule_104_a_put_wins_over_a_removal_by_a_clock_that_runs_a_little_ahead() {
    let nodes = nodes(&[5_000], None, false).await;
    nodes[1].region.remove("m").await.unwrap();
    nodes[0].region.put("m", "y".to_owned()).await.unwrap();
    assert_eq!(nodes[0].held("m").as_deref(), Some("y"));
    assert_eq!(nodes[1].get("m").await.as_deref(), Some("y"));
}

#[tokio::test]
async fn rule_104_a_put_wins_over_a_load_that_has_yet_to_reach_the_tier_though_its_clock_is_a_little_ahead() {
    let bus = LocalBus::default();
    let nodes = nodes(&[], Some(&bus), true).await;
    let behind = &nodes[0];
    // Half of a round trip is what a clock may be wrong by: this one is exact, and the other one ahead by that.
    let half = Duration::from_millis(2);
    let asked = behind.clock.steady();
    behind.clock.advance(half);
    let server = behind.clock.now();
    behind.clock.advance(half);
    behind.clock.synchronise(0, asked, server);
    let clock = Clock::manual();
    let asked = clock.steady();
    clock.advance(2 * half);
    clock.synchronise(0, asked, behind.clock.now());
    let other = clock.clone();
    let long = |region: tests::Settings| region.ttl(Ttl::new(Duration::from_secs(3600)));
    let mut ahead = behind.another_built(|cache| cache.bus(bus.clone()).clock(other), long).await;
    ahead.clock = clock;
    settle().await;
    let slow = ahead.tier.gate(Operation::Put, Moment::Before);
    assert_eq!(ahead.get("m").await.as_deref(), Some("m@1"));
    settle().await;
    ahead.tier.ungate(Operation::Put, Moment::Before);
    [&behind.clock, &ahead.clock].iter().for_each(|clock| clock.advance(Duration::from_micros(50)));
    behind.region.put("m", "y".to_owned()).await.unwrap();
    slow.open();
    settle().await;
    assert_eq!(behind.held("m").as_deref(), Some("y"), "the tier holds it");
    assert_eq!(ahead.get("m").await.as_deref(), Some("y"));
}

#[tokio::test]
async fn rule_104_a_load_that_a_tier_refused_is_not_kept_in_memory() {
    let nodes = nodes(&[30_000_000], None, false).await;
    let gate = nodes[0].source.gate();
    let load = nodes[0].ask("m").await;
    nodes[1].region.put("m", "newer".to_owned()).await.unwrap();
    gate.open();
    load.await.unwrap().unwrap();
    settle().await;
    assert_eq!(nodes[0].peek("m"), None);
    assert_eq!(nodes[0].get("m").await.as_deref(), Some("newer"), "what won");
}

#[tokio::test]
async fn rule_104_of_two_puts_of_one_node_the_one_that_is_late_does_not_come_back() {
    let fixture = Fixture::new().await;
    let gate = fixture.tier.gate(cache_core::Operation::Put, tests::Moment::Before);
    let region = fixture.region.clone();
    let first = tokio::spawn(async move { region.put("m", "first".to_owned()).await });
    settle().await;
    fixture.tier.ungate(cache_core::Operation::Put, tests::Moment::Before);
    fixture.region.put("m", "second".to_owned()).await.unwrap();
    gate.open();
    first.await.unwrap().unwrap();
    assert_eq!(
        (fixture.held("m").as_deref(), fixture.peek("m").as_deref()),
        (Some("second"), Some("second"))
    );
}

#[tokio::test]
async fn rule_104_a_clock_that_is_wrong_is_said_in_health_and_changes_no_age() {
    let fixture = Fixture::new().await;
    let server = fixture.clock.now();
    fixture.clock.shift_wall(-30_000_000);
    assert_eq!(fixture.cache.health().clock_ahead_micros, None, "nobody knows");
    fixture.clock.synchronise(0, fixture.clock.steady(), server);
    assert_eq!(fixture.cache.health().clock_ahead_micros.map(|micros| micros / 1_000_000), Some(-30));
    fixture.region.put("m", "y".to_owned()).await.unwrap();
    fixture.clock.shift_wall(3_600_000_000);
    fixture.pass(7);
    let answer = fixture.region.lookup("m").await.unwrap();
    assert!(tests::about(answer.age, Duration::from_secs(7)), "{:?}", answer.age);
    fixture.clock.shift_wall(1_000);
    assert_eq!(fixture.cache.health().clock_ahead_micros, None, "a little is nothing");
}

/// What a node does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    Remove,
    Get,
    /// The wall clock of the node is set to be this wrong.
    Jump(i64),
}

fn steps(with_removals: bool) -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Put),
        2 => Just(if with_removals { Step::Remove } else { Step::Put }),
        3 => Just(Step::Get),
        1 => prop_oneof![-15_000_000_i64..15_000_000, -3_000_i64..3_000].prop_map(Step::Jump),
    ];
    prop::collection::vec((0_usize..3, step), 1..24)
}

/// Carries out the steps one after the other, and checks that every node reads the latest put then.
fn the_latest_put_wins(ahead: &[u64], synchronised: bool, steps: Vec<(usize, Step)>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bus = LocalBus::default();
        let nodes = nodes(ahead, Some(&bus), synchronised).await;
        if synchronised {
            nodes[0].clock.synchronise(0, nodes[0].clock.steady(), nodes[0].clock.now());
        }
        let (mut latest, count) = (None, steps.len());
        for (number, (node, step)) in steps.into_iter().enumerate() {
            nodes.iter().for_each(|node| node.clock.advance(Duration::from_micros(50)));
            let node = &nodes[node];
            match step {
                Step::Put => {
                    latest = Some(format!("put {number}"));
                    node.region.put("m", format!("put {number}")).await.unwrap();
                }
                Step::Remove => {
                    latest = None;
                    node.region.remove("m").await.unwrap();
                }
                Step::Get => drop(node.get("m").await),
                Step::Jump(micros) => node.clock.shift_wall(micros),
            }
            settle().await;
            // A node that reads learns how late the others' births are: so not all read after each step.
            if number + 1 < count {
                continue;
            }
            let mut reads = Vec::new();
            for node in &nodes {
                reads.push(node.region.lookup("m").await.unwrap().value.map(|value| (*value).clone()));
                settle().await;
            }
            if let Some(latest) = &latest {
                assert!(
                    reads.iter().all(|read| read.as_ref() == Some(latest)),
                    "{latest} after {number}: {reads:?}"
                );
            } else {
                let old = |read: &Option<String>| read.as_ref().is_some_and(|read| read.starts_with("put"));
                assert!(!reads.iter().any(old), "removed at {number}: {reads:?}");
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn rule_104_the_latest_put_wins_whatever_the_clocks(
        ahead in prop::collection::vec(prop_oneof![0_u64..3_000, 0_u64..25_000_000], 2),
        steps in steps(false),
    ) {
        the_latest_put_wins(&ahead, false, steps);
    }

    #[test]
    fn rule_104_by_a_servers_time_removals_win_as_well(
        ahead in prop::collection::vec(0_u64..120_000_000, 2),
        steps in steps(true),
    ) {
        the_latest_put_wins(&ahead, true, steps);
    }
}

#[tokio::test]
async fn a_cache_without_tiers_knows_no_server() {
    assert_eq!(Cache::builder().build().await.unwrap().health().clock_ahead_micros, None);
}

#[tokio::test]
async fn rule_104_a_copy_up_that_a_tier_refused_is_not_kept_in_memory() {
    let clock = Clock::manual();
    let (near, far) = (Arc::new(ModelTier::new("near")), Arc::new(ModelTier::new("far")));
    let slow = FaultyTier::over(Arc::clone(&far));
    let region = async |builder: cache_facade::CacheBuilder| {
        let cache = builder.clock(clock.clone()).build().await.unwrap();
        cache.region::<String>("k").ttl(Ttl::new(Duration::from_secs(3600))).open().unwrap()
    };
    let there = region(Cache::builder().tier(Arc::clone(&near)).tier(Arc::clone(&far))).await;
    let here = region(Cache::builder().tier(Arc::clone(&near)).tier(slow.clone())).await;
    // The clears from before it came have to be asked of all tiers, once.
    here.get("none").await.unwrap();
    there.with(|policy| policy.skip("near")).put("m", "older".to_owned()).await.unwrap();
    let gate = slow.gate(Operation::Get, Moment::Before);
    let reader = here.clone();
    let read = tokio::spawn(async move { reader.get("m").await });
    gate.reached(1).await;
    there.with(|policy| policy.skip("far")).put("m", "newer".to_owned()).await.unwrap();
    gate.open();
    read.await.unwrap().unwrap();
    settle().await;
    assert_eq!(here.peek("m"), None);
    assert_eq!(here.get("m").await.unwrap().as_deref().map(String::as_str), Some("newer"), "what won");
}
