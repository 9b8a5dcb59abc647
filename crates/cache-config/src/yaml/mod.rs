//! YAML: parsed into nodes with line and column, read from nodes as types, and written again.

mod all_errors;
mod deserialize;
mod example;
mod node;
mod parse;
mod path;
mod print;
mod value;

pub(crate) use all_errors::{LeftOut, Refused, all_errors};
pub use deserialize::read_value;
pub(crate) use deserialize::{ValueError, deserialize};
pub use example::example;
pub use node::Position;
pub(crate) use node::{Content, MapKey, YamlNode};
pub(crate) use parse::parse;
pub(crate) use path::Path;
pub use value::YamlValue;
