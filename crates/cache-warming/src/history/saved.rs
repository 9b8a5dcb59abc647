//! A history as it is kept across restarts.

use serde::{Deserialize, Serialize};

use super::record::Decayed;

/// What is kept of a history: the keys asked for most, with how often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedHistory {
    /// When it was saved, in seconds since 1970.
    pub at: u32,
    /// The prefixes of the keys.
    pub prefixes: Vec<String>,
    /// The keys, those asked for most first.
    pub keys: Vec<SavedKey>,
    /// The requests of all keys, by half-life.
    pub totals: Decayed,
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedKey {
    /// The place of its prefix among the prefixes.
    pub prefix: u8,
    /// The rest of it.
    pub id: String,
    /// Its requests, by half-life, as they were when this was saved.
    pub counts: Decayed,
}
