//! Carries out market events on the cache: announced ones, and moves seen in loaded prices.

mod drops;
mod expected;

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Error, LogSum, Result, Timestamp};
use cache_market::{
    AnnouncedEvents, Announcement, Effect, EventId, MarketEvent, MarketRegions, MarketTime, StandardKey,
    TtlRules, Withdrawal,
};
use cache_warming::Warming;
use market_data::{Asset, DataType};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use self::{
    drops::Drops,
    expected::{EXPECTED_FOR, ExpectedEvents},
};

/// How many price moves are queued at most. Further ones are dropped, and their values live by the TTL rules.
const MAX_QUEUED_MOVES: usize = 1024;
/// How often to look for announced events that have come due.
const DUE_EVENTS_INTERVAL: Duration = Duration::from_millis(200);

/// Keys that could not be loaded, and why.
pub(crate) type NotRefreshed = Vec<(StandardKey, Error)>;

/// Carries out events. Clones share the cache.
#[derive(Clone, Debug)]
pub(crate) struct EventHandler {
    pub(crate) announced: AnnouncedEvents,
    regions: Arc<MarketRegions>,
    time: MarketTime,
    clock: Clock,
    drops: Arc<Drops>,
    expected: Arc<ExpectedEvents>,
    log_sums: Arc<EventLogSums>,
}

/// The sums of what is logged about events.
#[derive(Debug)]
struct EventLogSums {
    failed: LogSum,
    not_reloaded: LogSum,
    not_expected: LogSum,
}

/// The background task that carries out events. Dropping this aborts it.
#[derive(Debug)]
pub(crate) struct EventTask(JoinHandle<()>);

impl Drop for EventTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns both ends of the queue of price moves.
pub(crate) fn move_queue() -> (Sender<MarketEvent>, Receiver<MarketEvent>) {
    channel(MAX_QUEUED_MOVES)
}

impl EventHandler {
    /// `warming` is told of what will be asked for more often.
    pub(crate) fn new(
        announced: AnnouncedEvents,
        regions: Arc<MarketRegions>,
        warming: Arc<Warming>,
        time: MarketTime,
        clock: Clock,
    ) -> Self {
        let expected = Arc::new(ExpectedEvents::new(warming));
        let log_sums = Arc::new(EventLogSums {
            failed: LogSum::new("market events that failed"),
            not_reloaded: LogSum::new("keys that market events touch and that could not be reloaded"),
            not_expected: LogSum::new("market events that warming could not be told of"),
        });
        Self { announced, regions, time, clock, drops: Arc::default(), expected, log_sums }
    }

    /// Announces an event, as [`AnnouncedEvents::announce`], and loads what it refreshes if it happens now.
    /// Returns the keys that could not be loaded too.
    ///
    /// # Errors
    ///
    /// `Limit` if there are too many events ahead.
    pub(crate) async fn announce(&self, event: &MarketEvent) -> Result<(Announcement, NotRefreshed)> {
        let announced = self.announced.announce(event).await;
        self.drops.forget();
        let announcement = announced?;
        self.expect([&announcement.event]);
        let mut failed = Vec::new();
        for effect in &announcement.effects {
            if let Effect::Refresh(key) = effect
                && let Err(error) = self.regions.refresh(key).await
            {
                self.warn_of(&error, key);
                failed.push((key.clone(), error));
            }
        }
        Ok((announcement, failed))
    }

    /// Has warming expect that what these events are about is asked for more often.
    fn expect<'a>(&self, events: impl IntoIterator<Item = &'a MarketEvent>) {
        let rules = self.time.rules();
        if let Err(error) = self.expected.expect(events, &rules.events, self.clock.now())
            && let Some(times) = self.log_sums.not_expected.count(self.clock.now())
        {
            tracing::warn!(%error, times, "warming can't be told of a market event: it is loaded when it is asked for");
        }
    }

    /// Has warming expect what lies ahead, as it is known now.
    fn expect_ahead(&self) {
        let ahead = self.announced.ahead();
        self.expect(ahead.iter().map(|(_, event)| event));
    }

    /// Withdraws an event, as [`AnnouncedEvents::withdraw`].
    ///
    /// # Errors
    ///
    /// As [`AnnouncedEvents::withdraw`].
    pub(crate) async fn withdraw(&self, id: EventId) -> Result<Option<Withdrawal>> {
        let withdrawn = self.announced.withdraw(id).await;
        self.drops.forget();
        if let Ok(Some(withdrawal)) = &withdrawn {
            self.expected.end(&withdrawal.event, &self.time.rules().events);
            // What others say of the same keys holds.
            self.expect_ahead();
        }
        withdrawn
    }

    /// Returns how long it is until an announced event invalidates such data about the asset by `rules`.
    pub(super) fn until_dropped(&self, asset: &Asset, data: DataType, rules: &TtlRules) -> Option<Duration> {
        self.drops.next(asset, data, &rules.events.touches, &self.announced, &self.clock)
    }

    /// Spawns the task that carries out queued moves, and announced events when they are due.
    pub(crate) fn spawn(self, mut moves: Receiver<MarketEvent>) -> EventTask {
        EventTask(tokio::spawn(async move {
            let mut ticks = interval(DUE_EVENTS_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut expected_at = Timestamp::MIN;
            loop {
                let result = tokio::select! {
                    Some(event) = moves.recv() => self.announce(&event).await.map(drop),
                    _ = ticks.tick() => self.poll().await,
                };
                let now = self.clock.now();
                // The clock may have been set back.
                if now < expected_at || now.since(expected_at) >= EXPECTED_FOR {
                    expected_at = now;
                    self.expect_ahead();
                }
                if let Err(error) = result
                    && let Some(times) = self.log_sums.failed.count(now)
                {
                    tracing::warn!(%error, times, "a market event failed: cached values stay until they expire");
                }
                self.log_sums.settle(now);
            }
        }))
    }

    /// Carries out what is due, and loads what that refreshes.
    async fn poll(&self) -> Result<()> {
        for key in self.announced.poll().await? {
            // A slow provider must not hold up other events.
            let handler = self.clone();
            tokio::spawn(async move { handler.read(&key).await });
        }
        Ok(())
    }

    /// Reads the key, which the event made stale: it is loaded by one node, even if several do so.
    async fn read(&self, key: &StandardKey) {
        if self.regions.offers(key.data())
            && let Err(error) = self.regions.look_up_one(key).await
        {
            self.warn_of(&error, key);
        }
    }

    fn warn_of(&self, error: &Error, key: &StandardKey) {
        if let Some(times) = self.log_sums.not_reloaded.count(self.clock.now()) {
            tracing::warn!(%error, %key, times,
                "could not reload what a market event touches: it is stale until it is loaded");
        }
    }
}

impl EventLogSums {
    /// Logs what was counted and has had no line since.
    fn settle(&self, now: Timestamp) {
        let sums = [&self.failed, &self.not_reloaded, &self.not_expected].into_iter();
        sums.filter_map(|sum| sum.settle(now)).for_each(|summary| tracing::warn!("{summary}"));
    }
}
