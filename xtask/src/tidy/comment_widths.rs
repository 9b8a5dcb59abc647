//! A comment's line is no wider than a reader's window: rustfmt wraps code, and leaves comments as they are.

use super::Complaint;
use super::tree::Tree;

const MAX_WIDTH: usize = 115;

/// Complains about each line of a comment that is too wide, but for examples and tables, which can't be
/// wrapped.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in tree.sources() {
        let mut in_example = false;
        for (at, line) in text.lines().enumerate() {
            let Some(comment) = line.trim_start().strip_prefix("//") else {
                in_example = false;
                continue;
            };
            let comment = comment.trim_start_matches(['/', '!']).trim_start();
            if comment.starts_with("```") {
                in_example = !in_example;
            }
            let width = line.chars().count();
            let can_be_wrapped = !in_example && !comment.starts_with('|') && comment.contains(' ');
            if width > MAX_WIDTH && can_be_wrapped {
                let what = format!("a comment of {width} columns, at most {MAX_WIDTH}: wrap it");
                complaints.push(Complaint::new(path, at + 1, what));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{MAX_WIDTH, Tree, check};

    fn lines(text: &str) -> Vec<usize> {
        check(&Tree::from([("crates/a/src/b.rs", text)])).iter().map(|complaint| complaint.line).collect()
    }

    #[test]
    fn a_wide_comment_is_named() {
        let fits = format!("/// {}", "ä ".repeat((MAX_WIDTH - 4) / 2));
        assert_eq!(lines(&fits), [0; 0]);
        assert_eq!(lines(&format!("//! A.\n{fits} word\n    // {fits}\n")), [2, 3]);
    }

    #[test]
    fn code_examples_tables_and_links_may_be_wide() {
        let wide = "x y ".repeat(40);
        let text = format!(
            "//! A.\nlet x = \"{wide}\";\n/// ```\n/// {wide}\n/// ```\n/// | {wide} |\n// {}\n/// {wide}\n",
            "https://example.org/".repeat(10)
        );
        assert_eq!(lines(&text), [8]);
    }
}
