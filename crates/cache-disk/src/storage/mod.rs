//! What lies in the tier's directory, and how it is read, changed and kept whole.

mod batch;
mod directory;
mod engine;
mod fjall_check;
mod index_record;
mod store;
mod writer;

pub(crate) use batch::{Batch, merged};
pub(crate) use engine::Engine;
pub(crate) use index_record::{Logged, Place, key_of};
pub(crate) use store::{
    ENTRY, FLOOR, PATTERN, Store, WRITES, index_key, log_value, split_log_value, unreadable,
};
pub(crate) use writer::{Writer, decode_pattern, encode_pattern};
