//! What a comprehensive report says that other budgets and lives would come to, against what they come to.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::File,
    future::ready,
    io::{BufRead, BufReader},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_analytics::{Analytics, Trials};
use cache_core::{
    CacheFigures, Clock, Entry, Event, Freshness, Key, Meta, MissReason, Observer, Outcome, TrialMemory, Ttl,
};
use cache_facade::{Cache, Eviction, Memory, Region};
use flate2::bufread::GzDecoder;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// How many reads there are in a second. Hits of the same key in the same second are counted together.
const READS_PER_SECOND: usize = 20;

/// What is tried, as parts of what there is.
const FACTORS: [f64; 3] = [0.5, 2.0, 4.0];

/// How many standard deviations an estimate may be off: by chance one is in two millions.
const DEVIATIONS: f64 = 5.0;

/// How often a trace is run with other keys sampled.
const DRAWS: u64 = 3;

/// How a trace went: the number of reads, and each miss with the number of its read.
struct Run {
    reads: usize,
    misses: Vec<(usize, u64)>,
}

/// The misses of each key in the last part of a run.
struct Misses {
    reads: usize,
    by_key: HashMap<u64, f64>,
}

/// Runs a trace through a cache, and lets analytics watch all keys, if it is wanted to.
async fn run(trace: &[u64], memory: Memory, life: Duration, watch: bool) -> (Run, Option<Trials>) {
    let clock = Clock::manual();
    let builder = Cache::builder().clock(clock.clone()).memory(memory);
    let analytics = watch.then(|| Analytics::builder(clock.clone()).sample_rate(1.0).build());
    let builder =
        analytics.iter().fold(builder, |builder, analytics| builder.observer(Arc::clone(analytics)));
    let cache = builder.build().await.unwrap();
    let loaded = Arc::new(Mutex::new((0, Vec::new())));
    let noted = Arc::clone(&loaded);
    let load = move |id: u64| {
        let (number, misses) = &mut *noted.lock().unwrap();
        misses.push((*number, id));
        ready(std::io::Result::Ok(id))
    };
    let region: Region<u64> = cache.region("n").ttl(Ttl::new(life)).load_one(load).open().unwrap();
    for (number, id) in trace.iter().enumerate() {
        loaded.lock().unwrap().0 = number;
        region.get(id).await.unwrap();
        if number % READS_PER_SECOND == 0 {
            analytics.iter().for_each(|analytics| analytics.tick());
        }
        clock.advance(SECOND / READS_PER_SECOND as u32);
    }
    let trials = analytics.map(|analytics| analytics.comprehensive_report().trials.unwrap());
    let misses = std::mem::take(&mut loaded.lock().unwrap().1);
    (Run { reads: trace.len(), misses }, trials)
}

/// A memory that is read without the rest of a cache, whose events it tells: a hundred times as many reads take as
/// long. What is tried is tried by the cache that it has the policy of.
struct Stream {
    cache: Weak<dyn CacheFigures>,
    hits: Arc<AtomicU64>,
}

/// What is told whom to ask for a cache's figures.
#[derive(Debug, Default)]
struct FiguresOf(Mutex<Option<Figures>>);

struct Figures(Weak<dyn CacheFigures>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Figures").finish()
    }
}

impl Observer for FiguresOf {
    fn on(&self, _: &Event<'_>) {}

    fn figures_of(&self, cache: Weak<dyn CacheFigures>) {
        *self.0.lock().unwrap() = Some(Figures(cache));
    }
}

impl CacheFigures for Stream {
    fn memory_hits(&self, tell: &mut dyn FnMut(&str, u64)) {
        tell("n", self.hits.load(Ordering::Relaxed));
    }

    fn hottest(&self, _: usize, _: &mut dyn FnMut(&Key, f64, u64)) {}

    fn held(&self, _: &mut dyn FnMut(&Key, &Meta, u64)) {}

    fn weight(&self) -> u64 {
        0
    }

    fn budget(&self) -> u64 {
        self.cache.upgrade().unwrap().budget()
    }

    fn weighs_bytes(&self) -> bool {
        self.cache.upgrade().unwrap().weighs_bytes()
    }

    fn trial_memory(&self, budget: u64) -> Box<dyn TrialMemory> {
        self.cache.upgrade().unwrap().trial_memory(budget)
    }
}

/// Runs a trace through a memory of so many entries. An eighth of the keys is watched, if a `draw` is given:
/// others for another one.
async fn stream(trace: &[u64], entries: f64, life: Duration, draw: Option<u64>) -> (Run, Option<Trials>) {
    let (clock, memory) = (Clock::manual(), Memory::entries(entries as u64));
    let of = Arc::new(FiguresOf::default());
    let cache = Cache::builder().memory(Memory::entries(entries as u64)).observer(Arc::clone(&of));
    let cache = cache.build().await.unwrap();
    let Figures(figures) = of.0.lock().unwrap().take().unwrap();
    let hits = Arc::new(AtomicU64::new(0));
    let stream: Arc<dyn CacheFigures> = Arc::new(Stream { cache: figures, hits: Arc::clone(&hits) });
    let analytics = draw.map(|_| Analytics::builder(clock.clone()).sample_rate(0.125).build());
    analytics.iter().for_each(|analytics| analytics.figures_of(Arc::downgrade(&stream)));
    let keys: HashSet<u64> = trace.iter().copied().collect();
    let key = |id: u64| Key::new("n", &format!("{}/{id}", draw.unwrap_or_default())).unwrap();
    let keys: HashMap<u64, Key> = keys.into_iter().map(|id| (id, key(id))).collect();
    let mut misses = Vec::new();
    for (number, id) in trace.iter().enumerate() {
        let (key, now) = (&keys[id], clock.now());
        let held = memory.read(key, |held| held.meta().freshness(now) == Freshness::Fresh);
        let is_hit = held.unwrap_or(false);
        if is_hit {
            hits.fetch_add(1, Ordering::Relaxed);
        } else {
            misses.push((number, *id));
            let meta = Meta::new(now, Ttl::new(life));
            memory.put(key.clone(), Entry::absent(meta.clone()), now);
            if let Some(analytics) = &analytics {
                analytics.on(&Event::Miss { key, source: "memory", reason: MissReason::Absent });
                analytics.on(&Event::Stored { key, meta: &meta, weight: 1 });
                let (outcome, waited) = (Outcome::Loaded, Duration::ZERO);
                analytics.on(&Event::Answered { key, outcome, waited, joined: false });
            }
        }
        if let Some(analytics) = &analytics {
            assert!(!is_hit || analytics.counts_hit(key.hash()));
            if number % READS_PER_SECOND == 0 {
                analytics.tick();
            }
        }
        clock.advance(SECOND / READS_PER_SECOND as u32);
    }
    let trials = analytics.map(|analytics| analytics.comprehensive_report().trials.unwrap());
    drop(cache);
    (Run { reads: trace.len(), misses }, trials)
}

impl Run {
    /// Returns the misses in the span that a trial counted.
    fn misses(&self, trials: &Trials) -> Misses {
        let reads = (trials.counted_seconds * READS_PER_SECOND as f64).round() as usize;
        let mut by_key = HashMap::new();
        for (number, id) in &self.misses {
            if number + reads >= self.reads {
                *by_key.entry(*id).or_default() += 1.0;
            }
        }
        Misses { reads, by_key }
    }
}

impl Misses {
    fn all(&self) -> f64 {
        self.by_key.values().sum()
    }

    fn hit_rate(&self) -> f64 {
        1.0 - self.all() / self.reads as f64
    }

    /// Returns the root of the sum of the squares of what the keys missed more or less than in another run.
    fn norm(&self, other: Option<&Self>) -> f64 {
        let of = |misses: Option<&Self>, id: &u64| misses.and_then(|misses| misses.by_key.get(id).copied());
        let ids = self.by_key.keys().chain(other.iter().flat_map(|other| other.by_key.keys()));
        let more: HashMap<u64, f64> = ids
            .map(|id| (*id, of(Some(self), id).unwrap_or_default() - of(other, id).unwrap_or_default()))
            .collect();
        more.values().map(|more| more * more).sum::<f64>().sqrt()
    }
}

/// What is tried, run: as it is and by each of the factors.
struct Reality {
    now: Run,
    others: [Run; 3],
    /// How many entries memory holds; `None` if it holds all.
    entries: Option<f64>,
}

impl Reality {
    /// Runs a trace as it is and by each of the factors.
    async fn of(entries: Option<f64>, run: impl AsyncFn(f64) -> Run) -> Self {
        let [half, double, fourfold] = FACTORS;
        Self {
            now: run(1.0).await,
            others: [run(half).await, run(double).await, run(fourfold).await],
            entries,
        }
    }

    /// Checks what was told, against what really happens: to so many points where all keys are sampled.
    ///
    /// Elsewhere a trial counts the misses of the sampled keys, of which each key is one with the probability
    /// `rate`, by itself. So the misses of all keys, as they are estimated from those of the sampled ones, have
    /// the variance
    /// `(1 - rate) / rate` times the sum of the squares of what each key adds: its own misses, and, since it takes
    /// room of which the sample has as much as its share of the keys says, the misses of others that have none. Of
    /// the former the run tells, of the latter the slope of misses by entries; at most as many keys as there are
    /// entries take room, and none more than that of one.
    fn check(&self, trials: &Trials, what: &str, points: f64, told: impl Fn(&Trials, usize) -> (f64, f64)) {
        let now = self.now.misses(trials);
        let others = self.others.each_ref().map(|run| run.misses(trials));
        let by_size: Vec<(f64, &Misses)> =
            [0.5, 1.0, 2.0, 4.0].into_iter().zip([&others[0], &now, &others[1], &others[2]]).collect();
        // What an entry more or less comes to, times the root of the entries: at its steepest.
        let for_room = |factor: f64| {
            let Some(entries) = self.entries else { return 0.0 };
            let neighbours = by_size.windows(2).filter(|pair| pair[0].0 == factor || pair[1].0 == factor);
            let slopes = neighbours
                .map(|pair| (pair[0].1.all() - pair[1].1.all()).abs() / ((pair[1].0 - pair[0].0) * entries));
            slopes.fold(0.0, f64::max) * (factor * entries).sqrt()
        };
        let chance = ((1.0 - trials.sample_rate) / trials.sample_rate).sqrt() / now.reads as f64;
        let within = |deviation: f64| points / 100.0 + DEVIATIONS * deviation * chance;
        let close = |told: f64, real: f64, within: f64, name: &str| {
            let off = (told - real).abs();
            assert!(off <= within, "{what}, {name}: {told} of {real}, within {within}: {trials:?}");
        };
        let as_it_is = within(now.norm(None) + for_room(1.0));
        close(trials.estimated_hit_rate, now.hit_rate(), as_it_is, "replayed");
        close(trials.sampled_hit_rate, now.hit_rate(), within(now.norm(None)), "as it was");
        for (at, (other, factor)) in others.iter().zip(FACTORS).enumerate() {
            let name = format!("{factor} times");
            let (rate, told_points) = told(trials, at);
            close(rate, other.hit_rate(), within(other.norm(None) + for_room(factor)), &name);
            let more = other.hit_rate() - now.hit_rate();
            let within = within(other.norm(Some(&now)) + for_room(factor) + for_room(1.0));
            close(told_points / 100.0, more, within, &name);
        }
    }
}

fn budget_told(trials: &Trials, at: usize) -> (f64, f64) {
    let tried = &trials.budgets[at];
    assert_eq!(tried.factor, FACTORS[at]);
    (tried.estimated_hit_rate, tried.estimated_points)
}

fn life_told(trials: &Trials, at: usize) -> (f64, f64) {
    let tried = &trials.lives[at];
    assert_eq!((&*tried.kind, tried.factor), ("n", FACTORS[at]));
    (tried.estimated_hit_rate, tried.estimated_points)
}

/// Of a trace, each second one: mostly few keys, and some that come once.
fn skewed(keys: u64, reads: usize) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(17);
    let skewed = |random: &mut fastrand::Rng| (keys as f64 * random.f64().powi(3)) as u64;
    (0..reads).map(|at| if at % 10 == 0 { keys + at as u64 } else { skewed(&mut random) }).collect()
}

/// Of keys by their rank: each is read in inverse proportion to it.
fn zipf(keys: u64, reads: usize) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(23);
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut drawn = || {
        let drawn = random.f64() * sum;
        sums.partition_point(|until| *until < drawn) as u64
    };
    (0..reads).map(|_| drawn()).collect()
}

/// The first reads of a recorded trace.
fn recorded(reads: usize) -> Vec<u64> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/data/traces/web12.txt.gz");
    let lines = BufReader::new(GzDecoder::new(BufReader::new(File::open(path).unwrap()))).lines();
    let mut known: HashMap<String, u64> = HashMap::new();
    let mut number = |line: String| {
        let next = known.len() as u64;
        *known.entry(line).or_insert(next)
    };
    lines.take(reads).map(|line| number(line.unwrap())).collect()
}

/// Returns how many points a trial may be off of all keys: the policies of moka decide in batches, and by chance.
fn points(eviction: Eviction) -> f64 {
    if eviction.has_fixed_budget() { 5.0 } else { 1.0 }
}

/// The budget is in entries, so that all weigh the same.
#[tokio::test]
async fn what_a_budget_is_told_to_come_to_is_what_it_comes_to() {
    let trace = skewed(2000, 6000);
    for eviction in Eviction::ALL {
        let memory =
            |factor: f64| Memory::builder().entries((400.0 * factor) as u64).eviction(eviction).build();
        let reality = Reality::of(Some(400.0), async |by| run(&trace, memory(by), HOUR, false).await.0).await;
        let (_, trials) = run(&trace, memory(1.0), HOUR, true).await;
        reality.check(&trials.unwrap(), eviction.as_str(), points(eviction), budget_told);
    }
}

#[tokio::test]
async fn what_another_life_is_told_to_come_to_is_what_it_comes_to() {
    let (trace, life) = (skewed(2000, 6000), 60 * SECOND);
    let memory = || Memory::mib(8);
    let reality = Reality::of(None, async |by| run(&trace, memory(), life.mul_f64(by), false).await.0).await;
    let (_, trials) = run(&trace, memory(), life, true).await;
    reality.check(&trials.unwrap(), "lives", 1.0, life_told);
}

async fn check_sampled(trace: &[u64], what: &str, entries: f64) {
    let reality =
        Reality::of(Some(entries), async |by| stream(trace, entries * by, HOUR, None).await.0).await;
    for draw in 0..DRAWS {
        let trials = stream(trace, entries, HOUR, Some(draw)).await.1.unwrap();
        assert!(trials.sample_rate <= 0.125 && trials.keys > 300, "{what}: {trials:?}");
        reality.check(&trials, what, 1.0, budget_told);
    }
}

#[tokio::test]
async fn what_is_told_of_a_sample_of_zipf_is_as_near_as_its_size_lets_it_be() {
    check_sampled(&zipf(20_000, 60_000), "zipf", 2000.0).await;
}

#[tokio::test]
async fn what_is_told_of_a_sample_of_a_recorded_trace_is_as_near_as_its_size_lets_it_be() {
    check_sampled(&recorded(60_000), "web12", 1000.0).await;
}

#[tokio::test]
async fn what_is_told_of_lives_of_a_sample_is_as_near_as_its_size_lets_it_be() {
    let (trace, life, entries) = (zipf(20_000, 60_000), 60 * SECOND, 100_000.0);
    let run = async |by| stream(&trace, entries, life.mul_f64(by), None).await.0;
    let reality = Reality::of(None, run).await;
    for draw in 0..DRAWS {
        let trials = stream(&trace, entries, life, Some(draw)).await.1.unwrap();
        reality.check(&trials, "lives", 1.0, life_told);
    }
}
