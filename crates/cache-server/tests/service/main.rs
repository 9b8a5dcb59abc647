//! What the service promises, asked over HTTP: of the real process, and in process where time is turned.

mod conditional;
mod configuration;
mod crowd;
mod data;
mod documents;
mod events;
mod inside;
mod limits;
mod memory;
mod outage;
mod problems;
mod process;
mod providers;
mod reload;
mod restart;
mod stampede;
mod start;
