//! What analytics estimates from a sample of the keys, against plain models and against what really happens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use cache_analytics::{Analytics, ProviderFigures, Report};
use cache_core::{
    Clock, Event, EvictionCause, Key, Meta, MissReason, Observer, Outcome, Pattern, Timestamp, Ttl,
};
use cache_facade::{Cache, Eviction, Memory};
use futures_util::FutureExt;
use proptest::{
    collection::vec,
    prop_oneof, proptest,
    strategy::{Just, Strategy},
};
use tests::settle;
use tokio::runtime::Builder;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// How often each key was read while memory held it, told read by read.
#[derive(Debug)]
struct Model {
    clock: Clock,
    stays: Mutex<Stays>,
}

#[derive(Debug, Default)]
struct Stays {
    held: HashMap<Key, (u64, Timestamp)>,
    /// The reads of those that ended, and whether they gave way.
    ended: Vec<(u64, bool)>,
}

impl Observer for Model {
    fn on(&self, event: &Event<'_>) {
        let Stays { held, ended } = &mut *self.stays.lock().unwrap();
        let mut read = |key: &Key| held.get_mut(key).into_iter().for_each(|(reads, _)| *reads += 1);
        match *event {
            Event::Hit { key, source: "memory", .. } => read(key),
            Event::Answered {
                key, outcome: Outcome::Found(_) | Outcome::Stale(_) | Outcome::Loaded, ..
            } => {
                read(key);
            }
            Event::Stored { key, .. } => drop(held.entry(key.clone()).or_insert((0, self.clock.now()))),
            Event::Evicted { cause: EvictionCause::Replaced, .. } => {}
            Event::Evicted { key, cause } => {
                let gone = held.remove(key);
                ended.extend(gone.map(|(reads, _)| (reads, cause == EvictionCause::Size)));
            }
            _ => {}
        }
    }
}

impl Model {
    /// Checks what is told of one kind.
    fn check(&self, report: &Report) {
        let Stays { held, ended } = &*self.stays.lock().unwrap();
        let now = self.clock.now();
        let old = held.values().filter(|(_, since)| now.since(*since) >= HOUR).map(|(reads, _)| *reads);
        let reads: Vec<u64> = ended.iter().map(|(reads, _)| *reads).chain(old).collect();
        let count = |wanted: u64| reads.iter().filter(|reads| **reads == wanted).count() as f64;
        let early = ended.iter().filter(|(reads, is_early)| *reads < 2 && *is_early).count();
        let Some(kind) = report.kinds.first() else { return };
        let told = &kind.pollution;
        assert_eq!(
            (told.sampled, told.estimated_entries),
            (reads.len() as u64, reads.len() as f64),
            "{told:?}"
        );
        assert_eq!((told.estimated_never_read, told.estimated_read_once), (count(0), count(1)), "{told:?}");
        assert_eq!(
            (told.estimated_evicted_early, told.estimated_held),
            (early as f64, held.len() as f64),
            "{told:?}"
        );
        let few = count(0) + count(1);
        assert_eq!(told.estimated_share, (!reads.is_empty()).then(|| few / reads.len() as f64));
        assert_eq!(told.is_polluted, reads.len() >= 30 && few / reads.len() as f64 > 0.3);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Get(u64),
    Put(u64),
    Remove(u64),
    Clear,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..20_u64).prop_map(Step::Get),
        4 => (0..20_u64).prop_map(Step::Put),
        1 => (0..20_u64).prop_map(Step::Remove),
        1 => Just(Step::Clear),
        2 => (1..2000_u64).prop_map(Step::Pass),
    ]
}

async fn echo(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn what_is_held_for_nothing_is_told_as_if_each_read_was(steps in vec(step(), 1..200), is_small: bool) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let clock = Clock::manual();
            let analytics = Analytics::builder(clock.clone()).sample_rate(1.0).build();
            let model = Arc::new(Model { clock: clock.clone(), stays: Mutex::default() });
            let memory = if is_small { Memory::bytes(1500) } else { Memory::mib(1) };
            let cache = Cache::builder().clock(clock.clone()).memory(memory).observer(Arc::clone(&analytics));
            let cache = cache.observer(Arc::clone(&model)).build().await.unwrap();
            let region = cache.region::<u64>("n").ttl(Ttl::new(3 * HOUR)).load_one(echo).open().unwrap();
            for step in steps {
                match step {
                    Step::Get(id) => assert_eq!(*region.get(&id).await.unwrap().unwrap(), id),
                    Step::Put(id) => region.put(&id, id).await.unwrap(),
                    Step::Remove(id) => drop(region.remove(&id).await.unwrap()),
                    Step::Clear => region.clear().await.unwrap(),
                    Step::Pass(seconds) => clock.advance(Duration::from_secs(seconds)),
                }
                settle().await;
                model.check(&analytics.report());
            }
        });
    }
}

/// Some are too large for memory, or for what is left to those that are not protected.
#[tokio::test]
async fn what_is_told_to_be_held_is_held_whatever_left_memory_as_it_came() {
    for eviction in Eviction::ALL {
        let clock = Clock::manual();
        let analytics = Analytics::builder(clock.clone()).sample_rate(1.0).build();
        let memory = Memory::builder().bytes(40_000).eviction(eviction).build();
        let cache = Cache::builder().clock(clock).memory(memory).observer(Arc::clone(&analytics));
        let cache = cache.build().await.unwrap();
        let region = cache.region::<Vec<u8>>("n").cost(|value| value.len() as u32).open().unwrap();
        let mut random = fastrand::Rng::with_seed(29);
        for _ in 0..400 {
            let size = if random.u8(..) < 32 { 50_000 } else { random.usize(..6000) };
            // What memory can't hold is refused.
            let _ = region.put(&random.u64(..200), vec![0; size]).await;
            let held = cache.stats().memory.entries;
            let told = analytics.report().kinds[0].pollution.estimated_held;
            assert_eq!(told, held as f64, "{eviction}");
        }
    }
}

/// Of four threads that read a few keys, while others take what was counted.
#[test]
fn each_hit_of_a_sampled_key_is_counted_or_told_to_be_lost() {
    const READS: u64 = 20_000;
    let clock = Clock::manual();
    let all = Pattern::glob("n:*").unwrap();
    let analytics = Analytics::builder(clock.clone()).sample_rate(1.0).key_group("all", all).unwrap().build();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let open = async {
        let cache = Cache::builder().clock(clock).observer(Arc::clone(&analytics)).build().await.unwrap();
        let region = cache.region::<u64>("n").load_one(echo).open().unwrap();
        for id in 0..3000 {
            region.get(&id).await.unwrap();
        }
        (cache, region)
    };
    let (cache, region) = runtime.block_on(open);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4_u64)
            .map(|thread| {
                let region = region.clone();
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(thread);
                    for _ in 0..READS {
                        let id = (3000.0 * random.f64().powi(4)) as u64;
                        assert!(region.get(&id).now_or_never().is_some(), "{id} is in memory");
                    }
                })
            })
            .collect();
        while !readers.iter().all(|reader| reader.is_finished()) {
            analytics.tick();
        }
    });
    let report = analytics.report();
    assert_eq!(report.since_start.memory_hits, 4 * READS);
    let counted = report.key_groups[0].estimated_hits as u64;
    assert_eq!(counted + report.sample.lost_reads, 4 * READS, "{:?}", report.sample);
    drop(cache);
}

/// Sixty thousand keys at once, and a few ever after.
#[tokio::test]
async fn the_share_that_is_sampled_falls_with_many_keys_and_rises_again_with_few() {
    let clock = Clock::manual();
    let analytics = Analytics::new(clock.clone());
    let cache = Cache::builder().clock(clock.clone()).memory(Memory::entries(4000));
    let cache = cache.observer(Arc::clone(&analytics)).build().await.unwrap();
    let region = cache.region::<u64>("n").ttl(Ttl::new(100 * HOUR)).load_one(echo).open().unwrap();
    let rate = || analytics.report().sample.rate;
    assert_eq!(rate(), 0.125);
    let ids: Vec<u64> = (0..60_000).collect();
    for ids in ids.chunks(1000) {
        region.put_many(ids.iter().map(|id| (*id, *id))).await.unwrap();
    }
    let least = rate();
    assert!(least <= 0.125 / 4.0, "{least}");
    let (mut rates, mut told) = (vec![least], Vec::new());
    for minute in 0..120 {
        region.get_many(&ids[..200]).await.unwrap();
        clock.advance(60 * SECOND);
        analytics.tick();
        let report = analytics.report();
        rates.push(report.sample.rate);
        told.push(report.kinds[0].pollution.estimated_held);
        assert!(minute > 8 || rates[rates.len() - 1] == least, "after {minute} minutes: {rates:?}");
    }
    assert!(rates.is_sorted() && rates.last() == Some(&0.125), "{rates:?}");
    // What memory held before is known, too: each entry is sampled by chance.
    for (told, rate) in told.iter().zip(&rates[1..]) {
        let deviation = (4000.0 * (1.0 - rate) / rate).sqrt();
        assert!((told - 4000.0).abs() <= 5.0 * deviation, "{told} held, of 4000, at {rate}");
    }
}

/// Told entry by entry.
#[tokio::test]
async fn what_is_held_is_told_by_kind_and_by_when_it_dies() {
    let clock = Clock::manual();
    let analytics = Analytics::new(clock.clone());
    let cache = Cache::builder().clock(clock.clone()).observer(Arc::clone(&analytics)).build().await.unwrap();
    let spans = [0, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600];
    let mut random = fastrand::Rng::with_seed(3);
    let mut model: HashMap<(&str, Option<u64>), u64> = HashMap::new();
    let mut stale = 0;
    for kind in ["price", "news"] {
        let region = cache.region::<u64>(kind).open().unwrap();
        for id in 0..100_u64 {
            let (life, grace) = (random.u64(500..2000), random.u64(2000..200_000));
            let ttl = Ttl::new(Duration::from_secs(life)).grace(Duration::from_secs(grace));
            region.put(&id, id).await.unwrap();
            assert!(region.set_life(&id, ttl).await.unwrap());
            let left = grace.saturating_sub(1500);
            stale += u64::from(life <= 1500 && left > 0);
            let span = spans.into_iter().find(|span| left <= *span);
            *model.entry((kind, span)).or_default() += 1;
        }
    }
    clock.advance(Duration::from_secs(1500));
    let held = analytics.comprehensive_report().memory.unwrap();
    assert_eq!((held.all.entries, held.all.stale, held.weighs_bytes), (200, stale, true));
    assert_eq!((held.all.weight, held.budget), (cache.stats().memory.weight, 64 << 20));
    for kind in &held.kinds {
        assert_eq!(kind.held.dies.iter().map(|dying| dying.weight).sum::<u64>(), kind.held.weight);
        for dying in &kind.held.dies {
            let expected = model.get(&(&*kind.kind, dying.within_s)).copied().unwrap_or_default();
            assert_eq!(dying.entries, expected, "{} {:?}", kind.kind, dying.within_s);
        }
    }
}

/// What providers tell is what was spent, be it more calls than loaders made, or for kinds that nobody asked for.
#[test]
fn what_was_spent_is_what_providers_cost() {
    let calls = Arc::new(Mutex::new([(0_u64, 0_u64); 2]));
    let told = Arc::clone(&calls);
    let providers = move || {
        let of = |name: &str, price, (prices, news): (u64, u64)| ProviderFigures {
            price_per_call: price,
            calls_by_kind: [("price".to_owned(), prices), ("news".to_owned(), news)].into(),
            ..ProviderFigures::of(name, prices + news)
        };
        let [dear, free] = *told.lock().unwrap();
        vec![of("dear", Some(0.5), dear), of("free", None, free)]
    };
    let price = |kind: &str| (kind != "own").then_some(0.5);
    let analytics = Analytics::builder(Clock::manual()).price_per_call(price).providers(providers).build();
    assert_eq!(analytics.report().money.unwrap().spent, 0.0);
    // Of the loads of prices one was tried twice, and one came from the free provider.
    for kind in ["price", "price", "price", "own"] {
        analytics.on(&Event::Load { kind, keys: 1, failed: 0, took: SECOND, error: None });
    }
    *calls.lock().unwrap() = [(3, 4), (1, 0)];
    let report = analytics.report();
    let money = |kind: &str| report.kinds.iter().find(|told| told.kind == kind).unwrap().money;
    let (prices, all) = (money("price").unwrap(), report.money.unwrap());
    assert_eq!((prices.spent, prices.price_per_call, money("own")), (1.5, 0.5, None));
    assert_eq!(all.spent, report.providers.iter().filter_map(ProviderFigures::spent).sum::<f64>());
    assert_eq!(all.spent, 3.5, "news, too");
    analytics.reset();
    *calls.lock().unwrap() = [(4, 4), (1, 0)];
    let report = analytics.report();
    assert_eq!((report.providers[0].calls, report.money.unwrap().spent), (1, 0.5), "since the reset");
}

#[tokio::test]
async fn money_is_the_price_of_a_call_times_the_calls() {
    let clock = Clock::manual();
    let analytics = Analytics::builder(clock.clone())
        .price_per_call(|kind| {
            [("price", 0.5), ("news", 2.0)].into_iter().find(|(of, _)| *of == kind).map(|(_, p)| p)
        })
        .saved_by_warming(|| 3)
        .build();
    let cache = Cache::builder().clock(clock).observer(Arc::clone(&analytics)).build().await.unwrap();
    let open = |kind: &str| cache.region::<u64>(kind).load_many(10, echoes).open().unwrap();
    let (prices, news, free) = (open("price"), open("news"), open("free"));
    let ids: Vec<u64> = (0..25).collect();
    for _ in 0..2 {
        prices.get_many(&ids).await.unwrap();
    }
    let (one, other) = tokio::join!(news.get(&1), news.get(&1));
    one.and(other).unwrap();
    free.get(&1).await.unwrap();
    let report = analytics.report();
    let money = |kind: &str| report.kinds.iter().find(|told| told.kind == kind).unwrap().money;
    let price = money("price").unwrap();
    // 50 reads, 25 of them hits, the others in three calls.
    assert_eq!((price.spent, price.saved, price.by_cache, price.by_batching), (1.5, 23.5, 12.5, 11.0));
    let told = money("news").unwrap();
    assert_eq!((told.spent, told.saved, told.by_joining, told.ahead), (2.0, 2.0, 2.0, 0.0));
    assert_eq!(money("free"), None);
    let all = report.money.unwrap();
    assert_eq!((all.spent, all.saved, all.price_per_call), (3.5, 25.5, 3.5 / 4.0));
    assert_eq!((report.saved_by_warming, all.by_warming), (Some(3), Some(3.0 * 3.5 / 4.0)));
}

async fn echoes(ids: Vec<u64>) -> std::io::Result<Vec<(u64, u64)>> {
    Ok(ids.into_iter().map(|id| (id, id)).collect())
}

/// Of a hundred thousand keys, of which those of a group are read twice.
#[tokio::test]
async fn a_sample_is_bounded_and_its_estimates_are_near() {
    let analytics = Analytics::builder(Clock::manual())
        .key_group("sevens", Pattern::glob("n:7*").unwrap())
        .unwrap()
        .build();
    let mut sevens = 0;
    for id in 0..100_000_u64 {
        let key = Key::new("n", &id.to_string()).unwrap();
        let meta = Meta::new(Timestamp::from_micros(0), Ttl::new(SECOND));
        let miss = || {
            analytics.on(&Event::Miss { key: &key, source: "memory", reason: MissReason::Absent });
            let (outcome, waited) = (Outcome::Loaded, SECOND);
            analytics.on(&Event::Stored { key: &key, meta: &meta, weight: 1 });
            analytics.on(&Event::Answered { key: &key, outcome, waited, joined: false });
        };
        miss();
        if id.to_string().starts_with('7') {
            sevens += 2;
            analytics.on(&Event::Hit { key: &key, source: "memory", stale: false });
        }
    }
    let report = analytics.report();
    let pollution = &report.kinds[0].pollution;
    assert!((pollution.estimated_held / 100_000.0 - 1.0).abs() < 0.1, "{pollution:?}");
    let group = &report.key_groups[0];
    let (reads, hits) = (group.estimated_reads / f64::from(sevens), group.estimated_hits / f64::from(sevens));
    assert!((reads - 1.0).abs() < 0.2 && (hits - 0.5).abs() < 0.1, "{group:?}, of {sevens}");
}
