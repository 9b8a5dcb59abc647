//! Carries out market events on the cache: announced ones, and moves seen in loaded prices.

use std::time::Duration;

use cache_core::{Clock, Result};
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
        Self { cache, time, clock, quotes, series }
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
                if let Err(error) = result {
                    tracing::warn!(%error, "a market event failed: cached values stay until they expire");
                }
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
            if let Err(error) = result {
                tracing::warn!(%error, ?effect, "an effect of a market event failed: cached values stay until they expire");
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
