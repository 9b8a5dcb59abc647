//! Removal by pattern.

use cache_core::{Clock, Key, Pattern, Target, Tier, TierExt};
use proptest::collection::{btree_set, vec};

use crate::{
    entries::{at, entry, key, tombstone},
    properties::for_all,
};

async fn remove(tier: &dyn Tier, glob: &str, clock: &Clock, born: i64) -> u64 {
    let pattern = Pattern::glob(glob).unwrap();
    tier.remove(Target::Matching(&pattern), tombstone(at(clock, born))).await.unwrap()
}

pub(crate) async fn rule_29_a_pattern_removal_holds_for_keys_that_were_not_there(
    tier: &dyn Tier,
    clock: &Clock,
) {
    assert_eq!(remove(tier, "suite:a*", clock, 10).await, 0);
    let late = |id| (key(id), entry("late", at(clock, 10)));
    tier.put(&[late("a1"), late("b1")]).await.unwrap();
    tier.put(&[(key("a2"), entry("new", at(clock, 11)))]).await.unwrap();
    let answers = tier.get(&[key("a1"), key("b1"), key("a2")]).await.unwrap();
    assert_eq!(answers.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
}

pub(crate) async fn rule_30_a_pattern_removal_leaves_what_was_born_after_it(tier: &dyn Tier, clock: &Clock) {
    let newer = entry("newer", at(clock, 11));
    tier.put(&[(key("newer"), newer.clone()), (key("same"), entry("same", at(clock, 10)))]).await.unwrap();
    assert_eq!(remove(tier, "suite:*", clock, 10).await, 1);
    assert_eq!(tier.get(&[key("newer"), key("same")]).await.unwrap(), [Some(newer), None]);
    assert_eq!(remove(tier, "suite:*", clock, 5).await, 0, "an older removal removes nothing more");
    tier.put_one(key("same"), entry("late", at(clock, 7))).await.unwrap();
    assert_eq!(tier.get_one(&key("same")).await.unwrap(), None, "nor does it lift the newer one");
}

pub(crate) async fn rule_32_a_value_read_before_a_pattern_removal_can_not_be_put_back(
    tier: &dyn Tier,
    clock: &Clock,
) {
    tier.put_one(key("a"), entry("old", at(clock, 1))).await.unwrap();
    let read = tier.get_one(&key("a")).await.unwrap().unwrap();
    remove(tier, "suite:*", clock, 2).await;
    tier.put_one(key("a"), read).await.unwrap();
    assert_eq!(tier.get_one(&key("a")).await.unwrap(), None);
}

pub(crate) async fn rule_50_users_and_users_abc_are_different_kinds(tier: &dyn Tier, clock: &Clock) {
    let keys = [Key::new("users", "1"), Key::new("usersAbc", "1"), Key::new("user", "s:1")];
    let keys = keys.map(|key| key.expect("a valid key"));
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), entry("a", at(clock, 1)))).collect();
    tier.put(&entries).await.unwrap();
    let removed =
        tier.remove(Target::Matching(&Pattern::kind("users")), tombstone(at(clock, 2))).await.unwrap();
    assert_eq!(removed, 1);
    let answers = tier.get(&keys).await.unwrap();
    assert_eq!(answers.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
}

pub(crate) async fn rule_50_glob_characters_in_keys_are_only_characters(tier: &dyn Tier, clock: &Clock) {
    let ids = ["a*b", "axb", "a?b", "a\\b", "a[xy]b", "a%b", "a_b", "a:b", "ab"];
    let keys = ids.map(key);
    for (n, id) in ids.into_iter().enumerate() {
        let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("a", at(clock, 2 * n as i64)))).collect();
        tier.put(&put).await.unwrap();
        let glob = format!("suite:{}", Pattern::escape(id));
        assert_eq!(remove(tier, &glob, clock, 2 * n as i64 + 1).await, 1, "{glob} removes only {id}");
        assert_eq!(tier.get_one(&keys[n]).await.unwrap(), None, "{id}");
    }
}

pub(crate) async fn rule_50_a_pattern_removes_exactly_what_it_matches(tier: &dyn Tier, clock: &Clock) {
    let input =
        (btree_set("[ab:?*\\\\%_é]{0,5}", 1..12), vec("a|b|:|é|\\*|\\?|\\\\\\*|\\\\\\?|\\\\\\\\", 1..6));
    for_all(64, input, async |case, (ids, glob)| {
        let keys: Vec<Key> = ids.iter().map(|id| key(&format!("{case}/{id}"))).collect();
        let put: Vec<_> = keys.iter().map(|key| (key.clone(), entry("a", at(clock, 1)))).collect();
        tier.put(&put).await.unwrap();

        let pattern = Pattern::glob(&format!("suite:{case}/{}", glob.concat())).unwrap();
        let removed = tier.remove(Target::Matching(&pattern), tombstone(at(clock, 2))).await.unwrap();
        let left = tier.get(&keys).await.unwrap();
        for (key, left) in keys.iter().zip(&left) {
            assert_eq!(left.is_none(), pattern.matches(key), "{key} under {pattern}");
        }
        assert_eq!(removed, left.iter().filter(|left| left.is_none()).count() as u64);
    })
    .await;
}
