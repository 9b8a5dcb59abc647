//! The rules of warming, on a manual clock.

mod background;
mod co_access;
mod effect;
mod failures;
mod fill;
mod fixture;
mod history;
mod memory;
mod predictive;
mod predictor;
mod runs;
mod saved;
mod schedules;
mod traffic;
mod warm_start;
