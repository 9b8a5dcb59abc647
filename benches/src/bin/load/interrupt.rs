//! What ends a run early: Ctrl-C, and the signals by which a system ends programs.

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a task to its end, or until the program is to end.
///
/// # Errors
///
/// The error of the task, or that it was interrupted.
pub(crate) async fn unless_interrupted<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let listen = |kind| signal(kind).context("can't wait for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        ended = task => return ended,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    bail!("interrupted: there is no report")
}
