//! What a dry run counts, what the removal counts, and what a model says was there, by place.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use cache_core::{Blob, Clock, Codec, Entry, Fetched, Meta, Pattern, Prefix, Tag, Tier, Timestamp, Ttl};
use cache_facade::{Cache, Memory, Region, Selection};
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Builder;

const KINDS: [&str; 2] = ["a", "ab"];
const IDS: [&str; 6] = ["1", "2", "12", "x:1", "*", "é"];
const TAGS: [&str; 3] = ["red", "green", "blue"];

/// For how many seconds a short life lasts, a long one, and a step of time.
const SHORT: u64 = 10;
const LONG: u64 = 3600;
const STEP: u64 = 7;

type Name = (usize, usize);

#[derive(Clone, Debug)]
enum Step {
    /// Puts a value as a user does. With a short life or a long one.
    Put(Name, BTreeSet<usize>, bool),
    /// Stores something in one tier alone, as another process may have; perhaps that there is no value.
    Store(usize, Name, BTreeSet<usize>, bool, bool),
    Pass,
    Invalidate(usize),
    ClearKind(usize),
    Clear,
    Remove(Name),
}

/// What is selected, by numbers.
#[derive(Clone, Debug)]
struct Chosen {
    keys: BTreeSet<Name>,
    patterns: Vec<&'static str>,
    kinds: BTreeSet<usize>,
    tags: BTreeSet<usize>,
    all: bool,
}

#[derive(Clone, Debug)]
struct Held {
    born: Timestamp,
    dead_at: Timestamp,
    tags: BTreeSet<usize>,
    absent: bool,
}

/// What each place holds: memory first, then the tiers. And what was ended by stamps, and when.
#[derive(Default)]
struct Model {
    places: Vec<BTreeMap<Name, Held>>,
    tags: BTreeMap<usize, Timestamp>,
    kinds: BTreeMap<usize, Timestamp>,
}

impl Model {
    fn ended(&self, name: Name, held: &Held) -> bool {
        let by_tags = held.tags.iter().filter_map(|tag| self.tags.get(tag));
        by_tags.chain(self.kinds.get(&name.0)).any(|at| held.born <= *at)
    }

    /// How many values of each place a removal of what is chosen ends.
    fn counts(&self, chosen: &Chosen, now: Timestamp) -> Vec<u64> {
        let counts = self.places.iter().enumerate().map(|(place, held)| {
            let counted = held.iter().filter(|(name, held)| {
                let text = format!("{}:{}", KINDS[name.0], IDS[name.1]);
                let matches = |glob: &&str| Pattern::glob(glob).unwrap().matches_text(&text);
                let by_key = chosen.keys.contains(name) || chosen.patterns.iter().any(matches);
                let by_stamp = chosen.all
                    || chosen.kinds.contains(&name.0)
                    || held.tags.iter().any(|tag| chosen.tags.contains(tag));
                let alive = !held.absent && now < held.dead_at;
                // Tiers judge by age alone what is removed key by key.
                let judged_by_age = place > 0 && by_key;
                alive && (by_key || by_stamp) && (judged_by_age || !self.ended(**name, held))
            });
            counted.count() as u64
        });
        counts.collect()
    }
}

fn steps(tiers: usize) -> impl Strategy<Value = Vec<Step>> {
    let name = (0..KINDS.len(), 0..IDS.len());
    let tags = || btree_set(0..TAGS.len(), 0..3);
    let step = prop_oneof![
        6 => (name.clone(), tags(), any::<bool>()).prop_map(|(name, tags, short)| Step::Put(name, tags, short)),
        6 => (0..tiers, name.clone(), tags(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(tier, name, tags, short, absent)| Step::Store(tier, name, tags, short, absent)),
        1 => Just(Step::Pass),
        1 => (0..TAGS.len()).prop_map(Step::Invalidate),
        1 => (0..KINDS.len()).prop_map(Step::ClearKind),
        1 => Just(Step::Clear),
        2 => name.prop_map(Step::Remove),
    ];
    vec(step, 0..24)
}

fn chosen() -> impl Strategy<Value = Chosen> {
    let keys = || btree_set((0..KINDS.len(), 0..IDS.len()), 0..5);
    let globs = || vec(prop::sample::select(vec!["a:*", "a*", "*:1", "ab:?", "a:\\*", "*"]), 0..3);
    let kinds = || btree_set(0..KINDS.len(), 0..2);
    let tags = || btree_set(0..TAGS.len(), 0..3);
    let none = Chosen {
        keys: BTreeSet::new(),
        patterns: Vec::new(),
        kinds: BTreeSet::new(),
        tags: BTreeSet::new(),
        all: false,
    };
    let with = move |change: fn(&mut Chosen, Chosen), all: Chosen| {
        let mut chosen = none.clone();
        change(&mut chosen, all);
        chosen
    };
    let all = (keys(), globs(), kinds(), tags(), any::<bool>())
        .prop_map(|(keys, patterns, kinds, tags, all)| Chosen { keys, patterns, kinds, tags, all });
    // One sort at a time as a rule, and all of them together.
    (0..6, all).prop_map(move |(sort, all)| match sort {
        0 => with(|chosen, all| chosen.keys = all.keys, all),
        1 => with(|chosen, all| chosen.patterns = all.patterns, all),
        2 => with(|chosen, all| chosen.kinds = all.kinds, all),
        3 => with(|chosen, all| chosen.tags = all.tags, all),
        4 => with(|chosen, _| chosen.all = true, all),
        _ => all,
    })
}

fn selection(chosen: &Chosen) -> Selection {
    let mut selection = Selection::new();
    for (kind, id) in &chosen.keys {
        selection = selection.key(KINDS[*kind], IDS[*id]);
    }
    for glob in &chosen.patterns {
        selection = selection.pattern(*glob);
    }
    for kind in &chosen.kinds {
        selection = selection.kind(KINDS[*kind]);
    }
    for tag in &chosen.tags {
        selection = selection.tag(TAGS[*tag]);
    }
    if chosen.all { selection.all() } else { selection }
}

struct Run {
    clock: Clock,
    cache: Cache,
    regions: Vec<Region<u64>>,
    tiers: Vec<Arc<dyn Tier>>,
    space: String,
    model: Model,
}

impl Run {
    async fn begin(clock: &Clock, tiers: &[Arc<dyn Tier>], space: String) -> Self {
        let builder = Cache::builder().memory(Memory::mib(8)).clock(clock.clone()).namespace(&space);
        let builder = tiers.iter().fold(builder, |builder, tier| builder.tier(Arc::clone(tier)));
        let cache = builder.build().await.unwrap();
        let open = |kind: &&str| cache.region::<u64>(kind).ttl(Duration::from_secs(LONG)).open().unwrap();
        let regions = KINDS.iter().map(open).collect();
        let model = Model { places: vec![BTreeMap::new(); tiers.len() + 1], ..Model::default() };
        Self { clock: clock.clone(), cache, regions, tiers: tiers.to_vec(), space, model }
    }

    async fn step(&mut self, step: &Step) {
        let life = |short: &bool| Duration::from_secs(if *short { SHORT } else { LONG });
        match step {
            Step::Put(name, tags, short) => {
                let texts: Vec<&str> = tags.iter().map(|tag| TAGS[*tag]).collect();
                let value = Fetched::new(7).ttl(Ttl::new(life(short))).tags(texts);
                let born = self.clock.tick();
                self.regions[name.0].put(IDS[name.1], value).await.unwrap();
                // Born a little later, which makes no difference to anything here.
                let held = Held { born, dead_at: born.after(life(short)), tags: tags.clone(), absent: false };
                self.model.places.iter_mut().for_each(|place| drop(place.insert(*name, held.clone())));
            }
            Step::Store(tier, name, tags, short, absent) => {
                let key = Prefix::new(Some(&self.space), KINDS[name.0]).unwrap().key(IDS[name.1]).unwrap();
                let born = self.clock.tick();
                let labels: Vec<Tag> = tags.iter().map(|tag| Tag::new(TAGS[*tag]).unwrap()).collect();
                let meta = Meta::new(born, Ttl::new(life(short))).labelled(&labels, None);
                let value = Blob { codec: Codec::Bincode, schema: 1, bytes: vec![7; 300].into() };
                let entry = if *absent { Entry::absent(meta) } else { Entry::new(value, meta) };
                let dead_at = entry.meta.dead_at;
                self.tiers[*tier].put(&[(key, entry)]).await.unwrap();
                let held = Held { born, dead_at, tags: tags.clone(), absent: *absent };
                self.model.places[*tier + 1].insert(*name, held);
            }
            Step::Pass => self.clock.advance(Duration::from_secs(STEP)),
            Step::Invalidate(tag) => {
                self.cache.invalidate(TAGS[*tag]).await.unwrap();
                self.model.tags.insert(*tag, self.clock.tick());
            }
            Step::ClearKind(kind) => {
                self.regions[*kind].clear().await.unwrap();
                self.model.kinds.insert(*kind, self.clock.tick());
            }
            Step::Clear => {
                self.cache.clear().await.unwrap();
                let now = self.clock.tick();
                self.model.kinds = (0..KINDS.len()).map(|kind| (kind, now)).collect();
            }
            Step::Remove(name) => {
                self.regions[name.0].remove(IDS[name.1]).await.unwrap();
                self.model.places.iter_mut().for_each(|place| drop(place.remove(name)));
            }
        }
    }

    /// What places hold that is not dead by age, as the listing of keys tells it in pages of this size.
    async fn listed(&self, limit: usize) -> Vec<BTreeSet<Name>> {
        let name = |key: &cache_core::Key| {
            let kind = KINDS.iter().position(|kind| *kind == key.kind()).unwrap();
            (kind, IDS.iter().position(|id| *id == key.id()).unwrap())
        };
        let mut places = vec![BTreeSet::new(); self.tiers.len() + 1];
        let (mut after, mut seen) = (None, BTreeSet::new());
        loop {
            let page = self.cache.keys("*", after.as_deref(), limit).await.unwrap();
            assert!(page.passed_over.is_empty(), "{:?}", page.passed_over);
            assert!(page.keys.len() <= limit.max(1));
            for report in &page.keys {
                let name = name(&report.key);
                assert!(seen.insert(name), "{name:?} is listed once");
                let in_tiers = report.tiers.iter().map(|tier| tier.held.as_ref());
                for (place, held) in std::iter::once(report.memory.as_ref()).chain(in_tiers).enumerate() {
                    if held.is_some_and(|held| self.clock.now() < held.dead_at) {
                        places[place].insert(name);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return places;
            }
        }
    }

    /// What the model has of memory that is dead neither by age nor by what ended it.
    fn alive_in_memory(&self) -> BTreeSet<Name> {
        let (now, model) = (self.clock.now(), &self.model);
        let alive = |(name, held): &(&Name, &Held)| now < held.dead_at && !model.ended(**name, held);
        model.places[0].iter().filter(alive).map(|(name, _)| *name).collect()
    }

    /// The same as the model has it. Memory forgets all when the whole cache is cleared.
    fn held(&self) -> Vec<BTreeSet<Name>> {
        let now = self.clock.now();
        let alive = |place: &BTreeMap<Name, Held>| {
            place.iter().filter(|(_, held)| now < held.dead_at).map(|(name, _)| *name).collect()
        };
        self.model.places.iter().map(alive).collect()
    }

    async fn counts(&self, selection: &Selection, removes: bool) -> Vec<u64> {
        let count = match removes {
            true => self.cache.remove_selected(selection).await.unwrap(),
            false => self.cache.count(selection).await.unwrap(),
        };
        assert!(count.complete, "{count:?}");
        std::iter::once(count.removed.memory)
            .chain(count.removed.tiers.iter().map(|(_, count)| *count))
            .collect()
    }
}

/// Checks the property on random histories, over tiers on this clock.
/// Each is listed in pages of a size of `limits`.
pub(crate) fn check(cases: u32, limits: Range<usize>, build: impl AsyncFnOnce(&Clock) -> Vec<Arc<dyn Tier>>) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let clock = Clock::manual();
    let tiers = runtime.block_on(build(&clock));
    let number = std::cell::Cell::new(0);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let input = (steps(tiers.len()), chosen(), limits);
    let outcome = TestRunner::new(config).run(&input, |(steps, chosen, limit)| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let space = format!("counts{}x{}", std::process::id(), number.get());
            let mut run = Run::begin(&clock, &tiers, space).await;
            for step in &steps {
                run.step(step).await;
                if matches!(step, Step::Clear) {
                    run.model.places[0].clear();
                }
            }
            let (listed, held) = (run.listed(limit).await, run.held());
            assert_eq!(listed[1..], held[1..], "what tiers hold");
            // Memory frees what has ended in its own time.
            let (listed, held) = (&listed[0], &held[0]);
            let alive = run.alive_in_memory();
            assert!(alive.is_subset(listed) && listed.is_subset(held), "{alive:?}, {listed:?}, {held:?}");
            let (selection, now) = (selection(&chosen), run.clock.now());
            let expected = run.model.counts(&chosen, now);
            assert_eq!(run.counts(&selection, false).await, expected, "the dry run");
            assert_eq!(run.counts(&selection, false).await, expected, "which ends nothing");
            assert_eq!(run.counts(&selection, true).await, expected, "the removal");
            assert_eq!(run.counts(&selection, false).await, vec![0; expected.len()], "nothing is left");
            for (kind, id) in &chosen.keys {
                let report = run.cache.inspect(KINDS[*kind], IDS[*id]).await.unwrap();
                assert_eq!(report.served_from(), None, "{report:?}");
            }
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
