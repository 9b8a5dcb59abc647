//! The facade stays lean: what its default features bring is bounded.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Complaint;
use crate::shell;

/// The crate whose dependencies are counted.
const FACADE: &str = "cache-facade";
/// How many crates its default features may bring, itself included (docs/adr/0037).
const MAX_CRATES: usize = 60;

/// Complains if the default features of the facade bring too many crates.
///
/// # Errors
/// Fails if `cargo tree` does, which a broken manifest makes it do.
pub(crate) fn check(root: &Path) -> Result<Vec<Complaint>> {
    let args = ["tree", "--package", FACADE, "--edges", "normal", "--prefix", "none", "--no-dedupe"];
    let output = shell::cargo(root, args).output().context("cannot start `cargo tree`")?;
    if !output.status.success() {
        bail!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(complaint(&String::from_utf8_lossy(&output.stdout)).into_iter().collect())
}

/// Complains about a tree, one crate a line, that has too many different crates.
fn complaint(tree: &str) -> Option<Complaint> {
    let crates: BTreeSet<&str> = tree.lines().filter(|line| !line.trim().is_empty()).collect();
    (crates.len() > MAX_CRATES).then(|| {
        let what = format!(
            "the default features bring {} crates, at most {MAX_CRATES}: put what was added behind a feature that is \
             off by default (`cargo tree -p {FACADE} -e normal` shows who brings what)",
            crates.len()
        );
        Complaint::new(format!("crates/{FACADE}/Cargo.toml"), 1, what)
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_CRATES, check, complaint};
    use crate::workspace;

    fn tree(crates: usize) -> String {
        (0..crates).map(|n| format!("crate-{n} v1.0.0\nshared v1.0.0\n")).collect()
    }

    #[test]
    fn a_crate_counts_once_however_often_it_is_brought() {
        assert_eq!(complaint(&tree(MAX_CRATES - 1)), None);
        let said = complaint(&tree(MAX_CRATES)).unwrap().to_string();
        assert!(said.contains("cache-facade/Cargo.toml") && said.contains("bring 61 crates"), "{said}");
    }

    #[test]
    fn the_default_features_of_the_facade_bring_60_crates_at_most() {
        assert_eq!(check(&workspace::root().unwrap()).unwrap(), []);
    }
}
