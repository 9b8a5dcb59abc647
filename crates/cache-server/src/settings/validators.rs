//! What must hold of single texts beyond their type.

use tracing_subscriber::EnvFilter;

/// A filter of log lines.
pub(super) fn filter(text: &str) -> Result<(), String> {
    EnvFilter::try_new(text).map(drop).map_err(|_| {
        "give off, error, warn, info, debug or trace, or by module: info,cache_disk=debug".to_owned()
    })
}

/// An hour of the day.
pub(super) fn hour(text: &str) -> Result<(), String> {
    match text.parse::<u8>() {
        Ok(0..=23) => Ok(()),
        _ => Err("give hours from 0 to 23, such as 0,6,12,18".to_owned()),
    }
}
