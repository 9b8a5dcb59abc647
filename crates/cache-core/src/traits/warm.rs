//! Warm: what is brought into memory before it is asked for. Fill: what a call carries in its free places.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;

use super::loader::Refresh;
use crate::{Error, Key, Result};

/// The values of one kind, as whoever warms them sees them.
#[async_trait]
pub trait Warm: Refresh {
    /// The kind of all their keys.
    fn kind(&self) -> &str;

    /// The most keys that one call to their source may ask for.
    fn max_batch(&self) -> usize;

    /// Returns for how long memory's value of a key is still fresh, or `None` if memory has none that is.
    fn fresh_for(&self, key: &Key) -> Option<Duration>;

    /// Whether memory knows that a key has no value.
    fn is_known_absent(&self, key: &Key) -> bool {
        let _ = key;
        false
    }

    /// Brings keys into memory from the tiers, and asks no source. Returns of each key, in their order, whether
    /// memory or a tier has a fresh value, be it that memory has no room for it.
    ///
    /// # Errors
    ///
    /// `Closed` once the cache is shut down. A tier that fails has nothing.
    async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>>;
}

/// What decides which keys a call to a source carries in its free places.
///
/// A source that is paid or limited by the call gives further keys of the same call for nothing. Whoever waits
/// for the call waits for its own keys alone.
pub trait Fill: fmt::Debug + Send + Sync + 'static {
    /// Returns keys for the free places of a call, at most as many as there are, the most wanted first. It is
    /// asked while callers wait for the call, so it has to be quick.
    fn fill(&self, call: &OpenCall<'_>) -> Vec<Key>;

    /// Tells how a call ended: which keys in its free places came, how many keys it carried in all, and how long
    /// it took. With an error none of them came, and the call was made again without them. If it failed then, too,
    /// no key is named: it was not their fault.
    fn filled(&self, kind: &str, filled: &[Key], keys: usize, took: Duration, error: Option<&Error>);
}

#[deny(clippy::missing_trait_methods)]
impl<F: Fill + ?Sized> Fill for Arc<F> {
    fn fill(&self, call: &OpenCall<'_>) -> Vec<Key> {
        (**self).fill(call)
    }

    fn filled(&self, kind: &str, filled: &[Key], keys: usize, took: Duration, error: Option<&Error>) {
        (**self).filled(kind, filled, keys, took, error);
    }
}

/// Fills nothing once it is gone. A cache that is given this does not keep what it fills by.
#[deny(clippy::missing_trait_methods)]
impl<F: Fill> Fill for Weak<F> {
    fn fill(&self, call: &OpenCall<'_>) -> Vec<Key> {
        self.upgrade().map_or_else(Vec::new, |fill| fill.fill(call))
    }

    fn filled(&self, kind: &str, filled: &[Key], keys: usize, took: Duration, error: Option<&Error>) {
        if let Some(fill) = self.upgrade() {
            fill.filled(kind, filled, keys, took, error);
        }
    }
}

/// A call to a source that has free places.
pub struct OpenCall<'a> {
    /// The kind of its keys.
    pub kind: &'a str,
    /// The keys that callers wait for.
    pub keys: &'a [&'a Key],
    /// How many more keys it may carry.
    pub places: usize,
    /// For how long memory's value of a key is still fresh; `None` if memory has none that is.
    pub fresh_for: &'a dyn Fn(&Key) -> Option<Duration>,
}

impl fmt::Debug for OpenCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCall")
            .field("kind", &self.kind)
            .field("keys", &self.keys)
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}
