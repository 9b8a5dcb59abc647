//! The derives of ids: how a type is written in keys, and read back out of them.

pub(crate) mod from_id;
mod id_type;
pub(crate) mod to_key;
