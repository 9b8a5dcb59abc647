//! The parts: each fills something to several sizes, and measures what is done to it.

mod batches;
mod bus;
mod day;
mod disk;
mod near;
mod regions;
mod shared;
mod tags;
mod waiters;

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;

use crate::figures::Figures;

/// A part of the cache whose costs may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Near,
    Tags,
    Batches,
    Waiters,
    Regions,
    Bus,
    Disk,
    Redis,
    Postgres,
    Day,
}

impl Part {
    pub(crate) const ALL: [Self; 10] = [
        Self::Near,
        Self::Tags,
        Self::Batches,
        Self::Waiters,
        Self::Regions,
        Self::Bus,
        Self::Disk,
        Self::Redis,
        Self::Postgres,
        Self::Day,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Tags => "tags",
            Self::Batches => "batches",
            Self::Waiters => "waiters",
            Self::Regions => "regions",
            Self::Bus => "bus",
            Self::Disk => "disk",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Day => "day",
        }
    }

    /// Returns what its sizes are numbers of.
    pub(crate) fn size(self) -> &'static str {
        match self {
            Self::Near | Self::Disk | Self::Redis | Self::Postgres => "entries",
            Self::Tags => "tags",
            Self::Batches => "keys a batch",
            Self::Waiters => "waiters",
            Self::Regions => "regions",
            Self::Bus => "nodes",
            Self::Day => "hours",
        }
    }

    /// Measures it at sizes up to the largest.
    pub(crate) fn measure(self, largest: u64) -> Result<Figures> {
        match self {
            Self::Near => near::measure(largest),
            Self::Tags => tags::measure(largest),
            Self::Batches => batches::measure(largest),
            Self::Waiters => waiters::measure(largest),
            Self::Regions => regions::measure(largest),
            Self::Bus => bus::measure(),
            Self::Disk => disk::measure(largest),
            Self::Redis => shared::redis(largest),
            Self::Postgres => shared::postgres(largest),
            Self::Day => day::measure(largest),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns the powers of ten from one to the other that are no larger than the largest.
fn sizes(from: u32, to: u32, largest: u64) -> impl Iterator<Item = u64> {
    (from..=to).map(|power| 10_u64.pow(power)).filter(move |size| *size <= largest)
}
