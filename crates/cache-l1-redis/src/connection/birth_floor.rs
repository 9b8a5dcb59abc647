//! The birth below which entries are refused after a server may have lost removals.

use cache_core::{Timestamp, Tombstone, sync::Mutex};

/// A tombstone for every key. It is raised when a server was restarted or replaced, since removals that the
/// server acknowledged may be gone while a load that began before them is still under way.
#[derive(Debug, Default)]
pub(crate) struct BirthFloor(Mutex<Option<Tombstone>>);

impl BirthFloor {
    pub(crate) fn raise(&self, tombstone: Tombstone) {
        *self.0.lock() = Some(tombstone);
    }

    /// Returns the birth after which an entry must be born to be stored now, if there is one.
    pub(crate) fn at(&self, now: Timestamp) -> Option<Timestamp> {
        let floor = *self.0.lock();
        floor.filter(|tombstone| now < tombstone.dead_at).map(|tombstone| tombstone.born)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_ends_with_its_tombstone() {
        let at = Timestamp::from_micros;
        let floor = BirthFloor::default();
        assert_eq!(floor.at(at(5)), None);
        floor.raise(Tombstone { born: at(5), dead_at: at(9) });
        assert_eq!((floor.at(at(8)), floor.at(at(9))), (Some(at(5)), None));
    }
}
