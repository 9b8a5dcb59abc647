//! What a disk tier can be told.

use std::{path::PathBuf, time::Duration};

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

    /// A tier in the directory `path`, which is made if it is missing and belongs to the tier
    /// alone; everything else at its default.
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

    /// How many bytes the directory may take up on disk, journal and all. Default 1 GiB. A record may
    /// take a sixteenth of it.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Values longer than this many bytes are compressed where it helps. Default 1 KiB;
    /// `usize::MAX` for never.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// How often what is dead is swept, in real time. Default 60 s.
    #[must_use]
    pub fn sweep_every(mut self, span: Duration) -> Self {
        self.sweep_every = span;
        self
    }

    /// The clock that says what is dead. Default the system's. To be a clone of the cache's own: opening
    /// shows it what was born ahead of it, so that after it was set back new writes still win.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.max_bytes < Self::MIN_BYTES {
            let message = format!("max_bytes is {}, the least is {}", self.max_bytes, Self::MIN_BYTES);
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        if self.sweep_every.is_zero() {
            return Err(Error::new(ErrorKind::Config, "open", "sweep_every is zero, the least is 1 ms"));
        }
        Ok(())
    }

    /// How long the journal grows before what it holds is flushed to tables and it is emptied. Also
    /// the unit of the reserve that keeps the directory within its bound.
    ///
    /// At most 16 MiB, because fjall starts another journal past 64 MB and a record of up to 32 MiB
    /// may come on top.
    pub(crate) fn journal_bytes(&self) -> u64 {
        (self.max_bytes / 32).clamp(MIB / 2, 16 * MIB)
    }

    /// The longest record.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.max_bytes / 16
    }
}
