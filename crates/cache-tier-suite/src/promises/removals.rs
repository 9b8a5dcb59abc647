//! Removal of keys, and the tombstones it leaves.

use std::{slice, time::Duration};

use cache_core::{Clock, Entry, Meta, Pattern, Target, Tier, TierExt, Tombstone, Ttl};

use crate::entries::{LONG, at, entry, key, tombstone};

pub(crate) async fn rule_29_a_removed_key_is_absent_and_counted(tier: &dyn Tier, clock: &Clock) {
    let kept = entry("kept", at(clock, 1));
    let batch = [(key("a"), entry("a", at(clock, 1))), (key("b"), kept.clone()), (key("c"), kept.clone())];
    tier.put(&batch).await.unwrap();
    let gone = [key("a"), key("c"), key("never was")];
    assert_eq!(tier.remove(Target::Keys(&gone), tombstone(at(clock, 2))).await.unwrap(), 2);
    assert_eq!(tier.get(&[key("a"), key("b"), key("c")]).await.unwrap(), [None, Some(kept), None]);
    assert_eq!(tier.remove(Target::Keys(&gone), tombstone(at(clock, 3))).await.unwrap(), 0, "gone already");
    assert_eq!(
        tier.remove(Target::Keys(&[]), tombstone(at(clock, 4))).await.unwrap(),
        0,
        "nothing to remove"
    );
}

/// Alive is what is fresh or in grace and a value. A tier may have dropped the dead by itself.
pub(crate) async fn rule_29_only_values_that_were_alive_are_counted(tier: &dyn Tier, clock: &Clock) {
    let (life, grace) = (Duration::from_secs(60), Duration::from_secs(120));
    for by_pattern in [false, true] {
        clock.advance(Duration::from_secs(1));
        let born = at(clock, 1);
        let lives = |life: Ttl| Entry { meta: Meta::new(born, life), ..entry("a", born) };
        let batch = [
            ("fresh", lives(Ttl::new(LONG))),
            ("endless", lives(Ttl::new(Duration::MAX))),
            ("empty", entry("", born)),
            ("in grace", lives(Ttl::new(life).grace(grace))),
            ("dead", lives(Ttl::new(life))),
            ("absent", Entry::absent(Meta::new(born, Ttl::new(LONG)))),
            ("removed", entry("a", born)),
        ];
        tier.put(&batch.map(|(id, entry)| (key(id), entry))).await.unwrap();
        tier.remove(Target::Keys(&[key("removed")]), tombstone(at(clock, 2))).await.unwrap();
        clock.advance(life + Duration::from_secs(1));
        let keys = ["fresh", "endless", "empty", "in grace", "dead", "absent", "removed", "fresh"].map(key);
        let pattern = Pattern::kind("suite");
        let target = if by_pattern { Target::Matching(&pattern) } else { Target::Keys(&keys) };
        let removed = tier.remove(target, tombstone(at(clock, 3))).await.unwrap();
        assert_eq!(removed, 4, "by pattern: {by_pattern}");
        assert_eq!(tier.get(&keys).await.unwrap(), [const { None }; 8]);
    }
}

pub(crate) async fn rule_29_what_was_born_before_a_removal_is_refused(tier: &dyn Tier, clock: &Clock) {
    tier.put_one(key("a"), entry("a", at(clock, 5))).await.unwrap();
    tier.remove(Target::Keys(&[key("a")]), tombstone(at(clock, 10))).await.unwrap();
    for born in [0, 5, 6, 10] {
        tier.put_one(key("a"), entry("late", at(clock, born))).await.unwrap();
        assert_eq!(tier.get_one(&key("a")).await.unwrap(), None, "born {born}, removed at 10");
    }
}

pub(crate) async fn rule_29_a_removal_holds_for_keys_that_were_not_there(tier: &dyn Tier, clock: &Clock) {
    tier.remove(Target::Keys(&[key("a"), key("b")]), tombstone(at(clock, 10))).await.unwrap();
    let batch = [(key("a"), entry("late", at(clock, 10))), (key("b"), entry("early", at(clock, 1)))];
    tier.put(&batch).await.unwrap();
    assert_eq!(tier.get(&[key("a"), key("b")]).await.unwrap(), [None, None]);
}

pub(crate) async fn rule_29_an_older_removal_does_not_lift_a_newer_one(tier: &dyn Tier, clock: &Clock) {
    tier.remove(Target::Keys(&[key("a")]), tombstone(at(clock, 10))).await.unwrap();
    tier.remove(Target::Keys(&[key("a")]), tombstone(at(clock, 3))).await.unwrap();
    tier.put_one(key("a"), entry("late", at(clock, 7))).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), None);
}

/// Whatever was put in between: what a removal refuses it refuses until its own tombstone is dead.
pub(crate) async fn rule_29_a_shorter_removal_does_not_lift_a_longer_one(tier: &dyn Tier, clock: &Clock) {
    for (n, (by_pattern, put_first)) in
        [(false, false), (false, true), (true, false), (true, true)].iter().enumerate()
    {
        let key = key(&n.to_string());
        let target = slice::from_ref(&key);
        let (longer, newer, last) = (tombstone(at(clock, 10)), at(clock, 20), at(clock, 30));
        let shorter = Tombstone { born: newer, dead_at: clock.now().after(Duration::from_secs(1)) };
        if !put_first {
            tier.remove(Target::Keys(target), longer).await.unwrap();
        }
        tier.put_one(key.clone(), entry("newer", newer)).await.unwrap();
        if *put_first {
            tier.remove(Target::Keys(target), longer).await.unwrap();
        }
        let pattern = Pattern::glob(key.as_str()).unwrap();
        let shorter_target = if *by_pattern { Target::Matching(&pattern) } else { Target::Keys(target) };
        assert_eq!(tier.remove(shorter_target, shorter).await.unwrap(), 1);
        clock.advance(Duration::from_secs(2));
        tier.put_one(key.clone(), entry("late", longer.born)).await.unwrap();
        let held = tier.get_one(&key).await.unwrap();
        assert_eq!(held, None, "by pattern: {by_pattern}, put before the longer removal: {put_first}");
        tier.put_one(key.clone(), entry("last", last)).await.unwrap();
        assert_eq!(tier.get_one(&key).await.unwrap(), Some(entry("last", last)));
    }
}

pub(crate) async fn rule_29_what_was_born_after_a_removal_is_accepted(tier: &dyn Tier, clock: &Clock) {
    tier.put_one(key("a"), entry("old", at(clock, 1))).await.unwrap();
    tier.remove(Target::Keys(&[key("a"), key("b")]), tombstone(at(clock, 10))).await.unwrap();
    for id in ["a", "b"] {
        let new = entry("new", at(clock, 11));
        tier.put_one(key(id), new.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key(id)).await.unwrap(), Some(new), "{id}");

        // And what it replaced still doesn't count.
        tier.put_one(key(id), entry("late", at(clock, 9))).await.unwrap();
        tier.remove(Target::Keys(&[key(id)]), tombstone(at(clock, 12))).await.unwrap();
        assert_eq!(tier.get_one(&key(id)).await.unwrap(), None, "{id}");
    }
}

pub(crate) async fn rule_29_past_its_death_a_tombstone_hinders_nothing_newer(tier: &dyn Tier, clock: &Clock) {
    tier.put_one(key("a"), entry("old", clock.now())).await.unwrap();
    tier.remove(Target::Keys(&[key("a")]), tombstone(clock.now())).await.unwrap();
    clock.advance(LONG * 2);
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), None, "what was removed stays removed");
    let new = entry("new", clock.now());
    tier.put_one(key("a"), new.clone()).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), Some(new));
}

pub(crate) async fn rule_30_a_removal_leaves_what_was_born_after_it(tier: &dyn Tier, clock: &Clock) {
    let (newer, same) = (entry("newer", at(clock, 11)), entry("same", at(clock, 10)));
    tier.put(&[(key("newer"), newer.clone()), (key("same"), same)]).await.unwrap();
    let keys = [key("newer"), key("same")];
    assert_eq!(tier.remove(Target::Keys(&keys), tombstone(at(clock, 10))).await.unwrap(), 1);
    assert_eq!(tier.get(&keys).await.unwrap(), [Some(newer), None]);
}

pub(crate) async fn rule_32_a_value_read_before_a_removal_can_not_be_put_back(
    tier: &dyn Tier,
    clock: &Clock,
) {
    tier.put_one(key("a"), entry("old", at(clock, 1))).await.unwrap();
    let read = tier.get_one(&key("a")).await.unwrap().unwrap();
    tier.remove(Target::Keys(&[key("a")]), tombstone(at(clock, 2))).await.unwrap();
    tier.put_one(key("a"), read).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), None);
}
