//! Lease: how nodes that share tiers agree on which of them loads a key.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::{Clock, Key, Result};

/// Grants each key to one holder at a time, for a span that ends by itself if the holder dies.
///
/// A lease saves loads; correctness does not depend on it. A holder that was paused past its span may
/// still write, and its `born` loses against that of the next holder.
#[async_trait]
pub trait Lease: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics: `"redis"`.
    fn name(&self) -> &'static str;

    /// Grants `holder` those of `keys` that nobody holds, until `span` from now. Item `i` of the result says
    /// whether `holder` holds `keys[i]`, which it may have held before.
    ///
    /// # Errors
    ///
    /// If the leases could not be asked for, which does not mean that others hold them.
    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>>;

    /// Extends what `holder` holds of `keys` until `span` from now. Item `i` of the result says whether it
    /// still holds `keys[i]`.
    ///
    /// # Errors
    ///
    /// If the extension could not be asked for.
    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>>;

    /// Gives up what `holder` holds of `keys`, and nothing that others hold.
    ///
    /// # Errors
    ///
    /// If the release could not be asked for. The leases then end by themselves.
    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()>;

    /// Returns the clock that it gives its server's time to. As [`Tier::clock`](crate::Tier::clock).
    fn clock(&self) -> Option<&Clock> {
        None
    }
}

/// The holder of a lease, by a number that no other holder has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder(pub u128);
