//! Why a peer is ahead in a row, where that is known: each reason was found by measuring or by a profile.

/// What a read of Redis does here that neither of two peers does. The shares are of samples of `perf record` while
/// 64 readers read.
const SPARED: &str = "it awaits Redis in the caller's own future, and takes what it gets: no task that goes on when the \
                      caller is dropped, no limits of time but the connection's, no breaker, no comparison with removals \
                      and invalidations; here timers take 16 % of the processor's time of a read, tasks and joining 21 %, \
                      the breaker's guard 9 %, judging and landing what came 9 %";

/// Rows, peers, and what the peer is spared.
const REASONS: &[(&str, &str, &str)] = &[
    ("redis_hit", "cached", SPARED),
    ("redis_hit", "moka+redis", SPARED),
    ("redis_hit_64", "cached", SPARED),
    ("redis_hit_64", "moka+redis", SPARED),
];

/// Returns why all of these peers are ahead in the row. `None` if it isn't known of each, or if none is ahead.
pub(super) fn why_not(row: &str, ahead: &[&str]) -> Option<String> {
    known(REASONS, row, ahead)
}

fn known(reasons: &[(&str, &str, &str)], row: &str, ahead: &[&str]) -> Option<String> {
    let reason_of = |peer: &&str| {
        let known = reasons.iter().find(|(of_row, of_peer, _)| *of_row == row && of_peer == peer)?;
        Some(format!("{peer}: {}", known.2))
    };
    let reasons: Vec<String> = ahead.iter().map(reason_of).collect::<Option<_>>()?;
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{REASONS, known};
    use crate::peers::ROWS;

    #[test]
    fn a_reason_is_given_if_it_is_known_of_each_who_is_ahead() {
        let reasons = [("near_hit", "a", "it keeps no time"), ("near_hit", "b", "it copies nothing")];
        assert_eq!(known(&reasons, "near_hit", &["a"]).as_deref(), Some("a: it keeps no time"));
        assert_eq!(
            known(&reasons, "near_hit", &["a", "b"]).as_deref(),
            Some("a: it keeps no time; b: it copies nothing")
        );
        assert_eq!(known(&reasons, "near_hit", &["a", "c"]), None);
        assert_eq!(known(&reasons, "redis_hit", &["a"]), None);
        assert_eq!(known(&reasons, "near_hit", &[]), None);
    }

    #[test]
    fn reasons_are_of_rows_that_there_are() {
        for (row, peer, _) in REASONS {
            assert!(ROWS.iter().any(|known| known.name == *row), "{row} of {peer} is no row");
        }
    }
}
