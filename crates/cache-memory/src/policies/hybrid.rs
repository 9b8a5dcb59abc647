//! `hybrid`: recency and frequency together, resistant to scans.
//!
//! What comes in waits in a small queue. If it was read twice there it moves to the main one, else it
//! goes, and is remembered for a while: whoever comes back within that while goes to the main queue at
//! once. Whoever comes to the head of the main queue goes round again if it was read. So far this is
//! S3-FIFO (Yang and others, SOSP 2023). Two things are ours:
//!
//! - The small queue's share follows the demand. A key that comes back after the small queue let it go
//!   would have been a hit had that queue been longer; one that the main queue let go, had that been.
//!   Each such return moves the share a step one way or the other: a full one if a little more room had
//!   been enough, less the more it takes. So the share settles where a little more room is worth the
//!   same in either. Entries that go unread pull it down a little: where the small queue brings nothing,
//!   as in a loop, it should be short.
//! - While the main queue is below its share, whatever leaves the small one moves there.

mod ghosts;

use self::ghosts::Ghosts;
use crate::{
    policies::Order,
    store::slots::{Place, Queue, Slots, Standing},
};

/// The small queue's share at the start, and its bounds.
const SHARE: f64 = 0.1;
const LEAST: f64 = 0.01;
const MOST: f64 = 0.8;

/// What a return soon after an eviction moves the share by.
const STEP: f64 = 0.001;

/// What an entry that left the small queue unread pulls it down by.
const PULL: f64 = STEP * 0.003;

/// How soon "soon" is: evictions by the same queue since, as a part of the entries held.
const SOON: f64 = 0.05;

/// How many of the keys that the main queue let go are remembered, as a part of the entries held. It lets
/// few go, and late returns say little.
const MAIN_GHOSTS: f64 = 0.5;

/// How many reads in the small queue prove an entry.
const PROOF: u8 = 2;

/// How much longer than it should be the small queue has to be before an unproven entry moves on, as a
/// part of the room beside an entry of usual weight: more than unequal weights make it sway.
const SLACK: f64 = 0.01;

/// Two queues, what they let go, and how room is shared between them.
#[derive(Debug)]
pub(crate) struct Hybrid {
    small: Queue,
    main: Queue,
    gone_small: Ghosts,
    gone_main: Ghosts,
    /// The part of the room that the small queue is to take.
    share: f64,
}

impl Default for Hybrid {
    fn default() -> Self {
        Self {
            small: Queue::default(),
            main: Queue::default(),
            gone_small: Ghosts::default(),
            gone_main: Ghosts::default(),
            share: SHARE,
        }
    }
}

impl Hybrid {
    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    /// What a return says, from 0 to 1: the inverse of the room that would have made it a hit.
    fn worth(&self, since: Option<u32>) -> f64 {
        let Some(since) = since.map(f64::from) else { return 0.0 };
        let held = self.len() as f64;
        let soon = SOON * held;
        if since > held { 0.0 } else { (soon / since).min(1.0) }
    }

    fn adapt(&mut self, change: f64) {
        self.share = (self.share + change).clamp(LEAST, MOST);
    }

    /// Puts an entry at the end of the queue that its standing tells.
    fn queue(&mut self, slots: &mut Slots, place: Place) {
        let queue = if slots.standing(place).second { &mut self.main } else { &mut self.small };
        queue.push(slots, place);
    }

    /// Takes an entry from the queue that its standing tells.
    fn unlink(&mut self, slots: &mut Slots, place: Place) {
        let queue = if slots.standing(place).second { &mut self.main } else { &mut self.small };
        queue.unlink(slots, place);
    }
}

impl Order for Hybrid {
    const READS: bool = true;

    fn enter(&mut self, slots: &mut Slots, place: Place) {
        let hash = slots.key(place).hash();
        let (since_small, since_main) = (self.gone_small.take(hash), self.gone_main.take(hash));
        self.adapt(STEP * (self.worth(since_small) - self.worth(since_main)));
        let known = since_small.is_some_and(|since| since as usize <= self.len());
        slots.set_standing(place, Standing { second: known, reads: 0 });
        self.queue(slots, place);
    }

    fn renew(&mut self, slots: &mut Slots, place: Place) {
        self.queue(slots, place);
    }

    fn leave(&mut self, slots: &mut Slots, place: Place) {
        self.unlink(slots, place);
    }

    fn victim(&mut self, slots: &mut Slots) -> Option<Place> {
        // Whoever asks has no more room: what there is, is what can be had.
        let room = (self.small.weight() + self.main.weight()) as f64;
        let (target, usual) = (room * self.share, room / self.len() as f64);
        let slack = usual + room * SLACK;
        while let Some(place) = self.small.first() {
            let over = self.small.weight() as f64 - target;
            if over < 0.0 && self.main.first().is_some() {
                break;
            }
            let proven = slots.standing(place).reads >= PROOF;
            // The entry's own weight must not decide, or the main queue would fill with light ones.
            if !proven && over <= slack {
                return Some(place);
            }
            // On to the main queue, to prove itself again.
            self.unlink(slots, place);
            slots.set_standing(place, Standing { second: true, reads: 0 });
            self.queue(slots, place);
        }
        while let Some(place) = self.main.first() {
            let Standing { second, reads } = slots.standing(place);
            if reads == 0 {
                return Some(place);
            }
            self.unlink(slots, place);
            slots.set_standing(place, Standing { second, reads: reads - 1 });
            self.queue(slots, place);
        }
        None
    }

    fn evicted(&mut self, slots: &Slots, place: Place) {
        let Standing { second, reads } = slots.standing(place);
        let (hash, held) = (slots.key(place).hash(), self.len());
        if second {
            self.gone_main.add(hash, (held as f64 * MAIN_GHOSTS) as usize);
        } else {
            self.gone_small.add(hash, held);
            if reads == 0 {
                self.adapt(-PULL);
            }
        }
    }
}
