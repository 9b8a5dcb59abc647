//! The table "Where do I change X" in CONTRIBUTING.md names places that are there, and enough of them.

use super::{quoted, table_after};
use crate::tidy::Complaint;
use crate::tidy::tree::Tree;

const PAGE: &str = "CONTRIBUTING.md";
const HEADING: &str = "Where do I change";
const MIN_ROWS: usize = 28;

/// Complains about paths in the table that are not there, rows without a path, and a table too short.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let Some(text) = tree.text(PAGE) else {
        let what = format!("no such page: write it, with a table under a heading \"{HEADING} ...\"");
        return vec![Complaint::new(PAGE, 1, what)];
    };
    let rows = table_after(text, |line| line.starts_with('#') && line.contains(HEADING));
    let mut complaints = Vec::new();
    for (line, cells) in &rows {
        let targets = cells.iter().skip(1).flat_map(|cell| quoted(cell));
        let paths: Vec<&str> = targets.filter(|target| is_path(target)).collect();
        if paths.is_empty() {
            let what = format!("`{}` leads nowhere: name a path in backticks", cells[0]);
            complaints.push(Complaint::new(PAGE, *line, what));
        }
        for path in paths.into_iter().filter(|path| !tree.has(path) && !tree.has(&format!("{path}/"))) {
            let what = format!("`{path}` is not there: name the file or folder that took its place");
            complaints.push(Complaint::new(PAGE, *line, what));
        }
    }
    if rows.len() < MIN_ROWS {
        let what = format!(
            "{} rows under a heading \"{HEADING} ...\", at least {MIN_ROWS}: add the changes that people make",
            rows.len()
        );
        complaints.push(Complaint::new(PAGE, rows.first().map_or(1, |(line, _)| *line), what));
    }
    complaints
}

/// Whether a text in backticks is meant as a path rather than as code.
fn is_path(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    plain && (text.contains('/') || text.ends_with(".rs") || text.ends_with(".md") || text.ends_with(".toml"))
}

#[cfg(test)]
mod tests {
    use super::{MIN_ROWS, PAGE, Tree, check};

    fn texts(rows: &str) -> Vec<String> {
        let page =
            format!("# Contributing\n\n## Where do I change X?\n\n| change | place |\n|---|---|\n{rows}\n");
        let tree = Tree::from([(PAGE, page.as_str()), ("crates/a/src/b.rs", ""), ("README.md", "")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    fn enough(last: &str) -> String {
        "| a thing | `crates/a/src/b.rs`, then `cargo test` |\n".repeat(MIN_ROWS - 1) + last
    }

    #[test]
    fn a_table_whose_paths_are_there_is_in_order() {
        assert_eq!(texts(&enough("| a folder | `crates/a/src` and `crates/a/`, `README.md` |")), [""; 0]);
    }

    #[test]
    fn a_page_that_is_missing_is_named() {
        let found = check(&Tree::from([("README.md", "")]));
        assert_eq!(found.len(), 1);
        assert!(found[0].text.starts_with("no such page"), "{found:?}");
    }

    #[test]
    fn paths_that_are_not_there_and_rows_without_one_are_named() {
        let found = texts(&enough("| a lock | `crates/a/src/lock.rs` |\n| nothing | by `cargo xtask` |"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`crates/a/src/lock.rs` is not there"), "{found:?}");
        assert!(found[1].contains("`nothing` leads nowhere"), "{found:?}");
    }

    #[test]
    fn a_short_table_is_named() {
        let found = texts("| a thing | `crates/a/src/b.rs` |");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("CONTRIBUTING.md:7: 1 rows"), "{found:?}");
    }
}
