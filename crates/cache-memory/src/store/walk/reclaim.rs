//! Reclaims the dead, so that they take no room from the living: a hand goes round all slots, a few at a time. It
//! is moved by each put that finds no room, before the policy is asked for a victim, and by the sweep.
//!
//! A round begins when an entry may have died: at the earliest death of any, or when others have ended. Shards in
//! which none can have died are passed over.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Timestamp, sync::Mutex};

use crate::{
    policies::Order,
    stats::evictions::Evicted,
    store::{
        shards::Shards,
        slots::SlotId,
        walk::steps::{Pauses, SLOTS_PER_LOCK},
    },
};

/// How many slots the hand visits for each entry that finds no room. As long as one slot in so many is dead, no
/// living entry goes; if fewer are, one goes in their place for so many slots at most.
const SLOTS_PER_ENTRY: SlotId = 64;

/// The most slots that it visits for one put, if it has found none dead: they may lie together elsewhere. So many
/// it may visit ahead of the entries that need room.
const MAX_SLOTS_PER_PUT: SlotId = 1024;

/// For how long puts leave the hand alone after a round that has freed fewer than one slot in [`SLOTS_PER_ENTRY`]:
/// where one entry or another dies all the time, puts must not pay for that.
const PAUSE_AFTER_POOR_ROUND: Duration = Duration::from_secs(1);

/// Whether there is something to reclaim, and how far that has come.
pub(crate) struct Reclaim {
    hand: Mutex<Hand>,
    is_under_way: AtomicBool,
    /// Up to which change of the judge all that has ended was reclaimed.
    reclaimed: AtomicU64,
    /// Outside a round, no entry dies before this.
    next_death: AtomicI64,
    /// Puts begin no round before this.
    not_before: AtomicI64,
}

/// Where the hand is, and what it has seen.
#[derive(Default)]
struct Hand {
    shard: usize,
    slot: SlotId,
    /// What the judge's changes were when the round began, and whether he is asked in this shard.
    times: u64,
    asks_judge: bool,
    /// The earliest death among the entries seen in this shard.
    next_death: Timestamp,
    /// How many slots puts may still let it visit.
    credit: SlotId,
    /// In this round.
    visited: u64,
    freed: u64,
    /// How many rounds are over.
    rounds: u64,
}

impl Default for Reclaim {
    fn default() -> Self {
        Self {
            hand: Mutex::default(),
            is_under_way: AtomicBool::new(false),
            reclaimed: AtomicU64::new(0),
            next_death: AtomicI64::new(Timestamp::MAX.as_micros()),
            not_before: AtomicI64::new(Timestamp::MIN.as_micros()),
        }
    }
}

impl Reclaim {
    /// Notes that an entry dies then. The caller has the lock of its shard.
    pub(crate) fn note_death(&self, dead_at: Timestamp) {
        if dead_at.as_micros() < self.next_death.load(Ordering::Relaxed) {
            self.next_death.fetch_min(dead_at.as_micros(), Ordering::Relaxed);
        }
    }

    /// Whether something may be dead. `times` is what the judge's changes are now.
    fn is_due(&self, times: u64, now: Timestamp) -> bool {
        self.is_under_way.load(Ordering::Acquire)
            || self.reclaimed.load(Ordering::Acquire) != times
            || self.next_death.load(Ordering::Relaxed) <= now.as_micros()
    }

    /// Whether puts may leave the hand where it is.
    fn rests(&self, now: Timestamp) -> bool {
        !self.is_under_way.load(Ordering::Acquire)
            && now.as_micros() < self.not_before.load(Ordering::Relaxed)
    }
}

impl<O: Order> Shards<O> {
    /// Frees some of the dead for a put that finds no room, if there may be any. Returns whether it has found one.
    /// The caller holds no lock of a shard.
    pub(crate) fn reclaim_some(&self, now: Timestamp, gone: &mut Evicted) -> bool {
        let reclaim = &self.reclaim;
        let is_due = || reclaim.is_due(self.ended.times(), now) && !reclaim.rests(now);
        if !is_due() {
            return false;
        }
        // Whoever has the hand is freeing some.
        let Some(mut hand) = reclaim.hand.try_lock() else { return false };
        hand.credit = hand.credit.saturating_add(SLOTS_PER_ENTRY).min(MAX_SLOTS_PER_PUT);
        // When a round ends, some that it was past may have died since.
        while hand.credit > 0 && is_due() {
            let step = hand.credit.min(SLOTS_PER_ENTRY);
            let (visited, freed) = self.advance(&mut hand, step, now, gone);
            hand.credit = hand.credit.saturating_sub(visited);
            if freed > 0 {
                // The next entries find room without the hand.
                let credit = hand.credit.saturating_add(freed.saturating_mul(SLOTS_PER_ENTRY));
                hand.credit = credit.min(MAX_SLOTS_PER_PUT);
                return true;
            }
        }
        false
    }

    /// Removes every entry that is dead when this is called. Returns how many went meanwhile.
    pub(crate) async fn sweep<F>(&self, now: Timestamp, pauses: &mut Pauses<impl Fn() -> F>) -> u64
    where
        F: Future<Output = ()>,
    {
        let reclaim = &self.reclaim;
        if !reclaim.is_due(self.ended.times(), now) {
            return 0;
        }
        let last = {
            let hand = reclaim.hand.lock();
            // The round under way may be past some that have died since.
            hand.rounds + 1 + u64::from(reclaim.is_under_way.load(Ordering::Acquire))
        };
        let mut count = 0;
        loop {
            let mut gone = Evicted::default();
            let (index, visited) = {
                let mut hand = reclaim.hand.lock();
                if hand.rounds >= last {
                    return count;
                }
                (hand.shard, self.advance(&mut hand, SLOTS_PER_LOCK, now, &mut gone).0)
            };
            count += gone.record(&self.evictions);
            self.shards[index].hand_over();
            pauses.visited(visited as usize).await;
        }
    }

    /// Moves the hand over at most `most` slots of one shard, or past a shard. Returns how many slots that is
    /// worth, at least one, and how many entries went.
    fn advance(&self, hand: &mut Hand, most: SlotId, now: Timestamp, gone: &mut Evicted) -> (SlotId, SlotId) {
        if !self.reclaim.is_under_way.load(Ordering::Acquire) {
            self.begin_round(hand);
        }
        if hand.slot == 0 && self.pass(hand, now) {
            self.next_shard(hand, now);
            return (1, 0);
        }
        let mut shard = self.exclusive(hand.shard);
        if hand.slot == 0 {
            hand.asks_judge = shard.reclaimed != hand.times;
            hand.next_death = Timestamp::MAX;
            // From here on, an entry that is put counts by itself.
            (shard.next_death, shard.reclaimed) = (Timestamp::MAX, hand.times);
        }
        let (from, end, mut freed) = (hand.slot, shard.slots().end(), 0);
        hand.slot = end.min(from.saturating_add(most));
        for slot in from..hand.slot {
            if !shard.slots().is_taken(slot) {
                continue;
            }
            let (key, meta) = (shard.slots().key(slot), shard.slots().meta(slot));
            if let Some(cause) = self.ended.death(key, meta, hand.asks_judge, now) {
                let removed = self.remove(&mut shard, slot);
                gone.push(cause, removed.key, removed.entry, removed.weight);
                freed += 1;
            } else {
                hand.next_death = hand.next_death.min(meta.dead_at);
            }
        }
        let visited = hand.slot - from;
        (hand.visited, hand.freed) = (hand.visited + u64::from(visited), hand.freed + u64::from(freed));
        if hand.slot == end {
            shard.next_death = shard.next_death.min(hand.next_death);
            self.reclaim.note_death(shard.next_death);
            drop(shard);
            self.next_shard(hand, now);
        }
        (visited.max(1), freed)
    }

    fn begin_round(&self, hand: &mut Hand) {
        (hand.shard, hand.slot, hand.visited, hand.freed) = (0, 0, 0, 0);
        hand.credit = MAX_SLOTS_PER_PUT;
        hand.times = self.ended.times();
        self.reclaim.is_under_way.store(true, Ordering::Release);
        // It is found anew, of the entries seen and of those put meanwhile.
        self.reclaim.next_death.store(Timestamp::MAX.as_micros(), Ordering::Relaxed);
    }

    /// Whether no entry of the shard can have died.
    fn pass(&self, hand: &Hand, now: Timestamp) -> bool {
        let shard = self.shared(hand.shard);
        let passed = shard.reclaimed == hand.times && now < shard.next_death;
        if passed {
            self.reclaim.note_death(shard.next_death);
        }
        passed
    }

    fn next_shard(&self, hand: &mut Hand, now: Timestamp) {
        (hand.shard, hand.slot) = (hand.shard + 1, 0);
        if hand.shard < self.shards.len() {
            return;
        }
        hand.shard = 0;
        hand.rounds += 1;
        let is_poor = hand.freed * u64::from(SLOTS_PER_ENTRY) < hand.visited;
        let pause = if is_poor { now.after(PAUSE_AFTER_POOR_ROUND) } else { Timestamp::MIN };
        self.reclaim.not_before.store(pause.as_micros(), Ordering::Relaxed);
        self.reclaim.reclaimed.store(hand.times, Ordering::Release);
        self.reclaim.is_under_way.store(false, Ordering::Release);
    }
}
