//! Signals: when to stop, how long that may take, and when to read the configuration anew.

use std::{io, sync::Arc, time::Duration};

use cache_config::ConfigErrors;
use tokio::signal::unix::{SignalKind, signal as listen};

use crate::{app::App, config::Reloaded};

/// How long loads and writes may go on once connections are drained.
pub const FLUSH: Duration = Duration::from_millis(1800);
/// How long all of it may take, from the signal to the end of the process.
pub const HARD: Duration = Duration::from_millis(4500);

/// From now on SIGTERM and SIGINT end nothing by themselves: what is answered waits for one, and names it.
///
/// # Errors
///
/// If the process can't listen for signals.
pub fn signal() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}

/// From now on SIGHUP ends nothing: what is answered reads the configuration of `app` anew at each, and logs
/// what came of it.
///
/// # Errors
///
/// If the process can't listen for signals.
pub fn reload_when_told(app: Arc<App>) -> io::Result<impl Future<Output = ()> + Send> {
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let app = Arc::clone(&app);
            // A file is read.
            if let Ok(read) = tokio::task::spawn_blocking(move || app.reload()).await {
                note(read);
            }
        }
    })
}

fn note(read: Result<Reloaded, ConfigErrors>) {
    let Reloaded { changed, needs_restart, warnings } = match read {
        Ok(reloaded) => reloaded,
        Err(faults) => {
            return tracing::error!(
                "SIGHUP: the configuration can't be used, the one in force stays\n{faults}"
            );
        }
    };
    tracing::info!("SIGHUP: the configuration was read anew, {} settings changed", changed.len());
    for (key, from, to) in changed {
        tracing::info!("{key} was {from} and is {to}");
    }
    for key in needs_restart {
        tracing::warn!("needs a restart: {key}");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}
