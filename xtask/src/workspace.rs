//! The workspace as cargo sees it: its root, its packages and what they depend on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::shell;

/// One package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature switches on.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    /// Where its `Cargo.toml` is, relative to the root once [`packages`] hands it out.
    #[serde(rename = "manifest_path")]
    pub(crate) manifest: String,
}

/// One program or library that cargo makes of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `test` for an integration test.
    pub(crate) kind: Vec<String>,
    /// Without all of these, cargo does not make it.
    #[serde(default, rename = "required-features")]
    pub(crate) required_features: Vec<String>,
    /// Its first source file.
    pub(crate) src_path: PathBuf,
}

/// One line of a package's dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) optional: bool,
}

impl Package {
    /// Whether it is one of the product's crates rather than a package that tests or builds them.
    pub(crate) fn is_crate(&self) -> bool {
        self.manifest.starts_with("crates/")
    }
}

impl Target {
    /// Whether it is an integration test that needs servers.
    pub(crate) fn is_served_test(&self) -> bool {
        let is_test = self.kind.iter().any(|kind| kind == "test");
        is_test && self.required_features.iter().any(|feature| feature == SERVICES)
    }
}

impl Dependency {
    /// Whether only its package's own tests and examples see it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

/// The feature without which cargo makes no test that needs servers.
const SERVICES: &str = "services";

/// What tests run with, as cargo's `--features` takes it: every feature of the product's crates, and
/// `services` of any package if there are servers.
///
/// Not every feature there is: what benchmarks compare with would change features of what is tested.
pub(crate) fn features_of_tests(packages: &[Package], served: bool) -> String {
    let mut features = Vec::new();
    for package in packages {
        let wanted = |feature: &&String| if *feature == SERVICES { served } else { package.is_crate() };
        let of_package = package.features.keys().filter(wanted);
        features.extend(of_package.map(|feature| format!("{}/{feature}", package.name)));
    }
    features.join(",")
}

/// The folder of the workspace's `Cargo.toml`.
///
/// # Errors
/// Fails if the place of this program's own source is not a folder within a workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    match own.parent() {
        Some(root) if root.join("Cargo.toml").is_file() => Ok(root.to_path_buf()),
        _ => bail!("no Cargo.toml above {}: run this as `cargo xtask` inside the workspace", own.display()),
    }
}

/// Every package of the workspace, by name.
///
/// # Errors
/// Fails if `cargo metadata` does, which a broken manifest makes it do.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>> {
    let mut command = shell::cargo(root, ["metadata", "--format-version", "1", "--no-deps"]);
    let output = command.output().context("cannot start `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    read(&output.stdout, root)
}

fn read(json: &[u8], root: &Path) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let Metadata { mut packages } =
        serde_json::from_slice(json).context("`cargo metadata` printed something unexpected")?;
    for package in &mut packages {
        if let Ok(inside) = Path::new(&package.manifest).strip_prefix(root) {
            package.manifest = inside.to_string_lossy().into_owned();
        }
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Target, features_of_tests, read};

    #[test]
    fn packages_are_read_from_metadata() {
        let json = br#"{"packages": [{"name": "b", "description": null, "version": "0.1.0",
            "manifest_path": "/place/crates/b/Cargo.toml",
            "features": {"default": ["disk"], "disk": [], "services": []},
            "targets": [{"name": "live", "kind": ["test"], "src_path": "/place/crates/b/tests/live.rs",
            "required-features": ["services"]},
            {"name": "b", "kind": ["lib"], "src_path": "/place/crates/b/src/lib.rs"}],
            "dependencies": [{"name": "a", "kind": "dev", "optional": false, "req": "^1"}]},
            {"name": "a", "description": "A.", "manifest_path": "/place/a/Cargo.toml",
            "features": {"peers": [], "services": []}, "dependencies": []}]}"#;
        let packages = read(json, Path::new("/place")).unwrap();
        assert_eq!(packages[0].manifest, "a/Cargo.toml");
        assert!(!packages[0].is_crate());
        assert_eq!(packages[1].name, "b");
        assert!(packages[1].is_crate() && packages[1].dependencies[0].is_dev());
        assert_eq!(features_of_tests(&packages, false), "b/default,b/disk");
        assert_eq!(features_of_tests(&packages, true), "a/services,b/default,b/disk,b/services");
        let served: Vec<bool> = packages[1].targets.iter().map(Target::is_served_test).collect();
        assert_eq!(served, [true, false]);
    }
}
