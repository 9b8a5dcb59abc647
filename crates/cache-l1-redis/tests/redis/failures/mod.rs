//! Failures: servers that are down or full, foreign bytes, and cancelled calls.

mod cancellation;
mod eviction;
mod foreign_bytes;
mod server_loss;
mod wrong_server;
