//! What benchmarks printed, as it is kept in the repository for the docs to be made of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use servers::Machine;

/// Where the records are, from the root.
pub(crate) const FOLDER: &str = "docs/benchmarks";

/// What one run of a benchmark printed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The command, as one would type it.
    pub(crate) command: String,
    /// The day, in UTC.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// How long it took, its build not included.
    pub(crate) seconds: u64,
    /// What it printed.
    pub(crate) found: Value,
}

impl Record {
    /// Reads the record of a benchmark; `None` if there is none yet.
    ///
    /// # Errors
    /// Fails for a file that can't be read, or that is no record.
    pub(crate) fn read(root: &Path, name: &str) -> Result<Option<Self>> {
        let path = path(root, name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record = serde_json::from_str(&text);
        record
            .map(Some)
            .with_context(|| format!("{} is no record of a benchmark: run it anew", path.display()))
    }

    /// Writes it in place of the one before.
    ///
    /// # Errors
    /// Fails if the file can't be written.
    pub(crate) fn write(&self, root: &Path, name: &str) -> Result<()> {
        let path = path(root, name);
        fs::create_dir_all(root.join(FOLDER)).with_context(|| format!("cannot make {FOLDER}"))?;
        let text = serde_json::to_string(self).context("the record is no JSON")?;
        fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}

fn path(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(name).with_extension("json")
}
