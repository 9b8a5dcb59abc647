//! What the tests put into memory: keys by number, births by microsecond, values that say their birth.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{collections::BTreeSet, slice, sync::Arc, time::Duration};

use cache_core::{Entry, Key, Meta, Pattern, Target, Timestamp, Tombstone, Ttl};
use cache_memory::{Eviction, Evictions, Memory, Value};

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// The moment `micros` after the beginning of all tests.
pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_577_836_800_000_000 + micros)
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("k", id).unwrap()
}

pub(crate) fn glob(text: &str) -> Pattern {
    Pattern::glob(text).unwrap()
}

/// An entry born at `born` that lives for `life`. Its value is its birth.
pub(crate) fn living(born: i64, life: Duration) -> Entry<Value> {
    Entry::new(Arc::new(born), Meta::new(at(born), Ttl::new(life)))
}

/// One that lives for an hour.
pub(crate) fn entry(born: i64) -> Entry<Value> {
    living(born, LONG)
}

/// One whose value weighs `cost` bytes.
pub(crate) fn costly(born: i64, cost: u32) -> Entry<Value> {
    let mut entry = entry(born);
    entry.meta.cost = cost;
    entry
}

/// A removal at `born` that is remembered for an hour.
pub(crate) fn tombstone(born: i64) -> Tombstone {
    Tombstone { born: at(born), dead_at: at(born).after(LONG) }
}

/// When what is held under the key was born. The policy takes it for a read.
pub(crate) fn born(memory: &Memory, key: &Key) -> Option<i64> {
    memory.peek(key)?.value?.downcast_ref::<i64>().copied()
}

/// Which of the ids are held.
pub(crate) fn held<'a>(memory: &Memory, ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    memory.settle();
    ids.into_iter().filter(|id| memory.peek(&key(id)).is_some()).collect()
}

/// Puts an entry born at `born`, and lets the policy decide.
pub(crate) fn put(memory: &Memory, id: &str, born: i64) -> bool {
    let accepted = memory.put(key(id), entry(born), at(born));
    memory.settle();
    accepted
}

/// Reads as a user does, and lets the policy know.
pub(crate) fn get(memory: &Memory, id: &str) -> bool {
    let found = memory.get(&key(id)).is_some();
    memory.settle();
    found
}

/// Removes as of `born`.
pub(crate) fn remove(memory: &Memory, id: &str, born: i64) -> u64 {
    memory.remove(slice::from_ref(&key(id)), tombstone(born), at(born))
}

pub(crate) fn is_held(memory: &Memory, id: &str) -> bool {
    !held(memory, [id]).is_empty()
}

/// Fills memory with `count` others that are asked for again and again, so that every policy lets them in.
pub(crate) fn crowd(memory: &Memory, count: i64, since: i64) {
    for n in since..since + count {
        let id = format!("crowd{n}");
        for _ in 0..3 {
            get(memory, &id);
        }
        put(memory, &id, n);
        for _ in 0..3 {
            get(memory, &id);
        }
    }
}

/// All that left, whatever the cause.
pub(crate) fn departed(evictions: Evictions) -> u64 {
    let Evictions { size, expired, removed, replaced, oversized } = evictions;
    size + expired + removed + replaced + oversized
}

/// How many entries fit into each.
pub(crate) const ROOM: u64 = 20;

/// Room for twenty, of which so many may be protected, under each policy in one shard and in four.
pub(crate) fn each(share: f64) -> impl Iterator<Item = Memory> {
    let built = move |policy, shards| {
        Memory::builder().entries(ROOM).shards(shards).eviction(policy).protected_share(share).build()
    };
    Eviction::ALL.into_iter().flat_map(move |policy| [built(policy, 1), built(policy, 4)])
}

/// Protects, and answers the refused.
pub(crate) fn protect(memory: &Memory, id: &str) -> Vec<Key> {
    memory.protect(Target::Keys(slice::from_ref(&key(id)))).unwrap()
}

pub(crate) fn protect_all(memory: &Memory, pattern: &Pattern) -> Vec<Key> {
    memory.protect(Target::Matching(pattern)).unwrap()
}

pub(crate) fn unprotect(memory: &Memory, id: &str) {
    memory.unprotect(Target::Keys(slice::from_ref(&key(id))));
}
