//! Writing through: memory, then every tier, then the other nodes.

mod current;
pub(crate) mod encode;
pub(crate) mod in_progress;
mod life;
pub(crate) mod local_writes;
pub(crate) mod outbid;
pub(crate) mod put;
mod remove;
mod remove_counted;
pub(crate) mod turns;
pub(crate) mod update;
