//! A Rust source opens with one `//!` sentence that says what it is for.

use super::Complaint;
use super::tree::Tree;

/// Complains about each source whose first line says nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    tree.sources()
        .filter(|(_, text)| {
            let opening = text.lines().next().and_then(|line| line.strip_prefix("//!"));
            opening.is_none_or(|sentence| sentence.trim().is_empty())
        })
        .map(|(path, _)| {
            Complaint::new(
                path,
                1,
                "no opening: begin with one `//!` sentence that says what this file is for",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    #[test]
    fn the_first_line_must_say_something() {
        let tree = Tree::from([
            ("crates/a/src/good.rs", "//! Good.\nfn a() {}\n"),
            ("crates/a/src/late.rs", "\n//! Late.\n"),
            ("crates/a/src/mute.rs", "//!\nfn a() {}\n"),
            ("crates/a/src/none.rs", "// None.\n"),
            ("crates/a/src/void.rs", ""),
            ("build/other.rs", "fn main() {}\n"),
        ]);
        let paths: Vec<String> = check(&tree).into_iter().map(|complaint| complaint.path).collect();
        assert_eq!(paths, ["late", "mute", "none", "void"].map(|name| format!("crates/a/src/{name}.rs")));
    }
}
