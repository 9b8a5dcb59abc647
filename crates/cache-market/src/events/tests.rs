//! The set of events against an oracle, on nodes that hear of each other in any order; and clocks set back.

use std::collections::BTreeMap;

use cache_core::Timestamp;
use proptest::prelude::*;

use super::{
    EventId, EventKind, EventRules, EventSet, MarketEvent,
    event_bucket::{BUCKETS, StoredEvents},
};
use market_data::{Asset, DataType};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn asset(number: u8) -> Asset {
    format!("A{number}").parse().unwrap()
}

fn earnings(number: u8, seconds: i64) -> MarketEvent {
    MarketEvent::announced(asset(number), EventKind::Earnings).at(at(seconds))
}

fn ids(set: &EventSet, now: Timestamp) -> Vec<EventId> {
    set.ahead(now).into_iter().map(|(id, _)| id).collect()
}

/// What one node stored, read by another.
fn hear(from: &EventSet, to: &mut EventSet) {
    let copies: Vec<StoredEvents> = (0..BUCKETS).map(|number| from.bucket(number).stored()).collect();
    for (number, copy) in copies.into_iter().enumerate() {
        let json = serde_json::to_vec(&copy).unwrap();
        to.merge(number, serde_json::from_slice(&json).unwrap(), |_, _| {});
    }
}

#[derive(Clone, Debug)]
enum Step {
    Announce { node: usize, asset: u8, seconds: i64 },
    Withdraw { node: usize, asset: u8, seconds: i64 },
    Hear { from: usize, to: usize },
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let event = || (0..3_usize, 0..4_u8, 1..40_i64);
    prop_oneof![
        4 => event().prop_map(|(node, asset, seconds)| Step::Announce { node, asset, seconds }),
        2 => event().prop_map(|(node, asset, seconds)| Step::Withdraw { node, asset, seconds }),
        4 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Step::Hear { from, to }),
        1 => (1..4_i64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// The oracle: of each event the change that came last holds, and it lies ahead until its moment. A node
    /// withdraws only what it knows.
    #[test]
    fn rule_76_nodes_that_hear_of_each_other_know_the_same_events(steps in prop::collection::vec(step(), 0..60)) {
        let mut nodes: Vec<EventSet> = (0..3).map(|_| EventSet::default()).collect();
        let mut oracle: BTreeMap<(u8, i64), bool> = BTreeMap::new();
        // Each step takes a microsecond, so that of two changes one comes last.
        let mut now = 0_i64;
        for step in steps {
            now += 1;
            let moment = Timestamp::from_micros(now);
            match step {
                Step::Announce { node, asset, seconds } if at(seconds) > moment => {
                    let event = earnings(asset, seconds);
                    let known = nodes[node].get(EventId::of(&event, at(seconds)), moment).is_some();
                    nodes[node].announce(&event, at(seconds), moment).unwrap();
                    // One that was withdrawn elsewhere, of which this node has not heard, stays so.
                    if !known {
                        oracle.insert((asset, seconds), true);
                    }
                }
                Step::Announce { .. } => {}
                Step::Withdraw { node, asset, seconds } => {
                    let id = EventId::of(&earnings(asset, seconds), at(seconds));
                    if nodes[node].withdraw(id, moment).is_some() {
                        oracle.insert((asset, seconds), false);
                    }
                }
                Step::Hear { from, to } if from != to => {
                    let copy = std::mem::take(&mut nodes[from]);
                    hear(&copy, &mut nodes[to]);
                    nodes[from] = copy;
                }
                Step::Hear { .. } => {}
                Step::Pass(seconds) => now += seconds * 1_000_000,
            }
        }
        let moment = Timestamp::from_micros(now);
        for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            let copy = std::mem::take(&mut nodes[from]);
            hear(&copy, &mut nodes[to]);
            nodes[from] = copy;
        }
        let mut expected: Vec<(Timestamp, EventId)> = oracle
            .into_iter()
            .filter(|((_, seconds), ahead)| *ahead && at(*seconds) > moment)
            .map(|((asset, seconds), _)| (at(seconds), EventId::of(&earnings(asset, seconds), at(seconds))))
            .collect();
        expected.sort_unstable();
        let expected: Vec<EventId> = expected.into_iter().map(|(_, id)| id).collect();
        for node in &mut nodes {
            prop_assert_eq!(&ids(node, moment), &expected);
            // What they have stored needs no further write, and each event comes due once.
            let stored = node.bucket(0).stored();
            prop_assert!(!node.bucket(0).outdates(Some(&stored)));
            let due = node.due(at(1_000));
            prop_assert!(due.is_sorted_by_key(|(event, _)| event.at));
            prop_assert!(expected.len() <= due.len());
            prop_assert_eq!(node.due(at(1_000)), []);
            node.prune(at(1_000_000_000));
            prop_assert_eq!(node.first(), None);
        }
    }

    #[test]
    fn rule_76_no_value_outlives_the_first_event_after_its_birth(
        moments in prop::collection::btree_set(1..100_i64, 0..8), born in 0..100_i64, now in 0..100_i64,
    ) {
        let mut set = EventSet::default();
        for moment in &moments {
            set.announce(&earnings(0, *moment), at(*moment), at(0)).unwrap();
        }
        let rules = EventRules::default();
        let end = |set: &EventSet, number, data| set.end(&asset(number), data, &rules, at(born), at(now));
        let first = moments.iter().copied().find(|moment| *moment > born).map(at);
        prop_assert_eq!(end(&set, 0, DataType::Price), first);
        prop_assert_eq!(end(&set, 0, DataType::Ohlcv), None, "not touched by earnings");
        prop_assert_eq!(end(&set, 1, DataType::Price), None);
        // Afterwards too, when events were carried out, and when they were forgotten.
        set.due(at(200));
        set.prune(at(200));
        prop_assert_eq!(end(&set, 0, DataType::Price).is_some(), first.is_some());
        set.prune(at(10_000_000));
        prop_assert_eq!(end(&set, 0, DataType::Price).is_some(), first.is_some());
        prop_assert!(set.ahead(at(0)).is_empty());
    }
}

#[test]
fn rule_76_a_clock_that_is_set_back_brings_its_events_once_more() {
    let mut set = EventSet::default();
    let id = set.announce(&earnings(0, 100), at(100), at(0)).unwrap().0;
    assert_eq!(set.due(at(99)), []);
    assert_eq!(set.due(at(100)), [(earnings(0, 100), true)]);
    assert_eq!(set.due(at(101)), []);
    assert_eq!(ids(&set, at(101)), []);
    assert_eq!(set.due(at(50)), [], "set back");
    assert_eq!(ids(&set, at(50)), [id], "it lies ahead again");
    let end = set.end(&asset(0), DataType::Price, &EventRules::default(), at(60), at(60));
    assert_eq!(end, Some(at(100)), "and bounds lives");
    assert!(set.announce(&earnings(0, 200), at(200), at(50)).is_ok(), "others can be announced");
    let mut other = EventSet::default();
    other.announce(&earnings(0, 300), at(300), at(50)).unwrap();
    hear(&other, &mut set);
    assert_eq!(set.ahead(at(50)).len(), 3);
    assert_eq!(set.due(at(100)), [(earnings(0, 100), true)]);
}

#[test]
fn rule_76_what_a_node_whose_clock_is_ahead_has_carried_out_has_happened() {
    let (mut ahead, mut behind) = (EventSet::default(), EventSet::default());
    ahead.announce(&earnings(0, 100), at(100), at(0)).unwrap();
    ahead.due(at(100));
    hear(&ahead, &mut behind);
    let now = at(70);
    assert_eq!(ids(&behind, now), []);
    let end = behind.end(&asset(0), DataType::Price, &EventRules::default(), at(10), now);
    assert_eq!(end, Some(now), "what is older is stale now");
    assert_eq!(behind.due(now), [(earnings(0, 100), false)], "not the first");
    assert_eq!(behind.due(at(100)), []);
    hear(&behind, &mut ahead);
    assert_eq!(ahead.due(at(200)), []);
}

#[test]
fn rule_76_a_copy_with_what_this_node_forgot_is_not_written_in_turns() {
    let mut set = EventSet::default();
    set.announce(&earnings(0, 100), at(100), at(0)).unwrap();
    set.due(at(100));
    let number = (0..BUCKETS).find(|number| set.bucket(*number).len() > 0).unwrap();
    let copy = set.bucket(number).stored();
    set.prune(at(100 + 8 * 86_400));
    let forgotten = set.bucket(number).stored();
    assert!(set.bucket(number).outdates(Some(&copy)), "up to when events were forgotten is news");
    set.merge(number, copy, |_, _| {});
    set.prune(at(100 + 8 * 86_400));
    assert_eq!(set.bucket(number).stored(), forgotten);
    assert!(!set.bucket(number).outdates(Some(&forgotten)));
}
