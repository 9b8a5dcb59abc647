//! What is cut short: calls by their callers, runtimes by their end, users' code by a panic.

mod cancelled;
mod panics;
mod runtimes;
