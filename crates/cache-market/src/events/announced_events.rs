//! Announced events in a cache: they last over restarts, reach the other nodes, and end what they touch.

use std::{
    collections::HashSet,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Codec, Error, ErrorKind, Key, Meta, Result, Timestamp, sync::Mutex};
use cache_facade::{Cache, Region, TierCopies};

use super::{
    Effect, EventId, MarketEvent,
    concerned::{about, end},
    event_bucket::{BUCKETS, StoredEvents, bucket_of},
};
use crate::{MarketTime, StandardKey, TtlRules};
use market_data::Asset;

/// The kind of the region in which events are kept.
const KIND: &str = "announced_events";
/// How often the tiers are looked at for what other nodes announced, with a bus that works and without.
const SYNC_INTERVAL: Duration = Duration::from_secs(15);
const SYNC_INTERVAL_WITHOUT_BUS: Duration = Duration::from_secs(2);
/// How often copies are read again after they were written, since another node may have written at the same time.
const MAX_ROUNDS: usize = 4;

/// The announced events of a cache, which all nodes share that share its tiers.
///
/// Every tier keeps them, so that they last over restarts. Nodes merge what they find there: nothing that one
/// announces or withdraws is lost because another does so at the same time. Over the bus they hear of it at once,
/// without one within two seconds.
///
/// No value in the cache is fresh past an event that touches it, whatever its life, on whichever node and in
/// whichever tier it is. What the rules drop is invalidated when the event is due; what they refresh is stale from
/// then on, and is loaded by the next read, or by the caller of [`AnnouncedEvents::poll`].
///
/// ```
/// use std::time::Duration;
/// use cache_facade::{Cache, Clock};
/// use cache_market::{AnnouncedEvents, EventKind, MarketEvent, MarketTime};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let clock = Clock::manual();
/// let cache = Cache::builder().clock(clock.clone()).build().await?;
/// let events = AnnouncedEvents::open(&cache, MarketTime::default()).await?;
///
/// let at = clock.now().after(Duration::from_secs(3600));
/// let earnings = MarketEvent::announced("AAPL".parse()?, EventKind::Earnings).at(at);
/// let announced = events.announce(&earnings).await?;
/// assert_eq!(events.announce(&earnings).await?.id, announced.id, "it is the same event");
/// assert_eq!(events.ahead(), [(announced.id, earnings)]);
///
/// clock.advance(Duration::from_secs(3600));
/// let to_load = events.poll().await?; // every 200 ms or so
/// assert_eq!(to_load[0].to_string(), "price:AAPL");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AnnouncedEvents(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Cache,
    time: MarketTime,
    stored: Region<StoredEvents>,
    /// The number of what was heard from other nodes when the tiers were last looked at.
    heard: AtomicU64,
    synced_at: Mutex<Timestamp>,
    /// Whether every tier answered and took what it lacked.
    complete: AtomicBool,
    /// The assets of which there was news, whose entries in memory are looked at once more: a load that was
    /// under way may have stored one with the life that was right before.
    recent: Mutex<HashSet<Asset>>,
    /// The rules by which what memory holds was bounded.
    rules: Mutex<Arc<TtlRules>>,
}

/// An event that was announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// Its id, by which it can be withdrawn.
    pub id: EventId,
    /// The event, with its moment.
    pub event: MarketEvent,
    /// What was done at once, if it does not lie ahead: these tags were invalidated or marked stale, and these
    /// keys should be loaded.
    pub effects: Vec<Effect>,
    /// The events that gave way to it, since there were too many.
    pub displaced: Vec<MarketEvent>,
    /// Whether every tier has it. One that has not gets it once it can; until then a restart may forget the event.
    pub stored: bool,
}

/// An event that was withdrawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    /// The event.
    pub event: MarketEvent,
    /// Whether every tier knows that it was withdrawn, as [`Announcement::stored`].
    pub stored: bool,
}

impl AnnouncedEvents {
    /// Opens the events of a cache: reads what was announced before, and carries out what has come due while no
    /// node ran. `time` is that of the cache's regions. A cache has one of these.
    ///
    /// # Errors
    ///
    /// `Config` if it is the second time, or the cache has another region of the name `announced_events`. A tier
    /// that fails is asked again later.
    pub async fn open(cache: &Cache, time: MarketTime) -> Result<Self> {
        let stored = cache.region(KIND).codec(Codec::Json).skip("memory").open()?;
        let rules = Mutex::new(time.rules());
        let (bounds, clock) = (time.clone(), cache.clock().clone());
        if !cache.bound_lives(move |key, meta| end(&bounds, key, meta, clock.now())) {
            let message = "the lives in this cache are bounded already: open its announced events once";
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        let events = Self(Arc::new(Inner {
            cache: cache.clone(),
            time,
            stored,
            heard: AtomicU64::new(0),
            synced_at: Mutex::new(Timestamp::MIN),
            complete: AtomicBool::new(false),
            recent: Mutex::default(),
            rules,
        }));
        events.sync_all().await?;
        events.0.time.events().write().begin();
        // Before anything is served. What is to be loaded is stale, and is loaded by the next read.
        events.poll().await?;
        Ok(events)
    }

    pub(super) async fn announce_to_end(&self, event: &MarketEvent) -> Result<Announcement> {
        let now = self.0.cache.clock().now();
        match event.at {
            Some(at) if at > now => {
                let (id, displaced) = self.0.time.events().write().announce(event, at, now)?;
                tell_displaced(&displaced);
                self.note([event.asset.clone()]);
                let changed = displaced.iter().map(|event| bucket_of(&event.asset));
                let changed: HashSet<usize> = changed.chain([bucket_of(&event.asset)]).collect();
                let stored = self.sync(changed.into_iter().collect()).await?;
                tell_unless(stored, event);
                Ok(Announcement { id, event: event.clone(), effects: Vec::new(), displaced, stored })
            }
            _ => self.carry_out_now(event).await,
        }
    }

    pub(super) async fn withdraw_to_end(&self, id: EventId) -> Result<Option<Withdrawal>> {
        if self.get(id).is_none() {
            // Another node may have announced it just now.
            self.sync_all().await?;
        }
        let withdrawn = self.0.time.events().write().withdraw(id, self.0.cache.clock().now());
        let Some(event) = withdrawn else { return Ok(None) };
        // What was to last until the event is not.
        self.note([event.asset.clone()]);
        let stored = self.sync(vec![bucket_of(&event.asset)]).await?;
        tell_unless(stored, &event);
        Ok(Some(Withdrawal { event, stored }))
    }

    /// The cache that keeps the events.
    pub(super) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Returns the event of this id, if it lies ahead.
    #[must_use]
    pub fn get(&self, id: EventId) -> Option<MarketEvent> {
        self.0.time.events().read().get(id, self.0.cache.clock().now())
    }

    /// Returns the events that lie ahead, the next one first.
    #[must_use]
    pub fn ahead(&self) -> Vec<(EventId, MarketEvent)> {
        self.0.time.events().read().ahead(self.0.cache.clock().now())
    }

    pub(super) async fn poll_to_end(&self) -> Result<Vec<StandardKey>> {
        let recent = mem::take(&mut *self.0.recent.lock());
        self.bound_memory(&recent);
        self.follow_rules();
        if self.is_sync_due() {
            self.sync_all().await?;
        }
        let now = self.0.cache.clock().now();
        let due = self.0.time.events().write().due(now);
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.note(due.iter().map(|(event, _)| event.asset.clone()));
        let rules = self.0.time.rules();
        let mut keys = Vec::new();
        for (event, first) in &due {
            let effects = rules.events.effects(event)?;
            self.end_and_mark(&effects, event.at.unwrap_or(now)).await;
            let refresh = effects.into_iter().filter_map(|effect| match effect {
                Effect::Refresh(key) if *first => Some(key),
                _ => None,
            });
            keys.extend(refresh);
        }
        let changed: HashSet<usize> = due.iter().map(|(event, _)| bucket_of(&event.asset)).collect();
        self.sync(changed.into_iter().collect()).await?;
        Ok(keys)
    }

    /// Carries out an event that does not lie ahead.
    async fn carry_out_now(&self, event: &MarketEvent) -> Result<Announcement> {
        // Unique, and later than the birth of all that is cached.
        let moment = self.0.cache.clock().tick();
        let at = event.at.unwrap_or(moment);
        let announcement = |effects, stored| Announcement {
            id: EventId::of(event, at),
            event: event.clone().at(at),
            effects,
            displaced: Vec::new(),
            stored,
        };
        // What was seen in the data of this node concerns it alone: other nodes see it too, or by what it ended.
        if event.seen_in.is_none() {
            if self.0.time.events().write().announce_past(event, moment).is_none() {
                return Ok(announcement(Vec::new(), true));
            }
            self.note([event.asset.clone()]);
        }
        let effects = self.0.time.rules().events.effects(event)?;
        self.end_and_mark(&effects, moment).await;
        let stored = event.seen_in.is_some() || self.sync(vec![bucket_of(&event.asset)]).await?;
        tell_unless(stored, event);
        Ok(announcement(effects, stored))
    }

    /// Invalidates, or marks stale, the tags among these effects, for what was born until `at`.
    async fn end_and_mark(&self, effects: &[Effect], at: Timestamp) {
        for effect in effects {
            let (tag, done) = match effect {
                Effect::Invalidate(tag) => (tag, self.0.cache.invalidate_until(tag, at).await),
                Effect::MarkStale(tag) => (tag, self.0.cache.mark_stale_until(tag, at).await),
                Effect::Refresh(_) => continue,
            };
            if let Err(error) = done {
                tracing::warn!(%error, ?tag, "a tag could not be ended by a market event: what carries it is stale");
            }
        }
    }

    fn is_sync_due(&self) -> bool {
        let (now, synced_at) = (self.0.cache.clock().now(), *self.0.synced_at.lock());
        let since = now.since(synced_at);
        // The clock may have been set back.
        self.0.stored.heard() != self.0.heard.load(Ordering::Acquire)
            || now < synced_at
            || since >= SYNC_INTERVAL
            || since >= SYNC_INTERVAL_WITHOUT_BUS && !self.is_told()
    }

    /// Whether this node hears at once of what others announce.
    fn is_told(&self) -> bool {
        self.0.complete.load(Ordering::Acquire) && self.0.cache.health().bus.is_some_and(|bus| bus.connected)
    }

    async fn sync_all(&self) -> Result<()> {
        *self.0.synced_at.lock() = self.0.cache.clock().now();
        self.0.heard.store(self.0.stored.heard(), Ordering::Release);
        let complete = self.sync((0..BUCKETS).collect()).await?;
        self.0.complete.store(complete, Ordering::Release);
        Ok(())
    }

    /// Merges what this node knows and what the tiers hold of these buckets. Returns whether all tiers have it.
    async fn sync(&self, numbers: Vec<usize>) -> Result<bool> {
        let ids: Vec<String> = numbers.iter().map(usize::to_string).collect();
        for _ in 0..MAX_ROUNDS {
            let mut complete = true;
            let mut written = false;
            let copies = self.0.stored.copies(&ids).await?;
            self.merge(&numbers, &copies);
            for TierCopies { tier, copies } in &copies {
                let Ok(copies) = copies else {
                    complete = false;
                    continue;
                };
                let outdated: Vec<(String, StoredEvents)> = {
                    let events = self.0.time.events().read();
                    let held = numbers.iter().zip(copies);
                    let outdated =
                        held.filter(|(number, copy)| events.bucket(**number).outdates(copy.as_ref()));
                    outdated
                        .map(|(number, _)| (number.to_string(), events.bucket(*number).stored()))
                        .collect()
                };
                if !outdated.is_empty() {
                    written = true;
                    complete &= self.0.stored.put_copies(tier, outdated).await?;
                }
            }
            if !written || !complete {
                return Ok(complete);
            }
        }
        Ok(false)
    }

    /// Takes over what the copies say of these buckets, and forgets what is over since long.
    fn merge(&self, numbers: &[usize], copies: &[TierCopies<StoredEvents>]) {
        let mut news = Vec::new();
        {
            let mut events = self.0.time.events().write();
            for copies in copies.iter().filter_map(|tier| tier.copies.as_ref().ok()) {
                for (number, copy) in numbers.iter().zip(copies) {
                    if let Some(copy) = copy {
                        events.merge(*number, copy.clone(), |asset, id| news.push((asset, id)));
                    }
                }
            }
            if !news.is_empty() || numbers.len() == BUCKETS {
                tell_displaced(&events.prune(self.0.cache.clock().now()));
            }
            // What there is no room for, or was forgotten, is no news.
            news.retain(|(asset, id)| events.contains(asset, *id));
        }
        self.note(news.into_iter().map(|(asset, _)| asset));
    }

    /// Bounds the lives of what memory holds by the rules in force, which may have been replaced.
    fn follow_rules(&self) {
        let rules = self.0.time.rules();
        let before = mem::replace(&mut *self.0.rules.lock(), Arc::clone(&rules));
        if before.events != rules.events {
            let ahead = self.ahead();
            self.note(ahead.into_iter().map(|(_, event)| event.asset));
        }
    }

    /// Bounds the lives of what memory holds about assets of which there is news.
    fn note(&self, assets: impl IntoIterator<Item = Asset>) {
        let assets: HashSet<Asset> = assets.into_iter().collect();
        self.bound_memory(&assets);
        self.0.recent.lock().extend(assets);
    }

    fn bound_memory(&self, assets: &HashSet<Asset>) {
        if assets.is_empty() {
            return;
        }
        let texts: HashSet<String> = assets.iter().map(Asset::to_string).collect();
        let tagged = |meta: &Meta| {
            meta.tags()
                .iter()
                .any(|tag| tag.as_str().rsplit(':').next().is_some_and(|text| texts.contains(text)))
        };
        let keyed = |key: &Key| about(key).is_some_and(|(_, asset)| assets.contains(&asset));
        self.0.cache.apply_life_bound(|key, meta| tagged(meta) || keyed(key));
    }
}

/// Logs that some tier lacks an event, or its withdrawal.
fn tell_unless(stored: bool, event: &MarketEvent) {
    if !stored {
        let MarketEvent { asset, event, at, .. } = event;
        let at = at.map(market_data::moment::to_jiff);
        tracing::warn!(%asset, %event, ?at,
            "a tier could not take what was announced or withdrawn: it gets it once it can, and a restart before that may forget it");
    }
}

fn tell_displaced(events: &[MarketEvent]) {
    for MarketEvent { asset, event, at, .. } in events {
        let at = at.map(market_data::moment::to_jiff);
        tracing::warn!(%asset, %event, ?at, "too many events lie ahead: the farthest was given up");
    }
}
