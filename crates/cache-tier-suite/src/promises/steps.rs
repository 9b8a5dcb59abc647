//! Removal by pattern step by step, of tiers that can.

use std::time::Duration;

use cache_core::{Clock, Entry, Key, ListCursor, Pattern, RemovalStep, Tier, TierExt, Tombstone};

use crate::entries::{at, entry, key, tombstone};

/// How many steps a removal of a few entries may take: more mean that it does not end.
const MAX_STEPS: usize = 10_000;

/// How many entries are removed, and how many a step examines.
const ENTRIES: usize = 120;
const LIMIT: usize = 7;

async fn step(
    tier: &dyn Tier,
    pattern: &Pattern,
    tombstone: Tombstone,
    after: Option<&ListCursor>,
) -> Option<RemovalStep> {
    tier.remove_step(pattern, tombstone, after, LIMIT).await.unwrap()
}

/// Stores what is to be removed, and as much again that is not.
async fn fill(tier: &dyn Tier, clock: &Clock) -> Vec<Key> {
    let keys: Vec<Key> = (0..ENTRIES).map(|id| key(&format!("step{id}"))).collect();
    let others = (0..ENTRIES).map(|id| key(&format!("other{id}")));
    let old = entry("old", at(clock, 1));
    let put: Vec<(Key, Entry)> = keys.iter().cloned().chain(others).map(|key| (key, old.clone())).collect();
    tier.put(&put).await.unwrap();
    // What a tier has yet to write is no part of a step.
    tier.flush().await.unwrap();
    keys
}

pub(crate) async fn rule_98_all_steps_together_remove_exactly_what_matches(tier: &dyn Tier, clock: &Clock) {
    let keys = fill(tier, clock).await;
    let (pattern, stone) = (Pattern::glob("suite:step*").unwrap(), tombstone(at(clock, 10)));
    let (newer, older) = (entry("newer", at(clock, 11)), entry("older", at(clock, 9)));
    let (mut removed, mut after, mut steps) = (0, None, 0);
    loop {
        let Some(made) = step(tier, &pattern, stone, after.as_ref()).await else { return };
        removed += made.removed.expect("nothing failed");
        steps += 1;
        assert!(steps < MAX_STEPS, "it ends");
        if steps == 1 {
            let next = made.next.as_ref().expect("a step is bounded");
            assert!(removed < ENTRIES as u64, "a step of {LIMIT} has removed {removed} of {ENTRIES}");
            // Whether the walk has passed there or not.
            for id in [0, ENTRIES / 2, ENTRIES - 1] {
                tier.put_one(keys[id].clone(), older.clone()).await.unwrap();
            }
            tier.put_one(key("step new"), newer.clone()).await.unwrap();
            let again = step(tier, &pattern, stone, Some(next)).await.expect("it knew steps before");
            removed += again.removed.expect("nothing failed");
        }
        match made.next {
            None => break,
            next => after = next,
        }
    }
    assert!(steps > 2, "{steps} steps of {LIMIT} for {ENTRIES} entries");
    assert_eq!(removed, ENTRIES as u64, "each is counted once, though a step was made twice");
    assert_eq!(tier.get(&keys).await.unwrap(), vec![None; ENTRIES]);
    assert_eq!(tier.get_one(&key("step new")).await.unwrap(), Some(newer), "it was born later");
    for id in [0, ENTRIES - 1] {
        let kept = tier.get_one(&key(&format!("other{id}"))).await.unwrap();
        assert_eq!(kept, Some(entry("old", at(clock, 1))), "it doesn't match");
    }
}

pub(crate) async fn rule_98_a_walk_goes_on_under_a_tombstone_that_lasts_longer(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let keys = fill(tier, clock).await;
    let pattern = Pattern::glob("suite:step*").unwrap();
    let (born, older) = (at(clock, 10), entry("older", at(clock, 9)));
    let lasting = |seconds| Tombstone { born, dead_at: clock.now().after(Duration::from_secs(seconds)) };
    let Some(first) = step(tier, &pattern, lasting(60), None).await else { return };
    let (mut removed, mut after) = (first.removed.unwrap(), first.next);
    let longer = lasting(600);
    removed += step(tier, &pattern, longer, None).await.unwrap().removed.unwrap();
    while let Some(next) = after {
        let made = step(tier, &pattern, longer, Some(&next)).await.unwrap();
        removed += made.removed.unwrap();
        after = made.next;
    }
    assert_eq!(removed, ENTRIES as u64);
    clock.advance(Duration::from_secs(120));
    let late = key("step late");
    for key in [&late, &keys[0], &keys[ENTRIES - 1]] {
        tier.put_one(key.clone(), older.clone()).await.unwrap();
        assert_eq!(
            tier.get_one(key).await.unwrap(),
            None,
            "{key} is refused for as long as the longer one lasts"
        );
    }
}
