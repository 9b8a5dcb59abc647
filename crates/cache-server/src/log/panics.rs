//! Panics as log lines: the standard library would write them itself, and wait where nobody reads.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic,
    sync::Arc,
    thread,
};

use cache_core::{Clock, LogSum};

/// Makes each panic from now on a log line, and of many in a short time a few that say how many there were.
/// Returns their count.
pub(super) fn log_panics() -> Arc<LogSum> {
    let (clock, sum) = (Clock::system(), Arc::new(LogSum::new("panics")));
    let panics = Arc::clone(&sum);
    panic::set_hook(Box::new(move |panic| {
        let Some(times) = panics.count(clock.now()) else { return };
        let thread = thread::current();
        let message = panic.payload().downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.payload().downcast_ref::<&str>().copied()).unwrap_or("?");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        let frames = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(thread, place, times, frames, "a thread panicked: {message}");
    }));
    sum
}
