//! `cargo xtask chaos`: two nodes under load while their servers fail, by the program of the package `nodes`.

use std::path::Path;

use anyhow::Result;

use crate::shell;

/// Runs it with `args`, and returns whether it ran to its end.
///
/// # Errors
/// Fails if cargo can't be started.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool> {
    let mut command = shell::cargo(root, ["run", "--release", "--package", "nodes", "--bin", "chaos", "--"]);
    command.args(args);
    shell::succeeds(&mut command)
}
