//! Two nodes, each a process of its own, under a controller who knows what is true.
//!
//! The controller holds the [`Source`]: a version for each key, raised before each write. It tells each
//! [`Node`] what to do, and a node asks it for what it has to load. Every read is held by the [`Checker`]
//! against the writes that had ended before it began.

mod checker;
mod config;
mod harness;
mod node;
mod node_cache;
mod protocol;
mod remote_source;
mod slow_tier;
mod source;

pub use checker::{Bounds, Checker, Fault, Verdict, WriteKind};
pub use config::{Backend, GuardConfig, NodeConfig};
pub use harness::{Harness, Mix, Sample, Tally};
pub use node::{Node, serve};
pub use node_cache::NodeCache;
pub use protocol::{BusCounts, NodeState, Reply, Request, TierCounts};
pub use source::Source;
