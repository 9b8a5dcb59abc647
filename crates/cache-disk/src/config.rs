//! Settings of a disk tier.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Result};

const MIB: u64 = 1 << 20;

/// Settings of a [`DiskTier`](crate::DiskTier).
///
/// ```
/// use std::time::Duration;
/// use cache_disk::DiskConfig;
///
/// let config = DiskConfig::new("data/cache").max_bytes(256 << 20).sweep_every(Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
pub struct DiskConfig {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) compress_above: usize,
    pub(crate) sweep_every: Duration,
    pub(crate) clock: Clock,
}

impl DiskConfig {
    /// The least that [`DiskConfig::max_bytes`] accepts: 16 MiB.
    pub const MIN_BYTES: u64 = 16 * MIB;

    /// A tier in the directory `path`, with everything else at its default. The directory is created if
    /// it is missing, and belongs to the tier alone.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: 1 << 30,
            compress_above: 1 << 10,
            sweep_every: Duration::from_secs(60),
            clock: Clock::system(),
        }
    }

    /// How many bytes the directory may take up on disk, journal included. Default 1 GiB. One record may
    /// take a sixteenth of them.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Values longer than this many bytes are compressed, where that makes them smaller. Default 1 KiB;
    /// `usize::MAX` for never.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// How often the janitor sweeps what is dead, in real time. Default 60 s.
    #[must_use]
    pub fn sweep_every(mut self, interval: Duration) -> Self {
        self.sweep_every = interval;
        self
    }

    /// The clock that decides what is dead. Default the system's. Give a clone of the cache's own clock:
    /// opening the tier shows it births that lie ahead of it, so that new writes still win after the wall
    /// clock was set back.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Checks what can be checked without the directory.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, and an empty path.
    pub fn check(&self) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            let message = "the path of the disk tier is empty: give that of a folder, such as \"data/cache\"";
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if self.max_bytes < Self::MIN_BYTES {
            let message = format!("max_bytes is {}: set at least {}", self.max_bytes, Self::MIN_BYTES);
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if self.sweep_every.is_zero() {
            return Err(Error::new(ErrorKind::Config, "open", "sweep_every is zero: set at least 1 ms"));
        }
        Ok(())
    }

    /// Returns to how many bytes the journal grows, or what it has in memory, before its contents are flushed to
    /// tables and it is emptied. The reserve that keeps the directory within its bound is a multiple of this.
    ///
    /// At most 16 MiB, because fjall starts another journal past 64 MB and a record of up to 32 MiB
    /// may come on top.
    pub(crate) fn journal_bytes(&self) -> u64 {
        (self.max_bytes / 32).clamp(MIB / 2, 16 * MIB)
    }

    /// Returns how many bytes a record may have.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.max_bytes / 16
    }
}

impl From<PathBuf> for DiskConfig {
    /// As [`DiskConfig::new`].
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<&Path> for DiskConfig {
    /// As [`DiskConfig::new`].
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<&str> for DiskConfig {
    /// As [`DiskConfig::new`].
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}
