//! Whose turn it is to update a key: one update at a time.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc};

use cache_core::{Key, KeyHasher, sync::Mutex};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The keys of a region that are being updated, with their locks. A key is here for no longer.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Key, Arc<AsyncMutex<()>>, BuildHasherDefault<KeyHasher>>>);

/// The turn of one update, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // Dropped before the place: with a lock that is held, who waits has a place too.
    _held: OwnedMutexGuard<()>,
    _place: Place,
}

/// What keeps a key among those that are updated.
#[derive(Debug)]
struct Place {
    turns: Arc<Turns>,
    key: Key,
}

impl Turns {
    /// Takes the turn to update a key, if nobody has it or waits for it.
    pub(crate) fn take(self: &Arc<Self>, key: &Key) -> Option<Turn> {
        let (lock, place) = self.place(key);
        Some(Turn { _held: lock.try_lock_owned().ok()?, _place: place })
    }

    /// Waits for the turn to update a key. It comes to whoever waits, and holds up the others until that is
    /// polled: it is for tasks, which are.
    pub(crate) async fn wait(self: &Arc<Self>, key: &Key) -> Turn {
        let (lock, place) = self.place(key);
        Turn { _held: lock.lock_owned().await, _place: place }
    }

    fn place(self: &Arc<Self>, key: &Key) -> (Arc<AsyncMutex<()>>, Place) {
        let lock = Arc::clone(self.0.lock().entry(key.clone()).or_default());
        (lock, Place { turns: Arc::clone(self), key: key.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut locks = self.turns.0.lock();
        // Whoever has the turn or waits for it has the lock too, and takes it out of the table under this lock.
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_key_is_forgotten_with_its_last_update_whether_it_had_its_turn_or_not() {
        let turns = Arc::new(Turns::default());
        let [a, b] = ["a", "b"].map(|id| Key::new("k", id).unwrap());
        let first = turns.wait(&a).await;
        let mut second = Box::pin(turns.wait(&a));
        let mut third = Box::pin(turns.wait(&a));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        let other = turns.wait(&b).now_or_never().expect("another key waits for nobody");
        assert_eq!(turns.0.lock().len(), 2);
        drop((first, third, other));
        let second = second.now_or_never().expect("its turn");
        assert_eq!(turns.0.lock().len(), 1);
        drop(second);
        assert!(turns.0.lock().is_empty());
    }
}
