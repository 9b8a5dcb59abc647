//! What happens to assets, announced or seen in prices, carried out on the cache.

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

/// How many moves wait to be carried out; more are lost, and their values live on as the table says.
const WAITING: usize = 1024;
/// How often is looked for events that lay ahead and have come.
const LOOKS: Duration = Duration::from_millis(200);

/// What carries out events. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    cache: Cache,
    time: MarketTime,
    clock: Clock,
    quotes: Region<Quote>,
    series: Region<Series>,
}

/// A task that attends to events until this is dropped.
#[derive(Debug)]
pub(crate) struct Attending(JoinHandle<()>);

impl Drop for Attending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where moves that are seen in prices are handed in, and where they come out.
pub(crate) fn moves() -> (Sender<MarketEvent>, Receiver<MarketEvent>) {
    channel(WAITING)
}

impl Events {
    pub(crate) fn new(
        cache: Cache,
        time: MarketTime,
        clock: Clock,
        quotes: Region<Quote>,
        series: Region<Series>,
    ) -> Self {
        Self { cache, time, clock, quotes, series }
    }

    /// Does what follows from an event, and answers with it. One that lies ahead is noted: no life of what it
    /// touches reaches past it, and its effects follow when it happens.
    ///
    /// # Errors
    ///
    /// `Limit` if too many events lie ahead.
    pub(crate) async fn announce(&self, event: &MarketEvent) -> Result<Vec<Effect>> {
        let effects = self.time.announce(event, self.clock.now())?;
        self.carry_out(&effects).await;
        Ok(effects)
    }

    /// Attends to moves as they are seen, and to events that lay ahead as they happen.
    pub(crate) fn attend(self, mut moves: Receiver<MarketEvent>) -> Attending {
        Attending(tokio::spawn(async move {
            let mut looks = interval(LOOKS);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let done = tokio::select! {
                    Some(event) = moves.recv() => self.announce(&event).await.map(drop),
                    _ = looks.tick() => self.come_due().await,
                };
                if let Err(error) = done {
                    tracing::warn!(%error, "an event could not be carried out");
                }
            }
        }))
    }

    async fn come_due(&self) -> Result<()> {
        let effects = self.time.due(self.clock.now())?;
        self.carry_out(&effects).await;
        Ok(())
    }

    async fn carry_out(&self, effects: &[Effect]) {
        for effect in effects {
            let done = match effect {
                Effect::Invalidate(tag) => self.cache.invalidate(tag).await,
                Effect::Refresh(key) => self.refresh(key).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, ?effect, "an event's effect failed: the values live on as they would");
            }
        }
    }

    /// Loads anew what the service has regions for.
    async fn refresh(&self, key: &StandardKey) -> Result<()> {
        match key.data() {
            DataType::Price => self.quotes.refresh(&[key.id()?]).await.map(drop),
            DataType::Ohlcv => self.series.refresh(&[key.id()?]).await.map(drop),
            _ => Ok(()),
        }
    }
}
