//! Targets: the regions that are warmed, as they are in force.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Key, Refresh, Refreshed, Result, Warm, sync::RwLock};
use cache_market::MarketRegions;
use market_data::DataType;

/// The region of one kind that is warmed. A reload puts the reopened one in its place.
pub(super) struct Target {
    kind: String,
    max_batch: usize,
    region: RwLock<Arc<dyn Warm>>,
}

impl Target {
    fn region(&self) -> Arc<dyn Warm> {
        Arc::clone(&self.region.read())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.kind).finish()
    }
}

#[async_trait]
impl Refresh for Target {
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
        self.region().refresh(keys).await
    }
}

#[async_trait]
impl Warm for Target {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn fresh_for(&self, key: &Key) -> Option<Duration> {
        self.region().fresh_for(key)
    }

    fn is_known_absent(&self, key: &Key) -> bool {
        self.region().is_known_absent(key)
    }

    async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.region().lift(keys).await
    }
}

/// The targets of all kinds that are loaded from providers.
#[derive(Debug)]
pub(super) struct Targets(Vec<(DataType, Arc<Target>)>);

impl Targets {
    /// Makes targets of all such regions, whose calls have at most so many keys.
    pub(super) fn of(regions: &MarketRegions, batch_size: usize) -> Self {
        let target = |(data, region): (DataType, Arc<dyn Warm>)| {
            let max_batch = region.max_batch().min(batch_size).max(1);
            let kind = region.kind().to_owned();
            (data, Arc::new(Target { kind, max_batch, region: RwLock::new(region) }))
        };
        Self(regions.loaded().map(target).collect())
    }

    /// Puts the regions in force in the places of those before.
    pub(super) fn replace(&self, regions: &MarketRegions) {
        for (data, region) in regions.loaded() {
            if let Some((_, target)) = self.0.iter().find(|(known, _)| *known == data) {
                *target.region.write() = region;
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (DataType, &Arc<Target>)> {
        self.0.iter().map(|(data, target)| (*data, target))
    }
}
