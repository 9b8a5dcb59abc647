//! When to stop, and how long that may take.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal as listen};

/// How long loads and writes may go on once connections are drained.
pub const FLUSH: Duration = Duration::from_millis(1800);
/// How long all of it may take, from the signal to the end of the process.
pub const HARD: Duration = Duration::from_millis(4500);

/// Waits for SIGTERM or SIGINT, and names it.
///
/// # Errors
///
/// If the process can't listen for signals.
pub async fn signal() -> io::Result<&'static str> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
