//! Writing through: memory, then every tier, then the other nodes.

pub(crate) mod put;
