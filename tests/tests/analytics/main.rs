//! What analytics counts and estimates, against what was asked of a cache.

mod counts;
mod sample;
mod trials;
