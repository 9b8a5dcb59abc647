//! Concurrency: threads that write and remove the same few keys.

use std::sync::atomic::{AtomicI64, Ordering};

use cache_core::{Clock, Key, Pattern, Target, Tier, TierExt, Timestamp};

use crate::{
    entries::{at, entry, key, text, tombstone},
    properties::in_parallel,
};

const KEYS: u64 = 4;

fn keys() -> Vec<Key> {
    (0..KEYS).map(|id| key(&id.to_string())).collect()
}

/// A reproducible number below `below`, different for each thread and step.
fn pick(thread: u64, step: u64, salt: u64, below: u64) -> u64 {
    let mut word =
        thread.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (step << 20) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ (word >> 31)) % below
}

/// The latest of many moments, noted from many threads.
struct Latest(AtomicI64);

impl Latest {
    fn none() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    fn note(&self, moment: Timestamp) {
        self.0.fetch_max(moment.as_micros(), Ordering::SeqCst);
    }

    fn get(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) async fn rule_30_of_many_writers_the_last_born_wins(tier: &dyn Tier, clock: &Clock) {
    let latest: Vec<Latest> = (0..KEYS).map(|_| Latest::none()).collect();
    in_parallel(4, async |thread| {
        for step in 0..60 {
            let born = at(clock, pick(thread, step, 1, 1_000_000) as i64);
            let id = pick(thread, step, 2, KEYS) as usize;
            tier.put(&[(keys()[id].clone(), entry(&born.as_micros().to_string(), born))]).await.unwrap();
            latest[id].note(born);
        }
    })
    .await;
    let answers = tier.get(&keys()).await.unwrap();
    for (answer, latest) in answers.iter().zip(&latest) {
        let answer = answer.as_ref().unwrap();
        assert_eq!(answer.meta.born, latest.get());
        assert_eq!(text(answer), latest.get().as_micros().to_string(), "the value is that of the birth");
    }
}

pub(crate) async fn rule_33_nothing_older_than_the_last_removal_is_held(tier: &dyn Tier, clock: &Clock) {
    let put: Vec<Latest> = (0..KEYS).map(|_| Latest::none()).collect();
    let removed: Vec<Latest> = (0..KEYS).map(|_| Latest::none()).collect();
    in_parallel(4, async |thread| {
        for step in 0..60 {
            let born = at(clock, pick(thread, step, 1, 1_000_000) as i64);
            let id = pick(thread, step, 2, KEYS) as usize;
            let key = keys()[id].clone();
            match pick(thread, step, 3, 3) {
                0 => {
                    tier.remove(Target::Keys(&[key]), tombstone(born)).await.unwrap();
                    removed[id].note(born);
                }
                1 => {
                    tier.put(&[(key, entry("a", born))]).await.unwrap();
                    put[id].note(born);
                }
                // What a reader saw is put again, as a tier above does.
                _ => {
                    if let Some(read) = tier.get_one(&key).await.unwrap() {
                        tier.put(&[(key, read)]).await.unwrap();
                    }
                }
            }
        }
    })
    .await;
    let answers = tier.get(&keys()).await.unwrap();
    for ((answer, put), removed) in answers.iter().zip(&put).zip(&removed) {
        let expected = (put.get() > removed.get()).then(|| put.get());
        assert_eq!(answer.as_ref().map(|entry| entry.meta.born), expected);
    }
}

pub(crate) async fn rule_33_a_pattern_removal_among_writers_is_not_undone(tier: &dyn Tier, clock: &Clock) {
    let removed = Latest::none();
    in_parallel(3, async |thread| {
        for step in 0..40 {
            let born = at(clock, pick(thread, step, 1, 1_000_000) as i64);
            if thread == 0 && step % 4 == 0 {
                let pattern = Pattern::glob("suite:*").unwrap();
                tier.remove(Target::Matching(&pattern), tombstone(born)).await.unwrap();
                removed.note(born);
            } else {
                let id = pick(thread, step, 2, 40).to_string();
                tier.put(&[(key(&id), entry("a", born))]).await.unwrap();
            }
        }
    })
    .await;
    let keys: Vec<Key> = (0..40).map(|id| key(&id.to_string())).collect();
    for answer in tier.get(&keys).await.unwrap().into_iter().flatten() {
        assert!(answer.meta.born > removed.get(), "{:?} removed at {:?}", answer.meta.born, removed.get());
    }
}
