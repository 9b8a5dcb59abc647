//! The Redis tier, its bus and its lease on real servers that are paused, cut, killed and restarted.

mod bus;
mod cancelled;
mod cluster;
mod evicted;
mod hostile;
mod house;
mod lease;
mod login;
mod lost;
mod order;
mod patterns;
mod sentinel;
mod shared;
mod suite;
