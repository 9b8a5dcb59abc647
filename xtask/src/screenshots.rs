//! `cargo xtask screenshots`: takes the pictures of the dashboard that the docs show, and measures its page.

use std::path::Path;

use anyhow::Result;

use crate::shell;

/// Runs the test that takes them, which takes them only when it is asked to, and returns whether it succeeded.
///
/// # Errors
/// Fails if Chromium can't be installed, or cargo can't be started.
pub(crate) fn run(root: &Path) -> Result<bool> {
    servers::install::all()?;
    let features = "cache-server/services";
    let target = ["test", "--package", "cache-server", "--features", features, "--test", "dashboard", "--"];
    let mut command = shell::cargo(root, target);
    command.args(["--nocapture", "--test-threads=1", "asked_for"]).env("CACHE_WRITE_SCREENSHOTS", "1");
    shell::succeeds(&mut command)
}
