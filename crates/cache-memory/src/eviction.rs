//! The names of the eviction policies.

use std::{fmt, str::FromStr};

use cache_core::{Error, ErrorKind};
use serde::{Serialize, Serializer};

/// The eviction policy: which entry is evicted when there is no room for another.
///
/// ```
/// use cache_memory::Eviction;
///
/// assert_eq!("lru".parse::<Eviction>()?, Eviction::Lru);
/// assert_eq!(Eviction::default().as_str(), "hybrid");
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Eviction {
    /// Evicts the entry not read for longest.
    Lru,
    /// Evicts the entry read least often, and admits a new entry only if its key was asked for more often
    /// (moka's TinyLFU). An entry just put may be evicted at once.
    Lfu,
    /// Evicts the entry put first.
    Fifo,
    /// Evicts the entry nearest its death.
    Ttl,
    /// Evicts by recency and frequency together. New entries enter a small queue first, so that a scan of
    /// many keys does not evict what is read again and again. The share of that queue follows the demand
    /// (docs/adr/0014).
    #[default]
    Hybrid,
}

impl Eviction {
    /// Every policy.
    pub const ALL: [Self; 5] = [Self::Lru, Self::Lfu, Self::Fifo, Self::Ttl, Self::Hybrid];

    /// Returns the name: `lru`, `lfu`, `fifo`, `ttl`, `hybrid`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::Fifo => "fifo",
            Self::Ttl => "ttl",
            Self::Hybrid => "hybrid",
        }
    }

    /// Whether the budget can't be changed while memory is in use: moka's is fixed.
    #[must_use]
    pub fn has_fixed_budget(self) -> bool {
        matches!(self, Self::Lru | Self::Lfu)
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// By its name.
impl Serialize for Eviction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Eviction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|policy| policy.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            let message = format!("{text:?} is no eviction policy: give one of {names}");
            Error::new(ErrorKind::Config, "memory", message)
        })
    }
}
