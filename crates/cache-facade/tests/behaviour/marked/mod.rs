//! What is marked stale: served and flagged, refreshed at a pace, on every node; and fresh again by what comes
//! later.

mod away;
mod keys;
mod model;
mod nodes;
mod pace;

use std::time::Duration;

use cache_core::{Error, ErrorKind, Loaded, Operation};
use cache_facade::{Cache, Fetched, Region, Ttl};
use tests::{Answer, Fixture, GRACE, LIFE, Moment, RecordedEvent, ScriptedLoader, settle};

/// What marks AAPL, whose tag is `tech`, and not MSFT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Key,
    KeyOfKind,
    Many,
    Tag,
    TagUntil,
    Pattern,
    Kind,
    All,
}

impl Way {
    const ALL: [Self; 8] = [
        Self::Key,
        Self::KeyOfKind,
        Self::Many,
        Self::Tag,
        Self::TagUntil,
        Self::Pattern,
        Self::Kind,
        Self::All,
    ];

    async fn mark(self, cache: &Cache, region: &Region<String>) {
        match self {
            Self::Key => region.mark_stale("AAPL").await,
            Self::KeyOfKind => cache.mark_key_stale("price", "AAPL").await,
            Self::Many => region.mark_many_stale(&["AAPL", "AMZN"]).await,
            Self::Tag => cache.mark_stale("tech").await,
            Self::TagUntil => cache.mark_stale_until("tech", cache.clock().tick()).await,
            Self::Pattern => cache.mark_matching_stale("price:A*").await,
            Self::Kind => region.mark_all_stale().await,
            Self::All => cache.mark_all_stale().await,
        }
        .expect("a mark");
    }

    /// Whether MSFT is not concerned.
    fn spares_others(self) -> bool {
        !matches!(self, Self::Kind | Self::All)
    }
}

/// Puts what is marked, and what is not.
async fn put(region: &Region<String>) {
    region.put("AAPL", Fetched::new("old".to_owned()).tag("tech")).await.unwrap();
    region.put("MSFT", Fetched::new("other".to_owned()).tag("soft")).await.unwrap();
}

/// The value that is served of AAPL, where from, and whether it is flagged as stale.
async fn served(region: &Region<String>) -> (String, &'static str, bool) {
    let found = region.lookup("AAPL").await.expect("an answer");
    (found.value.expect("a value").as_str().to_owned(), found.source.as_str(), found.stale)
}

fn old(source: &'static str) -> (String, &'static str, bool) {
    ("old".to_owned(), source, true)
}

/// Lets refreshes go that gather.
async fn refresh(fixture: &Fixture) {
    fixture.clock.advance(Duration::from_millis(200));
    settle().await;
}

#[tokio::test]
async fn rule_84_what_is_marked_is_served_flagged_and_refreshed_by_one_load() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        way.mark(&fixture.cache, &fixture.region).await;
        for _ in 0..3 {
            assert_eq!(served(&fixture.region).await, old("memory"), "{way:?}");
        }
        let others = fixture.region.lookup("MSFT").await.unwrap();
        assert_eq!(others.stale, !way.spares_others(), "{way:?}");
        refresh(&fixture).await;
        assert_eq!(fixture.source.loads(&fixture.key("AAPL")), 1, "{way:?}");
        assert_eq!(served(&fixture.region).await, ("AAPL@1".to_owned(), "memory", false), "{way:?}");
        assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@1"), "{way:?}");
        refresh(&fixture).await;
        assert_eq!(fixture.source.loads(&fixture.key("AAPL")), 1, "{way:?}: it is fresh");
    }
}

#[tokio::test]
async fn rule_84_while_the_source_is_down_the_old_value_is_served_until_its_grace_is_over() {
    for way in Way::ALL {
        for soft in [Duration::ZERO, Duration::from_secs(1)] {
            let fixture = Fixture::with(|region| region.soft_timeout(soft)).await;
            put(&fixture.region).await;
            fixture.source.fail(ErrorKind::Unavailable);
            way.mark(&fixture.cache, &fixture.region).await;
            for _ in 0..4 {
                assert_eq!(served(&fixture.region).await, old("memory"), "{way:?}");
                refresh(&fixture).await;
                fixture.pass(20);
            }
            assert!((1..=5).contains(&fixture.source.calls()), "{way:?}: {}", fixture.source.calls());
            fixture.clock.advance(GRACE);
            assert!(fixture.region.get("AAPL").await.is_err(), "{way:?}: it has died");
        }
    }
}

#[tokio::test]
async fn rule_84_what_has_no_grace_is_served_for_as_long_as_it_would_have_been_fresh() {
    for way in Way::ALL {
        let fixture = Fixture::with(|region| region.ttl(Ttl::new(LIFE))).await;
        put(&fixture.region).await;
        way.mark(&fixture.cache, &fixture.region).await;
        fixture.source.fail(ErrorKind::Unavailable);
        fixture.pass(59);
        assert_eq!(served(&fixture.region).await, old("memory"), "{way:?}");
        fixture.pass(1);
        assert!(fixture.region.get("AAPL").await.is_err(), "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_memory_alone_knows_of_marks() {
    for way in Way::ALL {
        let source = ScriptedLoader::versions();
        let cache = Cache::builder().build().await.unwrap();
        let region = cache.region::<String>("price").ttl("1h").loader(source.clone()).open().unwrap();
        put(&region).await;
        source.fail(ErrorKind::Unavailable);
        way.mark(&cache, &region).await;
        assert_eq!(served(&region).await, old("memory"), "{way:?}");
        region.put("AAPL", Fetched::new("new".to_owned()).tag("tech")).await.unwrap();
        assert_eq!(served(&region).await, ("new".to_owned(), "memory", false), "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_what_is_put_or_loaded_later_is_fresh_and_what_is_ended_later_is_gone() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        way.mark(&fixture.cache, &fixture.region).await;
        put(&fixture.region).await;
        assert!(!served(&fixture.region).await.2, "{way:?}: put");
        way.mark(&fixture.cache, &fixture.region).await;
        assert_eq!(fixture.region.refresh(&["AAPL"]).await.unwrap().loaded, 1);
        assert_eq!(served(&fixture.region).await, ("AAPL@1".to_owned(), "memory", false), "{way:?}: loaded");

        put(&fixture.region).await;
        way.mark(&fixture.cache, &fixture.region).await;
        fixture.source.fail(ErrorKind::Unavailable);
        for end in 0..4 {
            match end {
                0 => assert!(fixture.region.remove("AAPL").await.unwrap(), "{way:?}: it was alive"),
                1 => fixture.cache.invalidate("tech").await.unwrap(),
                2 => drop(fixture.cache.remove_matching("price:AAPL").await.unwrap()),
                _ => fixture.cache.clear().await.unwrap(),
            }
            assert!(fixture.region.get("AAPL").await.is_err(), "{way:?}, {end}: gone");
            way.mark(&fixture.cache, &fixture.region).await;
            assert!(fixture.region.get("AAPL").await.is_err(), "{way:?}, {end}: a mark brings nothing back");
            let later = fixture.another(|region| region).await;
            assert!(later.region.get("AAPL").await.is_err(), "{way:?}, {end}: nor later");
            put(&fixture.region).await;
            assert!(!served(&fixture.region).await.2, "{way:?}, {end}");
            way.mark(&fixture.cache, &fixture.region).await;
        }
    }
}

#[tokio::test]
async fn rule_84_a_mark_by_a_process_that_knows_of_no_end_brings_nothing_back() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        fixture.cache.invalidate("tech").await.unwrap();
        let later = fixture.another(|region| region).await;
        way.mark(&later.cache, &later.region).await;
        later.source.fail(ErrorKind::Unavailable);
        assert!(later.region.get("AAPL").await.is_err(), "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_a_load_that_began_before_the_mark_brings_what_is_stale() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        let tagged = |value: &str| Answer::Value(Fetched::new(value.to_owned()).tag("tech"));
        fixture.source.answer(&fixture.key("AAPL"), tagged("old"));
        let gate = fixture.source.gate();
        let caller = fixture.ask("AAPL").await;
        way.mark(&fixture.cache, &fixture.region).await;
        let region = fixture.region.clone();
        let joined = tokio::spawn(async move { served(&region).await });
        settle().await;
        gate.open();
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("old"));
        assert_eq!(joined.await.unwrap(), old("loader"), "{way:?}: and who asked after the mark is told");
        fixture.source.answer(&fixture.key("AAPL"), tagged("new"));
        assert_eq!(served(&fixture.region).await, old("memory"), "{way:?}");
        let later = fixture.another(|region| region).await;
        later.source.fail(ErrorKind::Unavailable);
        assert_eq!(served(&later.region).await, old("far"), "{way:?}: nor is it fresh in the tier");
    }
}

#[tokio::test]
async fn rule_84_what_was_marked_while_it_is_still_being_stored_is_loaded_again() {
    let fixture = Fixture::new().await;
    // Refreshes of one key a call begin at once.
    drop(fixture.source.clone().batch(1));
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    let region = fixture.region.clone();
    let mark = tokio::spawn(async move { region.mark_all_stale().await });
    settle().await;
    assert_eq!(served(&fixture.region).await, ("AAPL@1".to_owned(), "memory", true));
    settle().await;
    assert_eq!(fixture.source.loads(&fixture.key("AAPL")), 2);
    gate.open();
    mark.await.unwrap().unwrap();
}

#[tokio::test]
async fn rule_84_a_process_started_later_knows_of_a_mark() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        way.mark(&fixture.cache, &fixture.region).await;
        let later = fixture.another(|region| region).await;
        later.source.fail(ErrorKind::Unavailable);
        assert_eq!(served(&later.region).await, old("far"), "{way:?}");
        assert_eq!(later.peek("AAPL"), None, "what is stale is not brought up");
        let others = later.region.lookup("MSFT").await.unwrap();
        assert_eq!(others.stale, !way.spares_others(), "{way:?}");
        later.source.recover();
        later.pass(6);
        served(&later.region).await;
        refresh(&later).await;
        let (loaded, _, stale) = served(&later.region).await;
        assert!(!stale && loaded.starts_with("AAPL@"), "{way:?}: {loaded}");
        let third = fixture.another(|region| region).await;
        assert_eq!(served(&third.region).await, (loaded, "far", false), "{way:?}");
    }
}

/// The second tier has the mark, and the first has the value alone.
#[tokio::test]
async fn rule_84_a_mark_that_a_tier_could_not_take_is_known_here_and_reaches_it_later() {
    for way in Way::ALL {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        fixture.tier.down();
        way.mark(&fixture.cache, &fixture.region).await;
        fixture.source.fail(ErrorKind::Unavailable);
        assert_eq!(served(&fixture.region).await, old("memory"), "{way:?}");
        fixture.tier.up();
        for _ in 0..3 {
            fixture.pass(2);
            settle().await;
        }
        let later = fixture.another(|region| region).await;
        assert_eq!(served(&later.region).await, old("far"), "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_not_modified_gives_what_was_marked_its_own_life_again() {
    let fixture = Fixture::new().await;
    let own = Ttl::new(Duration::from_secs(30)).grace(Duration::from_secs(300));
    let value = Fetched::new("old".to_owned()).tag("tech").etag("v1").ttl(own);
    fixture.source.answer(&fixture.key("AAPL"), Answer::Value(value));
    fixture.get("AAPL").await;
    fixture.pass(10);
    fixture.cache.mark_stale("tech").await.unwrap();
    fixture.source.answer(&fixture.key("AAPL"), Answer::NotModified);
    assert_eq!(served(&fixture.region).await, old("memory"));
    refresh(&fixture).await;
    let asked = fixture.source.batches().pop().unwrap().pop().unwrap();
    assert_eq!((asked.etag.as_deref(), asked.previous.is_some()), (Some("v1"), true));
    let found = fixture.region.lookup("AAPL").await.unwrap();
    assert!(!found.stale);
    assert!(tests::about(found.fresh_for, Duration::from_secs(30)), "{:?}", found.fresh_for);
    assert!(tests::about(found.servable_for, Duration::from_secs(300)), "{:?}", found.servable_for);
}

#[tokio::test]
async fn rule_84_a_closure_refreshes_what_is_marked() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u64>("count").ttl("1h").open().unwrap();
    region.put("a", 1).await.unwrap();
    region.mark_stale("a").await.unwrap();
    let two = || async { Ok::<_, Error>(Loaded::from(2)) };
    assert_eq!(region.get_or_load("a", two).await.unwrap().as_deref(), Some(&1));
    settle().await;
    assert_eq!(region.get("a").await.unwrap().as_deref(), Some(&2));
    assert!(!region.lookup("a").await.unwrap().stale);
}

#[tokio::test]
async fn rule_84_what_is_computed_of_a_marked_input_is_stale_and_computed_anew_when_that_is_refreshed() {
    let fixture = Fixture::new().await;
    let length = fixture.cache.region::<usize>("length").ttl("1h").computed(
        fixture.region.clone(),
        |id| Ok(id.to_owned()),
        |_: &str, text: Option<std::sync::Arc<String>>| Ok(text.map(|text| text.len())),
    );
    let length = length.open().unwrap();
    for way in Way::ALL {
        put(&fixture.region).await;
        assert_eq!(length.lookup("AAPL").await.unwrap().value.as_deref(), Some(&3));
        assert!(!length.lookup("AAPL").await.unwrap().stale, "{way:?}");
        way.mark(&fixture.cache, &fixture.region).await;
        let found = length.lookup("AAPL").await.unwrap();
        assert_eq!((found.value.as_deref(), found.stale), (Some(&3), true), "{way:?}");
        refresh(&fixture).await;
        let found = length.lookup("AAPL").await.unwrap();
        assert_eq!((found.value.as_deref(), found.stale), (Some(&6), false), "{way:?}");
    }
}

#[tokio::test]
async fn rule_84_a_mark_is_told_and_what_it_makes_stale_counts_as_stale() {
    let fixture = Fixture::new().await;
    put(&fixture.region).await;
    fixture.source.fail(ErrorKind::Unavailable);
    fixture.cache.mark_stale("tech").await.unwrap();
    fixture.cache.mark_matching_stale("price:A*").await.unwrap();
    fixture.region.mark_stale("AAPL").await.unwrap();
    fixture.region.mark_all_stale().await.unwrap();
    fixture.cache.mark_all_stale().await.unwrap();
    let told = |seen: &RecordedEvent| matches!(seen, RecordedEvent::MarkedStale { .. });
    assert_eq!(fixture.events.count(told), 5);
    fixture.region.get("AAPL").await.unwrap();
    let stats = fixture.cache.stats();
    assert_eq!((stats.memory.hits, stats.memory.misses, stats.memory_stale), (1, 0, 1));
    assert_eq!(stats.removals, 0, "nothing was removed");

    let later = fixture.another(|region| region).await;
    later.region.get("AAPL").await.unwrap();
    let stats = later.cache.stats();
    assert_eq!((stats.memory.misses, stats.tiers[0].hits, stats.tier_stale), (1, 1, 1));
}

#[tokio::test]
async fn rule_84_marks_of_more_patterns_than_are_kept_mark_too_much_and_never_too_little() {
    let fixture = Fixture::new().await;
    put(&fixture.region).await;
    fixture.cache.mark_matching_stale("price:AA*").await.unwrap();
    let after = fixture.another(|region| region).await;
    assert!(!after.region.lookup("MSFT").await.unwrap().stale);
    for other in 0..200 {
        fixture.cache.mark_matching_stale(&*format!("other:{other}*")).await.unwrap();
    }
    fixture.source.fail(ErrorKind::Unavailable);
    let later = fixture.another(|region| region).await;
    assert_eq!(served(&later.region).await, old("far"));
    assert!(later.region.lookup("MSFT").await.unwrap().stale);
    put(&fixture.region).await;
    let last = fixture.another(|region| region).await;
    assert!(!served(&last.region).await.2, "what comes later is fresh");
}
