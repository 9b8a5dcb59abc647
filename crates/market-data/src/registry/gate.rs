//! Admits or delays calls to one provider: by the pauses it asked for, its quotas and its breaker.

use std::time::Duration;

use cache_core::{Breaker, Timestamp};

use super::{settings::ProviderSettings, usage::QuotaReport, window::Window};

/// Admits calls to one provider.
#[derive(Debug)]
pub(super) struct Gate {
    /// No call is admitted before this moment: the provider asked for a pause.
    held: Timestamp,
    /// The longest pause that it can ask for.
    longest: Duration,
    windows: Vec<Window>,
    breaker: Breaker,
}

/// Why no call is admitted, and from when on one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotAdmitted {
    pub(super) until: Timestamp,
    pub(super) why: String,
}

impl Gate {
    pub(super) fn new(settings: &ProviderSettings) -> Self {
        let pause = Duration::from_millis(settings.breaker_pause_ms);
        Self {
            held: Timestamp::MIN,
            longest: Duration::from_millis(settings.retry_after_max_ms),
            windows: settings.quota.limits().map(|(limit, span)| Window::new(limit, span)).collect(),
            breaker: Breaker::new(settings.breaker_failures, pause),
        }
    }

    /// Admits one call and counts it against every quota; or counts it against none.
    pub(super) fn pass(&mut self, now: Timestamp) -> Result<(), NotAdmitted> {
        self.look_at_quotas(now)?;
        // The breaker comes last: when it is half open, the call it admits is the one that probes.
        self.breaker.admit(now).map_err(|until| NotAdmitted { until, why: left_alone() })?;
        self.windows.iter_mut().for_each(|window| window.take(now));
        Ok(())
    }

    /// Returns whether [`Gate::pass`] would admit a call, without admitting one.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<(), NotAdmitted> {
        self.look_at_quotas(now)?;
        self.breaker.ready(now).map_err(|until| NotAdmitted { until, why: left_alone() })
    }

    fn look_at_quotas(&mut self, now: Timestamp) -> Result<(), NotAdmitted> {
        if now < self.held {
            return Err(NotAdmitted { until: self.held, why: "it asked for no calls".into() });
        }
        let not_admitted = |window: &mut Window| {
            let until = window.ready(now).err()?;
            let (limit, span) = (window.limit(), span_name(window.span()));
            Some(NotAdmitted { until, why: format!("its quota of {limit} calls a {span} is used up") })
        };
        // The quota that holds longest: after waiting for a shorter one, the call would be refused again.
        match self.windows.iter_mut().filter_map(not_admitted).max_by_key(|not_admitted| not_admitted.until) {
            Some(not_admitted) => Err(not_admitted),
            None => Ok(()),
        }
    }

    /// Returns how many calls the quotas leave; `None` without one. That of a second is left out: whoever waits a
    /// moment has it again.
    pub(super) fn calls_left(&mut self, now: Timestamp) -> Option<usize> {
        let lasting = self.windows.iter_mut().filter(|window| window.span() > Duration::from_secs(1));
        lasting.map(|window| window.left(now) as usize).min()
    }

    /// Returns how each quota stands.
    pub(super) fn quotas(&mut self, now: Timestamp) -> Vec<QuotaReport> {
        self.windows.iter_mut().map(|window| window.report(now)).collect()
    }

    /// Admits no call for this long, or for the longest pause that a provider can ask for.
    pub(super) fn hold(&mut self, pause: Duration, now: Timestamp) {
        self.held = self.held.max(now.after(pause.min(self.longest)));
    }

    /// Records the outcome of an admitted call.
    pub(super) fn note(&mut self, well: bool, now: Timestamp) {
        self.breaker.record(well, now);
    }

    /// Returns for how much longer no call is admitted, because the provider asked for none.
    pub(super) fn silence(&self, now: Timestamp) -> Option<Duration> {
        (now < self.held).then(|| self.held.since(now))
    }

    /// Returns why the provider is unhealthy, if it is: a used-up quota doesn't count.
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

pub(super) fn span_name(span: Duration) -> &'static str {
    match span.as_secs() {
        0..60 => "second",
        60..86_400 => "minute",
        _ => "day",
    }
}
