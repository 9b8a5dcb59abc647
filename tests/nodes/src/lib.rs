//! Nodes, each a process of its own, under a controller that knows which value is current.
//!
//! The controller holds the [`Source`]: a version for each key, raised before each write. It sends requests
//! to each [`Node`], and a node asks it for the values it has to load. The [`Checker`] compares every read
//! with the writes that had ended before the read began.

mod checker;
mod config;
mod harness;
mod node;
mod node_cache;
mod protocol;
mod remote_source;
mod slow_tier;
mod source;
mod swallowing_bus;

pub use checker::{Bounds, Checker, Fault, Verdict, WriteKind};
pub use config::{Backend, GuardConfig, NodeConfig};
pub use harness::{Harness, Mix, Sample, Tally};
pub use node::{Node, serve};
pub use node_cache::NodeCache;
pub use protocol::{BusCounts, NodeState, Reply, Request, TierCounts};
pub use source::Source;
