//! For how long the server keeps what it is given.

use std::time::Duration;

use cache_core::Timestamp;

/// How much longer the server keeps what is dead: another node's clock may be a little behind, and what it
/// still goes by must not be gone before.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// The longest span that a server is told; what lasts longer lasts without end.
const LONGEST_EXPIRY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// For how many milliseconds the server is to keep what is dead at `dead_at`; 0 for no end. That only
/// reclaims space: age is judged by who reads.
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
    fn spans_end_late_and_never_early() {
        let at = Timestamp::from_micros;
        assert_eq!(expiry_millis(at(5_000_000), at(4_000_000)), 11_000);
        assert_eq!(expiry_millis(at(0), at(4_000_000)), 10_000, "dead already");
        assert_eq!(expiry_millis(Timestamp::MAX, at(0)), 0);
        assert_eq!(expiry_millis(at(i64::MAX - 1), Timestamp::MIN), 0);
        assert_eq!(expiry_millis(Timestamp::MIN, at(0)), 10_000);
    }
}
