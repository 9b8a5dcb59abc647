//! Series that are kept by their tail: the bars under way in one entry, closed time in chunks beside it.
//!
//! The tail, under the key of the whole series, has the chunk under way and the revision window, says which bars
//! are final, and is all that a passing day changes. What is before it is in chunks, under the keys of their
//! days, which never change. A chunk is put together with a tail only if the provider gave it before the tail was
//! last seen to be of the same basis: neither from before a split or dividend that the tail has seen, nor from
//! after what it has seen.

mod basis;
mod chunks;
mod layout;
mod loader;
mod parts;
mod reader;
mod rules;
mod source;

pub(crate) use self::{
    loader::{ChunkLoader, TailLoader},
    parts::{put_together, wanted_chunks},
    reader::{SeriesReader, tail_id},
    source::SeriesSource,
};
pub use self::{parts::SeriesPart, rules::SeriesRules};
