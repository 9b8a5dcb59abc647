//! The lock of a shard: whoever takes it again and again can let those go first who wait for it.

use std::{
    sync::{
        PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

/// A lock for many readers. A reader that need not wait writes to nothing that other readers write to.
#[derive(Debug, Default)]
pub(crate) struct FairLock<T> {
    lock: ShardedLock<T>,
    /// How many had to wait so far, and how many of them have got the lock since.
    arrived: AtomicU64,
    served: AtomicU64,
}

impl<T> FairLock<T> {
    pub(crate) fn new(value: T) -> Self {
        let (arrived, served) = Default::default();
        Self { lock: ShardedLock::new(value), arrived, served }
    }

    /// Locks for reading.
    #[inline]
    pub(crate) fn shared(&self) -> ShardedLockReadGuard<'_, T> {
        match self.lock.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.waited_for(|| self.lock.read().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Locks for writing.
    pub(crate) fn exclusive(&self) -> ShardedLockWriteGuard<'_, T> {
        match self.lock.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.waited_for(|| self.lock.write().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Returns when as many have had the lock as were waiting for it at the call. The caller must not hold it:
    /// without this, it would have taken the lock again before those who wait are awake.
    pub(crate) fn hand_over(&self) {
        let arrived = self.arrived.load(Ordering::Acquire);
        while self.served.load(Ordering::Acquire) < arrived {
            thread::yield_now();
        }
    }

    /// Whether somebody waits for it.
    #[cfg(test)]
    pub(crate) fn is_waited_for(&self) -> bool {
        self.served.load(Ordering::Acquire) < self.arrived.load(Ordering::Acquire)
    }

    #[cold]
    fn waited_for<G>(&self, lock: impl FnOnce() -> G) -> G {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let guard = lock();
        self.served.fetch_add(1, Ordering::AcqRel);
        guard
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;

    #[test]
    fn rule_101_who_waits_gets_the_lock_before_it_is_taken_again() {
        let lock = FairLock::new(0_u32);
        for reads in [true, false] {
            let got = AtomicBool::new(false);
            thread::scope(|scope| {
                let held = lock.exclusive();
                scope.spawn(|| {
                    if reads {
                        let guard = lock.shared();
                        got.store(true, Ordering::Release);
                        drop(guard);
                    } else {
                        let guard = lock.exclusive();
                        got.store(true, Ordering::Release);
                        drop(guard);
                    }
                });
                while !lock.is_waited_for() {
                    thread::yield_now();
                }
                assert!(!got.load(Ordering::Acquire));
                drop(held);
                lock.hand_over();
                // What the other does under the lock comes before what is done under the next.
                drop(lock.exclusive());
                assert!(got.load(Ordering::Acquire));
            });
        }
        lock.hand_over();
    }
}
