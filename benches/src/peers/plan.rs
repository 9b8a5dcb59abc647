//! What a peer is asked to measure: the same for all of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One round's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The URL of Redis.
    pub redis: String,
    /// What all keys begin with: another for each peer and round, so that every round begins cold.
    pub namespace: String,
    /// The value of every key, but for its `symbol`, which is the key, and its `sequence`.
    pub quote: Value,
    /// How many entries memory has room for.
    pub room: usize,
    /// How many keys are read from memory, and for how many milliseconds.
    pub near_keys: usize,
    /// See `near_keys`.
    pub near_ms: u64,
    /// How many keys are read from Redis one after the other.
    pub singles: usize,
    /// How many keys are read from Redis by `at_once` readers.
    pub concurrent: usize,
    /// See `concurrent`.
    pub at_once: usize,
    /// How many batches of `batch` keys are read from Redis.
    pub batches: usize,
    /// See `batches`.
    pub batch: usize,
    /// How many reads of one cold key there are at once.
    pub stampede: usize,
    /// How many milliseconds a call of the provider takes meanwhile.
    pub provider_ms: u64,
    /// How many cold keys are asked for at once.
    pub provider_keys: usize,
    /// How many keys the provider takes a call.
    pub provider_batch: usize,
    /// How many keys are removed on one node and read on the other. None, if it is known that it never hears.
    pub removals: usize,
    /// How many milliseconds a removal is waited for.
    pub never_ms: u64,
}

impl Plan {
    /// The work of a round, on the Redis at this URL, under this namespace.
    #[must_use]
    pub fn new(redis: impl Into<String>, namespace: impl Into<String>) -> Self {
        let quote = json!({
            "symbol": "", "exchange": "XNAS", "currency": "USD", "bid": 190.48, "ask": 190.52, "last": 190.5,
            "open": 189.1, "high": 191.2, "low": 188.7, "previous_close": 189.4, "volume": 51_234_567,
            "time": "2026-11-27T18:00:00Z", "sequence": 1,
        });
        Self {
            redis: redis.into(),
            namespace: namespace.into(),
            quote,
            room: 20_000,
            near_keys: 1_000,
            near_ms: 300,
            singles: 1_000,
            concurrent: 3_200,
            at_once: 64,
            batches: 20,
            batch: 100,
            stampede: 1_000,
            provider_ms: 50,
            provider_keys: 300,
            provider_batch: 50,
            removals: 15,
            never_ms: 5_000,
        }
    }

    /// How many keys are put into Redis beforehand, under numbers from 0: those read singly come first, then those
    /// read by many readers, then those in batches.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.near_keys.max(self.singles + self.concurrent + self.batches * self.batch)
    }
}
