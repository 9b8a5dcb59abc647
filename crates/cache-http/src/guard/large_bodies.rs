//! The bound on what all large bodies together take: each takes room as it comes, so that one which is announced
//! and never sent takes none.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::MAX_BODY;
use crate::problem::{Problem, ProblemKind};

/// How many bytes of large bodies are held at once.
const MAX_HELD: usize = 32 << 20;

/// The room for the bodies that are longer than those of most requests.
#[derive(Debug)]
pub(super) struct LargeBodies(Arc<Semaphore>);

/// The room that one body takes, free again once this is dropped. Up to the limit of most requests it takes none.
#[derive(Debug, Default)]
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Default for LargeBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_HELD)))
    }
}

impl Room {
    /// Takes the room of a body that has `len` bytes by now, or refuses it.
    pub(super) fn grow(&mut self, bodies: &LargeBodies, len: usize) -> Result<(), Problem> {
        let taken = self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if len <= MAX_BODY.max(taken) {
            return Ok(());
        }
        let busy = |_| {
            let detail = format!(
                "the service holds {MAX_HELD} bytes of large bodies at this moment, as many as it may: send this one \
                 again in a second"
            );
            Problem::new(ProblemKind::BUSY, detail)
        };
        let more = u32::try_from(len - taken).unwrap_or(u32::MAX);
        let permit = Arc::clone(&bodies.0).try_acquire_many_owned(more).map_err(busy)?;
        match &mut self.0 {
            Some(room) => room.merge(permit),
            None => self.0 = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_73_large_bodies_share_a_bound_and_small_ones_take_nothing_of_it() {
        let bodies = LargeBodies(Arc::new(Semaphore::new(100_000)));
        let (mut first, mut second, mut small) = (Room::default(), Room::default(), Room::default());
        for len in [10, MAX_BODY, 40_000, 60_000] {
            first.grow(&bodies, len).unwrap();
        }
        assert_eq!(bodies.0.available_permits(), 40_000);
        assert!(second.grow(&bodies, 40_001).is_err());
        small.grow(&bodies, MAX_BODY).unwrap();
        second.grow(&bodies, 40_000).unwrap();
        assert_eq!(bodies.0.available_permits(), 0);
        drop(first);
        second.grow(&bodies, 100_000).unwrap();
        drop(second);
        assert_eq!(bodies.0.available_permits(), 100_000);
    }
}
