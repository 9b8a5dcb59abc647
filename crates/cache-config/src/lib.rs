//! Settings of a program: what can be set, read from a file, the environment and flags.

mod example;
mod mask;
mod nearest;
mod node;
mod print;
mod profile;
mod read;
mod reading;
mod setting;
mod values;
mod yaml;

pub use example::example;
pub use node::Place;
pub use profile::Profile;
pub use read::read_value;
pub use reading::{Faults, Reading};
#[doc(hidden)]
pub use setting::declared;
pub use setting::{Check, Setting, Traits, setting};
pub use values::{Origin, Section, Values};

/// Variables that are read by others than a setting.
const OTHER_VARIABLES: &[&str] = &["CACHE_CONFIG"];
