//! The log of removed patterns, as the server keeps it: items are appended, or the whole is replaced.
//!
//! Each item is the length of a record (4 bytes, little-endian), the record, and 8 random bytes. The record
//! is an entry whose value is the pattern, born and dying with its tombstone. By the random bytes at its end
//! a log differs from all others.

use std::sync::LazyLock;

use cache_core::{
    Blob, Bytes, Codec, Entry, Key, Meta, Pattern, Prefix, Result, Timestamp, Tombstone, Ttl,
    envelope::{self, Record},
};

/// The length above which a log is compacted before anything is appended.
pub(crate) const COMPACT_ABOVE_BYTES: usize = 8 << 10;
/// How many random bytes end each item.
const END_MARK_BYTES: usize = 8;

/// The key for which the records are sealed.
static LOG_KEY: LazyLock<Key> = LazyLock::new(|| {
    let prefix = Prefix::new(None, "patterns").expect("a valid kind").reserved();
    prefix.key("").expect("a short key")
});

/// A log of removed patterns that was read from the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternLog {
    tombstones: Vec<(Pattern, Tombstone)>,
    /// The log's length on the server, and its last bytes.
    pub(crate) length: usize,
    pub(crate) end_mark: Vec<u8>,
    /// Whether part of it could not be read.
    pub(crate) damaged: bool,
}

impl PatternLog {
    /// Reads the whole log if `from` is 0, or else the part behind `before`, which ends at `from`.
    pub(crate) fn read(before: &Self, from: usize, bytes: &[u8]) -> Self {
        let mut log = if from > 0 && from == before.length { before.clone() } else { Self::default() };
        let mut rest = bytes;
        while !rest.is_empty() {
            match read_item(rest) {
                Some((tombstone, after)) => {
                    log.tombstones.push(tombstone);
                    rest = after;
                }
                None => {
                    log.damaged = true;
                    break;
                }
            }
        }
        log.length = from + bytes.len();
        log.end_mark = bytes[bytes.len().saturating_sub(END_MARK_BYTES)..].to_vec();
        log
    }

    /// Returns whether an entry of `key` born at `born` was removed.
    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |tombstone: &Tombstone| born <= tombstone.born && now < tombstone.dead_at;
        self.tombstones.iter().any(|(pattern, tombstone)| covers(tombstone) && pattern.matches(key))
    }

    /// Returns a shorter log that refuses all that this one does, and when it is dead. If the log is still
    /// long without what is dead, one tombstone for every key takes its place. If it is damaged, `load` is
    /// added for every key.
    pub(crate) fn compacted(&self, now: Timestamp, load: Tombstone) -> Result<(Vec<u8>, Timestamp)> {
        let alive = || self.tombstones.iter().filter(|(_, tombstone)| now < tombstone.dead_at);
        let mut bytes = Vec::new();
        for (pattern, tombstone) in alive() {
            bytes.extend(seal_item(pattern, *tombstone)?);
        }
        let mut dead_at = alive().map(|(_, tombstone)| tombstone.dead_at).max().unwrap_or(now);
        let everything = Pattern::starting_with("");
        if bytes.len() > COMPACT_ABOVE_BYTES / 2 {
            let born = alive().map(|(_, tombstone)| tombstone.born).max().unwrap_or(now);
            bytes = seal_item(&everything, Tombstone { born, dead_at })?;
        }
        if self.damaged {
            bytes.extend(seal_item(&everything, load)?);
            dead_at = dead_at.max(load.dead_at);
        }
        Ok((bytes, dead_at))
    }
}

/// Returns an item of the log.
pub(crate) fn seal_item(pattern: &Pattern, tombstone: Tombstone) -> Result<Vec<u8>> {
    let mut glob = pattern.to_string();
    if glob.len() > COMPACT_ABOVE_BYTES / 4 {
        // It is too long for the log, so all keys are removed: more than match, and never fewer.
        glob = Pattern::starting_with("").to_string();
    }
    let blob = Blob { codec: Codec::Bincode, schema: 1, bytes: Bytes::from(glob) };
    let mut meta = Meta::new(tombstone.born, Ttl::NONE);
    meta.dead_at = tombstone.dead_at;
    let record = envelope::seal(&LOG_KEY, &Entry::new(blob, meta), usize::MAX)?;
    let length = (record.len() as u32).to_le_bytes();
    Ok([&length[..], &record, &fastrand::u64(..).to_le_bytes()].concat())
}

/// Reads the first item, and returns what follows it as well.
fn read_item(bytes: &[u8]) -> Option<((Pattern, Tombstone), &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (_, rest) = rest.split_first_chunk::<END_MARK_BYTES>()?;
    let Ok(Record::Entry(Entry { value: Some(blob), meta })) = envelope::open(&LOG_KEY, record) else {
        return None;
    };
    let pattern = Pattern::glob(str::from_utf8(&blob.bytes).ok()?).ok()?;
    Some(((pattern, Tombstone { born: meta.born, dead_at: meta.dead_at }), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tombstone(born: i64, dead_at: i64) -> Tombstone {
        Tombstone { born: Timestamp::from_micros(born), dead_at: Timestamp::from_micros(dead_at) }
    }

    fn refuses(log: &PatternLog, id: &str, born: i64, now: i64) -> bool {
        let key = Key::new("k", id).unwrap();
        log.refuses(&key, Timestamp::from_micros(born), Timestamp::from_micros(now))
    }

    fn log_of(tombstones: &[(&str, Tombstone)]) -> Vec<u8> {
        tombstones
            .iter()
            .flat_map(|(glob, tombstone)| seal_item(&Pattern::glob(glob).unwrap(), *tombstone).unwrap())
            .collect()
    }

    #[test]
    fn a_log_is_read_whole_or_from_a_known_offset() {
        let (a, b) = (log_of(&[("k:a*", tombstone(5, 9))]), log_of(&[("k:b*", tombstone(7, 20))]));
        let first = PatternLog::read(&PatternLog::default(), 0, &a);
        assert!(refuses(&first, "a1", 5, 8) && !refuses(&first, "a1", 6, 8) && !refuses(&first, "a1", 5, 9));
        let both = PatternLog::read(&first, a.len(), &b);
        assert!(refuses(&both, "a1", 5, 8) && refuses(&both, "b1", 7, 19));
        assert_eq!((both.length, both.end_mark.as_slice()), (a.len() + b.len(), &b[b.len() - 8..]));
        let anew = PatternLog::read(&both, 0, &b);
        assert!(!refuses(&anew, "a1", 5, 8) && refuses(&anew, "b1", 7, 19));
    }

    #[test]
    fn equal_removals_make_different_logs() {
        let again = || log_of(&[("k:a*", tombstone(5, 9))]);
        assert_ne!(again(), again());
    }

    #[test]
    fn rule_53_damaged_logs_refuse_more_and_never_less() {
        let whole = log_of(&[("k:a*", tombstone(5, 900)), ("k:b*", tombstone(7, 900))]);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let read = PatternLog::read(&PatternLog::default(), 0, &damaged);
            let (bytes, _) = read.compacted(Timestamp::from_micros(8), tombstone(8, 100)).unwrap();
            let healed = PatternLog::read(&PatternLog::default(), 0, &bytes);
            assert!(!healed.damaged && refuses(&healed, "a1", 5, 8) && refuses(&healed, "b1", 7, 8), "{at}");
        }
        assert!(PatternLog::read(&PatternLog::default(), 0, b"?").damaged);
    }

    #[test]
    fn rule_29_compacted_logs_refuse_more_and_never_less() {
        let tombstones: Vec<(String, Tombstone)> =
            (0..200).map(|n| (format!("k:{n}*"), tombstone(n, if n < 100 { 500 } else { 1000 }))).collect();
        let borrowed: Vec<(&str, Tombstone)> =
            tombstones.iter().map(|(glob, tombstone)| (glob.as_str(), *tombstone)).collect();
        for (count, now, spared) in [(20, 10, true), (200, 10, false), (120, 600, true)] {
            let all = PatternLog::read(&PatternLog::default(), 0, &log_of(&borrowed[..count]));
            let (bytes, dead_at) = all.compacted(Timestamp::from_micros(now), tombstone(0, 0)).unwrap();
            assert!(bytes.len() <= COMPACT_ABOVE_BYTES / 2 && dead_at.as_micros() <= 1000);
            let fewer = PatternLog::read(&PatternLog::default(), 0, &bytes);
            for n in 0..count as i64 {
                assert!(!refuses(&all, &n.to_string(), n, now) || refuses(&fewer, &n.to_string(), n, now));
            }
            assert_eq!(refuses(&fewer, "other", 0, now), !spared, "{count} at {now}");
        }
    }
}
