//! Fixture: nodes with a disk each, which may share a tier and a bus, on one manual clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Fetched, Loaded, Loader, Request, Result, Timestamp, Ttl};
use cache_facade::{Cache, Region};
use cache_market::{
    AnnouncedEvents, Announcement, EventKind, MarketEvent, MarketTime, StandardKey, asset_tag, data_tag,
};
use market_data::{Asset, DataType};
use tests::{FaultyTier, LocalBus, ModelTier, settle};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// How long values live that are given no other life: longer than any event of these tests is away.
const LIFE: Duration = Duration::from_secs(30 * 86_400);

pub(crate) fn asset(text: &str) -> Asset {
    text.parse().unwrap()
}

/// A provider that counts its loads, tags what it loads, and can be down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    loads: Arc<AtomicU64>,
    pub(crate) down: Arc<AtomicBool>,
}

impl Source {
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Loader<u64> for Source {
    fn max_batch(&self) -> usize {
        100
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Load, "load", "the provider is down"));
        }
        let loaded = |request: &Request<u64>| {
            let key = StandardKey::of(&request.key).unwrap();
            let asset = key.asset().unwrap();
            let value = Fetched::new(self.loads.fetch_add(1, Ordering::SeqCst));
            value.tag(asset_tag(asset).unwrap()).tag(data_tag(key.data(), asset).unwrap()).into()
        };
        Ok(requests.iter().map(loaded).collect())
    }
}

/// What nodes share.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) shared: FaultyTier,
    pub(crate) bus: Option<LocalBus>,
    pub(crate) source: Source,
    pub(crate) life: Ttl,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            clock: Clock::manual(),
            shared: FaultyTier::over(Arc::new(ModelTier::new("shared"))),
            bus: Some(LocalBus::default()),
            source: Source::default(),
            life: Ttl::new(LIFE).grace(2 * LIFE),
        }
    }

    pub(crate) fn without_bus() -> Self {
        Self { bus: None, ..Self::new() }
    }

    /// Starts a node with this disk.
    pub(crate) async fn node(&self, disk: &FaultyTier) -> Node {
        let builder = Cache::builder().namespace("md").clock(self.clock.clone());
        let builder = builder.local_tier(disk.clone()).tier(self.shared.clone());
        let builder = match &self.bus {
            Some(bus) => builder.bus(bus.clone()),
            None => builder,
        };
        self.open(builder.build().await.unwrap()).await
    }

    /// Starts a node that shares nothing.
    pub(crate) async fn lone(&self, disk: &FaultyTier) -> Node {
        let builder = Cache::builder().namespace("md").clock(self.clock.clone());
        self.open(builder.local_tier(disk.clone()).build().await.unwrap()).await
    }

    pub(crate) async fn open(&self, cache: Cache) -> Node {
        let time = MarketTime::default();
        let region = |kind: DataType| {
            let region = cache.region::<u64>(kind.as_str()).ttl(self.life).negative(LIFE);
            region.loader(self.source.clone()).open().unwrap()
        };
        let (prices, narratives) = (region(DataType::Price), region(DataType::Narrative));
        let events = AnnouncedEvents::open(&cache, time.clone()).await.unwrap();
        let node = Node { cache, time, events, prices, narratives, clock: self.clock.clone() };
        settle().await;
        node
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, span: Duration) {
        // Births run ahead of a clock that stands still, by a microsecond each.
        self.clock.advance(span + SECOND);
        settle().await;
    }

    /// When a span from now ends, to the second: by that much births may be ahead of the clock.
    pub(crate) fn end_of(&self, span: Duration) -> Timestamp {
        end_of(&self.clock, span)
    }

    pub(crate) fn ahead(&self, span: Duration) -> Timestamp {
        self.clock.now().after(span)
    }
}

fn end_of(clock: &Clock, span: Duration) -> Timestamp {
    let micros = clock.now().after(span).as_micros();
    let second = 1_000_000;
    Timestamp::from_micros((micros + second / 2).div_euclid(second) * second)
}

pub(crate) fn disk() -> FaultyTier {
    FaultyTier::over(Arc::new(ModelTier::new("disk")))
}

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) cache: Cache,
    pub(crate) time: MarketTime,
    pub(crate) events: AnnouncedEvents,
    pub(crate) prices: Region<u64>,
    pub(crate) narratives: Region<u64>,
    clock: Clock,
}

impl Node {
    pub(crate) async fn announce(&self, symbol: &str, event: EventKind, at: Timestamp) -> Announcement {
        let event = MarketEvent::announced(asset(symbol), event).at(at);
        let announced = self.events.announce(&event).await.unwrap();
        settle().await;
        announced
    }

    /// What a service does every 200 ms.
    pub(crate) async fn poll(&self) -> Vec<String> {
        let keys = self.events.poll().await.unwrap();
        settle().await;
        keys.iter().map(StandardKey::to_string).collect()
    }

    pub(crate) fn ahead(&self) -> Vec<String> {
        self.events.ahead().iter().map(|(_, event)| event.asset.to_string()).collect()
    }

    /// Reads a price: whether it was served as fresh, for how long, and its value.
    pub(crate) async fn price(&self, symbol: &str) -> (bool, Timestamp, Option<u64>) {
        let found = self.prices.lookup(symbol).await.unwrap();
        settle().await;
        (!found.stale, end_of(&self.clock, found.fresh_for), found.value.map(|value| *value))
    }

    pub(crate) async fn narrative(&self, symbol: &str) -> Option<u64> {
        self.narratives.get(symbol).await.unwrap().map(|value| *value)
    }
}
