//! The disk tier by its folder: opened when the cache is built.

use std::sync::Arc;

use cache_core::{Clock, Error, Result};
use cache_disk::{DiskConfig, DiskTier};

use crate::{
    CacheBuilder,
    sources::tier_source::{OpenedTier, TierSource},
};

/// A folder, not yet opened.
#[derive(Debug)]
struct DiskSource(DiskConfig);

impl TierSource for DiskSource {
    fn open(self: Box<Self>, clock: &Clock, _: Option<&str>, _: bool) -> Result<OpenedTier> {
        let tier = Arc::new(DiskTier::open(self.0.clock(clock.clone()))?);
        Ok(OpenedTier { tier, local: true, bus: None, lease: None })
    }
}

impl CacheBuilder {
    /// Adds the disk tier in this folder behind those added before, as a [local](CacheBuilder::local_tier) one
    /// and by the clock of the cache. Takes the path of the folder or a [`DiskConfig`](crate::disk::DiskConfig).
    /// The folder is opened when the cache is built.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// let cache = cache_facade::Cache::builder().disk(folder.join("cache"))?.build().await?;
    /// assert_eq!(cache.stats().tiers[0].name, "disk");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` for an empty path, and for settings out of range.
    pub fn disk(self, disk: impl TryInto<DiskConfig, Error: Into<Error>>) -> Result<Self> {
        let config = disk.try_into().map_err(Into::into)?;
        config.check()?;
        Ok(self.source(DiskSource(config)))
    }
}
