//! Cargo, as the child of a program that cargo started.

use std::env;
use std::process::Command;

/// Returns a command that runs cargo.
///
/// What `cargo run` tells a program about its own package is kept from it: build scripts that watch such variables
/// would otherwise run again at every change of program, and what depends on them would be built anew.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
