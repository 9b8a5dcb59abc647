//! What a request asks of the age of its answer: the directives of its `Cache-Control` (RFC 9111, 5.2.1).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cache_facade::Policy;

/// What a request asks of the age of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    max_age: Option<Duration>,
    max_stale: Option<Duration>,
    min_fresh: Duration,
    only_if_cached: bool,
}

impl Directives {
    /// Reads the directives of a request. Unknown ones say nothing; of an argument that is no number of seconds
    /// the strictest is taken. `Pragma: no-cache` counts where there is no `Cache-Control`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut asked = Self::default();
        // Whether nothing was said of staleness, and age was limited: then nothing stale will do.
        let mut limits_age = false;
        let mut controls = headers.get_all(header::CACHE_CONTROL).iter().peekable();
        if controls.peek().is_none() {
            let mut pragmas = headers.get_all(header::PRAGMA).iter().flat_map(split);
            if pragmas.any(|(name, _)| name == "no-cache") {
                return Self { max_age: Some(Duration::ZERO), max_stale: Some(Duration::ZERO), ..asked };
            }
        }
        for (name, argument) in controls.flat_map(split) {
            let seconds = argument.map(|text| seconds(&text));
            match &*name {
                "no-cache" => (asked.max_age, limits_age) = (Some(Duration::ZERO), true),
                "max-age" => {
                    let most = seconds.flatten().unwrap_or(Duration::ZERO);
                    (asked.max_age, limits_age) =
                        (Some(asked.max_age.map_or(most, |before| before.min(most))), true);
                }
                "max-stale" => {
                    let most = seconds.map_or(Duration::MAX, |seconds| seconds.unwrap_or(Duration::ZERO));
                    asked.max_stale = Some(asked.max_stale.map_or(most, |before| before.min(most)));
                }
                "min-fresh" => {
                    let least = seconds.flatten().unwrap_or(Duration::MAX);
                    (asked.min_fresh, limits_age) = (asked.min_fresh.max(least), true);
                }
                "only-if-cached" => asked.only_if_cached = true,
                _ => {}
            }
        }
        if limits_age && asked.max_stale.is_none() {
            asked.max_stale = Some(Duration::ZERO);
        }
        asked
    }

    /// Whether the request asks for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether what is not cached is not to be loaded.
    #[must_use]
    pub fn only_if_cached(&self) -> bool {
        self.only_if_cached
    }

    /// Returns the policy of a region for this request.
    #[must_use]
    pub fn apply<V>(&self, policy: Policy<V>) -> Policy<V> {
        let policy = policy.min_fresh(self.min_fresh);
        let policy = match self.max_age {
            Some(age) => policy.max_age(age),
            None => policy,
        };
        let policy = match self.max_stale {
            Some(span) => policy.max_stale(span),
            None => policy,
        };
        if self.only_if_cached { policy.only_cached() } else { policy }
    }
}

/// Returns a number of seconds. One that is too large to be held is the largest (RFC 9111, 1.2.2).
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

/// Splits a list of directives into their names, in lower case, and arguments, without quotes. Bytes that aren't
/// ASCII concern none but the directive that they are in.
fn split(list: &HeaderValue) -> Vec<(String, Option<String>)> {
    let list = String::from_utf8_lossy(list.as_bytes());
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = list.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => part.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(letter),
        }
    }
    parts.push(part);
    let directive = |part: &String| {
        let (name, argument) =
            part.split_once('=').map_or((part.as_str(), None), |(name, argument)| (name, Some(argument)));
        (name.trim().to_ascii_lowercase(), argument.map(|argument| argument.trim().to_owned()))
    };
    parts.iter().map(directive).filter(|(name, _)| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Duration = Duration::ZERO;
    const NONE: Directives =
        Directives { max_age: None, max_stale: None, min_fresh: ZERO, only_if_cached: false };

    fn of(controls: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for control in controls {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_bytes(control.as_bytes()).unwrap());
        }
        Directives::of(&headers)
    }

    #[test]
    fn each_directive_means_what_the_standard_says() {
        let secs = Duration::from_secs;
        let limited = Directives { max_stale: Some(ZERO), ..NONE };
        for (controls, asked) in [
            (&[][..], NONE),
            (&["", " , ,"], NONE),
            (&["no-cache"], Directives { max_age: Some(ZERO), ..limited }),
            (&["No-Cache"], Directives { max_age: Some(ZERO), ..limited }),
            (&["max-age=5"], Directives { max_age: Some(secs(5)), ..limited }),
            (&["max-age=\"5\""], Directives { max_age: Some(secs(5)), ..limited }),
            (&["max-age = 5"], Directives { max_age: Some(secs(5)), ..limited }),
            (&["max-age=9, max-age=5"], Directives { max_age: Some(secs(5)), ..limited }),
            (&["max-age=5", "max-age=9"], Directives { max_age: Some(secs(5)), ..limited }),
            (&["max-age=x"], Directives { max_age: Some(ZERO), ..limited }),
            (&["max-age=-1"], Directives { max_age: Some(ZERO), ..limited }),
            (&["max-age"], Directives { max_age: Some(ZERO), ..limited }),
            (&["max-age=+10"], Directives { max_age: Some(ZERO), ..limited }),
            (&["max-age=99999999999999999999"], Directives { max_age: Some(secs(u64::MAX)), ..limited }),
            (&["max-stale=99999999999999999999"], Directives { max_stale: Some(secs(u64::MAX)), ..NONE }),
            (&["x=\u{e9}, no-cache"], Directives { max_age: Some(ZERO), ..limited }),
            (&["foo=\"a\\\", no-cache, \\\"b\""], NONE),
            (&["max-stale"], Directives { max_stale: Some(Duration::MAX), ..NONE }),
            (&["max-stale=30"], Directives { max_stale: Some(secs(30)), ..NONE }),
            (&["max-stale=x"], limited),
            (
                &["max-age=5, max-stale=30"],
                Directives { max_age: Some(secs(5)), max_stale: Some(secs(30)), ..NONE },
            ),
            (&["min-fresh=20"], Directives { min_fresh: secs(20), ..limited }),
            (&["only-if-cached"], Directives { only_if_cached: true, ..NONE }),
            (&["no-store, no-transform, foo=\"a, no-cache\""], NONE),
            (
                &["no-cache,only-if-cached"],
                Directives { max_age: Some(ZERO), only_if_cached: true, ..limited },
            ),
        ] {
            assert_eq!(of(controls), asked, "{controls:?}");
        }
    }

    #[test]
    fn pragma_counts_where_there_is_no_cache_control() {
        let mut headers = HeaderMap::new();
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        assert_eq!(Directives::of(&headers), of(&["no-cache"]));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-stale"));
        assert_eq!(Directives::of(&headers), of(&["max-stale"]));
    }
}
