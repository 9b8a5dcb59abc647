//! The removals by pattern that this process knows of, and up to which one.

use std::sync::Arc;

use cache_core::{Key, Pattern, Result, Timestamp, Tombstone, sync::RwLock};

use crate::{connection::Row, sql::decode};

/// What is known. Shared, and replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct PatternCache(RwLock<Arc<KnownPatterns>>);

#[derive(Debug, Default)]
pub(crate) struct KnownPatterns {
    /// The last number that was given to any; `None` if they were never read.
    latest: Option<i64>,
    tombstones: Vec<(Pattern, Tombstone)>,
}

impl PatternCache {
    pub(crate) fn known(&self) -> Arc<KnownPatterns> {
        self.0.read().clone()
    }

    /// Takes over what the table says.
    pub(crate) fn replace(&self, rows: &[Row]) -> Result<Arc<KnownPatterns>> {
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
    /// The number to show at the gate; one that is never right if nothing is known yet.
    pub(crate) fn latest(&self) -> i64 {
        self.latest.unwrap_or(-1)
    }

    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |tombstone: &Tombstone| born <= tombstone.born && now < tombstone.dead_at;
        self.tombstones.iter().any(|(pattern, tombstone)| covers(tombstone) && pattern.matches(key))
    }
}

/// What can't be read refuses everything, rather than nothing.
fn pattern(glob: &[u8]) -> Pattern {
    std::str::from_utf8(glob).ok().and_then(|glob| Pattern::glob(glob).ok()).unwrap_or_else(all_keys)
}

fn all_keys() -> Pattern {
    Pattern::starting_with("")
}
