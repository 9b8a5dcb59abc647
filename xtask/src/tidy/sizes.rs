//! One file, one idea: a Rust source has at most 400 lines.

use super::Complaint;
use super::tree::Tree;

const MAX_LINES: usize = 400;

/// Complains about each source that is too long.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    tree.sources()
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            (lines > MAX_LINES).then(|| {
                let what = format!("{lines} lines, at most {MAX_LINES}: split it by idea");
                Complaint::new(path, lines, what)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    #[test]
    fn four_hundred_lines_are_the_most() {
        let (most, more) = ("x\n".repeat(400), "x\n".repeat(401));
        let tree = Tree::from(
            [("crates/a/src/b.rs", &most), ("tests/c.rs", &more), ("docs/d.md", &more)]
                .map(|(path, text)| (path, text.as_str())),
        );
        let complaints = check(&tree);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].to_string(), "tests/c.rs:401: 401 lines, at most 400: split it by idea");
    }
}
