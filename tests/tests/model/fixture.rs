//! The real cache beside the model: carries out each step on both, and compares.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Fetched, Key, Pattern, Tag, Tier, Ttl};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Cache, Eviction, Memory, Region};
use tempfile::TempDir;
use tests::{FaultyTier, ModelTier, ScriptedLoader, eventually, settle};

use super::oracle::{Expected, GRACE, KEYS, LIFE, Oracle};
use crate::Step;

/// The tiers behind memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stack {
    Memory,
    One,
    Two,
    Disk,
}

pub(crate) struct Fixture {
    oracle: Oracle,
    clock: Clock,
    inner: Vec<Arc<dyn Tier>>,
    tiers: Vec<FaultyTier>,
    source: ScriptedLoader<String>,
    cache: Cache,
    region: Region<String>,
    policy: Eviction,
    eager: bool,
    _folder: Option<TempDir>,
}

fn tag(key: usize) -> Tag {
    Tag::new(["even", "odd"][key % 2]).expect("a valid tag")
}

impl Fixture {
    pub(crate) async fn new(stack: Stack, policy: Eviction, eager: bool) -> Self {
        let clock = Clock::manual();
        let folder = matches!(stack, Stack::Disk).then(|| TempDir::new().expect("a folder"));
        let model = |name| Arc::new(ModelTier::new(name)) as Arc<dyn Tier>;
        let inner = match stack {
            Stack::Memory => vec![],
            Stack::One => vec![model("one")],
            Stack::Two => vec![model("one"), model("two")],
            Stack::Disk => {
                let path = folder.as_ref().expect("made above").path();
                let disk = DiskTier::open(DiskConfig::new(path).clock(clock.clone())).expect("a disk");
                vec![Arc::new(disk) as Arc<dyn Tier>]
            }
        };
        let tiers: Vec<FaultyTier> = inner.iter().cloned().map(FaultyTier::over).collect();
        let source = ScriptedLoader::labelled(|key: &Key, load| {
            let number: usize = key.id().parse().expect("a number");
            Fetched::new(format!("{number}@{load}")).tag(tag(number))
        });
        let (cache, region) = open(&clock, &tiers, &source, policy, eager).await;
        let oracle = Oracle::new(tiers.len(), eager);
        Self { oracle, clock, inner, tiers, source, cache, region, policy, eager, _folder: folder }
    }

    pub(crate) async fn step(&mut self, n: usize, step: &Step) {
        self.act(n, step).await;
        self.landed().await;
        self.paid(matches!(step, Step::Advance(_))).await;
        self.compare(&format!("after step {n}, {step:?}")).await;
    }

    async fn act(&mut self, n: usize, step: &Step) {
        let ids = |keys: &[usize]| keys.iter().map(ToString::to_string).collect::<Vec<String>>();
        match step {
            Step::Get(key) => {
                let expected = self.oracle.read(*key);
                let loads = self.loads(*key);
                let answer = self.region.get(&key.to_string()).await;
                self.judge(
                    n,
                    *key,
                    answer.map(|value| value.map(|value| (*value).clone())),
                    &expected,
                    loads,
                )
                .await;
            }
            Step::GetMany(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                keys.dedup();
                let loads: Vec<u64> = keys.iter().map(|key| self.loads(*key)).collect();
                let answers = self.region.lookup_many(&ids(&keys)).await;
                for ((key, answer), loads) in keys.into_iter().zip(answers).zip(loads) {
                    let expected = self.oracle.read(key);
                    let answer = answer.map(|found| found.value.map(|value| (*value).clone()));
                    self.judge(n, key, answer, &expected, loads).await;
                }
            }
            Step::Put(key) => self.put(&[*key], n).await,
            Step::PutMany(keys) => self.put(keys, n).await,
            Step::Remove(keys) => {
                let failing =
                    self.cache.health().tiers.iter().map(|tier| tier.error.is_some()).collect::<Vec<_>>();
                self.oracle.remove_counted(keys, &failing);
                self.region.remove_many(&ids(keys)).await.unwrap();
            }
            Step::RemoveMatching(from) => {
                self.oracle.remove(*from..KEYS);
                // There are no ranges in patterns: one a key.
                for key in *from..KEYS {
                    let pattern = Pattern::glob(&format!("n:{key}")).unwrap();
                    self.cache.remove_matching(&pattern).await.unwrap();
                }
            }
            Step::Invalidate(tag_of) => {
                self.oracle.invalidate(*tag_of);
                self.cache.invalidate(tag(*tag_of)).await.unwrap();
            }
            Step::ClearRegion => {
                self.oracle.clear();
                self.region.clear().await.unwrap();
            }
            Step::ClearAll => {
                self.oracle.clear();
                self.cache.clear().await.unwrap();
            }
            Step::Refresh(keys) => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                keys.dedup();
                let (came, failed): (Vec<usize>, Vec<usize>) =
                    keys.iter().partition(|key| self.oracle.load(**key).is_some());
                let refreshed = self.region.refresh(&ids(&keys)).await.unwrap();
                assert_eq!(refreshed.loaded, came.len(), "step {n}: refreshed");
                let named: Vec<&str> = refreshed.failed.iter().map(|(key, _)| key.id()).collect();
                assert_eq!(named, ids(&failed), "step {n}: not refreshed");
            }
            Step::Advance(sevens) => {
                self.oracle.now += sevens * 7;
                self.clock.advance(Duration::from_secs(sevens * 7));
            }
            Step::Source(up) => {
                self.oracle.source_up = *up;
                if *up { self.source.recover() } else { self.source.fail(cache_core::ErrorKind::Load) }
            }
            Step::Tier(tier, up) => {
                if let Some(model) = self.oracle.tiers.get_mut(*tier) {
                    model.down = !up;
                    if *up { self.tiers[*tier].up() } else { self.tiers[*tier].down() }
                }
            }
            Step::Protect(protected) => {
                let pattern = Pattern::glob("n:*").unwrap();
                if *protected {
                    self.cache.protect(&pattern).unwrap();
                } else {
                    self.cache.unprotect(&pattern).unwrap();
                }
            }
            Step::Restart => {
                self.oracle.restart();
                let Self { clock, tiers, source, policy, eager, .. } = &*self;
                (self.cache, self.region) = open(clock, tiers, source, *policy, *eager).await;
            }
        }
    }

    async fn put(&mut self, keys: &[usize], n: usize) {
        let mut values = Vec::new();
        for (m, key) in keys.iter().enumerate() {
            let text = format!("{key} put {n}.{m}");
            self.oracle.put(*key, text.clone());
            values.push((key.to_string(), Fetched::new(text).tag(tag(*key))));
        }
        self.region.put_many(values).await.unwrap();
    }

    fn loads(&self, key: usize) -> u64 {
        self.source.loads(&self.region.key(&key.to_string()).unwrap())
    }

    async fn judge(
        &self,
        n: usize,
        key: usize,
        answer: cache_core::Result<Option<String>>,
        expected: &Expected,
        loads_before: u64,
    ) {
        let answer =
            answer.map_err(|error| error.kind()).map(|value| value.expect("the source has every key"));
        assert!(expected.answers.contains(&answer), "step {n}: {key} is {answer:?}, expected {expected:?}");
        self.landed().await;
        assert_eq!(self.loads(key) - loads_before, expected.loads, "step {n}: loads of {key}, {expected:?}");
    }

    /// Waits until the background work of a call has ended: a flight lasts until the tiers are written.
    async fn landed(&self) {
        eventually("the flights end", || self.cache.stats().flights == 0).await;
    }

    /// Tells the model when a tier that is back was told what it could not take; when time has passed, it
    /// must be.
    async fn paid(&mut self, time_passed: bool) {
        settle().await;
        for (number, model) in self.oracle.tiers.iter_mut().enumerate().filter(|(_, tier)| !tier.down) {
            let owed = || self.cache.stats().tiers[number].pending;
            if time_passed {
                eventually("the tier is told", || owed() == 0).await;
            }
            if owed() == 0 {
                model.pay(self.oracle.now);
            }
        }
    }

    /// Memory and the tiers hold what the model says.
    async fn compare(&self, when: &str) {
        let keys: Vec<Key> = (0..KEYS).map(|key| self.region.key(&key.to_string()).unwrap()).collect();
        for (key, name) in keys.iter().enumerate() {
            let near = self.region.peek(name).map(|value| (*value).clone());
            assert_eq!(near, self.oracle.near(key).map(|value| value.text), "{key} in memory {when}");
        }
        for (number, tier) in self.inner.iter().enumerate() {
            for (key, held) in tier.get(&keys).await.unwrap().into_iter().enumerate() {
                let held = held.map(|entry| entry.value.unwrap().decode::<String>(0).unwrap());
                let expected = self.oracle.tiers[number].held(key).map(|value| value.text.clone());
                if held.is_some() || !self.oracle.forgettable(number, key) {
                    assert_eq!(held, expected, "{key} in tier {number} {when}");
                }
            }
        }
    }
}

async fn open(
    clock: &Clock,
    tiers: &[FaultyTier],
    source: &ScriptedLoader<String>,
    policy: Eviction,
    eager: bool,
) -> (Cache, Region<String>) {
    let memory = Memory::builder().eviction(policy).protected_share(0.5);
    let builder = Cache::builder().memory(memory).clock(clock.clone());
    let cache =
        tiers.iter().cloned().fold(builder, |builder, tier| builder.tier(tier)).build().await.unwrap();
    let ttl = Ttl::new(Duration::from_secs(LIFE)).grace(Duration::from_secs(GRACE));
    let region = cache.region::<String>("n").ttl(ttl).throttle(Duration::ZERO).loader(source.clone());
    let region = if eager { region.eager(0.8) } else { region };
    (cache, region.open().unwrap())
}
