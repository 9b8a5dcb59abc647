//! The rules of the batch scheduler, on a manual clock.

mod flush;
mod freshness;
mod logs;
mod memory;
mod model;
mod pressure;
mod retries;
mod source;
mod threads;
mod timing;
mod wakeups;
