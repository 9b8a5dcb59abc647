//! The names of the eviction policies.

use std::{fmt, str::FromStr};

use cache_core::{Error, ErrorKind};
use serde::{Serialize, Serializer};

/// The eviction policy: which entry is evicted when there is no room for another.
///
/// ```
/// use cache_memory::Eviction;
///
/// assert_eq!("fifo".parse::<Eviction>()?, Eviction::Fifo);
/// assert_eq!(Eviction::default().as_str(), "hybrid");
/// # Ok::<(), cache_core::Error>(())
/// ```
///
/// What is dead, by age or [otherwise](crate::Memory::judge_by), goes before what lives with `fifo`, `ttl` and
/// `hybrid`. With `lru` and `lfu` moka evicts by its own order alone: dead entries take room until the next sweep.
/// These two cost more besides: about three times the memory an entry beside its value, 7 us an entry for a
/// removal by pattern, a clear or a sweep (0.4 us with the others), and 0.8 us an entry for a walk that removes
/// nothing (0.1 us).
///
/// More policies may come: a `match` needs an arm for those it doesn't name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Eviction {
    /// Evicts the entry not read for longest (moka). Feature `moka`.
    #[cfg(feature = "moka")]
    Lru,
    /// Evicts the entry read least often, and admits a new entry only if its key was asked for more often
    /// (moka's TinyLFU). An entry just put may be evicted at once.
    /// Feature `moka`.
    #[cfg(feature = "moka")]
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

/// The policies that moka serves.
const BY_MOKA: [&str; 2] = ["lru", "lfu"];

impl Eviction {
    /// Every policy that was built in.
    pub const ALL: [Self; 3 + if cfg!(feature = "moka") { BY_MOKA.len() } else { 0 }] = [
        #[cfg(feature = "moka")]
        Self::Lru,
        #[cfg(feature = "moka")]
        Self::Lfu,
        Self::Fifo,
        Self::Ttl,
        Self::Hybrid,
    ];

    /// Returns the name: `lru`, `lfu`, `fifo`, `ttl`, `hybrid`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            #[cfg(feature = "moka")]
            Self::Lru => "lru",
            #[cfg(feature = "moka")]
            Self::Lfu => "lfu",
            Self::Fifo => "fifo",
            Self::Ttl => "ttl",
            Self::Hybrid => "hybrid",
        }
    }

    /// Whether the budget can't be changed while memory is in use: moka's is fixed.
    #[must_use]
    pub fn has_fixed_budget(self) -> bool {
        BY_MOKA.contains(&self.as_str())
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
        let found = Self::ALL.into_iter().find(|policy| policy.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| unknown(text))
    }
}

/// Says why a text names no policy.
fn unknown(text: &str) -> Error {
    let names = Eviction::ALL.map(Eviction::as_str).join(", ");
    let message = if BY_MOKA.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        format!(
            "the eviction policy {text:?} is moka's, which this program was built without: build with the \
             feature `moka` of cache-facade (or cache-memory), or give one of {names}"
        )
    } else {
        format!("{text:?} is no eviction policy: give one of {names}")
    };
    Error::new(ErrorKind::Config, "memory", message)
}

#[cfg(test)]
mod tests {
    use super::{BY_MOKA, Eviction, unknown};

    #[test]
    fn a_policy_that_was_not_built_in_names_its_feature() {
        for name in BY_MOKA {
            let error = unknown(name).to_string();
            assert!(error.contains(name) && error.contains("feature `moka`"), "{error}");
            let upper = name.to_uppercase().parse::<Eviction>();
            let built_in = Eviction::ALL.into_iter().any(|policy| policy.as_str() == name);
            match upper {
                Ok(policy) => assert!(built_in && policy.as_str() == name),
                Err(error) => assert!(!built_in && error.to_string().contains("feature `moka`"), "{error}"),
            }
        }
        let error = "clock".parse::<Eviction>().unwrap_err().to_string();
        assert!(
            error.contains("\"clock\"") && error.contains("hybrid") && !error.contains("moka"),
            "{error}"
        );
    }

    #[test]
    fn every_policy_is_found_by_its_name() {
        for policy in Eviction::ALL {
            assert_eq!(policy.to_string().parse::<Eviction>().unwrap(), policy);
        }
    }
}
