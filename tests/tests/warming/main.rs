//! Warming over the real engine.

mod engine;
mod opening_bell;
mod together;
