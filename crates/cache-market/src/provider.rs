//! An upstream that market data comes from.

use std::fmt::Debug;

use async_trait::async_trait;
use cache_core::Result;

use crate::{DataType, Quote, Series, SeriesId, Symbol};

/// An upstream, asked in batches.
///
/// What an upstream doesn't know is `None`. An error means that it could not be asked, or would not
/// answer: nothing is then known about any of the batch.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// The name shown in statistics: `"replay"`.
    fn name(&self) -> &str;

    /// How many keys one call for such data may ask for; at least 1.
    fn max_batch(&self, data: DataType) -> usize;

    /// Fetches quotes: answer `i` belongs to `symbols[i]`.
    ///
    /// # Errors
    ///
    /// If the call failed, or asked for more than [`Provider::max_batch`].
    async fn quotes(&self, symbols: &[Symbol]) -> Result<Vec<Option<Quote>>>;

    /// Fetches whole series: answer `i` belongs to `ids[i]`.
    ///
    /// # Errors
    ///
    /// If the call failed, or asked for more than [`Provider::max_batch`].
    async fn series(&self, ids: &[SeriesId]) -> Result<Vec<Option<Series>>>;

    /// What was asked of this upstream so far.
    fn usage(&self) -> Usage;
}

/// What was asked of an upstream since it was set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls that went out, those that failed included.
    pub calls: u64,
    /// Keys those calls asked for.
    pub keys: u64,
    /// Calls that went out and failed.
    pub failures: u64,
    /// Calls that were held back because the upstream's rate limit was used up.
    pub refused: u64,
}
