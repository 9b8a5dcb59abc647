//! Writes of a tier that were given up: what it holds of their keys from before must not be served, and is removed
//! once that is possible.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    time::Duration,
};

use cache_core::{Key, KeyHasher, Pattern, Timestamp};

use crate::write::in_progress::TICK;

/// How many keys are remembered, and how many bytes their texts may take.
const MAX_KEYS: usize = 65_536;
const MAX_BYTES: usize = 16 << 20;

/// The longest pause between two attempts to end what came before a write that was given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

/// The keys of writes that were given up.
#[derive(Debug)]
pub(super) struct GivenUpWrites {
    keys: HashMap<Key, GivenUp, BuildHasherDefault<KeyHasher>>,
    /// The same by birth, and by number where that is the same.
    by_birth: BTreeMap<(Timestamp, u64), Key>,
    next: u64,
    bytes: usize,
    most: usize,
}

#[derive(Debug)]
struct GivenUp {
    /// When the write was born.
    born: Timestamp,
    number: u64,
    failures: u32,
    retry_at: Timestamp,
}

impl Default for GivenUpWrites {
    fn default() -> Self {
        Self::with_most(MAX_KEYS)
    }
}

impl GivenUpWrites {
    /// Returns none, with room for `most` keys.
    pub(super) fn with_most(most: usize) -> Self {
        Self { keys: HashMap::default(), by_birth: BTreeMap::new(), next: 0, bytes: 0, most }
    }

    /// Adds a write of `key` born at `born`.
    pub(super) fn add(&mut self, key: &Key, born: Timestamp) {
        let known = self.keys.get(key).map(|known| known.born);
        if known.is_some_and(|known| known >= born) {
            return;
        }
        let old = self.take(key);
        self.next += 1;
        self.bytes += key.as_str().len();
        self.by_birth.insert((born, self.next), key.clone());
        let (failures, retry_at) = old.map_or((0, Timestamp::MIN), |old| (old.failures, old.retry_at));
        self.keys.insert(key.clone(), GivenUp { born, number: self.next, failures, retry_at });
    }

    fn take(&mut self, key: &Key) -> Option<GivenUp> {
        let known = self.keys.remove(key)?;
        self.bytes -= key.as_str().len();
        self.by_birth.remove(&(known.born, known.number));
        Some(known)
    }

    /// Takes out the write that was born first, if there are too many. Returns what stands for it: a removal of
    /// its kind, which ends what was born no later than the moment that is returned.
    pub(super) fn fold_oldest(&mut self) -> Option<(Pattern, Timestamp)> {
        if self.keys.len() <= self.most && self.bytes <= MAX_BYTES {
            return None;
        }
        let key = self.by_birth.values().next()?.clone();
        let known = self.take(&key)?;
        Some((Pattern::starting_with(key.prefix()), known.born.before(TICK)))
    }

    /// Whether what the tier holds of `key`, born at `born`, came before a write that was given up.
    pub(super) fn ends(&self, key: &Key, born: Timestamp) -> bool {
        self.keys.get(key).is_some_and(|known| born < known.born)
    }

    /// Returns the writes of which the tier is to be sent a removal now.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = (&Key, Timestamp)> {
        self.keys.iter().filter(move |(_, known)| known.retry_at <= now).map(|(key, known)| (key, known.born))
    }

    /// Returns all of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, Timestamp)> {
        self.keys.iter().map(|(key, known)| (key, known.born))
    }

    /// Notes that the tier holds nothing of `key` from before `born`.
    pub(super) fn done(&mut self, key: &Key, born: Timestamp) {
        if self.keys.get(key).is_some_and(|known| known.born <= born) {
            self.take(key);
        }
    }

    /// Notes that the tier holds nothing that matches and was born at `end` or before.
    pub(super) fn done_matching(&mut self, pattern: &Pattern, end: Timestamp) {
        let is_done = |(key, born): &(&Key, Timestamp)| born.before(TICK) <= end && pattern.matches(key);
        let done: Vec<Key> = self.all().filter(is_done).map(|(key, _)| key.clone()).collect();
        for key in &done {
            self.take(key);
        }
    }

    /// Notes that the tier could not remove what it holds of `key`.
    pub(super) fn failed(&mut self, key: &Key, now: Timestamp) {
        let pause = |failures: u32| Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE);
        if let Some(known) = self.keys.get_mut(key) {
            known.failures += 1;
            known.retry_at = now.after(pause(known.failures));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use cache_core::{Entry, Meta, Prefix, Tombstone, Ttl, envelope::Record};

    use super::{super::Pending, *};

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn key(kind: &str, id: usize) -> Key {
        Key::new(kind, &id.to_string()).unwrap()
    }

    fn entry(born: i64) -> Entry {
        Entry::absent(Meta::new(at(born), Ttl::new(Duration::from_secs(60))))
    }

    fn pending(most: usize) -> Pending {
        Pending { given_up: GivenUpWrites::with_most(most), ..Pending::default() }
    }

    fn is_served(pending: &Pending, key: &Key, born: i64) -> bool {
        pending.overlay(key, Some(entry(born))).is_some()
    }

    #[test]
    fn rule_103_of_writes_given_up_the_oldest_end_what_came_before_in_their_kind_alone() {
        let (mut pending, all) = (pending(100), Pattern::starting_with(""));
        for id in 0..300 {
            pending.end_older(&key("often", id), at(1000 + id as i64));
            pending.shrink(&all);
            assert_eq!(pending.given_up.all().count(), (id + 1).min(100));
        }
        assert_eq!(pending.folded, 200);
        // The last hundred are known.
        assert!((200..300).all(|id| !is_served(&pending, &key("often", id), 999 + id as i64)));
        assert!((200..300).all(|id| is_served(&pending, &key("often", id), 1000 + id as i64)));
        // Those before are ended, and of their kind what came before the last of them.
        assert!((0..200).all(|id| !is_served(&pending, &key("often", id), 999 + id as i64)));
        assert!(is_served(&pending, &key("often", 1000), 1199));
        assert!(!is_served(&pending, &key("often", 1000), 1198));
        // Nothing of other kinds is.
        assert!(is_served(&pending, &key("other", 0), 1));
        let removals = pending.owed(at(0)).len();
        assert_eq!(removals, 101, "one removal of the kind, to tell the other nodes of");
    }

    #[test]
    fn rule_103_more_removals_than_are_pending_end_what_they_name_alone() {
        let (mut pending, all) = (pending(100_000), Pattern::starting_with(""));
        for id in 0..10_500 {
            pending.add(key("k", id), Record::Tombstone(Tombstone { born: at(500), dead_at: at(900) }));
            assert!(pending.shrink(&all).is_empty(), "no value is lost");
        }
        assert!((0..10_500).all(|id| !is_served(&pending, &key("k", id), 500)));
        assert!((0..10_500).all(|id| is_served(&pending, &key("k", id), 501)));
        assert!(is_served(&pending, &key("k", 20_000), 1), "it was not removed");
        assert!(pending.unsent() <= 10_000);
    }

    #[test]
    fn rule_103_more_removals_by_pattern_than_are_pending_end_their_kinds_alone() {
        for all in ["", "md:"] {
            let (mut pending, in_all) = (pending(100), Pattern::starting_with(all));
            let key = |kind: &str, id: &str| Key::from_text(&format!("{all}{kind}:{id}")).unwrap();
            for id in 0..1000 {
                let pattern = Pattern::starting_with(&format!("{all}often:{id}-"));
                pending.add_pattern(&pattern, Tombstone { born: at(id), dead_at: at(id) }, &in_all);
            }
            assert!((0..1000).all(|id| !is_served(&pending, &key("often", &format!("{id}-x")), id)));
            assert!(is_served(&pending, &key("other", "1-x"), 0), "of another kind");
            assert!(is_served(&pending, &key("often", "x"), 999), "it came later than those put together");
            assert!(pending.owed(at(0)).len() <= 256);
            for kind in 0..1000 {
                let pattern = Pattern::starting_with(&format!("{all}{kind}:"));
                pending.add_pattern(&pattern, Tombstone { born: at(kind), dead_at: at(kind) }, &in_all);
            }
            assert!((0..1000).all(|kind| !is_served(&pending, &key(&kind.to_string(), "x"), kind)));
            assert!(pending.owed(at(0)).len() <= 256);
        }
    }

    /// What a stamp ended nobody knows any more once it is given up.
    #[test]
    fn rule_103_of_more_stamps_than_are_pending_the_oldest_end_what_came_before_and_no_value_is_lost() {
        let (mut pending, all) = (pending(100), Pattern::starting_with(""));
        let tags = Prefix::new(None, "tag").unwrap().reserved();
        let stamp = |id: usize| tags.key(&id.to_string()).unwrap();
        pending.add(key("k", 1), Record::Entry(entry(70_000)));
        for id in 0..65_546 {
            pending.add(stamp(id), Record::Entry(entry(id as i64)));
            assert!(pending.shrink(&all).is_empty(), "no value is lost");
        }
        assert!(
            (0..10).all(|born| !is_served(&pending, &key("often", 0), born)),
            "those of the ten given up"
        );
        assert!((10..20).all(|born| is_served(&pending, &key("often", 0), born)));
        assert!(pending.has_entry(&key("k", 1), at(70_000)) && pending.has_entry(&stamp(10), at(10)));
        assert_eq!(pending.unsent(), 65_536 + 2);
    }

    #[test]
    fn rule_103_long_keys_of_writes_given_up_take_bounded_room() {
        let mut writes = GivenUpWrites::default();
        let long = |id: usize| Key::new("k", &format!("{id:0>4000}")).unwrap();
        for id in 0..5000 {
            writes.add(&long(id), at(id as i64));
            while writes.fold_oldest().is_some() {}
        }
        assert!(writes.bytes <= MAX_BYTES && writes.keys.len() > 4000);
        assert_eq!(writes.keys.len(), writes.by_birth.len());
    }

    #[test]
    fn a_write_given_up_is_done_once_the_tier_holds_nothing_older() {
        let mut writes = GivenUpWrites::with_most(10);
        writes.add(&key("k", 1), at(5));
        writes.add(&key("k", 1), at(3));
        writes.done(&key("k", 1), at(4));
        assert!(writes.ends(&key("k", 1), at(4)) && !writes.ends(&key("k", 1), at(5)));
        writes.failed(&key("k", 1), at(0));
        assert_eq!(writes.due(at(0)).count(), 0);
        writes.done_matching(&Pattern::kind("k"), at(4));
        assert!(writes.is_empty());
    }
}
