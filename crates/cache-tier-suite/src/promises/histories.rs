//! Random histories of operations, compared with a model that says what a tier may hold.

use std::time::Duration;

use cache_core::{Clock, Entry, Freshness, Meta, Pattern, Target, Tier, Timestamp, Tombstone, Ttl};
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
};

use crate::{
    entries::{entry, key},
    properties::for_all,
};

#[derive(Clone, Debug)]
enum Step {
    /// Keys, how long ago each was born, its life in seconds.
    Put(Vec<(u8, u8, u8)>),
    Get(Vec<u8>),
    /// Keys, how long ago, how many seconds the tombstone lasts.
    Remove(Vec<u8>, u8, u8),
    /// The end of the pattern, how long ago, how many seconds the tombstone lasts.
    RemoveMatching(String, u8, u8),
    Advance(u8),
    Flush,
}

const KEYS: u8 = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, ago, span) = (0..KEYS, 0_u8..8, 1_u8..30);
    let step = prop_oneof![
        6 => vec((key.clone(), ago.clone(), span.clone()), 0..5).prop_map(Step::Put),
        4 => vec(key.clone(), 0..8).prop_map(Step::Get),
        3 => (vec(key, 0..4), ago.clone(), span.clone()).prop_map(|(keys, ago, span)| Step::Remove(keys, ago, span)),
        1 => ("[0-5]?\\*|\\?|[0-5]", ago, span).prop_map(|(glob, ago, span)| Step::RemoveMatching(glob, ago, span)),
        3 => (0_u8..12).prop_map(Step::Advance),
        1 => any::<()>().prop_map(|()| Step::Flush),
    ];
    vec(step, 1..60)
}

/// What a tier may hold under one key. When to drop a dead entry is up to the tier, so from then on there is
/// more than one possibility.
#[derive(Default)]
struct Possible {
    /// The entry it must hold while that lives.
    surely: Option<Entry>,
    /// Otherwise one of these, or none.
    perhaps: Vec<Entry>,
    tombstones: Vec<Tombstone>,
}

impl Possible {
    fn age(&mut self, now: Timestamp) {
        let died = self.surely.take_if(|entry| entry.meta.freshness(now) == Freshness::Dead);
        self.perhaps.extend(died);
    }

    fn put(&mut self, entry: &Entry, now: Timestamp) {
        self.age(now);
        let born = entry.meta.born;
        let refused =
            self.tombstones.iter().any(|tombstone| born <= tombstone.born && now < tombstone.dead_at);
        if refused || self.surely.as_ref().is_some_and(|held| born <= held.meta.born) {
            return;
        }
        let mut rivals = self.tombstones.iter().map(|tombstone| tombstone.born);
        let sure = rivals.all(|rival| rival < born)
            && self.perhaps.iter().all(|rival| rival.meta.born < born)
            && entry.meta.freshness(now) != Freshness::Dead;
        if sure {
            self.perhaps.clear();
            self.surely = Some(entry.clone());
        } else {
            self.perhaps.extend(self.surely.take());
            self.perhaps.push(entry.clone());
        }
    }

    fn remove(&mut self, tombstone: Tombstone) {
        self.tombstones.push(tombstone);
        self.surely.take_if(|entry| entry.meta.born <= tombstone.born);
        self.perhaps.retain(|entry| entry.meta.born > tombstone.born);
    }

    fn allows(&mut self, answer: Option<&Entry>, now: Timestamp) -> bool {
        self.age(now);
        match (&self.surely, answer) {
            (Some(held), answer) => answer == Some(held),
            (None, None) => true,
            (None, Some(answer)) => self.perhaps.contains(answer),
        }
    }
}

pub(crate) async fn rule_33_any_history_ends_as_the_model_says(tier: &dyn Tier, clock: &Clock) {
    for_all(40, steps(), async |case, mut steps| {
        steps.push(Step::Get((0..KEYS).collect()));
        let key = |id: u8| key(&format!("{case}/{id}"));
        let seconds = |seconds: u8| Duration::from_secs(u64::from(seconds));
        let ago = |span: u8| Timestamp::from_micros(clock.now().as_micros() - i64::from(span) * 1_000_000);
        let tombstone =
            |born: u8, lasts: u8| Tombstone { born: ago(born), dead_at: clock.now().after(seconds(lasts)) };
        let mut model: [Possible; KEYS as usize] = std::array::from_fn(|_| Possible::default());
        for (n, step) in steps.iter().enumerate() {
            match step {
                Step::Put(puts) => {
                    let entries = puts.iter().enumerate().map(|(m, (id, born, life))| {
                        let mut entry = entry(&format!("{n}.{m}"), ago(*born));
                        entry.meta = Meta::new(entry.meta.born, Ttl::new(seconds(*life)));
                        (key(*id), entry)
                    });
                    let entries: Vec<_> = entries.collect();
                    tier.put(&entries).await.unwrap();
                    for ((id, ..), (_, entry)) in puts.iter().zip(&entries) {
                        model[usize::from(*id)].put(entry, clock.now());
                    }
                }
                Step::Get(ids) => {
                    let keys: Vec<_> = ids.iter().map(|id| key(*id)).collect();
                    let answers = tier.get(&keys).await.unwrap();
                    for (id, answer) in ids.iter().zip(&answers) {
                        let allowed = model[usize::from(*id)].allows(answer.as_ref(), clock.now());
                        assert!(allowed, "step {n}: {id} is {answer:?}");
                    }
                }
                Step::Remove(ids, born, lasts) => {
                    let tombstone = tombstone(*born, *lasts);
                    let keys: Vec<_> = ids.iter().map(|id| key(*id)).collect();
                    tier.remove(Target::Keys(&keys), tombstone).await.unwrap();
                    ids.iter().for_each(|id| model[usize::from(*id)].remove(tombstone));
                }
                Step::RemoveMatching(glob, born, lasts) => {
                    let tombstone = tombstone(*born, *lasts);
                    let pattern = Pattern::glob(&format!("suite:{case}/{glob}")).unwrap();
                    tier.remove(Target::Matching(&pattern), tombstone).await.unwrap();
                    let ids = (0..KEYS).filter(|id| pattern.matches(&key(*id)));
                    ids.for_each(|id| model[usize::from(id)].remove(tombstone));
                }
                Step::Advance(span) => clock.advance(seconds(*span)),
                Step::Flush => tier.flush().await.unwrap(),
            }
        }
    })
    .await;
}
