//! A source is named for what it holds, not for being left over.

use super::Complaint;
use super::tree::Tree;

const NAMELESS: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

/// Complains about each source, or folder of sources, whose name says nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    tree.sources()
        .filter_map(|(path, _)| {
            let parts = path.trim_end_matches(".rs").split('/');
            let name = parts.into_iter().find(|part| NAMELESS.contains(part))?;
            Some(Complaint::new(path, 1, format!("`{name}` says nothing: name it for what it holds")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    #[test]
    fn names_that_say_nothing_are_refused() {
        let tree = Tree::from([
            ("crates/a/src/utils.rs", ""),
            ("tests/src/common/mod.rs", ""),
            ("crates/a/src/helpers_of_none.rs", ""),
            ("crates/a/src/commonality.rs", ""),
            ("docs/common.md", ""),
        ]);
        let complaints = check(&tree);
        let paths: Vec<&str> = complaints.iter().map(|complaint| complaint.path.as_str()).collect();
        assert_eq!(paths, ["crates/a/src/utils.rs", "tests/src/common/mod.rs"]);
    }
}
