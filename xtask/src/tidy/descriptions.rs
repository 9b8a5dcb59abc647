//! Every package says in its manifest what it is.

use super::Complaint;
use crate::workspace::Package;

/// Complains about each package without a description.
pub(crate) fn check(packages: &[Package]) -> Vec<Complaint> {
    packages
        .iter()
        .filter(|package| package.description.as_deref().is_none_or(|text| text.trim().is_empty()))
        .map(|package| {
            let what = format!("`{}` has no description: add `description = \"...\"`", package.name);
            Complaint::new(&package.manifest, 1, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::Package;

    fn package(name: &str, description: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            description: description.map(str::to_owned),
            dependencies: Vec::new(),
            features: Default::default(),
            targets: Vec::new(),
            manifest: format!("crates/{name}/Cargo.toml"),
        }
    }

    #[test]
    fn a_package_without_a_description_is_named() {
        let packages = [package("a", Some("The words.")), package("b", None), package("c", Some(" "))];
        let complaints = check(&packages);
        assert_eq!(complaints.len(), 2);
        assert_eq!(
            complaints[0].to_string(),
            "crates/b/Cargo.toml:1: `b` has no description: add `description = \"...\"`"
        );
    }
}
