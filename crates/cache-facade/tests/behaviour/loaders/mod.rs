//! What loaders are told, and what they can say: beyond a value, that there is none, and that it failed.

mod circular;
mod closures;
mod failures;
mod functions;
mod halves;
mod nested;
mod refreshed;
mod told;

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
