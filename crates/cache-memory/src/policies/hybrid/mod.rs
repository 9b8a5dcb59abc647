//! `hybrid`: evicts by recency and frequency together, and resists scans.
//!
//! A new entry enters the small queue. If it was read twice by the time it comes to the head, it moves to
//! the main queue; else it is evicted, and a ghost remembers its key for a while. A key that returns while
//! it has a ghost enters the main queue at once. An entry that comes to the head of the main queue goes
//! round again if it was read. So far this is S3-FIFO (Yang and others, SOSP 2023). Two things are ours:
//!
//! - The share of the small queue follows the demand. A key that returns after the small queue evicted it
//!   would have been a hit had that queue been longer; likewise for the main queue. Each such return
//!   moves the share a step towards the queue that was too short: a full step if a little more room had
//!   been enough, less the more room it would have taken. So the share settles where a little more room
//!   is worth the same in either queue. Entries evicted unread lower the share a little: where the small
//!   queue brings nothing, as in a loop, it should be short.
//! - While the main queue is below its share, every entry that leaves the small queue moves there.

mod ghosts;

use self::ghosts::Ghosts;
use crate::{
    policies::Order,
    store::slots::{PolicyState, SlotId, SlotQueue, Slots},
};

/// The small queue's share of the room: at the start, at least and at most.
const INITIAL_SMALL_QUEUE_SHARE: f64 = 0.1;
const MIN_SMALL_QUEUE_SHARE: f64 = 0.01;
const MAX_SMALL_QUEUE_SHARE: f64 = 0.8;

/// How far a return soon after the eviction moves the share.
const SHARE_STEP: f64 = 0.001;

/// How far an entry that the small queue evicts unread lowers the share.
const UNREAD_EVICTION_STEP: f64 = SHARE_STEP * 0.003;

/// A return is soon if the same queue has evicted no more than this part of the entries held since then.
const SOON_RATIO: f64 = 0.05;

/// How many ghosts of the main queue are kept, as a part of the entries held. It evicts few entries, and
/// late returns say little.
const MAIN_GHOST_RATIO: f64 = 0.5;

/// So many reads in the small queue promote an entry to the main queue.
const READS_TO_PROMOTE: u8 = 2;

/// How far the small queue may exceed its share before an entry with fewer reads moves on too: a part of the
/// room, beside the average weight of an entry. It is more than unequal weights make the queue sway.
const SMALL_QUEUE_SLACK: f64 = 0.01;

/// Two queues, the ghosts of what they evicted, and how the room is shared between them.
#[derive(Debug)]
pub(crate) struct Hybrid {
    small: SlotQueue,
    main: SlotQueue,
    small_ghosts: Ghosts,
    main_ghosts: Ghosts,
    /// The part of the room that the small queue should take.
    small_queue_share: f64,
}

impl Default for Hybrid {
    fn default() -> Self {
        Self {
            small: SlotQueue::default(),
            main: SlotQueue::default(),
            small_ghosts: Ghosts::default(),
            main_ghosts: Ghosts::default(),
            small_queue_share: INITIAL_SMALL_QUEUE_SHARE,
        }
    }
}

impl Hybrid {
    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    /// Returns how much a return counts, from 0 to 1: the less room would have made it a hit, the more.
    /// `since` is the number of evictions since then by the queue that evicted the key.
    fn gain(&self, since: Option<u32>) -> f64 {
        let Some(since) = since.map(f64::from) else { return 0.0 };
        let held = self.len() as f64;
        let soon = SOON_RATIO * held;
        if since > held { 0.0 } else { (soon / since).min(1.0) }
    }

    /// Moves the share of the small queue, within its bounds.
    fn adapt(&mut self, change: f64) {
        self.small_queue_share =
            (self.small_queue_share + change).clamp(MIN_SMALL_QUEUE_SHARE, MAX_SMALL_QUEUE_SHARE);
    }

    /// Appends an entry to the queue that its policy state names.
    fn push(&mut self, slots: &mut Slots, slot: SlotId) {
        let queue = if slots.policy_state(slot).in_main { &mut self.main } else { &mut self.small };
        queue.push(slots, slot);
    }

    /// Unlinks an entry from the queue that its policy state names.
    fn unlink(&mut self, slots: &mut Slots, slot: SlotId) {
        let queue = if slots.policy_state(slot).in_main { &mut self.main } else { &mut self.small };
        queue.unlink(slots, slot);
    }
}

impl Order for Hybrid {
    const COUNTS_READS: bool = true;

    fn on_insert(&mut self, slots: &mut Slots, slot: SlotId) {
        let hash = slots.key(slot).hash();
        let (since_small, since_main) = (self.small_ghosts.remove(hash), self.main_ghosts.remove(hash));
        self.adapt(SHARE_STEP * (self.gain(since_small) - self.gain(since_main)));
        let returned = since_small.is_some_and(|since| since as usize <= self.len());
        slots.set_policy_state(slot, PolicyState { in_main: returned, reads: 0 });
        self.push(slots, slot);
    }

    fn on_replace(&mut self, slots: &mut Slots, slot: SlotId) {
        self.push(slots, slot);
    }

    fn on_remove(&mut self, slots: &mut Slots, slot: SlotId) {
        self.unlink(slots, slot);
    }

    fn victim(&mut self, slots: &mut Slots) -> Option<SlotId> {
        // A victim is asked for when the room is full, so the two queues together are the room.
        let room = (self.small.weight() + self.main.weight()) as f64;
        let (target, average) = (room * self.small_queue_share, room / self.len() as f64);
        let slack = average + room * SMALL_QUEUE_SLACK;
        while let Some(slot) = self.small.first() {
            let over = self.small.weight() as f64 - target;
            if over < 0.0 && self.main.first().is_some() {
                break;
            }
            let promoted = slots.policy_state(slot).reads >= READS_TO_PROMOTE;
            // The weight of the entry itself must not decide, or the main queue would fill with light entries.
            if !promoted && over <= slack {
                return Some(slot);
            }
            // Its reads in the main queue are counted anew.
            self.unlink(slots, slot);
            slots.set_policy_state(slot, PolicyState { in_main: true, reads: 0 });
            self.push(slots, slot);
        }
        while let Some(slot) = self.main.first() {
            let PolicyState { in_main, reads } = slots.policy_state(slot);
            if reads == 0 {
                return Some(slot);
            }
            self.unlink(slots, slot);
            slots.set_policy_state(slot, PolicyState { in_main, reads: reads - 1 });
            self.push(slots, slot);
        }
        None
    }

    fn on_evict(&mut self, slots: &Slots, slot: SlotId) {
        let PolicyState { in_main, reads } = slots.policy_state(slot);
        let (hash, held) = (slots.key(slot).hash(), self.len());
        if in_main {
            self.main_ghosts.add(hash, (held as f64 * MAIN_GHOST_RATIO) as usize);
        } else {
            self.small_ghosts.add(hash, held);
            if reads == 0 {
                self.adapt(-UNREAD_EVICTION_STEP);
            }
        }
    }
}
