//! Why memory or a tier could not answer a read.

use std::fmt;

/// Why memory or a tier could not answer a read as it should be. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissReason {
    /// It has no entry of the key: none was ever there, or it left.
    Absent,
    /// The life of the entry is over, and its grace, if it had one.
    Expired,
    /// The entry is in grace, and the read is for what is fresh, as long as that can be had.
    Stale,
    /// The entry was removed, its tag invalidated, or its kind or the cache cleared.
    Invalidated,
    /// A newer value was put or loaded since.
    Replaced,
    /// Messages of other nodes that may have ended the entry were missed, or what would have ended it could not be
    /// read.
    Unproven,
    /// The entry can't be read back.
    Unreadable,
    /// The entry was computed from other values than there are now.
    InputsChanged,
    /// The entry was born so far ahead of the clock that nobody knows its age.
    BornAhead,
    /// The entry is older than the call asks for, though young enough for others.
    TooOld,
    /// The region's policy leaves it out, or memory stands by for tiers that fail.
    NotAsked,
}

impl MissReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Absent,
        Self::Expired,
        Self::Stale,
        Self::Invalidated,
        Self::Replaced,
        Self::Unproven,
        Self::Unreadable,
        Self::InputsChanged,
        Self::BornAhead,
        Self::TooOld,
        Self::NotAsked,
    ];

    /// Returns its name: `absent`, `expired`, `inputs_changed`, ...
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Invalidated => "invalidated",
            Self::Replaced => "replaced",
            Self::Unproven => "unproven",
            Self::Unreadable => "unreadable",
            Self::InputsChanged => "inputs_changed",
            Self::BornAhead => "born_ahead",
            Self::TooOld => "too_old",
            Self::NotAsked => "not_asked",
        }
    }
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
