//! The files of the repository, read once for all checks.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Every file that is tracked or could be, by path from the root; `None` for one that is no text.
#[derive(Debug, Default)]
pub(crate) struct Tree(BTreeMap<String, Option<String>>);

/// The folders whose Rust sources are ours to judge.
const SOURCES: [&str; 4] = ["crates/", "tests/", "benches/", "xtask/"];

impl Tree {
    /// Reads what git tracks and what it neither tracks nor ignores.
    ///
    /// # Errors
    /// Fails without git, outside a repository, and for a file that cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("cannot start git, which tells the files of this project: install it")?;
        if !output.status.success() {
            bail!(
                "git cannot list the files of {}: {}",
                root.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&output.stdout).split('\0').filter(|path| !path.is_empty()) {
            let place = root.join(path);
            // A file removed from disk but not yet from git's index is gone; a link is not followed.
            if place.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                let bytes = std::fs::read(&place).with_context(|| format!("cannot read {path}"))?;
                let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self(files))
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every path, sorted.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the path is a file or, ending in `/`, a folder with a file in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        if path.ends_with('/') {
            self.paths().any(|file| file.starts_with(path))
        } else {
            self.0.contains_key(path)
        }
    }

    /// Every file that is text, with its text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The text of one file, if it is there and is text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path)?.as_deref()
    }

    /// Every Rust source of ours.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| {
            path.ends_with(".rs") && SOURCES.iter().any(|folder| path.starts_with(folder))
        })
    }
}

/// For the checks' own tests.
#[cfg(test)]
impl Tree {
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), Some(text.to_owned()));
    }
}

/// A tree made of paths and texts, for the checks' own tests.
#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn files_and_folders_are_found() {
        let tree = Tree::from([("crates/a/src/lib.rs", "//! A."), ("README.md", "# A")]);
        assert!(tree.has("README.md") && tree.has("crates/") && tree.has("crates/a/src/"));
        assert!(!tree.has("crates") && !tree.has("crates/b/") && !tree.has("lib.rs"));
        assert_eq!(tree.sources().collect::<Vec<_>>(), [("crates/a/src/lib.rs", "//! A.")]);
    }

    #[test]
    fn what_is_no_text_has_a_path_only() {
        let mut tree = Tree::from([("docs/a.md", "# A")]);
        tree.0.insert("tests/golden.bin".to_owned(), None);
        assert!(tree.has("tests/golden.bin") && tree.text("tests/golden.bin").is_none());
        assert_eq!(tree.texts().count(), 1);
    }
}
