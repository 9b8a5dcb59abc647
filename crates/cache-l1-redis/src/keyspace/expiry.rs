//! The expiry that a record is given on the server.

use std::time::Duration;

use cache_core::Timestamp;

/// By how much the server's expiry is later than an entry's death: the clock of another node may be a little
/// behind, and what that node still goes by must not be gone.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// The longest expiry that is set; what lasts longer is stored without one.
const LONGEST_EXPIRY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Returns in how many milliseconds the server may expire what is dead at `dead_at`; 0 for never. Expiry only
/// reclaims memory: readers judge the age themselves.
pub(crate) fn expiry_millis(dead_at: Timestamp, now: Timestamp) -> u64 {
    let left = dead_at.since(now);
    if dead_at == Timestamp::MAX || left > LONGEST_EXPIRY {
        0
    } else {
        (left + EXPIRY_MARGIN).as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_late_and_never_early() {
        let at = Timestamp::from_micros;
        assert_eq!(expiry_millis(at(5_000_000), at(4_000_000)), 11_000);
        assert_eq!(expiry_millis(at(0), at(4_000_000)), 10_000, "dead already");
        assert_eq!(expiry_millis(Timestamp::MAX, at(0)), 0);
        assert_eq!(expiry_millis(at(i64::MAX - 1), Timestamp::MIN), 0);
        assert_eq!(expiry_millis(Timestamp::MIN, at(0)), 10_000);
    }
}
