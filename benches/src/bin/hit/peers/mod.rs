//! Other caches, each configured as its own documentation would have it.
//!
//! All are bounded, by number where they can be, with room for every key. Raw stores are given no life
//! and no loader, which is the least they do; those that offer a full service, as the facade does, are
//! given values that live a day, as the facade's, and are read through what loads a missing value.

pub(crate) mod cached;
pub(crate) mod foyer;
pub(crate) mod hitbox;
pub(crate) mod moka;
pub(crate) mod quick_cache;
