//! Time: moments and the clock that shows them, and how long a value may be served.

mod births;
pub(crate) mod clock;
mod kernel;
pub(crate) mod lives;
pub(crate) mod manual;
mod set_back;
mod steering;
pub(crate) mod timestamp;
pub(crate) mod ttl;
