//! Memory swept of what stamps ended: it needs those stamps no longer, and they are forgotten without harm.

use std::time::Duration;

use cache_core::{Key, Meta, Timestamp};
use tokio::task::yield_now;

use super::{StampKind, TagVerdict};
use crate::engine::Engine;

/// How much longer than a load may last it takes until whatever was compared with a stamp too early is in memory.
const MARGIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Removes from memory what tags ended, and marks what they marked, if there are many stamps that memory was
    /// not swept for. What a load brings that began before a stamp was raised is in memory once the load may no
    /// longer write: so stamps that are as old as that concern nothing that memory will hold.
    pub(crate) async fn sweep_ended(&self) {
        let (stamps, now) = (self.stamps(), self.clock().now());
        let until = now.before(self.load_limit()).before(MARGIN);
        // What memory holds of a key is marked as soon as the key is.
        stamps.marks().keys.note_swept(until);
        if stamps.tags.is_sweep_due(until) {
            // Of what is unknown nobody could tell later that it is.
            let is_ended = |verdict| matches!(verdict, TagVerdict::Invalidated | TagVerdict::Unknown);
            let keep = |_: &Key, meta: &Meta| !is_ended(stamps.verdict(meta, false));
            self.memory().clear_pausing(keep, yield_now).await;
            if stamps.tags.newest(StampKind::Mark) > Timestamp::MIN {
                let marked = |_: &Key, meta: &Meta| match stamps.verdict(meta, false) {
                    TagVerdict::Marked(at) => Some(at.min(now)),
                    _ => None,
                };
                self.memory().mark_stale_pausing(marked, yield_now).await;
            }
            stamps.tags.note_swept(until);
        }
        let harmful = stamps.tags.take_harmful() + stamps.marks().keys.take_harmful();
        if harmful > 0
            && let Some(times) = self.log_sums().forgotten_stamps.count_many(harmful, now)
        {
            tracing::warn!(
                times,
                "more tags or keys are invalidated or marked than are remembered: a part of the entries with \
                 other tags is read from the tiers anew, or loaded anew"
            );
        }
    }
}
