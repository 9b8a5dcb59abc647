//! Listing what is held, of tiers that can.

use std::collections::{BTreeMap, BTreeSet};

use cache_core::{Clock, Entry, Key, ListItem, Pattern, Tag, Target, Tier};
use proptest::collection::{btree_set, vec};

use crate::{
    entries::{at, entry, key, tombstone},
    properties::{for_all, in_parallel},
};

/// How many pages a listing of a few entries may take: more mean that it does not end.
const MAX_PAGES: usize = 100_000;

/// Lists all that matches, in pages of this size. `None` if the tier can't list.
async fn list(tier: &dyn Tier, glob: &str, limit: usize) -> Option<Vec<ListItem>> {
    let pattern = Pattern::glob(glob).unwrap();
    let (mut items, mut after) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = tier.list(&pattern, after.as_ref(), limit).await.unwrap()?;
        items.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Some(items),
        }
    }
    panic!("the listing of {glob} in pages of {limit} does not end");
}

/// The keys of items, each of which must be there once.
fn keys(items: &[ListItem]) -> BTreeSet<String> {
    let keys: BTreeSet<String> = items.iter().map(|item| item.key.clone()).collect();
    assert_eq!(keys.len(), items.len(), "each key is listed once");
    keys
}

pub(crate) async fn rule_127_what_is_held_is_listed_as_it_was_put(tier: &dyn Tier, clock: &Clock) {
    let labelled = |mut entry: Entry, tags: &[&str]| {
        let tags: Vec<Tag> = tags.iter().map(|text| Tag::new(text).unwrap()).collect();
        entry.meta = entry.meta.labelled(&tags, None);
        entry
    };
    let long = ["x".repeat(500), "y".repeat(500), "z".repeat(500)];
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let put = [
        (key("value"), entry("a value", at(clock, 1))),
        (key("absent"), Entry::absent(entry("", at(clock, 2)).meta)),
        (key("tagged"), labelled(entry("tagged", at(clock, 3)), &["a", "b"])),
        (key("long"), labelled(entry("long", at(clock, 4)), &long)),
        (Key::new("other", "value").expect("a valid key"), entry("other", at(clock, 5))),
    ];
    tier.put(&put).await.unwrap();
    let Some(items) = list(tier, "suite:*", 100).await else { return };
    let items: BTreeMap<String, ListItem> = items.into_iter().map(|item| (item.key.clone(), item)).collect();
    assert_eq!(items.len(), 4, "{items:?}");
    for (key, entry) in &put[..4] {
        let item = items.get(key.as_str()).unwrap_or_else(|| panic!("{key} is listed"));
        assert_eq!((&item.meta, item.absent), (&entry.meta, entry.value.is_none()), "{key}");
        let len = entry.value.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
        assert!(item.bytes >= len, "{key} takes {} bytes", item.bytes);
    }
}

pub(crate) async fn rule_127_what_was_removed_and_the_caches_own_is_not_listed(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let own = cache_core::Prefix::new(None, "suite").unwrap().reserved().key("own").unwrap();
    let put = ["removed", "ended", "kept"].map(|id| (key(id), entry(id, at(clock, 1))));
    tier.put(&put).await.unwrap();
    tier.put(&[(own, entry("own", at(clock, 1)))]).await.unwrap();
    tier.remove(Target::Keys(&[key("removed"), key("never")]), tombstone(at(clock, 2))).await.unwrap();
    let ended = Pattern::glob("suite:end*").unwrap();
    tier.remove(Target::Matching(&ended), tombstone(at(clock, 2))).await.unwrap();
    let Some(items) = list(tier, "*", 2).await else { return };
    assert_eq!(keys(&items), BTreeSet::from(["suite:kept".to_owned()]));
    if let Some(items) = list(tier, "!*", 2).await {
        assert_eq!(items, [], "no pattern matches the cache's own keys");
    }
}

pub(crate) async fn rule_127_pages_of_any_size_list_exactly_what_matches(tier: &dyn Tier, clock: &Clock) {
    let input = (
        btree_set("[ab:?*\\\\%_é]{0,5}", 0..24),
        vec("a|b|:|é|\\*|\\?|\\\\\\*|\\\\\\?|\\\\\\\\", 1..6),
        1_usize..40,
    );
    for_all(32, input, async |case, (ids, glob, limit)| {
        let held: Vec<Key> = ids.iter().map(|id| key(&format!("{case}/{id}"))).collect();
        let put: Vec<_> = held.iter().map(|key| (key.clone(), entry("a", at(clock, 1)))).collect();
        tier.put(&put).await.unwrap();
        for glob in [format!("suite:{case}/{}", glob.concat()), format!("suite:{case}/*")] {
            let pattern = Pattern::glob(&glob).unwrap();
            let Some(items) = list(tier, &glob, limit).await else { return };
            let matching = held.iter().filter(|key| pattern.matches(key));
            let matching: BTreeSet<String> = matching.map(|key| key.as_str().to_owned()).collect();
            assert_eq!(keys(&items), matching, "{glob} in pages of {limit}");
        }
    })
    .await;
}

pub(crate) async fn rule_127_what_is_held_all_the_while_is_found_though_others_write(
    tier: &dyn Tier,
    clock: &Clock,
) {
    let held: Vec<Key> = (0..60).map(|n| key(&format!("held/{n}"))).collect();
    let put: Vec<_> = held.iter().map(|key| (key.clone(), entry("held", at(clock, 1)))).collect();
    tier.put(&put).await.unwrap();
    in_parallel(3, async |thread| {
        if thread == 0 {
            for limit in [1, 7, 100] {
                let Some(items) = list(tier, "suite:*", limit).await else { return };
                let listed: BTreeSet<&str> = items.iter().map(|item| item.key.as_str()).collect();
                for key in &held {
                    assert!(listed.contains(key.as_str()), "{key} is listed in pages of {limit}");
                }
            }
            return;
        }
        for round in 0..20 {
            let born = at(clock, 10 + 2 * round);
            let own: Vec<Key> = (0..8).map(|n| key(&format!("{thread}/{}", (n + round) % 12))).collect();
            let put: Vec<_> = own.iter().map(|key| (key.clone(), entry("other", born))).collect();
            tier.put(&put).await.unwrap();
            tier.remove(Target::Keys(&own[..4]), tombstone(at(clock, 11 + 2 * round))).await.unwrap();
        }
    })
    .await;
}
