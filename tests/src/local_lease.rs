//! Leases between caches of one process, by the clock that the test advances.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{
    Clock, Error, ErrorKind, Holder, Key, Lease, Result, Timestamp,
    sync::{Mutex, MutexGuard},
};

/// Grants leases on keys to caches of one process. Clones share the leases.
#[derive(Clone, Debug)]
pub struct LocalLease {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Key, (Holder, Timestamp)>,
    down: bool,
    loses_answers: bool,
}

impl LocalLease {
    /// No lease is held yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// From now on every request fails as `Unavailable`.
    pub fn down(&self) {
        self.state().down = true;
    }

    /// From now on requests are answered again.
    pub fn up(&self) {
        self.state().down = false;
    }

    /// Whether requests fail though they are granted, as when a connection is cut before the answer.
    pub fn lose_answers(&self, loses: bool) {
        self.state().loses_answers = loses;
    }

    /// Grants a key for `span` to a holder that never releases it.
    pub fn take_for_the_dead(&self, key: &Key, span: Duration) {
        let until = self.clock.now().after(span);
        self.state().held.insert(key.clone(), (Holder(0), until));
    }

    /// How many keys are held.
    #[must_use]
    pub fn held(&self) -> usize {
        let now = self.clock.now();
        self.state().held.values().filter(|(_, until)| now < *until).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn grant(&self, keys: &[Key], holder: Holder, span: Duration, new: bool) -> Result<Vec<bool>> {
        let now = self.clock.now();
        let mut state = self.state();
        if state.down {
            return Err(Error::new(ErrorKind::Unavailable, "lease", "the lease was told to fail"));
        }
        let grant = |key: &Key| {
            let granted = match state.held.get(key) {
                Some((other, until)) if now < *until => *other == holder,
                _ => new,
            };
            if granted {
                state.held.insert(key.clone(), (holder, now.after(span)));
            }
            granted
        };
        let granted = keys.iter().map(grant).collect();
        match state.loses_answers {
            true => Err(Error::new(ErrorKind::Unavailable, "lease", "the connection was cut")),
            false => Ok(granted),
        }
    }
}

#[async_trait]
impl Lease for LocalLease {
    fn name(&self) -> &'static str {
        "local"
    }

    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.grant(keys, holder, span, true)
    }

    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>> {
        self.grant(keys, holder, span, false)
    }

    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()> {
        let mut state = self.state();
        for key in keys {
            if state.held.get(key).is_some_and(|(other, _)| *other == holder) {
                state.held.remove(key);
            }
        }
        Ok(())
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.clock)
    }
}
