//! Where traces and references are: a folder given, the data beside the workspace, or what is committed.

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    reference::{self, Row},
    trace,
};

/// How the names of reference files begin.
const REFERENCES: &str = "reference_hit_ratios";

/// The folders to look in.
#[derive(Debug)]
pub(crate) struct Data {
    folders: Vec<PathBuf>,
    /// What is to be said when the folder wanted is absent.
    pub(crate) note: Option<String>,
}

impl Data {
    /// The folder asked for, else the data beside the workspace; if it is absent, what is committed.
    pub(crate) fn find(asked: Option<PathBuf>) -> Result<Self> {
        let package = package();
        let root = package.parent().unwrap_or(&package);
        let wanted = asked.unwrap_or_else(|| root.parent().unwrap_or(root).join("shared/data"));
        if wanted.is_dir() {
            let inner = wanted.join("traces");
            return Ok(Self { folders: vec![wanted, inner], note: None });
        }
        ensure!(
            !wanted.exists(),
            "{} is no folder: give one with --data or CACHE_DATA_DIR",
            wanted.display()
        );
        let note = format!(
            "the folder {} is absent: only the traces in benches/data/traces are replayed; name another folder \
             with --data or CACHE_DATA_DIR",
            wanted.display()
        );
        Ok(Self { folders: vec![package.join("data/traces")], note: Some(note) })
    }

    /// The rows of every reference file, one a cell.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for path in self.reference_files()? {
            let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            rows.extend(reference::parse(file, &path)?);
        }
        if rows.is_empty() {
            bail!("no {REFERENCES}*.csv in {}", self);
        }
        reference::merge(rows)
    }

    fn reference_files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in self.folders.iter().filter(|folder| folder.is_dir()) {
            let unreadable = || format!("cannot list {}", folder.display());
            for entry in folder.read_dir().with_context(unreadable)? {
                let entry = entry.with_context(unreadable)?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(REFERENCES) && name.ends_with(".csv") {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The file of a trace, if there is one.
    pub(crate) fn trace(&self, name: &str) -> Option<PathBuf> {
        let names = trace::ENDINGS.map(|ending| format!("{name}{ending}"));
        let paths = self.folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        paths.into_iter().find(|path| path.is_file())
    }
}

impl std::fmt::Display for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folders: Vec<String> = self.folders.iter().map(|folder| from_the_root(folder)).collect();
        f.write_str(&folders.join(" or "))
    }
}

/// A folder in the workspace or beside it as it is found from the workspace's root, so that what is printed says
/// the same on every machine; any other as it is.
fn from_the_root(folder: &Path) -> String {
    let package = package();
    let root = package.parent().unwrap_or(&package);
    // At the root of the file system all would be beside it.
    let parent = root.parent().filter(|parent| parent.parent().is_some());
    let beside = parent.and_then(|parent| folder.strip_prefix(parent).ok());
    match (folder.strip_prefix(root), beside) {
        (Ok(within), _) => within.display().to_string(),
        (Err(_), Some(beside)) => Path::new("..").join(beside).display().to_string(),
        (Err(_), None) => folder.display().to_string(),
    }
}

/// This package's folder: as cargo says it at a run, else as it was at the build.
fn package() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).into(), Into::into)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_may_lie_in_the_folder_or_in_its_traces() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("traces");
        fs::create_dir(&inner).unwrap();
        fs::write(folder.path().join("reference_hit_ratios_a.csv"), "trace,size\na,1\nb,1\nc,1\n").unwrap();
        fs::write(inner.join("reference_hit_ratios.csv"), "trace,size\na,2\n").unwrap();
        fs::write(inner.join("other.csv"), "no reference").unwrap();
        fs::write(inner.join("a.txt"), "1\n").unwrap();
        fs::write(folder.path().join("b.txt.gz"), "1\n").unwrap();
        let data = Data::find(Some(folder.path().into())).unwrap();
        assert!(data.note.is_none());
        let cells: Vec<_> = data.rows().unwrap().into_iter().map(|row| (row.trace, row.size)).collect();
        assert_eq!(
            cells,
            [("a", 1), ("a", 2), ("b", 1), ("c", 1)].map(|(name, size)| (name.to_owned(), size))
        );
        assert_eq!(data.trace("a"), Some(inner.join("a.txt")));
        assert_eq!(data.trace("b"), Some(folder.path().join("b.txt.gz")));
        assert_eq!(data.trace("c"), None);
    }

    #[test]
    fn folders_are_told_as_found_from_the_workspace() {
        let package = package();
        assert_eq!(from_the_root(&package.join("data/traces")), "benches/data/traces");
        let beside = package.parent().and_then(Path::parent).filter(|parent| parent.parent().is_some());
        if let Some(beside) = beside {
            assert_eq!(from_the_root(&beside.join("shared/data")), "../shared/data");
        }
        assert_eq!(from_the_root(Path::new("/none/of/these")), "/none/of/these");
    }

    #[test]
    fn an_absent_folder_is_said_and_what_is_committed_taken() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::find(Some(folder.path().join("none"))).unwrap();
        let note = data.note.as_deref().unwrap();
        assert!(note.contains("none is absent") && note.contains("--data"), "{note}");
        assert!(!data.rows().unwrap().is_empty() && data.trace("web12").is_some());
    }

    #[test]
    fn a_folder_without_references_and_a_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let error = Data::find(Some(folder.path().into())).unwrap().rows().unwrap_err().to_string();
        assert!(error.starts_with("no reference_hit_ratios*.csv in "), "{error}");
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Data::find(Some(file)).is_err());
    }
}
