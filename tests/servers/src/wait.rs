//! Waiting for a condition, with a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to become ready, on a busy machine.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server may take to stop by itself before it is killed.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Repeats the check until it passes or the time is up. Returns whether it passed.
pub(crate) fn until(limit: Duration, mut yes: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if yes() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::until;

    #[test]
    fn asks_again_until_yes_and_gives_up_at_the_deadline() {
        let mut asked = 0;
        assert!(until(Duration::from_secs(60), || {
            asked += 1;
            asked == 3
        }));
        assert!(!until(Duration::ZERO, || false));
    }
}
