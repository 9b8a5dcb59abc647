//! What was removed by pattern, as it is kept on the server: a list that is only ever added to, or replaced.
//!
//! Each item is the length of a record (4 bytes, little-endian), the record, and 8 random bytes. The record
//! is an entry whose value is the pattern, born and dying with its tombstone. The random bytes at the end
//! of a list tell it apart from all others.

use std::sync::LazyLock;

use cache_core::{
    Blob, Bytes, Codec, Entry, Key, Meta, Pattern, Prefix, Result, Timestamp, Tombstone, Ttl,
    envelope::{self, Record},
};

/// How long a list may grow before it is rid of what is dead.
pub(crate) const LONG: usize = 8 << 10;
const MARK: usize = 8;

/// What the records are sealed for.
static KEY: LazyLock<Key> = LazyLock::new(|| {
    let prefix = Prefix::new(None, "patterns").expect("a valid kind").reserved();
    prefix.key("").expect("a short key")
});

/// Patterns that were removed, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Removed {
    stones: Vec<(Pattern, Tombstone)>,
    /// How long the list is from which they were read, and how it ends.
    pub(crate) length: usize,
    pub(crate) mark: Vec<u8>,
    /// Whether some of it could not be read.
    pub(crate) damaged: bool,
}

impl Removed {
    /// Reads a list, or what came behind one that is known.
    pub(crate) fn read(before: &Self, from: usize, bytes: &[u8]) -> Self {
        let mut removed = if from > 0 && from == before.length { before.clone() } else { Self::default() };
        let mut rest = bytes;
        while !rest.is_empty() {
            match item(rest) {
                Some((stone, after)) => {
                    removed.stones.push(stone);
                    rest = after;
                }
                None => {
                    removed.damaged = true;
                    break;
                }
            }
        }
        removed.length = from + bytes.len();
        removed.mark = bytes[bytes.len().saturating_sub(MARK)..].to_vec();
        removed
    }

    /// Whether a value of `key` born at `born` was removed.
    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |stone: &Tombstone| born <= stone.born && now < stone.dead_at;
        self.stones.iter().any(|(pattern, stone)| covers(stone) && pattern.matches(key))
    }

    /// A shorter list that refuses all that this one does, and when it is dead. Of one that is damaged, or
    /// long though nothing in it is dead, what remains refuses more: everything, for as long as `load`.
    pub(crate) fn shortened(&self, now: Timestamp, load: Tombstone) -> Result<(Vec<u8>, Timestamp)> {
        let alive = || self.stones.iter().filter(|(_, stone)| now < stone.dead_at);
        let mut list = Vec::new();
        for (pattern, stone) in alive() {
            list.extend(sealed(pattern, *stone)?);
        }
        let mut dead_at = alive().map(|(_, stone)| stone.dead_at).max().unwrap_or(now);
        let everything = Pattern::starting_with("");
        if list.len() > LONG / 2 {
            let born = alive().map(|(_, stone)| stone.born).max().unwrap_or(now);
            list = sealed(&everything, Tombstone { born, dead_at })?;
        }
        if self.damaged {
            list.extend(sealed(&everything, load)?);
            dead_at = dead_at.max(load.dead_at);
        }
        Ok((list, dead_at))
    }
}

/// An item of the list.
pub(crate) fn sealed(pattern: &Pattern, tombstone: Tombstone) -> Result<Vec<u8>> {
    let mut glob = pattern.to_string();
    if glob.len() > LONG / 4 {
        // It would not fit: everything is more than what matches.
        glob = Pattern::starting_with("").to_string();
    }
    let blob = Blob { codec: Codec::Bincode, schema: 1, bytes: Bytes::from(glob) };
    let mut meta = Meta::new(tombstone.born, Ttl::NONE);
    meta.dead_at = tombstone.dead_at;
    let record = envelope::seal(&KEY, &Entry::new(blob, meta), usize::MAX)?;
    let length = (record.len() as u32).to_le_bytes();
    Ok([&length[..], &record, &fastrand::u64(..).to_le_bytes()].concat())
}

/// The first item, and what follows it.
fn item(bytes: &[u8]) -> Option<((Pattern, Tombstone), &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (_, rest) = rest.split_first_chunk::<MARK>()?;
    let Ok(Record::Entry(Entry { value: Some(blob), meta })) = envelope::open(&KEY, record) else {
        return None;
    };
    let pattern = Pattern::glob(str::from_utf8(&blob.bytes).ok()?).ok()?;
    Some(((pattern, Tombstone { born: meta.born, dead_at: meta.dead_at }), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stone(born: i64, dead_at: i64) -> Tombstone {
        Tombstone { born: Timestamp::from_micros(born), dead_at: Timestamp::from_micros(dead_at) }
    }

    fn refuses(removed: &Removed, id: &str, born: i64, now: i64) -> bool {
        let key = Key::new("k", id).unwrap();
        removed.refuses(&key, Timestamp::from_micros(born), Timestamp::from_micros(now))
    }

    fn list(stones: &[(&str, Tombstone)]) -> Vec<u8> {
        stones
            .iter()
            .flat_map(|(glob, stone)| sealed(&Pattern::glob(glob).unwrap(), *stone).unwrap())
            .collect()
    }

    #[test]
    fn a_list_is_read_whole_or_from_where_it_was_known() {
        let (a, b) = (list(&[("k:a*", stone(5, 9))]), list(&[("k:b*", stone(7, 20))]));
        let first = Removed::read(&Removed::default(), 0, &a);
        assert!(refuses(&first, "a1", 5, 8) && !refuses(&first, "a1", 6, 8) && !refuses(&first, "a1", 5, 9));
        let both = Removed::read(&first, a.len(), &b);
        assert!(refuses(&both, "a1", 5, 8) && refuses(&both, "b1", 7, 19));
        assert_eq!((both.length, both.mark.as_slice()), (a.len() + b.len(), &b[b.len() - 8..]));
        let anew = Removed::read(&both, 0, &b);
        assert!(!refuses(&anew, "a1", 5, 8) && refuses(&anew, "b1", 7, 19));
    }

    #[test]
    fn equal_removals_make_different_lists() {
        let again = || list(&[("k:a*", stone(5, 9))]);
        assert_ne!(again(), again());
    }

    #[test]
    fn rule_53_damaged_lists_refuse_more_and_never_less() {
        let whole = list(&[("k:a*", stone(5, 900)), ("k:b*", stone(7, 900))]);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let read = Removed::read(&Removed::default(), 0, &damaged);
            let (list, _) = read.shortened(Timestamp::from_micros(8), stone(8, 100)).unwrap();
            let healed = Removed::read(&Removed::default(), 0, &list);
            assert!(!healed.damaged && refuses(&healed, "a1", 5, 8) && refuses(&healed, "b1", 7, 8), "{at}");
        }
        assert!(Removed::read(&Removed::default(), 0, b"?").damaged);
    }

    #[test]
    fn rule_29_shortened_lists_refuse_more_and_never_less() {
        let stones: Vec<(String, Tombstone)> =
            (0..200).map(|n| (format!("k:{n}*"), stone(n, if n < 100 { 500 } else { 1000 }))).collect();
        let borrowed: Vec<(&str, Tombstone)> =
            stones.iter().map(|(glob, stone)| (glob.as_str(), *stone)).collect();
        for (count, now, spared) in [(20, 10, true), (200, 10, false), (120, 600, true)] {
            let all = Removed::read(&Removed::default(), 0, &list(&borrowed[..count]));
            let (list, dead_at) = all.shortened(Timestamp::from_micros(now), stone(0, 0)).unwrap();
            assert!(list.len() <= LONG / 2 && dead_at.as_micros() <= 1000);
            let fewer = Removed::read(&Removed::default(), 0, &list);
            for n in 0..count as i64 {
                assert!(!refuses(&all, &n.to_string(), n, now) || refuses(&fewer, &n.to_string(), n, now));
            }
            assert_eq!(refuses(&fewer, "other", 0, now), !spared, "{count} at {now}");
        }
    }
}
