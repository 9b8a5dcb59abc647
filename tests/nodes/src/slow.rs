//! A tier at the end of a slow line, whose compare of births can be taken out.

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Clock, Entry, Key, Result, Target, Tier, Tombstone};
use tokio::time::sleep;

/// Puts take their time on the way to the tier, so that others may overtake them there.
#[derive(Debug)]
pub(crate) struct Slow<T> {
    pub(crate) inner: T,
    /// At random from none to this.
    pub(crate) longest: Duration,
    /// Whether the tier compares births. If not, every put claims to have been born when it arrives, and so
    /// replaces whatever is there, a tombstone or a newer value included: just as if nobody compared.
    pub(crate) compares: bool,
    pub(crate) clock: Clock,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: Tier> Tier for Slow<T> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.inner.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        if !self.longest.is_zero() {
            sleep(self.longest.mul_f64(fastrand::f64())).await;
        }
        if self.compares {
            return self.inner.put(entries).await;
        }
        let mut forged = entries.to_vec();
        forged.iter_mut().for_each(|(_, entry)| entry.meta.born = self.clock.tick());
        self.inner.put(&forged).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.inner.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        self.inner.flush().await
    }
}
