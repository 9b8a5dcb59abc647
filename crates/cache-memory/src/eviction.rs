//! Which entry goes first when there is no room for a new one.

use std::{fmt, str::FromStr};

use cache_core::{Error, ErrorKind};

/// Which entry goes first when there is no room for a new one.
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
    /// The one not read for longest.
    Lru,
    /// The one read least often, with a new one let in only if it promises more (moka's TinyLFU). What
    /// was just put may be gone at once.
    Lfu,
    /// The one put first.
    Fifo,
    /// The one nearest its death.
    Ttl,
    /// By recency and frequency together: new entries prove themselves in a small queue, so that a
    /// scan of many keys does not flush what is asked for again. The share of that queue follows the
    /// demand (docs/adr/0014).
    #[default]
    Hybrid,
}

impl Eviction {
    /// Every policy.
    pub const ALL: [Self; 5] = [Self::Lru, Self::Lfu, Self::Fifo, Self::Ttl, Self::Hybrid];

    /// The name: `lru`, `lfu`, `fifo`, `ttl`, `hybrid`.
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
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
