//! What is compared: the rows of the table.

/// One figure, of which less is better.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, in the report and in what a peer prints.
    pub name: &'static str,
    /// What it is in.
    pub unit: &'static str,
    /// Whether it is a count, of which the worst round is told, rather than a time, of which the median is.
    pub is_count: bool,
    /// What it says to people.
    pub title: &'static str,
}

impl Row {
    const fn time(name: &'static str, unit: &'static str, title: &'static str) -> Self {
        Self { name, unit, is_count: false, title }
    }

    const fn count(name: &'static str, unit: &'static str, title: &'static str) -> Self {
        Self { name, unit, is_count: true, title }
    }
}

/// How long another node went on serving what was removed: `null` in what a peer prints if it was longer than
/// the plan waits.
pub(super) const REMOVAL: &str = "removal_seen";

/// All, in the order in which they are shown.
pub const ROWS: [Row; 9] = [
    Row::time("near_hit", "ns", "hit in memory"),
    Row::time("redis_hit", "us", "hit in Redis, one after the other"),
    Row::time("redis_hit_64", "us", "hit in Redis, 64 readers at once"),
    Row::time("redis_batch_100", "us", "100 keys at once from Redis"),
    Row::count("stampede_loads", "loads", "1,000 reads of a cold key: loads"),
    Row::time("stampede_ms", "ms", "the same: until all are answered, beyond the provider's 50 ms"),
    Row::count("stampede_two_nodes_loads", "loads", "the same by two nodes of 500 reads: loads"),
    Row::count("provider_calls_300", "calls", "300 cold keys, 50 a call: provider calls"),
    Row::time(REMOVAL, "ms", "a removal, until another node heeds it"),
];
