//! Fixtures to write scenarios for a cache with: a [`Fixture`] of cache, tier and source, and parts that fail
//! on demand.
//!
//! The number in a test's name is that of the rule it holds, as in the project's list of rules. Time is a
//! [`Clock::manual`](cache_core::Clock::manual) that the test advances. Where two things have to happen in a
//! certain order, a [`Gate`] holds one of them.

mod faulty_tier;
mod fixture;
mod gate;
mod local_bus;
mod local_lease;
pub mod mutations;
mod recorded_spans;
mod recorder;
mod scripted_loader;
mod settle;

pub use cache_tier_suite::ModelTier;
pub use faulty_tier::{FaultyTier, Moment};
pub use fixture::{Fixture, GRACE, LIFE, Settings, about};
pub use gate::Gate;
pub use local_bus::LocalBus;
pub use local_lease::LocalLease;
pub use recorded_spans::{RecordedSpan, RecordedSpans};
pub use recorder::{RecordedEvent, Recorder};
pub use scripted_loader::{Answer, ScriptedLoader};
pub use settle::{eventually, settle, soon};
