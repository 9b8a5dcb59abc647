//! How the nodes of a fleet agree on who loads a key.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::{Key, Result};

/// Grants each key to one holder at a time, for a span that ends by itself if the holder dies.
///
/// A lease spares loads and keeps nothing right: a holder that was paused past its span may still
/// write, and loses by its `born` against whoever took over.
#[async_trait]
pub trait Lease: Debug + Send + Sync + 'static {
    /// The name shown in statistics: `"redis"`.
    fn name(&self) -> &'static str;

    /// Takes those of `keys` that nobody holds, until `span` from now. Answer `i` says whether `holder`
    /// holds `keys[i]`, which may be from before.
    ///
    /// # Errors
    ///
    /// If it could not be asked. That is not to say that somebody else holds them.
    async fn acquire(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>>;

    /// Prolongs what `holder` holds until `span` from now. Answer `i` says whether it still holds
    /// `keys[i]`.
    ///
    /// # Errors
    ///
    /// If it could not be asked.
    async fn renew(&self, keys: &[Key], holder: Holder, span: Duration) -> Result<Vec<bool>>;

    /// Gives up what `holder` holds of `keys`, and nothing that others hold.
    ///
    /// # Errors
    ///
    /// If it could not be asked: the leases then end by themselves.
    async fn release(&self, keys: &[Key], holder: Holder) -> Result<()>;
}

/// Who holds a lease: a number that nobody else in the fleet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder(pub u128);
