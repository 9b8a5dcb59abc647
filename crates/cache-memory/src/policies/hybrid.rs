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
    slots::{Place, Queue, Slots},
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

/// Which queue a slot is in, as its rank.
const SMALL: u8 = 0;
const MAIN: u8 = 1;

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

    fn queue(&mut self, slots: &mut Slots, place: Place, rank: u8) {
        slots.at_mut(place).rank = rank;
        if rank == MAIN { &mut self.main } else { &mut self.small }.push(slots, place);
    }

    /// Moves the head of the small queue to the main one, as one that is to prove itself again.
    fn promote(&mut self, slots: &mut Slots, place: Place) {
        self.small.unlink(slots, place);
        slots.at_mut(place).set_reads(0);
        self.queue(slots, place, MAIN);
    }
}

impl Order for Hybrid {
    const READS: bool = true;

    fn enter(&mut self, slots: &mut Slots, place: Place) {
        let hash = slots.at(place).key.hash();
        let (since_small, since_main) = (self.gone_small.take(hash), self.gone_main.take(hash));
        self.adapt(STEP * (self.worth(since_small) - self.worth(since_main)));
        let known = since_small.is_some_and(|since| since as usize <= self.len());
        slots.at_mut(place).set_reads(0);
        self.queue(slots, place, if known { MAIN } else { SMALL });
    }

    fn renew(&mut self, slots: &mut Slots, place: Place) {
        let rank = slots.at(place).rank;
        self.queue(slots, place, rank);
    }

    fn leave(&mut self, slots: &mut Slots, place: Place) {
        if slots.at(place).rank == MAIN { &mut self.main } else { &mut self.small }.unlink(slots, place);
    }

    fn victim(&mut self, slots: &mut Slots) -> Option<Place> {
        // Whoever asks has no more room: what there is, is what can be had.
        let room = self.small.weight() + self.main.weight();
        while let Some(place) = self.small.first() {
            let target = ((room as f64 * self.share) as u64).max(1);
            if self.small.weight() < target {
                break;
            }
            let slot = slots.at(place);
            let fits = self.main.weight() + u64::from(slot.weight) < room.saturating_sub(target);
            if slot.reads() < PROOF && !fits {
                return Some(place);
            }
            self.promote(slots, place);
        }
        while let Some(place) = self.main.first() {
            let reads = slots.at(place).reads();
            if reads == 0 {
                return Some(place);
            }
            slots.at_mut(place).set_reads(reads - 1);
            self.main.unlink(slots, place);
            self.main.push(slots, place);
        }
        self.small.first()
    }

    fn evicted(&mut self, slots: &Slots, place: Place) {
        let slot = slots.at(place);
        let (hash, held) = (slot.key.hash(), self.len());
        if slot.rank == MAIN {
            self.gone_main.add(hash, (held as f64 * MAIN_GHOSTS) as usize);
        } else {
            self.gone_small.add(hash, held);
            if slot.reads() == 0 {
                self.adapt(-PULL);
            }
        }
    }
}
