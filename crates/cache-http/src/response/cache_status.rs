//! The header `Cache-Status` (RFC 9211): how the answer came about.

use std::fmt::Write;

use axum::http::{HeaderName, HeaderValue};
use cache_core::MissReason;
use cache_facade::{Lookup, Source};

/// The name of the header.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How many bytes its value has at most as a rule.
const USUAL_LENGTH: usize = 96;

/// The name of the cache in it.
const NAME: &str = "cache";

/// How the data of a response came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// How many values there are.
    values: usize,
    /// How many of them no cache had.
    forwarded: usize,
    /// Where the first of those came from that no cache had; otherwise the first of all.
    source: Source,
    /// Why memory did not have it.
    missed: Option<MissReason>,
    /// How many seconds the first to go is still fresh; negative for what is stale.
    ttl: i64,
    /// Whether one waited for a load that another request had begun.
    collapsed: bool,
}

impl CacheStatus {
    /// Returns that of one lookup.
    #[must_use]
    pub fn of<V>(lookup: &Lookup<V>) -> Self {
        let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let forwarded = matches!(lookup.source, Source::Loader | Source::Nowhere);
        // What is over by less than a second is over.
        let ttl = if lookup.stale { -seconds(lookup.stale_for()).max(1) } else { seconds(lookup.fresh_for) };
        Self {
            values: 1,
            forwarded: usize::from(forwarded),
            source: lookup.source,
            missed: lookup.missed,
            ttl,
            collapsed: forwarded && lookup.joined,
        }
    }

    /// Returns that of a response with the data of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let told = if self.forwarded == 0 && other.forwarded > 0 { other } else { self };
        Self {
            values: self.values + other.values,
            forwarded: self.forwarded + other.forwarded,
            ttl: self.ttl.min(other.ttl),
            collapsed: self.collapsed || other.collapsed,
            ..told
        }
    }

    /// Returns the value of the header.
    #[must_use]
    pub fn value(self) -> HeaderValue {
        let mut text = String::with_capacity(USUAL_LENGTH);
        text.push_str(NAME);
        if self.forwarded == 0 {
            text.push_str("; hit");
        } else {
            let _ = write!(text, "; fwd={}", self.reason());
            if self.source == Source::Loader {
                text.push_str("; stored");
            }
            if self.collapsed {
                text.push_str("; collapsed");
            }
        }
        let _ = write!(text, "; ttl={}", self.ttl);
        let source = if self.source == Source::Loader { "provider" } else { self.source.as_str() };
        let _ = match (self.values, self.missed) {
            (2.., _) => write!(text, "; detail=\"{} of {} hit\"", self.values - self.forwarded, self.values),
            (_, Some(reason)) if self.forwarded > 0 => {
                write!(text, "; detail=\"{source}, {}\"", reason.as_str())
            }
            _ => write!(text, "; detail={source}"),
        };
        // Names of tiers and reasons are ASCII.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(NAME))
    }

    /// Returns why the request went on to a provider.
    fn reason(self) -> &'static str {
        match self.missed {
            Some(MissReason::TooOld) => "request",
            Some(MissReason::Stale | MissReason::Expired | MissReason::Replaced) => "stale",
            Some(MissReason::Absent) => "uri-miss",
            Some(MissReason::NotAsked) => "bypass",
            _ => "miss",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMORY: CacheStatus = CacheStatus {
        values: 1,
        forwarded: 0,
        source: Source::Memory,
        missed: None,
        ttl: 30,
        collapsed: false,
    };

    impl CacheStatus {
        /// That of a value that memory has.
        pub(crate) fn of_memory() -> Self {
            MEMORY
        }
    }

    fn text(status: CacheStatus) -> String {
        status.value().to_str().unwrap().to_owned()
    }

    fn loaded(reason: MissReason) -> CacheStatus {
        CacheStatus { forwarded: 1, source: Source::Loader, missed: Some(reason), ttl: 60, ..MEMORY }
    }

    #[test]
    fn each_answer_says_how_it_came_about() {
        assert_eq!(text(MEMORY), "cache; hit; ttl=30; detail=memory");
        let disk = CacheStatus { source: Source::Tier("disk"), missed: Some(MissReason::Absent), ..MEMORY };
        assert_eq!(text(disk), "cache; hit; ttl=30; detail=disk");
        assert_eq!(text(CacheStatus { ttl: -1, ..MEMORY }), "cache; hit; ttl=-1; detail=memory");
        for (reason, forwarded) in [
            (MissReason::Absent, "uri-miss"),
            (MissReason::Expired, "stale"),
            (MissReason::Stale, "stale"),
            (MissReason::TooOld, "request"),
            (MissReason::Invalidated, "miss"),
            (MissReason::NotAsked, "bypass"),
        ] {
            let name = reason.as_str();
            let expected = format!("cache; fwd={forwarded}; stored; ttl=60; detail=\"provider, {name}\"");
            assert_eq!(text(loaded(reason)), expected);
        }
        let waited = CacheStatus { collapsed: true, ..loaded(MissReason::Absent) };
        assert!(text(waited).starts_with("cache; fwd=uri-miss; stored; collapsed; ttl=60"));
    }

    proptest! {
        #[test]
        fn of_many_it_is_counted_how_many_were_hits(
            hits in prop::collection::vec(any::<bool>(), 2..20),
        ) {
            let one = |hit: &bool| if *hit { MEMORY } else { loaded(MissReason::Absent) };
            let all = hits.iter().map(one).reduce(CacheStatus::and).unwrap();
            let count = hits.iter().filter(|hit| **hit).count();
            let how = if count == hits.len() { "cache; hit; ttl=30" } else { "cache; fwd=uri-miss; stored" };
            prop_assert!(text(all).starts_with(how));
            let detail = format!("{count} of {} hit", hits.len());
            prop_assert!(text(all).contains(&detail));
        }
    }
}
