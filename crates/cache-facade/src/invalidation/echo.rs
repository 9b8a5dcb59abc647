//! Whether this node hears itself: a bus is believed for as long as this node's own messages come back.

use std::time::Duration;

use cache_core::{Timestamp, sync::Mutex};

use super::publisher::HEARTBEAT;

/// For how long a bus is believed after this node last heard itself: nearly two heartbeats.
const BELIEVED: Duration = HEARTBEAT.saturating_mul(2).saturating_sub(Duration::from_millis(500));

/// How long after a message was sent it may come back at the latest.
const WAY_BACK: Duration = Duration::from_secs(2);

/// What to do about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Judge it again after this long.
    Believed(Duration),
    /// Send another message: one did not come back, which may be that one's loss alone.
    Doubtful,
    /// It is not to be believed.
    Deaf,
}

/// What of this node's own messages came back over the present connection.
#[derive(Debug, Default)]
pub(super) struct Echo(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When this node last heard itself, or began to listen.
    heard: Timestamp,
    /// When the first message was sent that was not heard since.
    unheard: Option<Timestamp>,
    /// Whether a message was sent since, to see whether that one comes back.
    probed: bool,
    /// Whether nothing came back in time, and nothing has since.
    deaf: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { heard: Timestamp::MIN, unheard: None, probed: false, deaf: false }
    }
}

impl Echo {
    /// Notes a new connection. Returns whether it may be believed before anything came back.
    pub(super) fn begin(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock();
        (state.heard, state.unheard, state.probed) = (now, None, false);
        !state.deaf
    }

    pub(super) fn sent(&self, now: Timestamp) {
        self.0.lock().unheard.get_or_insert(now);
    }

    /// Notes that a message of this node came back. Returns whether none did before for too long.
    pub(super) fn heard(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock();
        (state.heard, state.unheard, state.probed) = (now, None, false);
        std::mem::take(&mut state.deaf)
    }

    /// Judges the connection. What is not to be believed is not until something comes back.
    pub(super) fn judge(&self, now: Timestamp) -> Verdict {
        let mut state = self.0.lock();
        let Some(sent) = state.unheard else { return Verdict::Believed(WAY_BACK) };
        let believed_until = state.heard.after(BELIEVED).max(sent.after(WAY_BACK));
        if now >= believed_until {
            state.deaf = true;
            return Verdict::Deaf;
        }
        if now >= sent.after(WAY_BACK) && !std::mem::replace(&mut state.probed, true) {
            return Verdict::Doubtful;
        }
        let next = if state.probed { believed_until } else { sent.after(WAY_BACK).min(believed_until) };
        Verdict::Believed(next.since(now))
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
        assert_eq!(echo.judge(at(6)), Verdict::Believed(WAY_BACK));
        assert_eq!(echo.judge(at(8)), Verdict::Doubtful);
        assert_eq!(echo.judge(at(8)), Verdict::Believed(Duration::from_millis(2500)));
        assert_eq!(echo.judge(at(11)), Verdict::Deaf);
        assert!(!echo.begin(at(12)), "nor is the next connection believed");
        assert!(echo.heard(at(12)), "until it is heard");
        assert!(echo.begin(at(13)));
    }

    #[test]
    fn rule_67_a_node_that_could_send_nothing_is_not_deaf() {
        let echo = Echo::default();
        echo.begin(at(0));
        assert_eq!(echo.judge(at(100)), Verdict::Believed(WAY_BACK));
        echo.sent(at(100));
        assert_eq!(echo.judge(at(101)), Verdict::Believed(Duration::from_secs(1)));
    }
}
