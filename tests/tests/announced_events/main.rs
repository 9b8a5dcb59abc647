//! Announced events in caches: over restarts, on other nodes, for what was stored before they were known.

mod cancelled;
mod fixture;
mod nodes;
mod restarts;
mod room;
