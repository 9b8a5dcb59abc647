//! The headers `Age`, `Cache-Control` and `Cache-Status` of a response.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cache_facade::Lookup;

use super::cache_status::{CACHE_STATUS, CacheStatus};

/// How many headers a response has as a rule, with those that are added later.
const USUAL_HEADERS: usize = 12;

/// The largest age and the shortest remaining life of all data in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheControl {
    age: Duration,
    fresh_for: Duration,
    servable_for: Duration,
    stale: bool,
    status: CacheStatus,
}

impl CacheControl {
    /// Returns that of one lookup.
    pub fn of<V>(lookup: &Lookup<V>) -> Self {
        let Lookup { age, fresh_for, servable_for, stale, .. } = *lookup;
        Self { age, fresh_for, servable_for, stale, status: CacheStatus::of(lookup) }
    }

    /// Returns that of data which an event invalidates after `span`: from then on it is served to nobody.
    pub fn ending_after(self, span: Option<Duration>) -> Self {
        let span = span.unwrap_or(Duration::MAX);
        Self { fresh_for: self.fresh_for.min(span), servable_for: self.servable_for.min(span), ..self }
    }

    /// Returns that of a response with the data of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            age: self.age.max(other.age),
            fresh_for: self.fresh_for.min(other.fresh_for),
            servable_for: self.servable_for.min(other.servable_for),
            stale: self.stale || other.stale,
            status: self.status.and(other.status),
        }
    }

    /// Returns the headers of data that nobody but the client may keep.
    pub fn private_headers(self) -> HeaderMap {
        let mut headers = self.headers();
        let control = headers.get(header::CACHE_CONTROL).and_then(|control| control.to_str().ok());
        let private = control.and_then(|control| HeaderValue::from_str(&format!("private, {control}")).ok());
        headers.insert(header::CACHE_CONTROL, private.unwrap_or(HeaderValue::from_static("no-store")));
        headers
    }

    /// Returns the headers. A client subtracts the age from `max-age` (RFC 9111, 4.2), so `max-age` is the age and
    /// the remaining life. `stale-while-revalidate` and `stale-if-error` last as long as the service itself
    /// would serve stale data (RFC 5861), which it does at once, and asks the provider meanwhile.
    pub fn headers(self) -> HeaderMap {
        let age = self.age.as_secs();
        let max_age = if self.stale { 0 } else { age.saturating_add(self.fresh_for.as_secs()) };
        let grace = age.saturating_add(self.servable_for.as_secs()).saturating_sub(max_age);
        let mut control = format!("max-age={max_age}");
        if grace > 0 {
            control.push_str(&format!(", stale-while-revalidate={grace}, stale-if-error={grace}"));
        }
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(header::AGE, HeaderValue::from(age));
        headers.insert(CACHE_STATUS, self.status.value());
        // ASCII letters, digits and punctuation are a valid value.
        if let Ok(control) = HeaderValue::try_from(control) {
            headers.insert(header::CACHE_CONTROL, control);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_control(age: u64, fresh_for: u64, servable_for: u64) -> CacheControl {
        CacheControl {
            age: Duration::from_millis(age),
            fresh_for: Duration::from_millis(fresh_for),
            servable_for: Duration::from_millis(servable_for),
            stale: fresh_for == 0,
            status: CacheStatus::of_memory(),
        }
    }

    fn control(cache_control: CacheControl) -> String {
        let headers = cache_control.headers();
        let text = |name| headers[name].to_str().unwrap();
        format!("{} / {}", text(header::AGE), text(header::CACHE_CONTROL))
    }

    #[test]
    fn a_client_that_subtracts_the_age_gets_what_remains() {
        assert_eq!(control(cache_control(0, 300_000, 300_000)), "0 / max-age=300");
        assert_eq!(control(cache_control(100_900, 199_100, 199_100)), "100 / max-age=299");
        assert_eq!(
            control(cache_control(100_000, 200_000, 3_500_000)),
            "100 / max-age=300, stale-while-revalidate=3300, stale-if-error=3300"
        );
    }

    #[test]
    fn what_is_private_says_so_in_its_one_header() {
        let headers = cache_control(0, 300_000, 300_000).private_headers();
        let controls: Vec<&HeaderValue> = headers.get_all(header::CACHE_CONTROL).iter().collect();
        assert_eq!(controls, ["private, max-age=300"]);
    }

    #[test]
    fn what_is_stale_is_never_fresh_elsewhere() {
        assert_eq!(
            control(cache_control(400_000, 0, 3_200_000)),
            "400 / max-age=0, stale-while-revalidate=3600, stale-if-error=3600"
        );
    }

    #[test]
    fn of_many_the_oldest_and_the_first_to_go_count() {
        let both = cache_control(100_000, 200_000, 200_000).and(cache_control(5_000, 20_000, 900_000));
        assert_eq!(control(both), "100 / max-age=120, stale-while-revalidate=180, stale-if-error=180");
        let one_stale = cache_control(0, 300_000, 300_000).and(cache_control(400_000, 0, 100_000));
        assert_eq!(control(one_stale), "400 / max-age=0, stale-while-revalidate=500, stale-if-error=500");
    }

    #[test]
    fn what_an_event_invalidates_is_served_by_nobody_past_it() {
        let week = cache_control(1_000, 29_000, 604_800_000);
        assert_eq!(
            control(week.ending_after(Some(Duration::from_secs(30)))),
            "1 / max-age=30, stale-while-revalidate=1, stale-if-error=1"
        );
        assert_eq!(control(week.ending_after(Some(Duration::from_secs(10)))), "1 / max-age=11");
        assert_eq!(week.ending_after(None), week);
    }

    #[test]
    fn endless_lives_do_not_overflow() {
        let endless = CacheControl {
            age: Duration::MAX,
            fresh_for: Duration::MAX,
            servable_for: Duration::MAX,
            stale: false,
            status: CacheStatus::of_memory(),
        };
        assert!(control(endless).contains("max-age="));
    }
}
