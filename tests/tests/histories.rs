//! Random histories of several tasks at once: what was removed is never seen again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, ErrorKind, Fetched, Key, ListCursor, ListPage, Loaded, Loader, Pattern, PutOutcome,
    Request, Result, Tag, Target, Tier, Tombstone, Ttl,
};
use cache_facade::{Cache, Eviction, Memory, MemoryBuilder, Region};
use tests::{ModelTier, eventually};
use tokio::{sync::Mutex, task::yield_now};

const KEYS: usize = 8;
const TASKS: u64 = 4;

/// Reproducible numbers; clones go on from the same one.
#[derive(Debug)]
struct Dice(AtomicU64);

impl Dice {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }

    fn below(&self, limit: u64) -> u64 {
        let mut word = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, SeqCst);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % limit
    }

    async fn dawdle(&self) {
        for _ in 0..self.below(12) {
            yield_now().await;
        }
    }
}

/// A tier that yields at random before and after each call.
#[derive(Debug)]
struct Dawdling(Arc<ModelTier>, Arc<Dice>);

impl Dawdling {
    async fn amid<T>(&self, work: impl Future<Output = T>) -> T {
        self.1.dawdle().await;
        let answer = work.await;
        self.1.dawdle().await;
        answer
    }
}

#[async_trait]
impl Tier for Dawdling {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.amid(self.0.get(keys)).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.amid(self.0.put(entries)).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.amid(self.0.remove(target, tombstone)).await
    }

    async fn flush(&self) -> Result<()> {
        self.0.flush().await
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.amid(self.0.list(pattern, after, limit)).await
    }
}

/// The state outside the cache: the version of each key, and the version up to which it was removed.
#[derive(Debug, Default)]
struct World {
    versions: [AtomicU64; KEYS],
    /// No read that begins now may return an older version.
    floors: [AtomicU64; KEYS],
    /// The same for removals that also take the entry out of the tiers.
    buried: [AtomicU64; KEYS],
    /// One writer a key, so that "the last" has a meaning.
    writing: [Mutex<()>; KEYS],
}

fn index(key: &Key) -> usize {
    key.id().parse().expect("a number")
}

fn tag(n: usize) -> Tag {
    Tag::new(["even", "odd"][n % 2]).expect("a valid tag")
}

fn fresh(n: usize, version: u64) -> Fetched<u64> {
    Fetched::new(version).tag(tag(n))
}

/// Looks at the world, and tells of it a while later.
struct Delayed(Arc<World>, Arc<Dice>);

#[async_trait]
impl Loader<u64> for Delayed {
    fn max_batch(&self) -> usize {
        3
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        let numbers = requests.iter().map(|request| index(&request.key));
        let seen = numbers.map(|n| fresh(n, self.0.versions[n].load(SeqCst)).into()).collect();
        self.1.dawdle().await;
        Ok(seen)
    }
}

struct Fixture {
    clock: Clock,
    cache: Cache,
    region: Region<u64>,
    tiers: [Arc<ModelTier>; 2],
    world: Arc<World>,
    dice: Arc<Dice>,
}

impl Fixture {
    async fn new(seed: u64, memory: MemoryBuilder) -> Arc<Self> {
        let (clock, dice, world) = (Clock::manual(), Dice::new(seed), Arc::new(World::default()));
        let tiers = ["one", "two"].map(|name| Arc::new(ModelTier::new(name)));
        let [one, two] = tiers.each_ref().map(|tier| Dawdling(tier.clone(), dice.clone()));
        let cache = Cache::builder().memory(memory.protected_share(0.5)).clock(clock.clone());
        let cache = cache.tier(one).tier(two).build().await.unwrap();
        let ttl = Ttl::new(Duration::from_secs(2)).grace(Duration::from_secs(10));
        let region = cache.region::<u64>("n").ttl(ttl).eager(0.5).throttle(Duration::ZERO);
        let region = region.loader(Delayed(world.clone(), dice.clone())).open().unwrap();
        Arc::new(Self { clock, cache, region, tiers, world, dice })
    }

    async fn step(&self) {
        let n = self.dice.below(KEYS as u64) as usize;
        let id = n.to_string();
        match self.dice.below(100) {
            0..48 => self.read(n).await,
            48 => self.cache.protect(Pattern::glob("n:?").unwrap()).unwrap(),
            49 => self.cache.unprotect(Pattern::glob("n:?").unwrap()).unwrap(),
            50..60 => self.read_all().await,
            60..70 => {
                let _writing = self.world.writing[n].lock().await;
                let version = self.world.versions[n].fetch_add(1, SeqCst) + 1;
                self.region.put(&id, fresh(n, version)).await.unwrap();
            }
            70..88 => self.end(&[n], true, self.region.remove(&id)).await,
            88..91 => {
                let pattern = Pattern::glob("n:[0-9]").unwrap();
                let all: Vec<usize> = (0..KEYS).collect();
                let none = self.cache.remove_matching(&pattern).await.unwrap();
                assert_eq!(none.at_most(), 0, "a bracket is only a character");
                self.end(&all, true, self.cache.remove_matching(Pattern::glob("n:?").unwrap())).await;
            }
            91..94 => {
                let same: Vec<usize> = (0..KEYS).filter(|other| other % 2 == n % 2).collect();
                self.end(&same, false, self.cache.invalidate(tag(n))).await;
            }
            94 => self.end(&(0..KEYS).collect::<Vec<_>>(), false, self.region.clear()).await,
            95 => drop(self.region.refresh(&[&id]).await),
            _ => self.clock.advance(Duration::from_millis(300)),
        }
    }

    async fn read(&self, n: usize) {
        let floor = self.world.floors[n].load(SeqCst);
        match self.region.get(&n.to_string()).await {
            Ok(value) => {
                let version = *value.expect("the source has every key");
                assert!(version >= floor, "key {n}: read {version}, removed up to {floor}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error}"),
        }
    }

    async fn read_all(&self) {
        let floors: Vec<u64> = self.world.floors.iter().map(|floor| floor.load(SeqCst)).collect();
        let ids: Vec<String> = (0..KEYS).map(|n| n.to_string()).collect();
        for ((n, answer), floor) in self.region.lookup_many(&ids).await.into_iter().enumerate().zip(floors) {
            let version = *answer.unwrap().value.expect("the source has every key");
            assert!(version >= floor, "key {n}: read {version} among others, removed up to {floor}");
        }
    }

    /// Raises the versions of these keys and invalidates them in the cache.
    async fn end<T>(&self, numbers: &[usize], buries: bool, removal: impl Future<Output = Result<T>>) {
        let mut writing = Vec::new();
        for n in numbers {
            writing.push(self.world.writing[*n].lock().await);
        }
        let versions: Vec<u64> =
            numbers.iter().map(|n| self.world.versions[*n].fetch_add(1, SeqCst) + 1).collect();
        removal.await.unwrap();
        for (n, version) in numbers.iter().zip(versions) {
            self.world.floors[*n].fetch_max(version, SeqCst);
            if buries {
                self.world.buried[*n].fetch_max(version, SeqCst);
            }
        }
        drop(writing);
    }

    async fn check_the_rest(&self) {
        eventually("the flights end", || self.cache.stats().flights == 0).await;
        for n in 0..KEYS {
            let (key, floor) = (self.region.key(&n.to_string()).unwrap(), self.world.floors[n].load(SeqCst));
            assert!(self.region.peek(&key).is_none_or(|version| *version >= floor), "{n} in memory");
            for tier in &self.tiers {
                let Some(entry) = tier.entry(&key) else { continue };
                let version: u64 = entry.value.unwrap().decode(0).unwrap();
                let buried = self.world.buried[n].load(SeqCst);
                assert!(version >= buried, "{n} in tier {}: {version}, removed up to {buried}", tier.name());
            }
            self.read(n).await;
        }
    }
}

async fn history(seed: u64, steps: u64, memory: MemoryBuilder) {
    let fixture = Fixture::new(seed, memory).await;
    let tasks = (0..TASKS).map(|_| {
        let fixture = fixture.clone();
        tokio::spawn(async move {
            for _ in 0..steps {
                fixture.step().await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    fixture.check_the_rest().await;
}

#[tokio::test]
async fn rule_33_of_forty_thousand_random_steps_none_sees_what_was_removed() {
    for (seed, policy) in (0..).zip(Eviction::ALL) {
        // Fewer than there are keys, so that some are always being evicted.
        for memory in [Memory::builder(), Memory::builder().entries(5)] {
            println!("seed {seed}: {memory:?}, {policy}");
            history(seed, 1000, memory.eviction(policy)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rule_33_of_thirty_thousand_random_steps_on_several_threads_none_sees_what_was_removed() {
    for (seed, policy) in (100..).zip(Eviction::ALL) {
        println!("seed {seed}: {policy}");
        history(seed, 1500, Memory::builder().eviction(policy)).await;
    }
}
