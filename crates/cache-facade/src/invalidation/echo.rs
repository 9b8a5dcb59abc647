//! Whether this node hears itself: a bus is believed for as long as this node's own messages come back.

use std::time::Duration;

use cache_core::{Timestamp, sync::Mutex};

use super::publisher::HEARTBEAT;

/// For how long a bus is believed after this node last heard itself.
const BELIEVED: Duration = HEARTBEAT.saturating_mul(2);

/// How long after a message was sent it may come back at the latest.
const WAY_BACK: Duration = Duration::from_secs(2);

/// What of this node's own messages came back over the present connection.
#[derive(Debug, Default)]
pub(super) struct Echo(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When this node last heard itself, or began to listen.
    heard: Timestamp,
    /// When the first message was sent that was not heard since.
    unheard: Option<Timestamp>,
    /// Whether nothing came back in time, and nothing has since.
    deaf: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { heard: Timestamp::MIN, unheard: None, deaf: false }
    }
}

impl Echo {
    /// Notes a new connection. Returns whether it may be believed before anything came back.
    pub(super) fn begin(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock();
        (state.heard, state.unheard) = (now, None);
        !state.deaf
    }

    pub(super) fn sent(&self, now: Timestamp) {
        self.0.lock().unheard.get_or_insert(now);
    }

    /// Notes that a message of this node came back. Returns whether none did before for too long.
    pub(super) fn heard(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock();
        (state.heard, state.unheard) = (now, None);
        std::mem::take(&mut state.deaf)
    }

    /// Returns how long to wait until the connection has to be judged again; `None` if it is not to be believed,
    /// which is kept in mind until something comes back.
    pub(super) fn judge(&self, now: Timestamp) -> Option<Duration> {
        let mut state = self.0.lock();
        let until = state
            .unheard
            .map_or(now.after(WAY_BACK), |sent| sent.after(WAY_BACK))
            .max(state.heard.after(BELIEVED));
        if state.unheard.is_some() && now >= until {
            state.deaf = true;
            return None;
        }
        Some(until.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).after(Duration::from_secs(seconds))
    }

    #[test]
    fn rule_67_a_bus_is_believed_for_two_heartbeats_after_it_was_heard() {
        let echo = Echo::default();
        assert!(echo.begin(at(0)));
        echo.sent(at(1));
        assert!(!echo.heard(at(1)));
        echo.sent(at(6));
        assert_eq!(echo.judge(at(6)), Some(Duration::from_secs(5)));
        assert_eq!(echo.judge(at(11)), None);
        assert!(!echo.begin(at(12)), "nor is the next connection believed");
        assert!(echo.heard(at(12)), "until it is heard");
        assert!(echo.begin(at(13)));
    }

    #[test]
    fn rule_67_a_node_that_could_send_nothing_is_not_deaf() {
        let echo = Echo::default();
        echo.begin(at(0));
        assert!(echo.judge(at(100)).is_some());
        echo.sent(at(100));
        assert_eq!(echo.judge(at(100)), Some(WAY_BACK));
    }
}
