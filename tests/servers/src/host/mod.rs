//! What a program runs on, and by: the machine, and cargo.

mod cargo;
mod machine;

pub use cargo::cargo;
pub use machine::Machine;
