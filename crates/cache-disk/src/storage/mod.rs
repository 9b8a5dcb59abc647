//! The files in the tier's directory, and how they are read, changed and kept whole.

mod batch;
mod directory;
mod engine;
mod fjall_check;
mod index_record;
mod quota_files;
mod store;
mod writer;

pub(crate) use batch::{Batch, LogTimes, merge_tombstones};
pub(crate) use engine::StorageEngine;
pub(crate) use index_record::{IndexRecord, LogPointer, key_from_text};
pub use quota_files::DiskQuota;
pub(crate) use store::{
    ENTRY_PREFIX, FLOOR_KEY, PATTERN_PREFIX, Store, WRITES_KEY, index_key, log_value, split_log_value,
    unreadable,
};
pub(crate) use writer::{CoveredSweep, Writer, decode_pattern, encode_pattern};
