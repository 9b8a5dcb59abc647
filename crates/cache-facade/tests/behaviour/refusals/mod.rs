//! Values that a tier, memory or a codec refuses: what came before them is not served, and somebody says so.

mod codec;
mod pending;
mod random;
mod values;

use async_trait::async_trait;
use cache_core::{Entry, Error, ErrorKind, Key, PutOutcome, Result, Target, Tier, Tombstone};
use tests::ModelTier;

/// How a tier says that a value is too large for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// By an error of the whole call, though it stores the other entries.
    Error,
    /// By an outcome for each, though it keeps what it held before.
    Outcome,
}

/// A tier that holds no value of more bytes than its bound.
#[derive(Debug)]
struct Bounded {
    model: std::sync::Arc<ModelTier>,
    bytes: usize,
    says: Says,
}

#[async_trait]
impl Tier for Bounded {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.model.get(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let refusal = |key: &Key| Error::new(ErrorKind::Limit, "put", format!("{key} is too large"));
        let mut outcomes = Vec::new();
        let mut refused = None;
        for (key, entry) in entries {
            if entry.value.as_ref().is_some_and(|blob| blob.bytes.len() > self.bytes) {
                refused = Some(refusal(key));
                outcomes.push(PutOutcome::Refused(refusal(key)));
            } else {
                outcomes.extend(self.model.put(&[(key.clone(), entry.clone())]).await?);
            }
        }
        match (refused, self.says) {
            (Some(error), Says::Error) => Err(error),
            _ => Ok(outcomes),
        }
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.model.remove(target, tombstone).await
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}
