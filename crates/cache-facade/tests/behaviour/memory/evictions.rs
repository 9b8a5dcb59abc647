//! What left memory, by cause: each entry that came in is still there, or left once, for one cause.

use std::{collections::HashSet, time::Duration};

use cache_core::{Clock, ErrorKind, Event, EvictionCause, Observer, Pattern, Ttl};
use cache_facade::{Cache, Eviction, Evictions, Memory, MemoryStats};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    proptest,
    sample::select,
};
use tests::{Fixture, GRACE, RecordedEvent, settle};
use tokio::runtime::Builder;

/// A fixture with a mebibyte of memory, which each cause finds as it was left by none.
async fn fixture(policy: Eviction) -> Fixture {
    let memory = Memory::builder().mib(1).eviction(policy).protected_share(0.25);
    let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
    settle().await;
    fixture
}

async fn put(fixture: &Fixture, ids: std::ops::Range<u32>) {
    fixture.region.put_many(ids.map(|id| (id.to_string(), "x".repeat(100)))).await.unwrap();
}

fn evictions(fixture: &Fixture) -> Evictions {
    fixture.cache.stats().memory.evictions
}

/// Returns counts of which those that `set` sets are not zero.
fn counts(set: impl FnOnce(&mut Evictions)) -> Evictions {
    let mut counts = Evictions::default();
    set(&mut counts);
    counts
}

#[tokio::test]
async fn rule_30_what_a_later_value_replaced_is_counted_as_replaced() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        put(&fixture, 0..10).await;
        assert_eq!(evictions(&fixture), Evictions::default(), "{policy}: nothing has left");
        put(&fixture, 0..5).await;
        assert_eq!(evictions(&fixture), counts(|all| all.replaced = 5), "{policy}");
        fixture.pass(61);
        fixture.get("0").await;
        settle().await;
        assert_eq!(evictions(&fixture).replaced, 6, "{policy}: by a refresh too");
    }
}

#[tokio::test]
async fn rule_29_what_was_removed_is_counted_as_removed_once_and_only_if_it_was_there() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        let removed = |expected: u64| {
            assert_eq!(evictions(&fixture), counts(|all| all.removed = expected), "{policy}");
        };
        put(&fixture, 0..100).await;
        fixture.cache.protect(Pattern::glob("price:1?").unwrap()).unwrap();
        assert!(fixture.region.remove("0").await.unwrap());
        assert!(!fixture.region.remove("0").await.unwrap());
        removed(1);
        assert_eq!(fixture.region.remove_many(&["1", "2", "10", "none"]).await.unwrap(), 3);
        removed(4);
        let matching = fixture.cache.remove_matching(Pattern::glob("price:1?").unwrap()).await.unwrap();
        assert_eq!(matching.memory, 9, "{policy}");
        removed(13);
        fixture.cache.clear().await.unwrap();
        removed(100);
    }
}

#[tokio::test]
async fn rule_59_what_died_is_counted_as_expired() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        put(&fixture, 0..10).await;
        fixture.cache.protect(Pattern::glob("price:1").unwrap()).unwrap();
        fixture.pass(GRACE.as_secs() + 1);
        assert_eq!(fixture.cache.sweep(), 10, "{policy}");
        assert_eq!(fixture.cache.sweep(), 0, "{policy}: they have gone");
        assert_eq!(evictions(&fixture), counts(|all| all.expired = 10), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_what_had_to_make_room_is_counted_as_evicted_for_size() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        put(&fixture, 0..6000).await;
        let stats = fixture.cache.stats().memory;
        let size = 6000 - stats.entries;
        assert!(size > 2000, "{policy}: {stats:?}");
        assert_eq!(stats.evictions, counts(|all| all.size = size), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_what_is_heavier_than_all_there_is_is_counted_as_oversized() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        put(&fixture, 0..10).await;
        fixture.region.put("huge", "x".repeat(2 << 20)).await.unwrap();
        fixture.region.put("0", "x".repeat(2 << 20)).await.unwrap();
        let stats = fixture.cache.stats().memory;
        let expected = counts(|all| (all.oversized, all.replaced) = (2, 1));
        assert_eq!((stats.evictions, stats.entries), (expected, 9), "{policy}: the others stay");
    }
}

/// What is done to memory next. Keys are numbers.
#[derive(Clone, Debug)]
enum Step {
    Put(u32, usize),
    Remove(u32),
    RemoveTens(u32),
    Clear,
    Protect(u32),
    Unprotect(u32),
    ProtectTens(u32),
    UnprotectTens(u32),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, ten) = (0..40_u32, 0..4_u32);
    let len = prop_oneof![8 => 0..2000_usize, 1 => Just(30_000)];
    let step = prop_oneof![
        24 => (key.clone(), len).prop_map(|(key, len)| Step::Put(key, len)),
        3 => key.clone().prop_map(Step::Remove),
        1 => ten.clone().prop_map(Step::RemoveTens),
        1 => any::<bool>().prop_map(|clear| if clear { Step::Clear } else { Step::Pass(61) }),
        3 => key.clone().prop_map(Step::Protect),
        3 => key.prop_map(Step::Unprotect),
        1 => ten.clone().prop_map(Step::ProtectTens),
        1 => ten.prop_map(Step::UnprotectTens),
        3 => (1..30_u64).prop_map(Step::Pass),
    ];
    vec(step, 1..120)
}

fn left(evictions: Evictions) -> u64 {
    let Evictions { size, expired, removed, replaced, oversized, .. } = evictions;
    size + expired + removed + replaced + oversized
}

async fn account(policy: Eviction, steps: &[Step]) {
    let memory = Memory::builder().bytes(20_000).eviction(policy).protected_share(0.3);
    let (clock, tens) = (Clock::manual(), |ten: u32| Pattern::glob(&format!("n:{ten}?")).unwrap());
    let cache = Cache::builder().memory(memory).clock(clock.clone()).build().await.unwrap();
    let region = cache.region::<String>("n").ttl(Ttl::new(Duration::from_secs(60))).open().unwrap();
    let id = |key: u32| format!("{key:02}");
    let mut came = 0;
    for step in steps {
        match *step {
            Step::Put(key, len) => {
                // Refused if it is heavier than all there is, and counted as come and gone.
                let put = region.put(&id(key), "x".repeat(len)).await;
                assert!(put.is_ok() || put.is_err_and(|error| error.kind() == ErrorKind::Limit));
                came += 1;
            }
            Step::Remove(key) => drop(region.remove_many(&[id(key)]).await),
            Step::RemoveTens(ten) => drop(cache.remove_matching(tens(ten)).await.unwrap()),
            Step::Clear => cache.clear().await.unwrap(),
            Step::Protect(key) => region.protect(&id(key)).unwrap(),
            Step::Unprotect(key) => region.unprotect(&id(key)).unwrap(),
            Step::ProtectTens(ten) => cache.protect(tens(ten)).unwrap(),
            Step::UnprotectTens(ten) => cache.unprotect(tens(ten)).unwrap(),
            Step::Pass(seconds) => {
                clock.advance(Duration::from_secs(seconds));
                cache.sweep();
            }
        }
        let stats = cache.stats().memory;
        let MemoryStats { entries, weight, budget, protected, protected_weight, evictions, .. } = stats;
        assert_eq!(entries + left(evictions), came, "{policy}: after {step:?}, {stats:?}");
        assert!(weight <= budget && protected_weight <= 6000.min(weight), "after {step:?}, {stats:?}");
        assert!(protected <= entries && (protected == 0) == (protected_weight == 0), "{stats:?}");
        let held = (0..40).filter(|key| cache.in_memory(&region.key(&id(*key)).unwrap())).count();
        assert_eq!(held as u64, entries, "{policy}: after {step:?}, {stats:?}");
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rule_59_what_came_in_is_held_or_has_left_for_one_cause(
        policy in select(&Eviction::ALL),
        steps in steps(),
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(account(policy, &steps));
    }
}

#[tokio::test]
async fn rule_123_observers_are_told_what_left_and_why() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy).await;
        let told = |wanted| {
            let of = |seen: &RecordedEvent| match seen {
                RecordedEvent::Evicted { key, cause } if *cause == wanted => Some(key.id().to_owned()),
                _ => None,
            };
            // What moka has buffered.
            let _ = fixture.cache.stats();
            fixture.events.recorded().iter().filter_map(of).collect::<Vec<_>>()
        };
        put(&fixture, 0..4).await;
        put(&fixture, 0..1).await;
        assert_eq!(told(EvictionCause::Replaced), ["0"], "{policy}");
        fixture.region.remove("1").await.unwrap();
        assert_eq!(told(EvictionCause::Removed), ["1"], "{policy}");
        fixture.pass(GRACE.as_secs() + 1);
        fixture.cache.sweep();
        let mut expired = told(EvictionCause::Expired);
        expired.sort();
        assert_eq!(expired, ["0", "2", "3"], "{policy}");
        put(&fixture, 0..6000).await;
        let size = told(EvictionCause::Size);
        assert_eq!(size.len() as u64, evictions(&fixture).size, "{policy}");
        assert!(size.len() > 2000 && size.iter().collect::<HashSet<_>>().len() == size.len(), "{policy}");
    }
}

/// An observer that does what it must not: it panics.
#[derive(Debug)]
struct Panics;

impl Observer for Panics {
    fn on(&self, event: &Event<'_>) {
        assert!(!matches!(event, Event::Evicted { .. }), "a bug");
    }
}

#[tokio::test]
async fn rule_107_an_observer_that_panics_over_an_eviction_changes_nothing() {
    for policy in Eviction::ALL {
        let memory = Memory::builder().mib(1).eviction(policy);
        let fixture = Fixture::built(|cache| cache.memory(memory).observer(Panics), |region| region).await;
        put(&fixture, 0..6000).await;
        fixture.region.remove_many(&["5999", "5998"]).await.unwrap();
        let Evictions { size, removed, .. } = evictions(&fixture);
        assert_eq!(fixture.cache.stats().observer_panics, size + removed, "{policy}");
        assert_eq!(fixture.get("1").await.map(|value| value.len()), Some(100), "{policy}");
    }
}
