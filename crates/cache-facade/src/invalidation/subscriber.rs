//! Receives invalidations from other nodes. A gap in the sequence marks all of memory unproven.

use std::{
    slice,
    sync::{Arc, Weak},
    time::Duration,
};

use cache_core::{
    Entry, Error, ErrorKind, Key, Listener, Meta, Pattern, Prefix, Result, Tag, Target, Timestamp, Tombstone,
    Ttl,
    message::{Change, KeyText, Message},
};
use futures_util::future::{Either, join_all, select};

use super::{
    bus_client::{BusClient, backoff},
    echo::Verdict,
    message_gaps::sequences::{MAX_NODES, Sequences},
    stamps::StampKind,
};
use crate::{
    engine::{Engine, loops::LoopGuard},
    panics,
    tier::handle::TierHandle,
    timer,
    write::in_progress::{TICK, WritesInProgress},
};

/// How long a connection has to last for the next pause to be the shortest again.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// A connection of the bus that was begun with.
pub(crate) struct Subscription {
    listener: Box<dyn Listener>,
    began: Timestamp,
}

impl Subscription {
    /// Begins with a new connection, if it could be opened. A message sent before it may have been missed. Returns
    /// nothing if the cache is gone or shutting down.
    pub(crate) fn begin(engine: &Weak<Engine>, opened: Result<Box<dyn Listener>>) -> Option<Result<Self>> {
        let (engine, bus) = running(engine)?;
        let listener = match opened {
            Ok(listener) => listener,
            Err(error) => return Some(Err(error)),
        };
        let began = engine.clock().now();
        let believed = bus.echo.begin(began);
        engine.mark_memory_unproven();
        bus.set_subscribed(believed);
        if !believed {
            // Something to be heard.
            bus.probe();
        }
        Some(Ok(Self { listener, began }))
    }
}

/// Receives for as long as the cache lives, on one connection after the other.
pub(crate) async fn listen(engine: Weak<Engine>, first: Result<Subscription>, guard: LoopGuard) {
    let mut opened = first;
    let mut backoff = backoff();
    while guard.goes_on() {
        match opened {
            Ok(Subscription { listener, began }) => {
                receive_until_lost(&engine, listener, &guard).await;
                if !guard.goes_on() {
                    return;
                }
                let Some(now) = engine.upgrade().map(|engine| engine.clock().now()) else { return };
                if now.since(began) > STABLE_AFTER {
                    backoff.reset();
                }
            }
            Err(error) => {
                let Some((_, bus)) = running(&engine) else { return };
                bus.note_failure(&error);
            }
        }
        let Some((pause, bus)) =
            running(&engine).map(|(engine, bus)| (timer::sleep(engine.clock(), backoff.pause()), bus))
        else {
            return;
        };
        bus.set_subscribed(false);
        pause.await;
        let listening = bus.listen().await;
        if !guard.goes_on() {
            return;
        }
        let Some(next) = Subscription::begin(&engine, listening) else { return };
        opened = next;
    }
}

/// The engine and its bus, unless the cache is gone or shutting down.
fn running(engine: &Weak<Engine>) -> Option<(Arc<Engine>, Arc<BusClient>)> {
    let engine = engine.upgrade()?;
    let bus = Arc::clone(engine.bus()?);
    (!engine.is_closed()).then_some((engine, bus))
}

/// Receives until the connection is lost.
async fn receive_until_lost(engine: &Weak<Engine>, mut listener: Box<dyn Listener>, guard: &LoopGuard) {
    let Some(since) = engine.upgrade().map(|engine| engine.clock().now()) else { return };
    let mut sequences = Sequences::new(MAX_NODES, since);
    while guard.goes_on() {
        let Some((clock, bus)) = running(engine).map(|(engine, bus)| (engine.clock().clone(), bus)) else {
            return;
        };
        let next = match bus.echo.judge(clock.now()) {
            Verdict::Deaf => None,
            Verdict::Doubtful => {
                bus.probe();
                continue;
            }
            Verdict::Believed(wait) => {
                // Not held while waiting: it ends with the cache.
                drop(bus);
                let wait = std::pin::pin!(timer::sleep(&clock, wait));
                let next =
                    std::pin::pin!(panics::caught("the listener", "listen", async { listener.next().await }));
                match select(next, wait).await {
                    Either::Left((next, _)) => Some(next),
                    Either::Right(_) => continue,
                }
            }
        };
        let Some((engine, bus)) = running(engine) else { return };
        match next {
            Some(Ok(bytes)) => engine.receive(&bus, &mut sequences, &bytes).await,
            Some(Err(error)) => return bus.note_failure(&error),
            None => {
                let message = format!(
                    "this node's own messages don't come back over the bus {}, so those of others may not either: \
                     memory is emptied, and the bus subscribed to anew",
                    bus.name()
                );
                bus.note_failure(&Error::new(ErrorKind::Unavailable, "listen", message));
                bus.set_subscribed(false);
                return engine.mark_memory_unproven();
            }
        }
    }
}

/// How another node ended a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It put a newer one, which every tier has.
    Put,
    /// It put a newer one, and some tier may hold the older one still.
    Replaced,
    /// It removed it.
    Removed,
}

/// What another node has ended.
#[derive(Debug)]
enum Invalidated {
    Key(Key, Tombstone),
    Matching(Pattern, Tombstone),
}

impl Engine {
    async fn receive(self: &Arc<Self>, bus: &BusClient, sequences: &mut Sequences, bytes: &[u8]) {
        let message = match Message::open(bytes) {
            Ok(message) => message,
            Err(error) => {
                // Nobody knows who sent it and what it says.
                bus.note_failure(&error);
                return self.mark_memory_unproven();
            }
        };
        if message.node == bus.node {
            if bus.echo.heard(self.clock().now()) {
                tracing::info!(bus = bus.name(), "this node hears itself over the bus again");
                self.mark_memory_unproven();
                bus.set_subscribed(true);
            }
            return;
        }
        if message.namespace != bus.namespace {
            return;
        }
        bus.note_received();
        let now = self.clock().now();
        if sequences.has_gap_before(&message, now) {
            if let Some(times) = self.log_sums().message_gaps.count(now) {
                tracing::warn!(bus = bus.name(), node = %message.node, times,
                    "messages of a node were missed: memory is emptied, since it may hold what they ended");
            }
            self.mark_memory_unproven();
        }
        let mut invalidated = Vec::new();
        for change in &message.changes {
            invalidated.extend(self.apply(change).await);
        }
        if !invalidated.is_empty() && self.tiers().iter().any(TierHandle::is_local) {
            self.invalidate_local_tiers(invalidated);
        }
    }

    /// Ends in memory what a change ends. Returns what it ends in tiers of this node alone.
    async fn apply(self: &Arc<Self>, change: &Change) -> Option<Invalidated> {
        match change {
            Change::Put { key, born } => {
                // The value itself is in the tiers; what is older may only bridge an outage of theirs.
                self.clock().observe(*born);
                return self.invalidate_key(key, self.tombstone_born(born.before(TICK)), Ending::Put);
            }
            Change::Removed { key, tombstone } => {
                self.clock().observe(tombstone.born);
                return self.invalidate_key(key, *tombstone, Ending::Removed);
            }
            Change::Replaced { key, tombstone } => {
                self.clock().observe(tombstone.born);
                return self.invalidate_key(key, *tombstone, Ending::Replaced);
            }
            Change::RemovedMatching { pattern, tombstone } => match Pattern::glob(pattern) {
                Ok(pattern) => {
                    self.clock().observe(tombstone.born);
                    self.remove_matching_from_memory(&pattern, *tombstone).await;
                    self.end_pending(Target::Matching(&pattern), *tombstone);
                    return Some(Invalidated::Matching(pattern, *tombstone));
                }
                Err(_) => self.mark_memory_unproven(),
            },
            Change::TagEnded { tag, at } => match Tag::new(tag) {
                Ok(tag) => {
                    self.clock().observe(*at);
                    self.stamps().raise_unpinned(StampKind::End, &tag, *at);
                    self.note_ended();
                    self.end_pending_where(&|_, meta| meta.tags().contains(&tag), *at);
                }
                Err(_) => self.mark_memory_unproven(),
            },
            Change::KindEnded { kind, at } => {
                self.clock().observe(*at);
                self.regions().clear_kind(kind, *at);
                self.note_ended();
                if let Ok(prefix) = Prefix::new(self.namespace(), kind) {
                    self.end_pending_where(&|key, _| key.as_str().starts_with(prefix.as_str()), *at);
                }
            }
            Change::AllEnded { at } => {
                self.clock().observe(*at);
                self.regions().clear(*at);
                self.clear_memory(*at).await;
                self.end_pending_where(&|_, _| true, *at);
            }
            mark => self.apply_mark(mark).await,
        }
        None
    }

    /// Ends what memory holds of a key. A put costs nothing if neither an entry, nor a flight, nor a late load is
    /// concerned. Returns what tiers of this node alone may still hold.
    fn invalidate_key(&self, text: &KeyText, tombstone: Tombstone, ending: Ending) -> Option<Invalidated> {
        let (key, in_flight) = self.regions().overtake_text(text)?;
        self.end_pending(Target::Keys(slice::from_ref(&key)), tombstone);
        let now = self.clock().now();
        let concerned = || in_flight || self.late_loads().any() || self.memory().peek(&key).is_some();
        match ending {
            Ending::Put if !concerned() => {}
            Ending::Put | Ending::Replaced => self.memory().replace_elsewhere(&key, tombstone, now),
            Ending::Removed => {
                self.memory().remove(slice::from_ref(&key), tombstone, now);
            }
        }
        Some(Invalidated::Key(key, tombstone))
    }

    /// Ends what shared tiers have not been sent yet: another node ended it.
    fn end_pending(&self, target: Target<'_>, tombstone: Tombstone) {
        let shared = self.tiers().iter().filter(|tier| !tier.is_local());
        shared.for_each(|tier| tier.end_pending(target, tombstone));
    }

    /// The same for what is `concerned` and was born at `at` or before. A tier that comes back without the stamp
    /// would hold it for good.
    fn end_pending_where(&self, concerned: &dyn Fn(&Key, &Meta) -> bool, at: Timestamp) {
        let tombstone = self.tombstone_born(at);
        let shared = self.tiers().iter().filter(|tier| !tier.is_local());
        shared.for_each(|tier| tier.end_pending_where(concerned, tombstone));
    }

    /// Ends in the tiers of this node alone what another node ended. Until that is done, memory refuses what
    /// these tiers hold of it.
    fn invalidate_local_tiers(self: &Arc<Self>, invalidated: Vec<Invalidated>) {
        let mut in_progress = WritesInProgress::new(self);
        for invalidated in &invalidated {
            if let Invalidated::Key(key, tombstone) = invalidated {
                in_progress.begin(key, tombstone.born.after(TICK));
            }
        }
        let engine = Arc::clone(self);
        self.spawn(async move {
            let tiers = engine.tiers().iter().filter(|tier| tier.is_local());
            join_all(tiers.map(|tier| tier.invalidate(&invalidated))).await;
            drop(in_progress);
        });
    }

    /// Empties memory, forgets the stamps, and overtakes all flights, so that whatever is served from now on
    /// was asked of the tiers. Called when messages of other nodes may have been missed.
    pub(crate) fn mark_memory_unproven(&self) {
        let Some(bus) = self.bus() else { return };
        self.gaps().note(|| self.clock().tick());
        self.stamps().forget(self.gaps().latest());
        self.regions().forget_stamps();
        // What no shared tier has yet nobody else can have ended there: the tier says so when it takes it.
        self.memory().clear_except(|key, meta| {
            let mut shared = self.tiers().iter().filter(|tier| !tier.is_local()).peekable();
            shared.peek().is_some() && shared.all(|tier| tier.is_pending(key, meta.born))
        });
        bus.note_unproven();
    }
}

impl TierHandle {
    /// Removes from a tier of this node alone what another node ended, as far as the tier holds it. A removal
    /// that fails is retried later.
    async fn invalidate(&self, invalidated: &[Invalidated]) {
        let keys: Vec<Key> = invalidated
            .iter()
            .filter_map(|invalidated| match invalidated {
                Invalidated::Key(key, _) => Some(key.clone()),
                Invalidated::Matching(..) => None,
            })
            .collect();
        let mut entries = match self.get(&keys).await {
            Ok(entries) => entries.into_iter(),
            // Nobody knows what the tier holds: all of it is removed.
            Err(_) => vec![Some(Entry::absent(Meta::new(Timestamp::MIN, Ttl::NONE))); keys.len()].into_iter(),
        };
        for invalidated in invalidated {
            // The handle has noted the outcome.
            let _ = match invalidated {
                Invalidated::Key(key, tombstone) => match entries.next().flatten() {
                    Some(entry) if entry.meta.born <= tombstone.born => {
                        self.remove(Target::Keys(slice::from_ref(key)), *tombstone).await
                    }
                    _ => continue,
                },
                Invalidated::Matching(pattern, tombstone) => {
                    self.remove(Target::Matching(pattern), *tombstone).await
                }
            };
        }
    }
}
