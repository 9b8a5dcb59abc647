//! How far a run is, on standard error; nothing where that is no terminal.

use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(120);

/// The scenarios that are done, of all. It vanishes when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(scenarios: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(scenarios as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {prefix} {msg} {elapsed}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Says which set-up is loaded.
    pub(crate) fn setup(&self, name: impl Into<Cow<'static, str>>) {
        self.0.set_prefix(name);
    }

    /// Says what is done now.
    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }

    /// Counts a scenario that is done.
    pub(crate) fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
