//! What a tiered cache promises, as tests: a behaviour suite that every tier passes, and the parts
//! to write scenarios with.
//!
//! The rules are numbered as in the project's list of promised behaviour, and the number is in the
//! name of the test. Time is a [`Clock::manual`](cache_core::Clock::manual) turned by the test;
//! where two things have to happen in a certain order, a [`Gate`] holds one of them.

mod faulty_tier;
mod fixture;
mod gate;
mod local_bus;
mod local_lease;
mod recorder;
mod scripted_loader;
mod settle;

pub use faulty_tier::{FaultyTier, Moment};
pub use fixture::{GRACE, LIFE, Scene, Settings, about};
pub use gate::Gate;
pub use local_bus::LocalBus;
pub use local_lease::LocalLease;
pub use recorder::{Recorder, Seen};
pub use scripted_loader::{Answer, ScriptedLoader};
pub use settle::{eventually, settle, soon};
pub use tier_suite::ModelTier;
