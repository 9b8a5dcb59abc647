//! QuotaStore: where nodes keep the calls that they count together.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Result, Timestamp};

/// Keeps a small record for each name, which nodes change by comparing, and tells the time by which they count.
///
/// What a record says is its writer's affair. A store that loses or takes back a record is found out by whoever
/// remembers it; see [`QuotaSnapshot::run`].
#[async_trait]
pub trait QuotaStore: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics: `"redis"`.
    fn name(&self) -> &'static str;

    /// Returns whether other processes may use the same records.
    fn is_shared(&self) -> bool;

    /// Returns the record of `name`, with the time of the store as it was read.
    ///
    /// # Errors
    ///
    /// If the record could not be read, which does not mean that there is none.
    async fn read(&self, name: &str) -> Result<QuotaSnapshot>;

    /// Replaces the record of `name` if its version still is `expected`, `None` if there is to be none, and gives
    /// it the version `version`, which must be one that no record of that name ever had. Returns whether it did.
    /// Once it did, the record outlives the caller's process.
    ///
    /// # Errors
    ///
    /// If the record could not be replaced, or it is not known whether it was.
    async fn replace(&self, name: &str, expected: Option<&str>, version: &str, record: &[u8])
    -> Result<bool>;
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSnapshot {
    /// The record and its version, if there is one.
    pub record: Option<(String, Vec<u8>)>,
    /// The time of the store: of its server, where it is on one.
    pub now: Timestamp,
    /// What names the run of the store's server, if it may have forgotten what it had acknowledged whenever it
    /// was started again or replaced; `None` if it never forgets.
    pub run: Option<String>,
}
