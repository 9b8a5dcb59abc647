//! One node of a cache that is measured.

use anyhow::Result;
use benches::peers::Plan;

/// Which of the two nodes of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    A,
    B,
}

/// A cache of its own memory over the Redis that both nodes share, reading through to the provider. Values live an
/// hour.
pub(crate) trait Node: Sized + Send + Sync + 'static {
    /// The crates that it is made of.
    const CRATES: &'static [&'static str];

    /// Opens it, with room for `plan.room` entries.
    fn open(plan: &Plan, which: Which) -> impl Future<Output = Result<Self>> + Send;

    /// Reads one key, and returns the sequence of its value.
    fn read(&self, id: &str) -> impl Future<Output = Result<u64>> + Send;

    /// Reads many keys in the best way it has, and returns how many values there were.
    fn read_many(&self, ids: &[String]) -> impl Future<Output = Result<usize>> + Send;

    /// Removes a key for all nodes, as far as it can.
    fn remove(&self, id: &str) -> impl Future<Output = Result<()>> + Send;
}
