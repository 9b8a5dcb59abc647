//! The removals by pattern that this process knows, and the number of the last one.

use std::sync::Arc;

use cache_core::{Key, Pattern, Result, Timestamp, Tombstone, sync::RwLock};

use crate::{connection::PooledRow, sql::decode};

/// The known removals by pattern, replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct PatternCache(RwLock<Arc<KnownPatterns>>);

/// All removals by pattern up to the one with the number `latest`.
#[derive(Debug, Default)]
pub(crate) struct KnownPatterns {
    /// The last number given to a removal by pattern; `None` before the table was first read.
    latest: Option<i64>,
    tombstones: Vec<(Pattern, Tombstone)>,
}

impl PatternCache {
    pub(crate) fn known(&self) -> Arc<KnownPatterns> {
        self.0.read().clone()
    }

    /// Replaces what is known by the rows of the table, and returns it.
    pub(crate) fn replace(&self, rows: &[PooledRow]) -> Result<Arc<KnownPatterns>> {
        let first = rows.first().map(|row| decode::integer(row, 0)).transpose()?;
        let mut known = KnownPatterns { latest: first, tombstones: Vec::with_capacity(rows.len()) };
        for row in rows {
            let moment = |at| decode::integer(row, at).map(Timestamp::from_micros);
            if let Some(pattern) = decode::with_bytes(row, 1, pattern) {
                known.tombstones.push((pattern, Tombstone { born: moment(2)?, dead_at: moment(3)? }));
            }
        }
        let known = Arc::new(known);
        *self.0.write() = known.clone();
        Ok(known)
    }
}

impl KnownPatterns {
    /// Returns the number to present to the gate; -1, which it never accepts, before the table was read.
    pub(crate) fn latest(&self) -> i64 {
        self.latest.unwrap_or(-1)
    }

    /// Returns whether a removal by pattern refuses an entry of this key and birth.
    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |tombstone: &Tombstone| born <= tombstone.born && now < tombstone.dead_at;
        self.tombstones.iter().any(|(pattern, tombstone)| covers(tombstone) && pattern.matches(key))
    }
}

/// Parses a glob. One that can't be parsed becomes a pattern of all keys, so that no removal is missed.
fn pattern(glob: &[u8]) -> Pattern {
    std::str::from_utf8(glob).ok().and_then(|glob| Pattern::glob(glob).ok()).unwrap_or_else(all_keys)
}

fn all_keys() -> Pattern {
    Pattern::starting_with("")
}
