//! Any history of operations and restarts, against a plain model.

mod fixture;

use std::{collections::HashMap, time::Duration};

use cache_core::{Entry, Key, Meta, Pattern, Target, Tier, Timestamp, Tombstone, Ttl};
use cache_disk::DiskTier;
use fixture::{Fixture, entry, noise};
use proptest::{collection::vec, prelude::*};

/// Keys that patterns tell apart.
const IDS: [&str; 8] = ["a", "a:1", "a:2", "ab", "b", "b:1", "b:2", "c"];
const GLOBS: [&str; 5] = ["price:*", "price:a*", "price:?", "*:1", "price:b:*"];

#[derive(Clone, Debug)]
enum Step {
    /// Entries by key, moment of birth, seconds to live, and length.
    Put(Vec<(usize, i64, u64, usize)>),
    /// Keys, moment of birth, seconds to last.
    Remove(Vec<usize>, i64, u64),
    RemoveMatching(usize, i64, u64),
    Advance(u64),
    Sweep,
    Flush,
    Restart,
    /// Enough to have the journal emptied several times.
    Fill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (id, born, secs) = (0..IDS.len(), 0_i64..40, 1_u64..60);
    let len = prop_oneof![6 => 0_usize..100, 1 => 100_000_usize..200_000];
    let put = vec((id.clone(), born.clone(), secs.clone(), len), 1..6).prop_map(Step::Put);
    let remove = (vec(id, 1..4), born.clone(), secs.clone())
        .prop_map(|(ids, born, secs)| Step::Remove(ids, born, secs));
    let matching =
        (0..GLOBS.len(), born, secs).prop_map(|(glob, born, secs)| Step::RemoveMatching(glob, born, secs));
    let step = prop_oneof![
        10 => put,
        4 => remove,
        2 => matching,
        2 => (1_u64..30).prop_map(Step::Advance),
        1 => Just(Step::Sweep),
        1 => Just(Step::Flush),
        2 => Just(Step::Restart),
        1 => Just(Step::Fill),
    ];
    vec(step, 1..50)
}

/// What the tier must hold. It may know no more than this: what is dead is gone with the next sweep.
#[derive(Default)]
struct Model {
    held: HashMap<Key, Stored>,
    patterns: Vec<(Pattern, Tombstone)>,
}

enum Stored {
    /// And until when a tombstone refuses that it replaced, or that was older.
    Entry(Entry, Option<Timestamp>),
    Removed(Tombstone),
}

impl Model {
    fn put(&mut self, key: Key, entry: Entry, now: Timestamp) {
        let born = entry.meta.born;
        let covers = |tombstone: &Tombstone| born <= tombstone.born && now < tombstone.dead_at;
        let (refused, until) = match self.held.get(&key) {
            Some(Stored::Entry(held, until)) => (born <= held.meta.born, *until),
            Some(Stored::Removed(tombstone)) => (covers(tombstone), Some(tombstone.dead_at)),
            None => (false, None),
        };
        let until = until.filter(|until| now < *until);
        let removed =
            |(pattern, tombstone): &(Pattern, Tombstone)| covers(tombstone) && pattern.matches(&key);
        if !refused && !self.patterns.iter().any(removed) {
            self.held.insert(key, Stored::Entry(entry, until));
        }
    }

    /// Returns how many live entries that removed.
    fn remove(&mut self, key: &Key, tombstone: Tombstone, now: Timestamp) -> u64 {
        let (next, went) = match self.held.get_mut(key) {
            Some(Stored::Entry(entry, until)) if entry.meta.born > tombstone.born => {
                *until = (*until).max(Some(tombstone.dead_at));
                return 0;
            }
            Some(Stored::Entry(entry, until)) => {
                let until = until.filter(|until| now < *until).max(Some(tombstone.dead_at));
                let dead_at = until.unwrap_or(tombstone.dead_at);
                (Tombstone { dead_at, ..tombstone }, now < entry.meta.dead_at)
            }
            Some(Stored::Removed(earlier)) if now < earlier.dead_at => {
                let (born, dead_at) =
                    (earlier.born.max(tombstone.born), earlier.dead_at.max(tombstone.dead_at));
                (Tombstone { born, dead_at }, false)
            }
            _ => (tombstone, false),
        };
        self.held.insert(key.clone(), Stored::Removed(next));
        u64::from(went)
    }

    fn sweep(&mut self, now: Timestamp) {
        for held in self.held.values_mut() {
            if let Stored::Entry(Entry { meta: Meta { born, dead_at, .. }, .. }, Some(until)) = held
                && *dead_at <= now
            {
                let born = born.before(Duration::from_micros(1));
                *held = Stored::Removed(Tombstone { born, dead_at: *until });
            }
        }
        self.held.retain(|_, held| match held {
            Stored::Entry(entry, _) => now < entry.meta.dead_at,
            Stored::Removed(tombstone) => now < tombstone.dead_at,
        });
    }

    fn entry(&self, key: &Key) -> Option<&Entry> {
        match self.held.get(key)? {
            Stored::Entry(entry, _) => Some(entry),
            Stored::Removed(_) => None,
        }
    }
}

fn key(id: usize) -> Key {
    fixture::key(IDS[id])
}

async fn run(steps: Vec<Step>) {
    let fixture = Fixture::new();
    let mut tier = fixture.open();
    let mut model = Model::default();
    // Moments of birth lie around the present. None repeats, so that of two writes one came first
    // even where a tombstone was merged with another.
    let mut count = 0;
    let mut at = |fixture: &Fixture, born: i64| {
        count += 1;
        let now = fixture.clock.now().as_micros();
        Timestamp::from_micros(now + (born - 30) * 1_000_000 + count)
    };
    for (number, step) in steps.into_iter().enumerate() {
        let now = fixture.clock.now();
        match step {
            Step::Put(puts) => {
                let puts: Vec<(Key, Entry)> = puts
                    .into_iter()
                    .map(|(id, born, secs, len)| {
                        let ttl = Ttl::new(Duration::from_secs(30 + secs));
                        (key(id), entry(&noise(number as u64, len), Meta::new(at(&fixture, born), ttl)))
                    })
                    .collect();
                tier.put(&puts).await.unwrap();
                puts.into_iter().for_each(|(key, entry)| model.put(key, entry, now));
            }
            Step::Remove(ids, born, secs) => {
                let born = at(&fixture, born);
                let tombstone = Tombstone { born, dead_at: now.after(Duration::from_secs(secs)) };
                let keys: Vec<Key> = ids.into_iter().map(key).collect();
                let expected: u64 = keys.iter().map(|key| model.remove(key, tombstone, now)).sum();
                assert_eq!(tier.remove(Target::Keys(&keys), tombstone).await.unwrap(), expected);
            }
            Step::RemoveMatching(glob, born, secs) => {
                let born = at(&fixture, born);
                let tombstone = Tombstone { born, dead_at: now.after(Duration::from_secs(secs)) };
                let pattern = Pattern::glob(GLOBS[glob]).unwrap();
                let keys = (0..IDS.len())
                    .map(key)
                    .filter(|key| pattern.matches(key) && model.held.contains_key(key));
                let keys: Vec<Key> = keys.collect();
                let expected: u64 = keys.iter().map(|key| model.remove(key, tombstone, now)).sum();
                let removed = tier.remove(Target::Matching(&pattern), tombstone).await.unwrap();
                assert_eq!(removed, expected);
                model.patterns.push((pattern, tombstone));
            }
            Step::Advance(secs) => fixture.clock.advance(Duration::from_secs(secs)),
            Step::Sweep => {
                tier.sweep().await.unwrap();
                model.sweep(now);
            }
            Step::Flush => tier.flush().await.unwrap(),
            Step::Restart => {
                drop(tier);
                tier = fixture.open();
            }
            Step::Fill => fill(&tier, &fixture).await,
        }
        check(&tier, &model, fixture.clock.now()).await;
    }
}

async fn fill(tier: &DiskTier, fixture: &Fixture) {
    for id in 0..20 {
        let key = Key::new("filler", &format!("f{id}")).unwrap();
        let meta = Meta::new(fixture.clock.tick(), Ttl::new(Duration::from_secs(1)));
        tier.put(&[(key, entry(&noise(id, 60_000), meta))]).await.unwrap();
    }
}

async fn check(tier: &DiskTier, model: &Model, now: Timestamp) {
    let keys: Vec<Key> = (0..IDS.len()).map(key).collect();
    for (key, found) in keys.iter().zip(tier.get(&keys).await.unwrap()) {
        let held = model.entry(key);
        let forgotten = found.is_none() && held.is_none_or(|held| held.meta.dead_at <= now);
        assert!(forgotten || found.as_ref() == held, "{key}: {found:?} instead of {held:?}");
    }
    assert_eq!(tier.stats().evicted + tier.stats().corrupt + tier.stats().started_over, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_30_any_history_with_restarts_ends_as_the_model_says(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
