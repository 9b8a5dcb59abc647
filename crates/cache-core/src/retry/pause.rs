//! Pause: for how long something that failed is left alone.

use std::time::Duration;

use crate::Timestamp;

/// For how long something that failed is left alone. One that has yet to begin is over: it is from before the
/// clock was set back.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Clock, Pause};
///
/// let clock = Clock::manual();
/// let pause = Pause::new(clock.now(), Duration::from_secs(5));
/// assert!(pause.lasts(clock.now()));
/// clock.advance(Duration::from_secs(5));
/// assert!(!pause.lasts(clock.now()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    since: Timestamp,
    until: Timestamp,
}

impl Pause {
    /// None: it is over at any moment.
    pub const NONE: Self = Self { since: Timestamp::MIN, until: Timestamp::MIN };

    /// Begins one.
    #[must_use]
    pub fn new(now: Timestamp, length: Duration) -> Self {
        Self { since: now, until: now.after(length) }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn lasts(self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }

    /// Returns how long it is in all.
    #[must_use]
    pub fn length(self) -> Duration {
        self.until.since(self.since)
    }

    /// Returns how long it still lasts; zero if it is over.
    #[must_use]
    pub fn left(self, now: Timestamp) -> Duration {
        if self.lasts(now) { self.until.since(now) } else { Duration::ZERO }
    }
}
