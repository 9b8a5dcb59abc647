//! What an upstream was asked, in numbers.

/// What was asked of a replayed upstream since it was set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayUsage {
    /// Calls that went out, those that failed included.
    pub calls: u64,
    /// Keys those calls asked for.
    pub keys: u64,
    /// Calls that went out and failed.
    pub failures: u64,
    /// Calls that were held back because the upstream's rate limit was used up.
    pub refused: u64,
}
