//! The usage of a replay, in numbers.

/// The usage of a replay since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayUsage {
    /// Calls made, including those that failed.
    pub calls: u64,
    /// Keys asked for in those calls.
    pub keys: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls refused because of the rate limit.
    pub refused: u64,
}
