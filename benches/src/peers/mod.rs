//! Caches side by side, each a process of its own that is given a plan and prints what it measured.
//!
//! The plan goes in as one argument of JSON, and one JSON object comes back on standard output: so a cache of any
//! language is measured by a loop of its own, and all by the same counts, keys and values. The processes take
//! turns, a round of each, for the machine is noisy.

mod install;
mod outcome;
mod plan;
mod process;
mod reasons;
mod report;
mod rows;
mod table;
mod unreached;
mod versions;

pub use install::{Scripts, bentocache, cashews};
pub use outcome::Outcome;
pub use plan::Plan;
pub use process::run;
pub use report::{LeftOut, OURS, Peers};
pub use rows::{ROWS, Row};
pub use table::print_table;
pub use unreached::{fusion_cache, sturdyc};
pub use versions::locked_version;
