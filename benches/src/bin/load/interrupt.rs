//! What ends a run early: Ctrl-C, and the signals by which a system ends programs.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a task to its end, or until the program is to end: then there is no outcome.
///
/// # Errors
///
/// If signals can't be waited for.
pub(crate) async fn unless_interrupted<T>(task: impl Future<Output = T>) -> Result<Option<T>> {
    let listen = |kind| signal(kind).context("can't wait for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        ended = task => return Ok(Some(ended)),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(None)
}
