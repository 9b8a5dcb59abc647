//! Servers that are away or full, bytes that are none of ours, and callers who leave.

mod cancellation;
mod eviction;
mod foreign_bytes;
mod server_loss;
