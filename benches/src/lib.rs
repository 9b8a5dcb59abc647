//! What benchmarks have in common: the keys they ask for, and how they time.

pub mod timing;
pub mod zipf;
