//! What analytics counts of a cache, against what was asked of it (rule 91).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_analytics::{AdviceThresholds, Analytics, ProviderFigures, Report, Topic};
use cache_core::{Clock, ErrorKind, Event, Observer, Operation, Outcome, Ttl};
use cache_facade::{Cache, Memory, Region};
use proptest::{
    collection::vec,
    prop_oneof, proptest,
    strategy::{Just, Strategy},
};
use tests::{Answer, Fixture, ModelTier, ScriptedLoader, settle};
use tokio::{runtime::Builder, spawn};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
enum Step {
    Get(usize),
    GetMany(Vec<usize>),
    /// A read whose caller goes away.
    Cancelled(usize),
    /// Three at once.
    Together(usize),
    Put(usize),
    Remove(usize),
    Clear,
    Pass(u64),
    Fails(bool),
    TierFails(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..8_usize;
    prop_oneof![
        4 => key.clone().prop_map(Step::Get),
        2 => vec(key.clone(), 1..6).prop_map(Step::GetMany),
        1 => key.clone().prop_map(Step::Cancelled),
        1 => key.clone().prop_map(Step::Together),
        1 => key.clone().prop_map(Step::Put),
        1 => key.prop_map(Step::Remove),
        1 => Just(Step::Clear),
        2 => (1..700_u64).prop_map(Step::Pass),
        1 => proptest::bool::ANY.prop_map(Step::Fails),
        1 => proptest::bool::ANY.prop_map(Step::TierFails),
    ]
}

/// A fixture that analytics watches.
async fn watched(memory: Memory) -> (Fixture, Arc<Analytics>) {
    let clock = Clock::manual();
    let analytics = Analytics::new(clock.clone());
    let observer = Arc::clone(&analytics);
    let cache = |cache: cache_facade::CacheBuilder| cache.memory(memory).observer(observer);
    (Fixture::built(cache, |region| region.soft_timeout(SECOND).hard_timeout(3 * SECOND)).await, analytics)
}

/// Checks that all that is counted adds up.
fn check(report: &Report, fixture: &Fixture, reads: u64) {
    let all = &report.since_start;
    assert_eq!((all.reads, all.hits + all.misses), (reads, reads));
    let stats = fixture.cache.stats();
    let sources: Vec<_> = report.kinds.iter().flat_map(|kind| &kind.sources).collect();
    let Some(memory) = sources.iter().find(|source| source.name == "memory") else {
        return assert_eq!(stats.memory.misses, 0);
    };
    assert_eq!(memory.hits + memory.stale + memory.misses.total(), reads);
    assert_eq!(memory.misses.total(), stats.memory.misses);
    assert_eq!(all.memory_hits, stats.memory.hits);
    let tier = sources.iter().find(|source| source.name == "far");
    let counted = tier.map_or((0, 0), |tier| (tier.hits + tier.stale, tier.misses.total()));
    assert_eq!(counted, (stats.tiers[0].hits, stats.tiers[0].misses));
    assert_eq!((all.calls, all.called_keys), (stats.loads, stats.loaded_keys));
    assert_eq!(all.joined, stats.coalesced);
    assert_eq!(all.puts, stats.puts);
    let saved = &all.saved;
    assert_eq!((saved.by_cache, saved.by_batching), (all.hits, stats.loaded_keys - stats.loads));
    let by_all = saved.by_cache + saved.by_joining + saved.by_batching;
    assert_eq!(all.calls_saved, by_all as i64 - saved.ahead);
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(128))]

    #[test]
    fn rule_91_hits_and_misses_are_the_reads_whatever_happens(
        steps in vec(step(), 1..60), is_small in proptest::bool::ANY,
    ) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let memory = if is_small { Memory::bytes(600) } else { Memory::mib(1) };
            let (fixture, analytics) = watched(memory).await;
            let id = |at: usize| format!("key-{at}");
            let mut reads = 0;
            for step in steps {
                match step {
                    Step::Get(at) => {
                        let _ = fixture.region.get(&id(at)).await;
                        reads += 1;
                    }
                    Step::GetMany(keys) => {
                        let keys: Vec<String> = keys.into_iter().map(id).collect();
                        let _ = fixture.region.get_many(&keys).await;
                        reads += keys.len() as u64;
                    }
                    Step::Cancelled(at) => {
                        let region = fixture.region.clone();
                        let gate = fixture.source.gate();
                        let reading = spawn(async move { region.get(&id(at)).await });
                        settle().await;
                        reading.abort();
                        gate.open();
                        settle().await;
                        reads += 1;
                    }
                    Step::Together(at) => {
                        let (a, b, c) = (id(at), id(at), id(at));
                        let region = &fixture.region;
                        let _ = tokio::join!(region.get(&a), region.get(&b), region.get(&c));
                        reads += 3;
                    }
                    Step::Put(at) => drop(fixture.region.put(&id(at), "put".to_owned()).await),
                    Step::Remove(at) => drop(fixture.region.remove(&id(at)).await),
                    Step::Clear => drop(fixture.region.clear().await),
                    Step::Pass(seconds) => fixture.pass(seconds),
                    Step::Fails(true) => fixture.source.fail(ErrorKind::Load),
                    Step::Fails(false) => fixture.source.recover(),
                    Step::TierFails(true) => fixture.tier.fail(Operation::Get, ErrorKind::Unavailable),
                    Step::TierFails(false) => fixture.tier.up(),
                }
                settle().await;
                check(&analytics.report(), &fixture, reads);
            }
        });
    }
}

/// A read for each cause, in order.
#[tokio::test]
async fn rule_91_each_miss_has_its_reason() {
    let (fixture, analytics) = watched(Memory::mib(1)).await;
    let causes = || {
        let report = analytics.report();
        let kind = &report.kinds[0];
        let of = |name: &str| {
            let source = kind.sources.iter().find(|source| source.name == name);
            let each = source.map(|source| source.misses.each()).into_iter().flatten();
            each.filter(|(_, count)| *count > 0).map(|(cause, count)| (cause.as_str(), count)).collect()
        };
        let of: [HashMap<&str, u64>; 2] = [of("memory"), of("far")];
        of
    };
    fixture.get("a").await;
    assert_eq!(causes(), [HashMap::from([("never_there", 1)]), HashMap::from([("never_there", 1)])]);
    fixture.region.remove("a").await.unwrap();
    fixture.get("a").await;
    assert_eq!(causes()[0], HashMap::from([("never_there", 1), ("invalidated", 1)]));
    fixture.pass(100);
    fixture.get("a").await;
    assert_eq!(causes()[0].get("stale"), Some(&1), "it is in grace, and waits for a fresh one");
    fixture.pass(700);
    fixture.get("a").await;
    assert_eq!(causes()[0].get("expired"), Some(&1));
    assert_eq!(causes()[1].get("expired"), Some(&1));
    fixture.region.clear().await.unwrap();
    fixture.get("a").await;
    assert_eq!(causes()[0].get("invalidated"), Some(&2));
}

#[tokio::test]
async fn rule_91_what_gave_way_is_told_from_what_was_never_there() {
    let (fixture, analytics) = watched(Memory::bytes(1500)).await;
    for round in 0..2 {
        for at in 0..50 {
            fixture.get(&format!("key-{at}")).await;
            settle().await;
        }
        let misses = analytics.report().kinds[0].sources[0].misses;
        // A key that left may take the place of another one that did.
        let forgotten = misses.never_there - 50;
        assert!(forgotten <= 5 * round && (misses.evicted > 30) == (round > 0), "{misses:?}");
    }
}

#[tokio::test]
async fn kinds_are_apart_and_waits_are_measured_by_the_clock_of_the_cache() {
    let clock = Clock::manual();
    let analytics = Analytics::new(clock.clone());
    let tier = ModelTier::new("far");
    let cache = Cache::builder().clock(clock.clone()).tier(tier).observer(Arc::clone(&analytics));
    let cache = cache.build().await.unwrap();
    let source = ScriptedLoader::new(|key: &cache_core::Key, _| key.id().to_owned());
    let open = |kind: &str| -> Region<String> { cache.region(kind).loader(source.clone()).open().unwrap() };
    let (prices, news) = (open("price"), open("news"));
    let gate = source.gate();
    let reading = spawn({
        let prices = prices.clone();
        async move { prices.get("AAPL").await }
    });
    gate.reached(1).await;
    let joining = spawn({
        let prices = prices.clone();
        async move { prices.get("AAPL").await }
    });
    settle().await;
    clock.advance(SECOND / 4);
    gate.open();
    reading.await.unwrap().unwrap();
    joining.await.unwrap().unwrap();
    for _ in 0..3 {
        news.get("x").await.unwrap();
    }
    let report = analytics.report();
    let names: Vec<_> = report.kinds.iter().map(|kind| (&*kind.kind, kind.since_start.reads)).collect();
    assert_eq!(names, [("news", 3), ("price", 2)]);
    let (news, prices) = (&report.kinds[0], &report.kinds[1]);
    assert_eq!((news.since_start.memory_hits, news.since_start.calls, prices.since_start.joined), (2, 1, 1));
    assert_eq!((prices.since_start.joined_ms, prices.since_start.waited_ms), (Some(250.0), Some(250.0)));
    assert!((248.0..=252.0).contains(&prices.calls.p99) && prices.calls.count == 1, "{:?}", prices.calls);
    let text = report.to_string();
    assert!(text.contains("news") && text.contains("66.7%") && text.contains("never_there 1"), "{text}");
    analytics.reset();
    assert_eq!(analytics.report().since_start.reads, 0);
    news_again(&cache).await;
    assert_eq!(analytics.report().since_start.memory_hits, 1);
}

async fn news_again(cache: &Cache) {
    let news: Region<String> = cache.region("news").open().unwrap();
    news.get("x").await.unwrap();
}

/// Each key is loaded anew at the end of each minute, from a source whose values change at random.
#[tokio::test]
async fn what_was_loaded_in_vain_and_how_much_of_what_was_fresh_was_outdated_is_told() {
    for changes_in_an_hour in [0, 20, 60, 240] {
        let clock = Clock::manual();
        let analytics = Analytics::new(clock.clone());
        let cache = Cache::builder().clock(clock.clone()).observer(Arc::clone(&analytics));
        let values: Arc<Vec<AtomicU64>> = Arc::new((0..200).map(|_| AtomicU64::new(0)).collect());
        let at_source = Arc::clone(&values);
        let source = ScriptedLoader::new(move |key: &cache_core::Key, _| {
            at_source[key.id().parse::<usize>().unwrap()].load(Ordering::Relaxed)
        });
        let region = cache.build().await.unwrap().region::<u64>("price").soft_timeout(SECOND);
        let lives = Ttl::new(60 * SECOND).grace(600 * SECOND);
        let region = region.ttl(lives).loader(source).open().unwrap();
        let ids: Vec<String> = (0..values.len()).map(|at| at.to_string()).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut outdated, mut answers) = (0, 0);
        for _ in 0..1200 {
            for value in &*values {
                if random.f64() < f64::from(changes_in_an_hour) / 3600.0 {
                    value.fetch_add(1, Ordering::Relaxed);
                }
            }
            for (id, value) in ids.iter().zip(&*values) {
                let answer = region.get(id).await.unwrap().unwrap();
                outdated += u32::from(*answer != value.load(Ordering::Relaxed));
                answers += 1;
            }
            clock.advance(SECOND);
        }
        let report = analytics.report().since_start;
        assert!(report.refreshes >= 3_600, "{report:?}");
        assert!((report.refreshed_after_ms.unwrap() - 60_000.0).abs() < 1_500.0, "{report:?}");
        let same = (-f64::from(changes_in_an_hour) / 60.0).exp();
        assert!((report.unchanged.unwrap() - same).abs() < 0.03, "{changes_in_an_hour} an hour: {report:?}");
        let truth = f64::from(outdated) / f64::from(answers);
        assert!(
            (report.estimated_outdated.unwrap() - truth).abs() < 0.02,
            "{truth} of {changes_in_an_hour}: {report:?}"
        );
    }
}

/// What the last test of the figures counts proves enough for advice, and a tenth of it nothing.
#[tokio::test]
async fn advice_comes_with_its_evidence_and_not_before_there_is_some() {
    for rounds in [1, 10] {
        let (fixture, analytics) = watched(Memory::bytes(1500)).await;
        fixture.source.answer(&fixture.key("key-3"), Answer::Fail(ErrorKind::Load));
        for _ in 0..rounds {
            for at in 0..50 {
                let _ = fixture.region.get(&format!("key-{at}")).await;
                settle().await;
                fixture.model.wipe();
            }
        }
        let advice = analytics.report().advice(&AdviceThresholds::default());
        let topics: Vec<_> = advice.iter().map(|advice| (advice.topic, advice.kind.as_deref())).collect();
        let price = Some("price");
        // What gives way before anybody reads it again was held for nothing. Few hits are what that shows in.
        let expected = [
            (Topic::MemoryTooSmall, price),
            (Topic::Pollution, price),
            (Topic::HitRate, None),
            (Topic::HitRate, price),
        ];
        assert_eq!(topics, expected[..if rounds == 1 { 0 } else { 4 }], "{advice:?}");
        if rounds == 10 {
            assert!(advice[3].text.contains("most misses of memory are evicted ("), "{}", advice[3].text);
            assert!(analytics.report().to_string().contains("advice on price: "));
        }
    }
}

#[tokio::test]
async fn a_source_that_fails_and_lives_that_do_not_fit_are_advised_on() {
    let analytics = Analytics::new(Clock::manual());
    let apple = cache_core::Key::new("price", "AAPL").unwrap();
    let topics = |thresholds: &AdviceThresholds| -> Vec<Topic> {
        analytics.report().advice(thresholds).iter().map(|advice| advice.topic).collect()
    };
    let usual = AdviceThresholds::default();
    let load = |failed| Event::Load { kind: "price", keys: 10, failed, took: SECOND, error: None };
    (0..10).for_each(|at| analytics.on(&load(at % 2)));
    assert_eq!(topics(&usual), [], "5 of 100 fail");
    analytics.on(&load(1));
    assert_eq!(topics(&usual), [Topic::SourceFails]);
    analytics.reset();
    let refreshed = |changed| Event::Refreshed { key: &apple, changed: Some(changed), after: SECOND };
    (0..200).for_each(|at| analytics.on(&refreshed(at % 10 == 0)));
    assert_eq!(topics(&usual), [Topic::LifeTooShort]);
    (0..100).for_each(|_| analytics.on(&refreshed(true)));
    assert_eq!(topics(&usual), [Topic::LifeTooLong]);
}

#[tokio::test]
async fn failures_are_advised_on_before_few_hits_and_a_quota_only_where_there_is_one() {
    for has_quota in [true, false] {
        let provider =
            move || ProviderFigures { refused: 100, has_quota, ..ProviderFigures::of("acme", 100) };
        let analytics = Analytics::builder(Clock::manual()).providers(move || vec![provider()]).build();
        let load = Event::Load { kind: "price", keys: 200, failed: 100, took: SECOND, error: None };
        analytics.on(&load);
        let key = cache_core::Key::new("price", "AAPL").unwrap();
        for _ in 0..200 {
            let outcome = Outcome::Failed;
            analytics.on(&Event::Answered { key: &key, outcome, waited: SECOND, joined: false });
        }
        let advice = analytics.report().advice(&AdviceThresholds::default());
        let topics: Vec<_> = advice.iter().map(|advice| advice.topic).collect();
        assert_eq!(topics[..3], [Topic::SourceFails, Topic::ProviderRefuses, Topic::HitRate], "{advice:?}");
        assert_eq!(advice[1].text.contains("quota"), has_quota, "{}", advice[1].text);
    }
}

/// Kinds that are asked for at different moments share the hours of the clock.
#[tokio::test]
async fn the_hours_of_all_kinds_are_those_of_the_clock() {
    let clock = Clock::manual();
    let analytics = Analytics::new(clock.clone());
    clock.advance(SECOND * 1_000);
    for kind in ["price", "news", "bars"] {
        let key = cache_core::Key::new(kind, "x").unwrap();
        for _ in 0..3 {
            analytics.tick();
            analytics.on(&Event::Hit { key: &key, source: "memory", stale: false });
            clock.advance(SECOND * 1_500);
        }
    }
    let hours = analytics.report().hours;
    let reads: Vec<u64> = hours.iter().map(|hour| hour.reads).collect();
    // At 1,000 s, 2,500 s and so on up to 13,000 s.
    assert_eq!(reads, [2, 3, 2, 2, 0]);
    assert!(hours.iter().all(|hour| hour.begun % 3600 == 0), "{hours:?}");
}
