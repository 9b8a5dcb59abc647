//! Hearing from the other nodes: what they wrote or ended is let go here, and all if some was missed.

use std::{
    collections::HashMap,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use cache_core::{
    Entry, Key, Listener, Meta, Pattern, Result, Tag, Target, Timestamp, Tombstone, Ttl,
    message::{Change, KeyText, Message},
};
use futures_util::future::join_all;

use crate::{
    engine::Engine,
    invalidation::publisher::{Backoff, Fleet, HEARTBEAT},
    tier::handle::Slot,
    timer,
    write::put::{TICK, Writing},
};

/// How many nodes are told apart; more, and all are forgotten and known anew.
const NODES: usize = 4096;

/// Listens for as long as the cache lives, on one connection after the other.
pub(crate) async fn listen(engine: Weak<Engine>, first: Result<Box<dyn Listener>>) {
    let mut opened = first;
    let mut backoff = Backoff::new();
    loop {
        match opened {
            Ok(listener) => {
                let Some(began) = began(&engine) else { return };
                hear(&engine, listener).await;
                let Some(now) = engine.upgrade().map(|engine| engine.clock.now()) else { return };
                if now.since(began) > Duration::from_secs(10) {
                    backoff = Backoff::new();
                }
            }
            Err(error) => {
                let Some((_, fleet)) = of(&engine) else { return };
                fleet.failed(&error);
            }
        }
        let Some((pause, fleet)) =
            of(&engine).map(|(engine, fleet)| (timer::sleep(&engine.clock, backoff.next()), fleet))
        else {
            return;
        };
        fleet.deaf.store(true, Ordering::Release);
        pause.await;
        opened = fleet.limited("listen", fleet.bus.listen()).await;
    }
}

fn of(engine: &Weak<Engine>) -> Option<(Arc<Engine>, Arc<Fleet>)> {
    let engine = engine.upgrade()?;
    let fleet = Arc::clone(engine.fleet.as_ref()?);
    (!engine.tasks.is_closed()).then_some((engine, fleet))
}

/// A connection is there: what was held before it may have been ended by a frame that nobody here heard.
fn began(engine: &Weak<Engine>) -> Option<Timestamp> {
    let (engine, fleet) = of(engine)?;
    engine.distrust();
    fleet.deaf.store(false, Ordering::Release);
    Some(engine.clock.now())
}

/// Hears until the connection is lost.
async fn hear(engine: &Weak<Engine>, mut listener: Box<dyn Listener>) {
    let Some(since) = engine.upgrade().map(|engine| engine.clock.now()) else { return };
    let mut heard = Heard { numbers: HashMap::new(), since };
    loop {
        let next = listener.next().await;
        let Some((engine, fleet)) = of(engine) else { return };
        match next {
            Ok(bytes) => engine.take_in(&fleet, &mut heard, &bytes),
            Err(error) => return fleet.failed(&error),
        }
    }
}

/// What another node has ended.
#[derive(Debug)]
enum Ended {
    Key(Key, Tombstone),
    Matching(Pattern, Tombstone),
}

impl Slot {
    /// Ends in a tier of this node alone what was ended elsewhere, where it holds any of it. A failure is
    /// noted, and owed.
    async fn end(&self, ended: &[Ended]) {
        let keys: Vec<Key> = ended
            .iter()
            .filter_map(|ended| match ended {
                Ended::Key(key, _) => Some(key.clone()),
                Ended::Matching(..) => None,
            })
            .collect();
        let mut held = match self.get(&keys).await {
            Ok(held) => held.into_iter(),
            // Nobody knows: all of it is to go.
            Err(_) => vec![Some(Entry::absent(Meta::new(Timestamp::MIN, Ttl::NONE))); keys.len()].into_iter(),
        };
        for ended in ended {
            // Its outcome has been noted.
            let _ = match ended {
                Ended::Key(key, tombstone) => match held.next().flatten() {
                    Some(entry) if entry.meta.born <= tombstone.born => {
                        self.remove(Target::Keys(std::slice::from_ref(key)), *tombstone).await
                    }
                    _ => continue,
                },
                Ended::Matching(pattern, tombstone) => {
                    self.remove(Target::Matching(pattern), *tombstone).await
                }
            };
        }
    }
}

/// What was heard over one connection.
struct Heard {
    /// The number of the last frame of each node.
    numbers: HashMap<u128, u64>,
    /// Since when it listens.
    since: Timestamp,
}

impl Heard {
    /// Takes note of a frame, and answers whether one before it was missed.
    fn misses(&mut self, frame: &Message, now: Timestamp) -> bool {
        if self.numbers.len() >= NODES && !self.numbers.contains_key(&frame.node) {
            self.numbers.clear();
            self.since = now;
        }
        match self.numbers.insert(frame.node, frame.number) {
            Some(last) if frame.number <= last => {
                // It came twice, or late.
                self.numbers.insert(frame.node, last);
                false
            }
            Some(last) => frame.number != last + 1,
            // Who was there before has been heard by now, if nothing was lost.
            None => frame.number != 1 && now.since(self.since) > 2 * HEARTBEAT,
        }
    }
}

impl Engine {
    fn take_in(self: &Arc<Self>, fleet: &Fleet, heard: &mut Heard, bytes: &[u8]) {
        let frame = match Message::open(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                // Whoever sent it, and whatever it says, was not understood.
                fleet.failed(&error);
                return self.distrust();
            }
        };
        if frame.node == fleet.node || frame.namespace != fleet.namespace {
            return;
        }
        fleet.counts.heard.fetch_add(1, Ordering::Relaxed);
        if heard.misses(&frame, self.clock.now()) {
            tracing::warn!(bus = fleet.bus.name(), node = %frame.node, "frames of a node were missed");
            self.distrust();
        }
        let ended: Vec<Ended> = frame.changes.iter().filter_map(|change| self.apply(change)).collect();
        if !ended.is_empty() && self.slots.iter().any(|slot| slot.local) {
            self.end_locally(ended);
        }
    }

    /// Lets go of what a change ends in memory; answers with what it ends in tiers of this node alone.
    fn apply(&self, change: &Change) -> Option<Ended> {
        match change {
            Change::Put { key, born } => {
                // The value itself lies in the tiers; all that is older is let go.
                self.clock.observe(*born);
                return self.forget(key, self.tombstone_of(born.before(TICK)), false);
            }
            Change::Removed { key, tombstone } => {
                self.clock.observe(tombstone.born);
                return self.forget(key, *tombstone, true);
            }
            Change::RemovedMatching { pattern, tombstone } => match Pattern::glob(pattern) {
                Ok(pattern) => {
                    self.clock.observe(tombstone.born);
                    self.remove_near(&pattern, *tombstone);
                    return Some(Ended::Matching(pattern, *tombstone));
                }
                Err(_) => self.distrust(),
            },
            Change::TagEnded { tag, at } => match Tag::new(tag) {
                Ok(tag) => {
                    self.clock.observe(*at);
                    self.stamps.hear(&tag, *at);
                }
                Err(_) => self.distrust(),
            },
            Change::KindEnded { kind, at } => {
                self.clock.observe(*at);
                if let Some(opened) = self.opened().get(kind) {
                    opened.shared.clear(*at);
                    opened.shared.overtake(None);
                }
            }
            Change::AllEnded { at } => {
                self.clock.observe(*at);
                self.clear_near(*at);
            }
            Change::Unknown => self.distrust(),
        }
        None
    }

    /// Ends in the tiers of this node alone what was ended elsewhere; until that is done, memory refuses what
    /// they hold of it.
    fn end_locally(self: &Arc<Self>, ended: Vec<Ended>) {
        let mut writing = Writing::new(self);
        for ended in &ended {
            if let Ended::Key(key, tombstone) = ended {
                writing.begin(key, tombstone.born.after(TICK));
            }
        }
        let engine = Arc::clone(self);
        self.tasks.spawn(async move {
            let slots = engine.slots.iter().filter(|slot| slot.local);
            join_all(slots.map(|slot| slot.end(&ended))).await;
            drop(writing);
        });
    }

    /// Lets go of a key. Unless it is to be `remembered`, it costs nothing where nothing bears on it: no
    /// entry, flight, or load that is late. What a tier may still hold of it is remembered.
    fn forget(&self, text: &KeyText, tombstone: Tombstone, remembered: bool) -> Option<Ended> {
        let (key, flying) = self.opened().values().find_map(|opened| opened.shared.overtake_text(text))?;
        let late = self.late.load(Ordering::Acquire) > 0;
        if remembered || flying || late || self.memory.peek(&key).is_some() {
            self.memory.remove(std::slice::from_ref(&key), tombstone, self.clock.now());
        }
        Some(Ended::Key(key, tombstone))
    }

    /// Lets go of all that memory holds, and of what is known of stamps: whatever is served from now on was
    /// asked of the tiers. What flies is answered, and not kept.
    pub(crate) fn distrust(&self) {
        let Some(fleet) = &self.fleet else { return };
        // First, so that a flight that keeps its answer after memory was emptied takes it back.
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.doubted.fetch_max(self.clock.tick().as_micros(), Ordering::AcqRel);
        self.stamps.forget();
        for opened in self.opened().values() {
            opened.shared.doubt();
            opened.shared.overtake(None);
        }
        self.memory.clear();
        fleet.note_unproven();
    }
}
