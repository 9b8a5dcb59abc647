//! Settings of a program: what can be set, read from a file, the environment and flags.

mod deserialize;
mod example;
mod mask;
mod nearest;
mod node;
mod print;
mod profile;
mod reader;
mod setting;
mod values;
mod yaml;

pub use deserialize::read_value;
pub use example::example;
pub use node::Place;
pub use profile::Profile;
pub use reader::{Faults, Reading};
#[doc(hidden)]
pub use setting::declared;
pub use setting::{Check, Setting, Traits, setting};
pub use values::{Origin, Section, Values};

/// Variables that are read by others than a setting.
const OTHER_VARIABLES: &[&str] = &["CACHE_CONFIG"];
