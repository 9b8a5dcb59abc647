//! Two nodes, each a process of its own, under a referee who knows what is true.
//!
//! The referee holds the [`Source`]: a version for each key, raised before each write. It tells each
//! [`Node`] what to do, and a node asks it for what it has to load. Every read is held by the [`Judge`]
//! against the writes that had ended before it began.

mod judge;
mod load;
mod node;
mod recipe;
mod site;
mod slow;
mod source;
mod upstream;
mod wire;

pub use judge::{Bounds, Fault, Judge, Verdict, Write};
pub use load::{Fleet, Mix, Sample, Tally};
pub use node::{Node, serve};
pub use recipe::{Arm, Over, Recipe};
pub use site::Site;
pub use source::Source;
pub use wire::{Answer, Bus, Order, State, Tier};
