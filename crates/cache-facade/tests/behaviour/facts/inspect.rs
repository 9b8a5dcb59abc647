//! Looking at what is held, and counted removals. That counts are right in each tier, for any selection, is
//! shown in `tests/tests/removal_counts`.

use std::{sync::Arc, time::Duration};

use cache_core::{ErrorKind, Fetched, Operation, Tag, Ttl};
use cache_facade::{Cache, Judgement, Memory, Selection};
use tests::{Fixture, ModelTier, Moment, about};

/// A tier that can't list what it holds, as tiers that were written before there was a listing.
#[derive(Debug)]
struct Unlisted(Arc<ModelTier>);

#[async_trait::async_trait]
impl cache_core::Tier for Unlisted {
    fn name(&self) -> &'static str {
        "unlisted"
    }

    async fn get(&self, keys: &[cache_core::Key]) -> cache_core::Result<Vec<Option<cache_core::Entry>>> {
        self.0.get(keys).await
    }

    async fn put(
        &self,
        entries: &[(cache_core::Key, cache_core::Entry)],
    ) -> cache_core::Result<Vec<cache_core::PutOutcome>> {
        self.0.put(entries).await
    }

    async fn remove(
        &self,
        target: cache_core::Target<'_>,
        tombstone: cache_core::Tombstone,
    ) -> cache_core::Result<u64> {
        self.0.remove(target, tombstone).await
    }

    async fn flush(&self) -> cache_core::Result<()> {
        Ok(())
    }
}

/// What memory and the fixture's tier make of a key.
async fn judged(fixture: &Fixture, id: &str) -> (Option<Judgement>, Option<Judgement>) {
    let report = fixture.cache.inspect("price", id).await.unwrap();
    let judgement = |held: &Option<cache_facade::HeldEntry>| held.as_ref().map(|held| held.judgement);
    (judgement(&report.memory), judgement(&report.tiers[0].held))
}

async fn ids(cache: &Cache, pattern: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = cache.keys(pattern, after.as_deref(), 2).await.unwrap();
        ids.extend(page.keys.iter().map(|report| report.key.id().to_owned()));
        after = page.next;
        if after.is_none() {
            ids.sort();
            return ids;
        }
    }
}

fn tagged(text: &str, tag: &str) -> Fetched<String> {
    Fetched::new(text.to_owned()).tag(tag)
}

#[tokio::test]
async fn a_key_is_told_as_it_is_held_and_how_long_it_lasts() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", tagged("value", "red")).await.unwrap();
    fixture.pass(20);
    let report = fixture.cache.inspect("price", "a").await.unwrap();
    assert_eq!(report.held_in().collect::<Vec<_>>(), ["memory", "far"]);
    for held in [report.memory.as_ref().unwrap(), report.tiers[0].held.as_ref().unwrap()] {
        assert!(about(held.life_left, Duration::from_secs(40)), "{held:?}");
        assert!(about(held.grace_left, Duration::from_secs(540)), "{held:?}");
        assert_eq!((&held.tags[..], held.absent), (&[Tag::new("red").unwrap()][..], false));
        assert!(held.bytes >= 5 && held.judgement == Judgement::Fresh, "{held:?}");
    }
    assert_eq!(report.served_from().unwrap().0, "memory");
    let none = fixture.cache.inspect("price", "b").await.unwrap();
    assert_eq!((none.held_in().count(), none.served_from().is_none()), (0, true));
    assert_eq!(fixture.cache.stats().regions[0].misses, 0, "it counts as no read");
    assert_eq!(fixture.cache.inspect("", "b").await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_a_read_would_make_of_an_entry_is_what_reads_make_of_it() {
    let fixture = Fixture::new().await;
    let put = async |id: &str| fixture.region.put(id, tagged("value", "red")).await.unwrap();
    put("a").await;
    fixture.pass(61);
    assert_eq!(judged(&fixture, "a").await, (Some(Judgement::Stale), Some(Judgement::Stale)));
    fixture.pass(600);
    assert_eq!(judged(&fixture, "a").await, (Some(Judgement::Expired), Some(Judgement::Expired)));

    put("b").await;
    fixture.cache.invalidate("red").await.unwrap();
    let ended = Some(Judgement::TagInvalidated);
    assert_eq!(judged(&fixture, "b").await, (ended, ended));
    let another = fixture.another(|region| region).await;
    assert_eq!(judged(&another, "b").await, (None, ended), "by a process that has just begun");

    put("c").await;
    fixture.region.clear().await.unwrap();
    assert_eq!(judged(&fixture, "c").await, (None, Some(Judgement::Cleared)), "memory holds it no longer");
    assert_eq!(judged(&fixture.another(|region| region).await, "c").await, (None, Some(Judgement::Cleared)));

    put("d").await;
    fixture.tier.fail(Operation::Remove, ErrorKind::Unavailable);
    fixture.region.remove("d").await.unwrap();
    assert_eq!(judged(&fixture, "d").await, (None, None), "the tier is still to remove it");
    for id in ["b", "c", "d"] {
        let report = fixture.cache.inspect("price", id).await.unwrap();
        assert!(report.served_from().is_none() && fixture.peek(id).is_none(), "{id}");
    }
}

/// By key, tag, pattern, kind and altogether; for a process that has the kind open, and for one that has not.
#[tokio::test]
async fn rule_84_what_was_marked_is_told_to_be_stale_wherever_it_is_held() {
    for way in 0..5 {
        let fixture = Fixture::new().await;
        fixture.region.put("marked", tagged("value", "red")).await.unwrap();
        fixture.region.put("spared", tagged("value", "blue")).await.unwrap();
        let (cache, region) = (&fixture.cache, &fixture.region);
        match way {
            0 => region.mark_stale("marked").await,
            1 => cache.mark_stale("red").await,
            2 => cache.mark_matching_stale("price:m*").await,
            3 => region.mark_all_stale().await,
            _ => cache.mark_all_stale().await,
        }
        .unwrap();
        let (fresh, stale) = (Some(Judgement::Fresh), Some(Judgement::Stale));
        let spared = if way < 3 { fresh } else { stale };
        assert_eq!(judged(&fixture, "marked").await, (stale, stale), "{way}");
        assert_eq!(judged(&fixture, "spared").await, (spared, spared), "{way}");
        let report = cache.inspect("price", "marked").await.unwrap();
        let held = report.memory.unwrap();
        assert_eq!(held.life_left, Duration::ZERO);
        assert!(about(held.grace_left, Duration::from_secs(600)), "{held:?}");

        let builder = Cache::builder().tier(fixture.tier.clone()).clock(fixture.clock.clone());
        let closed = builder.build().await.unwrap();
        for (id, expected) in [("marked", stale), ("spared", spared)] {
            let report = closed.inspect("price", id).await.unwrap();
            let judgement = report.tiers[0].held.as_ref().map(|held| held.judgement);
            assert_eq!(judgement, expected, "{way}: {id}, of a kind that is not open");
        }
        region.put("marked", tagged("value", "red")).await.unwrap();
        let report = closed.inspect("price", "marked").await.unwrap();
        assert_eq!(report.served_from().unwrap().1.judgement, Judgement::Fresh, "{way}: put anew");
    }
}

#[tokio::test]
async fn a_tier_that_fails_is_told_and_passed_over() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    fixture.another(|region| region).await.region.put("b", "value".to_owned()).await.unwrap();
    assert_eq!(ids(&fixture.cache, "price:*").await, ["a", "b"]);
    fixture.tier.fail(Operation::Get, ErrorKind::Unavailable);
    let report = fixture.cache.inspect("price", "a").await.unwrap();
    assert_eq!(report.tiers[0].error.as_ref().unwrap().kind(), ErrorKind::Unavailable);
    assert_eq!(report.served_from().unwrap().0, "memory");
    let page = fixture.cache.keys("price:*", None, 10).await.unwrap();
    assert_eq!((page.keys.len(), page.passed_over[0].tier, page.next), (1, "far", None));
    let count = fixture.cache.count(&Selection::new().kind("price")).await.unwrap();
    assert_eq!((count.removed.memory, &count.removed.tiers[..], count.complete), (1, &[][..], false));
}

#[tokio::test]
async fn a_tier_that_can_not_list_hides_no_key_of_another() {
    let (first, second) = (Arc::new(ModelTier::new("unlisted")), ModelTier::new("listed"));
    let builder = Cache::builder().memory(Memory::bytes(0)).tier(Unlisted(first)).tier(second);
    let cache = builder.clock(cache_core::Clock::manual()).build().await.unwrap();
    let region = cache.region::<u64>("k").open().unwrap();
    region.put_many([("a", 1), ("b", 2), ("c", 3)]).await.unwrap();
    assert_eq!(ids(&cache, "k:*").await, ["a", "b", "c"]);
    let count = cache.count(&Selection::new().all()).await.unwrap();
    assert_eq!((&count.removed.tiers[..], count.complete), (&[("listed", 3)][..], false));
    let keys = Selection::new().key("k", "a").key("k", "x");
    let count = cache.count(&keys).await.unwrap();
    assert_eq!((&count.removed.tiers[..], count.complete), (&[("unlisted", 1), ("listed", 1)][..], true));
    assert_eq!(cache.remove_selected(&keys).await.unwrap(), count);
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let fixture = Fixture::new().await;
    for after in ["", "x", "1", "0.0", "0.0.zz", "0.0.00", "0.0.00.00"] {
        let error = fixture.cache.keys("*", Some(after), 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{after:?}");
    }
    let page = fixture.cache.keys("*", Some("9.0."), 10).await.unwrap();
    assert!(page.keys.is_empty() && page.next.is_none(), "of a cache that had more tiers");
}

#[tokio::test]
async fn rule_128_a_count_stops_at_its_bound_and_the_removal_does_not() {
    let fixture = Fixture::new().await;
    let values = (0..3000).map(|id| (id.to_string(), tagged("value", "red")));
    fixture.region.put_many(values).await.unwrap();
    let selection = Selection::new().tag("red");
    let count = fixture.cache.count(&selection).await.unwrap();
    assert_eq!((count.removed.memory, &count.removed.tiers[..]), (3000, &[("far", 3000)][..]));
    assert!(count.complete);
    let count = fixture.cache.remove_selected(&selection.clone().examine_at_most(1000)).await.unwrap();
    assert!(!count.complete && (1000..3000).contains(&count.removed.memory), "{count:?}");
    assert!((1000..3000).contains(&count.removed.tiers[0].1), "{count:?}");
    assert_eq!(fixture.peek("7"), None);
    let left = fixture.cache.invalidate_counted("red").await.unwrap();
    assert_eq!((left.removed.at_most(), left.complete), (0, true), "what has ended ends no second time");
}

/// What is ended is wrong: whoever ends it does not serve it for as long as a slow tier takes to count it.
#[tokio::test]
async fn rule_128_what_takes_long_to_be_counted_is_ended_uncounted() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", tagged("value", "red")).await.unwrap();
    let gate = fixture.tier.gate(Operation::Get, Moment::Before);
    let cache = fixture.cache.clone();
    let removal = tokio::spawn(async move { cache.invalidate_counted("red").await });
    gate.reached(1).await;
    assert!(fixture.peek("a").is_some() && !removal.is_finished());
    fixture.clock.advance(Duration::from_secs(2));
    let count = removal.await.unwrap().unwrap();
    assert!(!count.complete && count.removed.tiers.is_empty(), "{count:?}");
    assert_eq!(fixture.peek("a"), None);
}

#[tokio::test]
async fn rule_128_keys_are_removed_and_counted_by_place() {
    let fixture = Fixture::new().await;
    let local = fixture.cache.memory_region::<u64>("local").open().unwrap();
    local.put("a", 1).await.unwrap();
    fixture.region.put_many(["a", "b", "c"].map(|id| (id, id.to_owned()))).await.unwrap();
    fixture.another(|region| region).await.region.put("d", "d".to_owned()).await.unwrap();
    let keys = [("price", "a"), ("price", "d"), ("price", "d"), ("price", "x"), ("local", "a")];
    let removed = fixture.cache.remove_keys(keys).await.unwrap();
    assert_eq!((removed.memory, &removed.tiers[..]), (2, &[("far", 2)][..]));
    assert_eq!((local.peek("a"), fixture.peek("a"), fixture.held("d")), (None, None, None));
    fixture.tier.fail(Operation::Remove, ErrorKind::Unavailable);
    let removed = fixture.cache.remove_keys([("price", "b")]).await.unwrap();
    assert_eq!((removed.memory, &removed.tiers[..]), (1, &[][..]), "a tier that failed is left out");
    assert_eq!(judged(&fixture, "b").await, (None, None));
    let error = fixture.cache.remove_keys([("price", "c"), ("a:b", "c")]).await.unwrap_err();
    assert_eq!((error.kind(), fixture.peek("c").is_some()), (ErrorKind::Config, true));
}

#[tokio::test]
async fn rule_128_a_kind_that_is_not_open_is_counted_and_cleared() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    let builder = Cache::builder().tier(fixture.tier.clone()).clock(fixture.clock.clone());
    let other = builder.build().await.unwrap();
    let selection = Selection::new().kind("price");
    let count = other.remove_selected(&selection).await.unwrap();
    assert_eq!((count.removed.memory, &count.removed.tiers[..]), (0, &[("far", 1)][..]));
    assert_eq!(other.count(&selection).await.unwrap().removed.at_most(), 0);
    let region = other.region::<String>("price").ttl(Ttl::new(Duration::from_secs(60))).open().unwrap();
    assert_eq!(region.get("a").await.unwrap(), None);
}
