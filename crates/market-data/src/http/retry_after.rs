//! Reads the header `Retry-After`.

use std::time::{Duration, UNIX_EPOCH};

use cache_core::Timestamp;

/// Returns the pause that a `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3), zero for one in the
/// past. `None` for any other text. A date is by the clock of the server, which the header `Date` tells; `now`
/// stands for one that is missing.
pub(super) fn pause(text: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large to hold is a long pause all the same.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    Some(moment(text)?.since(date.and_then(moment).unwrap_or(now)))
}

fn moment(text: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(at.as_micros()).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2020-01-01T00:00:00Z.
    const NOW: Timestamp = Timestamp::from_micros(1_577_836_800_000_000);

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        for (text, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Wed, 01 Jan 2020 00:01:30 GMT", Some(90)),
            ("Wednesday, 01-Jan-20 00:01:30 GMT", Some(90)),
            ("Tue, 31 Dec 2019 23:59:00 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("", None),
            ("-5", None),
            ("soon", None),
            ("1.5", None),
        ] {
            assert_eq!(pause(text, None, NOW), expected.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", date in ".{0,40}", now: i64) {
            let _ = pause(&text, Some(&date), Timestamp::from_micros(now));
        }

        #[test]
        fn a_date_is_by_the_clock_of_the_server(skew in -100_000_i64..100_000, pause_s in 0_u64..1000) {
            let server = UNIX_EPOCH + Duration::from_secs((1_577_836_800 + skew).unsigned_abs());
            let until = httpdate::fmt_http_date(server + Duration::from_secs(pause_s));
            let asked = pause(&until, Some(&httpdate::fmt_http_date(server)), NOW);
            prop_assert_eq!(asked, Some(Duration::from_secs(pause_s)));
        }
    }
}
