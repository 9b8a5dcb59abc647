//! What is refused after a server lost its memory.

use cache_core::{Timestamp, Tombstone, sync::Mutex};

/// A tombstone for every key, raised when a server was restarted or replaced: removals that it had
/// acknowledged may be gone, and a load that began before them may still come in.
#[derive(Debug, Default)]
pub(crate) struct BirthFloor(Mutex<Option<Tombstone>>);

impl BirthFloor {
    pub(crate) fn raise(&self, tombstone: Tombstone) {
        *self.0.lock() = Some(tombstone);
    }

    /// What must be born after it to be stored now.
    pub(crate) fn at(&self, now: Timestamp) -> Option<Timestamp> {
        let floor = *self.0.lock();
        floor.filter(|tombstone| now < tombstone.dead_at).map(|tombstone| tombstone.born)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends() {
        let at = Timestamp::from_micros;
        let floor = BirthFloor::default();
        assert_eq!(floor.at(at(5)), None);
        floor.raise(Tombstone { born: at(5), dead_at: at(9) });
        assert_eq!((floor.at(at(8)), floor.at(at(9))), (Some(at(5)), None));
    }
}
