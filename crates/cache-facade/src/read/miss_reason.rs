//! Why a read goes on from memory or a tier, as observers are told.

use cache_core::MissReason;

use super::servable::{Servable, Unservable};

impl Servable {
    /// Returns why a read goes on.
    pub(crate) fn miss_reason(self) -> MissReason {
        match self {
            Self::Fresh | Self::Due | Self::Stale => MissReason::Stale,
            Self::Replaced => MissReason::Replaced,
            Self::No(reason) => match reason {
                Unservable::NotAsked => MissReason::NotAsked,
                Unservable::Absent => MissReason::Absent,
                Unservable::Expired => MissReason::Expired,
                Unservable::TooOld => MissReason::TooOld,
                Unservable::Cleared | Unservable::TagInvalidated | Unservable::Removed => {
                    MissReason::Invalidated
                }
                Unservable::Older => MissReason::Replaced,
                Unservable::BornAhead => MissReason::BornAhead,
                Unservable::StampUnknown | Unservable::Unproven => MissReason::Unproven,
                Unservable::Unreadable => MissReason::Unreadable,
                Unservable::InputsChanged => MissReason::InputsChanged,
            },
        }
    }
}
