//! Carries out market events on the cache: announced ones, and moves seen in loaded prices.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, LogSum, Result, Timestamp};
use cache_facade::{Cache, Region};
use cache_market::{Effect, MarketEvent, MarketTime, StandardKey};
use market_data::{DataType, Quote, Series};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// How many price moves are queued at most. Further ones are dropped, and their values live by the TTL rules.
const MAX_QUEUED_MOVES: usize = 1024;
/// How often to look for announced events that have come due.
const DUE_EVENTS_INTERVAL: Duration = Duration::from_millis(200);

/// Carries out events. Clones share the cache.
#[derive(Clone, Debug)]
pub(crate) struct EventHandler {
    cache: Cache,
    time: MarketTime,
    clock: Clock,
    quotes: Region<Quote>,
    series: Region<Series>,
    log_sums: Arc<EventLogSums>,
}

/// The sums of what is logged about events.
#[derive(Debug)]
struct EventLogSums {
    failed: LogSum,
    failed_effects: LogSum,
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
    pub(crate) fn new(
        cache: Cache,
        time: MarketTime,
        clock: Clock,
        quotes: Region<Quote>,
        series: Region<Series>,
    ) -> Self {
        let log_sums = Arc::new(EventLogSums {
            failed: LogSum::new("market events that failed"),
            failed_effects: LogSum::new("effects of market events that failed"),
        });
        Self { cache, time, clock, quotes, series, log_sums }
    }

    /// Carries out an event and returns its effects. One in the future is scheduled: lives of what it affects
    /// end by then, and its effects follow when it is due.
    ///
    /// # Errors
    ///
    /// `Limit` if too many events are scheduled.
    pub(crate) async fn announce(&self, event: &MarketEvent) -> Result<Vec<Effect>> {
        let effects = self.time.announce(event, self.clock.now())?;
        self.carry_out(&effects).await;
        Ok(effects)
    }

    /// Spawns the task that carries out queued moves, and scheduled events when they are due.
    pub(crate) fn spawn(self, mut moves: Receiver<MarketEvent>) -> EventTask {
        EventTask(tokio::spawn(async move {
            let mut ticks = interval(DUE_EVENTS_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let result = tokio::select! {
                    Some(event) = moves.recv() => self.announce(&event).await.map(drop),
                    _ = ticks.tick() => self.carry_out_due().await,
                };
                let now = self.clock.now();
                if let Err(error) = result
                    && let Some(times) = self.log_sums.failed.count(now)
                {
                    tracing::warn!(%error, times, "a market event failed: cached values stay until they expire");
                }
                self.log_sums.settle(now);
            }
        }))
    }

    async fn carry_out_due(&self) -> Result<()> {
        let effects = self.time.due(self.clock.now())?;
        self.carry_out(&effects).await;
        Ok(())
    }

    async fn carry_out(&self, effects: &[Effect]) {
        for effect in effects {
            let result = match effect {
                Effect::Invalidate(tag) => self.cache.invalidate(tag).await,
                Effect::Refresh(key) => self.refresh(key).await,
            };
            if let Err(error) = result
                && let Some(times) = self.log_sums.failed_effects.count(self.clock.now())
            {
                tracing::warn!(%error, ?effect, times,
                    "an effect of a market event failed: cached values stay until they expire");
            }
        }
    }

    /// Loads the key again, if the service has a region for it.
    async fn refresh(&self, key: &StandardKey) -> Result<()> {
        match key.data() {
            DataType::Price => self.quotes.refresh(&[key.id()?]).await.map(drop),
            DataType::Ohlcv => self.series.refresh(&[key.id()?]).await.map(drop),
            _ => Ok(()),
        }
    }
}

impl EventLogSums {
    /// Logs what was counted and has had no line since.
    fn settle(&self, now: Timestamp) {
        let sums = [&self.failed, &self.failed_effects].into_iter();
        sums.filter_map(|sum| sum.settle(now)).for_each(|summary| tracing::warn!("{summary}"));
    }
}
