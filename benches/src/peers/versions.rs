//! The versions of the crates that are compared, as this build has them.

/// The workspace's lock file.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Returns the version of a crate. If there are several, all of them.
#[must_use]
pub fn locked_version(name: &str) -> String {
    versions_in(LOCK, name).join(" and ")
}

fn versions_in<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let packages = lock.split("[[package]]").filter_map(|package| {
        let field = |field: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(" = \""))?;
            line.strip_suffix('"')
        };
        (field("name")? == name).then(|| field("version"))?
    });
    packages.collect()
}

#[cfg(test)]
mod tests {
    use super::{locked_version, versions_in};

    #[test]
    fn a_version_is_that_of_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"ab\"\nversion = \"9.0.0\"\n";
        assert_eq!(versions_in(lock, "a"), ["1.2.3"]);
        assert!(versions_in(lock, "b").is_empty());
        assert!(locked_version("moka").starts_with("0.12"));
    }
}
