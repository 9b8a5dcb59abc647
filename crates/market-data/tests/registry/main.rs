//! What a registry promises of the providers behind it, which answer over real HTTP.

mod answers;
mod flat;
mod limits;
mod quotas;
mod scene;
mod shapes;
#[path = "../upstream/mod.rs"]
mod upstream;
