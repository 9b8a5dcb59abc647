//! Signals: SIGTERM and SIGINT stop the service within bounds, SIGHUP reloads the configuration.

use std::{io, sync::Arc, time::Duration};

use cache_config::ConfigErrors;
use signal_hook::consts::SIGXFSZ;
use tokio::signal::unix::{SignalKind, signal};

use crate::{app::App, config::ReloadReport};

/// How long loads and writes may continue once connections are drained.
pub const FLUSH_TIMEOUT: Duration = Duration::from_millis(1800);
/// How long the whole shutdown may take, from the signal to the end of the process.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(4500);

/// How long queued log lines may take to be written at the end.
pub const LOG_FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// Registers for SIGTERM and SIGINT, which from now on no longer end the process by themselves. The future
/// returned waits for one and returns its name.
///
/// # Errors
///
/// If the process can't register for signals.
pub fn stop_signal() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
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

/// Registers for SIGHUP, which from now on no longer ends the process. The future returned reloads the
/// configuration of `app` at each one and logs the result.
///
/// # Errors
///
/// If the process can't register for signals.
pub fn reload_on_sighup(app: Arc<App>) -> io::Result<impl Future<Output = ()> + Send> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let app = Arc::clone(&app);
            // Reading a file blocks.
            if let Ok(result) = tokio::task::spawn_blocking(move || app.reload()).await {
                log_reload(result);
            }
        }
    })
}

fn log_reload(result: Result<ReloadReport, ConfigErrors>) {
    let ReloadReport { changed, needs_restart, warnings } = match result {
        Ok(report) => report,
        Err(errors) => {
            return tracing::error!(
                "SIGHUP: the new configuration is invalid, the current one stays in force\n{errors}"
            );
        }
    };
    tracing::info!("SIGHUP: configuration reloaded, {} settings changed", changed.len());
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
