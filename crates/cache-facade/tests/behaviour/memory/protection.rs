//! Entries protected from eviction, by key or by pattern, stay; everything else behaves as before.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use cache_core::{Entry, ErrorKind, Key, Meta, Pattern, Target, Timestamp, Tombstone, Ttl};
use cache_facade::{Cache, Eviction, Memory};
use cache_memory::Value;
use tests::{Fixture, GRACE, RecordedEvent, settle};

fn glob(text: &str) -> Pattern {
    Pattern::glob(text).unwrap()
}

/// A fixture with a mebibyte of memory, of which `share` is for protected entries.
async fn fixture(policy: Eviction, share: f64) -> Fixture {
    let memory = Memory::builder().mib(1).eviction(policy).protected_share(share);
    Fixture::built(|cache| cache.memory(memory), |region| region).await
}

/// Puts so much that most earlier entries are evicted.
async fn crowd(fixture: &Fixture) {
    for round in 0..20 {
        let others = (0..100).map(|id| (format!("crowd/{round}/{id}"), "x".repeat(1000)));
        fixture.region.put_many(others).await.unwrap();
    }
    let stats = fixture.cache.stats().memory;
    assert!(stats.weight <= stats.budget && stats.evictions.size > 0, "{stats:?}");
}

/// How many entries are protected.
fn protected(fixture: &Fixture) -> u64 {
    fixture.cache.stats().memory.protected
}

/// The keys whose protection was refused so far.
fn refused(fixture: &Fixture) -> Vec<Key> {
    let events = fixture.events.recorded().into_iter();
    let keys = events.filter_map(|seen| match seen {
        RecordedEvent::ProtectionRefused { key } => Some(key),
        _ => None,
    });
    keys.collect()
}

#[tokio::test]
async fn rule_59_what_a_pattern_protects_stays_under_any_load() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.25).await;
        fixture.cache.protect(glob("price:index*")).unwrap();
        let small = |id: u32| (format!("index{id}"), "x".repeat(1000));
        fixture.region.put_many((0..100).map(small)).await.unwrap();
        crowd(&fixture).await;
        for id in 0..100 {
            assert!(fixture.peek(&format!("index{id}")).is_some(), "{policy}: index{id}");
        }
    }
}

#[tokio::test]
async fn rule_59_a_single_key_is_protected_whenever_and_however_it_comes() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.25).await;
        fixture.another(|region| region).await.region.put("tier", "below".to_owned()).await.unwrap();
        fixture.region.put("before", "x".to_owned()).await.unwrap();
        for id in ["before", "put", "loaded", "tier"] {
            fixture.region.protect(id).unwrap();
        }
        fixture.region.protect(&fixture.key("key")).unwrap();
        fixture.region.put("put", "x".to_owned()).await.unwrap();
        fixture.region.put("key", "x".to_owned()).await.unwrap();
        assert_eq!(fixture.get("loaded").await.as_deref(), Some("loaded@1"));
        assert_eq!(fixture.get("tier").await.as_deref(), Some("below"));
        settle().await;
        assert_eq!(protected(&fixture), 5, "{policy}");
        crowd(&fixture).await;
        for id in ["before", "put", "loaded", "tier", "key"] {
            assert!(fixture.peek(id).is_some(), "{policy}: {id}");
        }
        assert!(refused(&fixture).is_empty(), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_a_single_key_is_protected_and_not_its_neighbours() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.25).await;
        let other = fixture.cache.region::<String>("name").open().unwrap();
        fixture.region.protect("A*").unwrap();
        for id in ["A", "A*", "AB"] {
            fixture.region.put(id, "x".to_owned()).await.unwrap();
            other.put(id, "x".to_owned()).await.unwrap();
        }
        assert_eq!(protected(&fixture), 1, "{policy}: an id is no pattern, and belongs to its kind");
    }
}

#[tokio::test]
async fn rule_59_protection_ends_only_for_what_nothing_else_protects() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.25).await;
        let count = |what: &str, expected: u64| assert_eq!(protected(&fixture), expected, "{policy}: {what}");
        for id in ["AAPL", "AA", "MSFT"] {
            fixture.region.put(id, "x".to_owned()).await.unwrap();
            fixture.region.protect("AAPL").unwrap();
        }
        count("one key, said thrice", 1);
        fixture.cache.protect(glob("price:AA*")).unwrap();
        count("by a pattern too", 2);
        fixture.region.unprotect("AAPL").unwrap();
        count("the pattern still covers the key", 2);
        fixture.region.protect("AAPL").unwrap();
        fixture.cache.unprotect(glob("price:A*")).unwrap();
        count("another pattern is none of its business", 2);
        fixture.cache.unprotect(glob("price:AA*")).unwrap();
        count("the key is still protected by itself", 1);
        fixture.region.unprotect("MSFT").unwrap();
        count("it never was", 1);
        fixture.region.unprotect("AAPL").unwrap();
        count("nothing protects it", 0);
        assert_eq!(fixture.cache.stats().memory.protected_weight, 0, "{policy}");
        for id in ["AAPL", "AA", "MSFT"] {
            assert!(fixture.peek(id).is_some(), "{policy}: {id} has room, so it stays");
        }
        fixture.region.put("AAPL", "later".to_owned()).await.unwrap();
        count("what is put later isn't protected either", 0);
    }
}

#[tokio::test]
async fn rule_59_what_is_no_longer_protected_can_be_evicted() {
    // By their own rights lfu and hybrid may keep it, and ttl goes by its death.
    for policy in [Eviction::Lru, Eviction::Fifo, Eviction::Ttl] {
        let fixture = fixture(policy, 0.25).await;
        fixture.region.protect("AAPL").unwrap();
        fixture.region.put("AAPL", "x".to_owned()).await.unwrap();
        crowd(&fixture).await;
        assert!(fixture.peek("AAPL").is_some(), "{policy}");
        fixture.region.unprotect("AAPL").unwrap();
        crowd(&fixture).await;
        crowd(&fixture).await;
        assert_eq!(fixture.peek("AAPL"), None, "{policy}");
    }
}

#[tokio::test]
async fn rule_59_a_protected_key_lives_and_dies_and_is_replaced_like_any_other() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.25).await;
        fixture.region.protect("AAPL").unwrap();
        fixture.region.put("AAPL", "one".to_owned()).await.unwrap();
        fixture.region.put("AAPL", "two, which is longer".to_owned()).await.unwrap();
        let stats = fixture.cache.stats().memory;
        assert_eq!(
            (stats.entries, stats.protected, stats.evictions.replaced, stats.weight),
            (1, 1, 1, stats.protected_weight),
            "{policy}"
        );
        fixture.region.remove("AAPL").await.unwrap();
        assert_eq!((fixture.peek("AAPL"), protected(&fixture)), (None, 0), "{policy}");
        fixture.region.put("AAPL", "three".to_owned()).await.unwrap();
        assert_eq!(protected(&fixture), 1, "{policy}: a removal does not end it");
        fixture.cache.clear().await.unwrap();
        fixture.region.put("AAPL", "four".to_owned()).await.unwrap();
        assert_eq!(protected(&fixture), 1, "{policy}: nor does a clear");
        fixture.pass(GRACE.as_secs() + 1);
        assert_eq!(fixture.peek("AAPL"), None, "{policy}: protected or not, it is dead");
        assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "{policy}");
        assert_eq!(protected(&fixture), 1, "{policy}");
    }
}

#[tokio::test]
async fn rule_59_what_finds_the_protected_share_full_is_kept_unprotected_and_said() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.1).await;
        fixture.cache.protect(glob("price:*")).unwrap();
        fixture.region.put_many((0..200).map(|id| (id.to_string(), "x".repeat(1000)))).await.unwrap();
        let stats = fixture.cache.stats().memory;
        let said = refused(&fixture);
        assert!(!said.is_empty() && stats.protected as usize + said.len() == 200, "{policy}: {stats:?}");
        assert!(said.iter().all(|key| fixture.cache.in_memory(key)), "{policy}: they are kept");
        assert!(stats.weight <= stats.budget && stats.protected_weight <= stats.budget / 10, "{stats:?}");
    }
}

#[tokio::test]
async fn rule_59_of_what_is_held_already_those_without_room_are_said_too() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.1).await;
        fixture.region.put_many((0..200).map(|id| (id.to_string(), "x".repeat(1000)))).await.unwrap();
        fixture.region.put("huge", "x".repeat(200_000)).await.unwrap();
        assert!(refused(&fixture).is_empty(), "{policy}: nothing is asked for yet");
        fixture.region.protect("huge").unwrap();
        assert_eq!(refused(&fixture), [fixture.key("huge")], "{policy}: heavier than the share");
        fixture.cache.protect(glob("price:*")).unwrap();
        let said = refused(&fixture).len() - 1;
        let stats = fixture.cache.stats().memory;
        assert!(stats.protected > 0 && stats.protected as usize + said == 201, "{policy}: {said}, {stats:?}");
        assert_eq!(stats.entries, 201, "{policy}: all are kept");
    }
}

#[tokio::test]
async fn rule_59_without_a_share_nothing_is_protected_and_the_error_says_what_to_set() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.0).await;
        let by_pattern = fixture.cache.protect(glob("price:AA*")).unwrap_err();
        let by_key = fixture.region.protect("AAPL").unwrap_err();
        for (error, what) in [(by_pattern, "price:AA*"), (by_key, "price:AAPL")] {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(text.contains(&format!("{what} can't be protected")), "{text}");
            assert!(text.contains("Memory::builder().protected_share()"), "{text}");
        }
        fixture.region.put("AAPL", "x".to_owned()).await.unwrap();
        assert_eq!(protected(&fixture), 0, "{policy}");
        assert!(refused(&fixture).is_empty(), "{policy}: it was refused before");
        // What was never protected can always be told so.
        fixture.cache.unprotect(glob("price:AA*")).unwrap();
        fixture.region.unprotect("AAPL").unwrap();
    }
}

#[tokio::test]
async fn rule_63_a_key_that_can_not_be_one_can_not_be_protected_either() {
    let fixture = fixture(Eviction::default(), 0.5).await;
    let long = "x".repeat(1 << 16);
    assert_eq!(fixture.region.protect(&long).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(fixture.region.unprotect(&long).unwrap_err().kind(), ErrorKind::Limit);
}

#[tokio::test]
async fn rule_50_patterns_are_written_without_the_namespace_and_hold_within_it() {
    let memory = Memory::builder().mib(1).protected_share(0.5);
    let cache = Cache::builder().namespace("md").memory(memory).build().await.unwrap();
    let prices = cache.region::<u64>("price").open().unwrap();
    let others = cache.region::<u64>("prices").open().unwrap();
    cache.protect(glob("price:*")).unwrap();
    cache.protect(glob("md:price*")).unwrap();
    prices.put("AAPL", 1).await.unwrap();
    others.put("AAPL", 1).await.unwrap();
    assert_eq!(cache.stats().memory.protected, 1);
    cache.unprotect(glob("price:*")).unwrap();
    assert_eq!(cache.stats().memory.protected, 0);
}

#[tokio::test]
async fn rule_29_a_protected_key_that_is_removed_is_gone_and_its_loads_are_not_kept() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, 0.5).await;
        fixture.cache.protect(glob("price:*")).unwrap();
        fixture.get("AAPL").await;
        fixture.region.remove("AAPL").await.unwrap();
        assert_eq!(fixture.peek("AAPL"), None, "{policy}");
        let gate = fixture.source.gate();
        let caller = fixture.ask("AAPL").await;
        fixture.cache.remove_matching(glob("price:*")).await.unwrap();
        gate.open();
        caller.await.unwrap().unwrap();
        settle().await;
        assert_eq!(fixture.peek("AAPL"), None, "{policy}");
    }
}

#[test]
fn rule_29_neither_an_end_nor_a_beginning_of_protection_brings_back_what_was_ended() {
    let at = |micros: i64| Timestamp::from_micros(1_000_000 + micros);
    let (now, tombstone) = (at(0), Tombstone { born: at(2), dead_at: Timestamp::MAX });
    let pattern = glob("k:*");
    let keys: Vec<Key> = (0..64).map(|id| Key::new("k", &id.to_string()).unwrap()).collect();
    let ways = ["remove", "remove_matching", "clear", "sweep"];
    for (policy, how) in Eviction::ALL.into_iter().flat_map(|policy| ways.map(|how| (policy, how))) {
        for _ in 0..30 {
            let memory = Memory::builder().mib(1).eviction(policy).protected_share(0.5).build();
            memory.protect(Target::Matching(&pattern)).unwrap();
            for key in &keys {
                let meta = Meta::new(at(1), Ttl::new(Duration::from_secs(1)));
                memory.put(key.clone(), Entry::new(Arc::new(1_u8) as Value, meta), now);
            }
            let together = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    together.wait();
                    for _ in 0..3 {
                        memory.unprotect(Target::Matching(&pattern));
                        memory.protect(Target::Matching(&pattern)).unwrap();
                    }
                });
                together.wait();
                match how {
                    "remove" => assert_eq!(memory.remove(&keys, tombstone, now), 64, "{policy}"),
                    "remove_matching" => drop(memory.remove_matching(&pattern, tombstone, now)),
                    "clear" => memory.clear(),
                    _ => drop(memory.sweep(at(2_000_000))),
                }
            });
            for key in &keys {
                assert!(memory.get(key).is_none(), "{policy}: {key} outlived {how}");
            }
        }
    }
}
