//! The removals by pattern that this process knows of, and up to which one.

use std::sync::{Arc, PoisonError, RwLock};

use cache_core::{Key, Pattern, Result, Timestamp, Tombstone};

use crate::{connection::Row, sql::decode};

/// What is known. Shared, and replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct Patterns(RwLock<Arc<Known>>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The last number that was given to any; `None` if they were never read.
    latest: Option<i64>,
    stones: Vec<(Pattern, Tombstone)>,
}

impl Patterns {
    pub(crate) fn known(&self) -> Arc<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over what the table says.
    pub(crate) fn learn(&self, rows: &[Row]) -> Result<Arc<Known>> {
        let first = rows.first().map(|row| decode::number(row, 0)).transpose()?;
        let mut known = Known { latest: first, stones: Vec::with_capacity(rows.len()) };
        for row in rows {
            let moment = |at| decode::number(row, at).map(Timestamp::from_micros);
            if let Some(pattern) = decode::with_bytes(row, 1, pattern) {
                known.stones.push((pattern, Tombstone { born: moment(2)?, dead_at: moment(3)? }));
            }
        }
        let known = Arc::new(known);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known.clone();
        Ok(known)
    }
}

impl Known {
    /// The number to show at the gate; one that is never right if nothing is known yet.
    pub(crate) fn latest(&self) -> i64 {
        self.latest.unwrap_or(-1)
    }

    pub(crate) fn refuse(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |stone: &Tombstone| born <= stone.born && now < stone.dead_at;
        self.stones.iter().any(|(pattern, stone)| covers(stone) && pattern.matches(key))
    }
}

/// What can't be read refuses everything, rather than nothing.
fn pattern(glob: &[u8]) -> Pattern {
    std::str::from_utf8(glob).ok().and_then(|glob| Pattern::glob(glob).ok()).unwrap_or_else(every)
}

fn every() -> Pattern {
    Pattern::starting_with("")
}
