//! Why a read was not answered, with what is known of keys that left memory.

use std::fmt;

use cache_core::{EvictionCause, MissReason};
use serde::Serialize;

macro_rules! miss_causes {
    ($($(#[$doc:meta])* $name:ident = $field:ident),+ $(,)?) => {
        /// Why memory or a tier did not answer a read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum MissCause {
            $($(#[$doc])* $name,)+
        }

        impl MissCause {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($field)),+].len()] = [$(Self::$name),+];

            /// Returns its name: `never_there`, `expired`, ...
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($field),)+ }
            }
        }

        /// How often memory or a tier could not answer, by cause.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct MissCauses {
            $($(#[$doc])* pub $field: u64,)+
        }

        impl MissCauses {
            pub(crate) fn of(count: impl Fn(MissCause) -> u64) -> Self {
                Self { $($field: count(MissCause::$name),)+ }
            }

            /// Returns the causes with their counts, in the order of the fields.
            #[must_use]
            pub fn each(&self) -> [(MissCause, u64); MissCause::ALL.len()] {
                [$((MissCause::$name, self.$field)),+]
            }

            /// Returns these and others together.
            #[must_use]
            pub fn plus(&self, others: &Self) -> Self {
                Self { $($field: self.$field + others.$field,)+ }
            }
        }
    };
}

miss_causes! {
    /// It was never there, as far as is remembered.
    NeverThere = never_there,
    /// Its life was over.
    Expired = expired,
    /// It was in grace, and what is fresh was asked for.
    Stale = stale,
    /// It gave way to others.
    Evicted = evicted,
    /// It was removed, invalidated or cleared.
    Invalidated = invalidated,
    /// A newer value took its place elsewhere.
    Replaced = replaced,
    /// It was too large to be stored.
    Refused = refused,
    /// Messages that may have ended it were missed.
    Unproven = unproven,
    /// It could not be read back.
    Unreadable = unreadable,
    /// It was computed from other values than there are now.
    InputsChanged = inputs_changed,
    /// It was older than the call asked for, though young enough for others.
    TooOld = too_old,
    /// It was not looked for there.
    NotAsked = not_asked,
}

impl MissCauses {
    /// Returns how many that are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.each().iter().map(|(_, count)| count).sum()
    }
}

impl MissCause {
    /// Returns the cause of a miss, of which `left` says why the key left memory, if that is known.
    pub(crate) fn of(reason: MissReason, left: Option<Self>) -> Self {
        match reason {
            MissReason::Expired => Self::Expired,
            MissReason::Stale => Self::Stale,
            MissReason::TooOld => Self::TooOld,
            MissReason::Invalidated => Self::Invalidated,
            MissReason::Replaced => Self::Replaced,
            MissReason::Unproven | MissReason::BornAhead => Self::Unproven,
            MissReason::Unreadable => Self::Unreadable,
            MissReason::InputsChanged => Self::InputsChanged,
            MissReason::NotAsked => Self::NotAsked,
            _ => left.unwrap_or(Self::NeverThere),
        }
    }

    /// Returns what a miss is put down to after a key left memory like this; `None` if another value came.
    pub(crate) fn after(left: EvictionCause) -> Option<Self> {
        match left {
            EvictionCause::Size => Some(Self::Evicted),
            EvictionCause::Expired => Some(Self::Expired),
            EvictionCause::Removed => Some(Self::Invalidated),
            EvictionCause::Oversized => Some(Self::Refused),
            _ => None,
        }
    }
}

impl fmt::Display for MissCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
