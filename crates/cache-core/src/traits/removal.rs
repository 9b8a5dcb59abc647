//! What a tier says of one step of a removal by pattern.

use crate::{ListCursor, Result};

/// One step of a removal by pattern, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemovalStep {
    /// How many values this step removed that were alive, as [`Tier::remove`](crate::Tier::remove) counts them.
    /// `None` if that isn't known, as when an attempt before failed that may have removed some.
    pub removed: Option<u64>,
    /// From where to go on; `None` after the last step.
    pub next: Option<ListCursor>,
}

impl RemovalStep {
    /// Returns a step.
    #[must_use]
    pub fn new(removed: u64, next: Option<ListCursor>) -> Self {
        Self { removed: Some(removed), next }
    }

    /// Makes steps from the first to the last. Returns how many values they removed that were alive, of what was
    /// counted.
    ///
    /// # Errors
    ///
    /// That of the first step that fails.
    pub async fn all<F>(mut step: impl FnMut(Option<ListCursor>) -> F) -> Result<u64>
    where
        F: Future<Output = Result<Self>>,
    {
        let (mut removed, mut after) = (0, None);
        loop {
            let made = step(after).await?;
            removed += made.removed.unwrap_or(0);
            match made.next {
                None => return Ok(removed),
                next => after = next,
            }
        }
    }

    /// Returns the same with a count that isn't known.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { removed: None, ..self }
    }
}
