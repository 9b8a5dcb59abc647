//! Signals: SIGTERM and SIGINT stop the service within bounds, SIGHUP reloads the configuration.

use std::{io, sync::Arc, thread, time::Duration};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    iterator::Signals,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::sleep,
};

use crate::{
    app::{App, RELOAD_TIMEOUT, ReloadError},
    config::ReloadReport,
};

/// The pause before a reload is tried again while another is under way.
const TURN_PAUSE: Duration = Duration::from_millis(100);

/// How long loads and writes may continue once connections are drained.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_millis(1800);
/// How long the whole shutdown may take, from the signal to the end of the process.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(4500);

/// How long spans that are left may take to be exported at the end.
pub(crate) const SPAN_FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// How long queued log lines may take to be written at the end.
pub(crate) const LOG_FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// Registers for SIGTERM and SIGINT, which from now on no longer end the process by themselves. At the first of
/// them calls `stopping` on a thread of its own, however busy the runtime is. The future returned waits for it and
/// returns its name.
///
/// # Errors
///
/// If the process can't register for signals.
pub(crate) fn stop_signal(
    stopping: impl FnOnce() + Send + 'static,
) -> io::Result<impl Future<Output = &'static str>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("stop signal".to_owned()).spawn(move || {
        let name = match signals.forever().next() {
            Some(SIGINT) => "SIGINT",
            _ => "SIGTERM",
        };
        // Nobody waits any more if the service has ended by itself.
        let _ = tell.send(name);
        stopping();
    })?;
    Ok(async move { told.await.unwrap_or("the end of the thread that waits for signals") })
}

/// Ignores SIGXFSZ, which ends a process that writes past its limit on the size of files, as a log on a file may:
/// from now on such a write fails instead.
///
/// # Errors
///
/// If the process can't register for signals.
pub fn ignore_file_size_signal() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Registers for SIGHUP, which from now on no longer ends the process.
///
/// # Errors
///
/// If the process can't register for signals.
pub(crate) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reloads the configuration of `app` at each SIGHUP and logs the result.
pub(crate) async fn reload_on_sighup(app: Arc<App>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let mut result = Arc::clone(&app).reload_within(RELOAD_TIMEOUT).await;
        // The other reload may have read the files before they were changed, so this one is not left out.
        while result == Err(ReloadError::UnderWay) {
            sleep(TURN_PAUSE).await;
            result = Arc::clone(&app).reload_within(RELOAD_TIMEOUT).await;
        }
        log_reload("SIGHUP", &result);
    }
}

/// Logs what came of a reload, and by what it was asked for.
pub(crate) fn log_reload(by: &str, result: &Result<ReloadReport, ReloadError>) {
    let ReloadReport { changed, needs_restart, warnings } = match result {
        Ok(report) => report,
        Err(error) => return tracing::error!("{by}: {error}"),
    };
    tracing::info!("{by}: configuration reloaded, {} settings changed", changed.len());
    for (key, from, to) in changed {
        tracing::info!("{key} changed from {from} to {to}");
    }
    for key in needs_restart {
        tracing::warn!("needs a restart: {key}");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}
