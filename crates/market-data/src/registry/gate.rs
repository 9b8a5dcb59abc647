//! Whether a call may go out now: not while the provider asked for none, is left alone, or has no quota.

use std::time::Duration;

use cache_core::{Breaker, Timestamp};

use super::{settings::ProviderSettings, window::Window};

/// The longest that a provider can ask to be left alone for: a day.
const LONGEST_HOLD: Duration = Duration::from_secs(86_400);

/// What stands between a registry and one provider.
#[derive(Debug)]
pub(super) struct Gate {
    /// No call before this moment: the provider asked for that.
    held: Timestamp,
    windows: Vec<Window>,
    breaker: Breaker,
}

/// Why no call may go out, and from when on one may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) until: Timestamp,
    pub(super) why: String,
}

impl Gate {
    pub(super) fn new(settings: &ProviderSettings) -> Self {
        let pause = Duration::from_millis(settings.breaker_pause_ms);
        Self {
            held: Timestamp::MIN,
            windows: settings.quota.limits().map(|(limit, span)| Window::new(limit, span)).collect(),
            breaker: Breaker::new(settings.breaker_failures, pause),
        }
    }

    /// Lets one call through and counts it against every quota, or none at all.
    pub(super) fn pass(&mut self, now: Timestamp) -> Result<(), Closed> {
        self.look(now)?;
        // Asked last: to be let through by a breaker that is half open is to be the one call that tries.
        self.breaker.admit(now).map_err(|until| Closed { until, why: left_alone() })?;
        self.windows.iter_mut().for_each(|window| window.take(now));
        Ok(())
    }

    fn look(&mut self, now: Timestamp) -> Result<(), Closed> {
        if now < self.held {
            return Err(Closed { until: self.held, why: "it asked for no calls".into() });
        }
        let closed = |window: &mut Window| {
            let until = window.ready(now).err()?;
            let (limit, span) = (window.limit(), span_name(window.span()));
            Some(Closed { until, why: format!("its quota of {limit} calls a {span} is used up") })
        };
        // The one that lasts longest: who waits for less is sent away again.
        match self.windows.iter_mut().filter_map(closed).max_by_key(|closed| closed.until) {
            Some(closed) => Err(closed),
            None => Ok(()),
        }
    }

    /// Lets none through for so long.
    pub(super) fn hold(&mut self, pause: Duration, now: Timestamp) {
        self.held = self.held.max(now.after(pause.min(LONGEST_HOLD)));
    }

    /// How a call went that had been let through.
    pub(super) fn note(&mut self, well: bool, now: Timestamp) {
        self.breaker.record(well, now);
    }

    /// Returns why it is not as it should be, if so: a quota that is used up is no illness.
    pub(super) fn unhealthy_reason(&self, now: Timestamp) -> Option<String> {
        if now < self.held {
            return Some("it asked for no calls".into());
        }
        self.breaker.is_open().then(left_alone)
    }
}

fn left_alone() -> String {
    "it is left alone after repeated failures".into()
}

fn span_name(span: Duration) -> &'static str {
    match span.as_secs() {
        0..60 => "second",
        60..86_400 => "minute",
        _ => "day",
    }
}
