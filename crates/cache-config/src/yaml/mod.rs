//! YAML: parsed into nodes with line and column, read from nodes as types, and written again.

mod deserialize;
mod example;
mod node;
mod parse;
mod print;

pub use deserialize::read_value;
pub(crate) use deserialize::{ValueError, deserialize};
pub use example::example;
pub use node::Position;
pub(crate) use node::{Content, MapKey, YamlNode};
pub(crate) use parse::parse;
