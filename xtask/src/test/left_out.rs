//! What a run without servers leaves out: the test targets that need them, and the rules they hold.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::rules;
use crate::workspace::Package;

/// The test targets that need servers, as `package: target`, and the rules that tests in them hold.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    targets: Vec<String>,
    rules: BTreeSet<u32>,
}

impl LeftOut {
    /// What is left out of these packages' tests. The rules are those that the targets' sources name.
    ///
    /// # Errors
    /// Fails if a source can't be read.
    pub(crate) fn of(packages: &[Package]) -> Result<Self> {
        let mut all = Self::default();
        for package in packages {
            for target in package.targets.iter().filter(|target| target.is_served_test()) {
                all.targets.push(format!("{}: {}", package.name, target.name));
                for source in sources(&target.src_path)? {
                    let text = fs::read_to_string(&source);
                    let text = text.with_context(|| format!("cannot read {}", source.display()))?;
                    all.rules.extend(rules_in(&text));
                }
            }
        }
        Ok(all)
    }

    /// Whether a test of the rule was left out.
    pub(crate) fn has(&self, rule: u32) -> bool {
        self.rules.contains(&rule)
    }
}

/// For the table's own tests.
#[cfg(test)]
impl LeftOut {
    pub(crate) fn with_rules<const N: usize>(rules: [u32; N]) -> Self {
        Self { targets: Vec::new(), rules: rules.into() }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.targets.is_empty() {
            return f.write_str("nothing: no test needs a server");
        }
        write!(
            f,
            "the {} test program(s) that need servers ({})",
            self.targets.len(),
            self.targets.join(", ")
        )
    }
}

/// A target's first source, and those of the modules in the folder of its name.
fn sources(first: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![first.to_path_buf()];
    let is_main = first.file_name().is_some_and(|name| name == "main.rs");
    let folder = if is_main { first.parent().map(Path::to_path_buf) } else { Some(first.with_extension("")) };
    let mut folders: Vec<PathBuf> = folder.into_iter().filter(|folder| folder.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        let entries = folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The rules that names in a source speak of, outside comments.
fn rules_in(text: &str) -> impl Iterator<Item = u32> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.filter_map(rules::number_in)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{LeftOut, rules_in, sources};
    use crate::workspace::{Package, Target};

    fn package(root: &Path, targets: &[(&str, &[&str])]) -> Package {
        let targets = targets.iter().map(|(name, features)| Target {
            name: (*name).to_owned(),
            kind: vec!["test".to_owned()],
            required_features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            src_path: root.join(format!("{name}.rs")),
        });
        Package {
            name: "a".to_owned(),
            description: None,
            dependencies: Vec::new(),
            features: Default::default(),
            targets: targets.collect(),
            manifest: "crates/a/Cargo.toml".to_owned(),
        }
    }

    #[test]
    fn rules_are_read_from_the_names_of_tests() {
        let text = "async fn rule_09_loads_once() {}\n// fn rule_10_lapses() {}\n    each!(rule_55_order, x)";
        assert_eq!(rules_in(text).collect::<Vec<_>>(), [9, 55]);
    }

    #[test]
    fn targets_that_need_servers_are_left_out_with_their_rules() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("live/deep")).unwrap();
        fs::write(root.path().join("live.rs"), "fn rule_09_a() {}").unwrap();
        fs::write(root.path().join("live/deep/b.rs"), "fn rule_10_b() {}").unwrap();
        fs::write(root.path().join("plain.rs"), "fn rule_11_c() {}").unwrap();
        let package = package(root.path(), &[("live", &["services"]), ("plain", &[])]);
        let left_out = LeftOut::of(&[package]).unwrap();
        assert_eq!([9, 10, 11].map(|rule| left_out.has(rule)), [true, true, false]);
        assert_eq!(left_out.to_string(), "the 1 test program(s) that need servers (a: live)");
        assert_eq!(LeftOut::default().to_string(), "nothing: no test needs a server");
    }

    #[test]
    fn a_folder_with_a_main_is_read_whole() {
        let root = tempfile::tempdir().unwrap();
        for file in ["main.rs", "part.rs", "notes.md"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let mut found = sources(&root.path().join("main.rs")).unwrap();
        found.sort();
        found.dedup();
        assert_eq!(found, ["main.rs", "part.rs"].map(|file| root.path().join(file)));
    }
}
