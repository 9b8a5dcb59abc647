//! The table of rules in docs/architecture.md names files that are there, in the crate that it names.

use super::{quoted, table_after};
use crate::tidy::Complaint;
use crate::tidy::tree::Tree;

/// The sources of the suite that every tier passes, which are tests.
const SUITE: &str = "crates/cache-tier-suite/src/";
const PAGE: &str = "docs/architecture.md";
const FIRST_CELL: &str = "| rules |";

/// Complains about each file that a row names and that is not where the row says.
///
/// A row is `| rules | core `a.rs`; facade `b.rs` | `test.rs`, `tests/tests/c.rs` |`: files of a crate after
/// the last part of the crate's name, then tests, by path or by a name that some folder of tests has.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    // A page that is missing is the map's to complain about.
    let Some(text) = tree.text(PAGE) else { return Vec::new() };
    let rows = table_after(text, |line| line.starts_with(FIRST_CELL));
    if rows.is_empty() {
        let what = format!("no table of rules: add one that begins `{FIRST_CELL} kept in | shown in |`");
        return vec![Complaint::new(PAGE, 1, what)];
    }
    let mut complaints = Vec::new();
    for (line, cells) in rows {
        let kept_in = cells.get(1).copied().unwrap_or_default();
        let shown_in = cells.get(2).copied().unwrap_or_default();
        let missing = missing_sources(tree, kept_in).into_iter().chain(missing_tests(tree, shown_in));
        complaints.extend(missing.map(|what| Complaint::new(PAGE, line, what)));
    }
    complaints
}

fn missing_sources(tree: &Tree, kept_in: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for part in kept_in.split(';') {
        let name = part.split_whitespace().next().unwrap_or_default();
        let Some(source) = source_folder(tree, name) else {
            missing.push(format!("`{name}` is no crate: begin with the last part of one's name, as `core`"));
            continue;
        };
        for file in quoted(part).filter(|file| !has_below(tree, file, |folder| folder.starts_with(&source))) {
            missing.push(format!("`{file}` is not in `{source}`: name the file that keeps the rules now"));
        }
    }
    missing
}

fn missing_tests(tree: &Tree, shown_in: &str) -> Vec<String> {
    let is_there = |name: &&str| {
        let by_path = tree.has(name) || tree.has(&format!("{name}/"));
        let of_tests = |folder: &str| {
            folder.starts_with("tests/") || folder.contains("/tests/") || folder.starts_with(SUITE)
        };
        by_path || has_below(tree, name, of_tests)
    };
    let missing = quoted(shown_in).filter(|name| !is_there(name));
    missing
        .map(|name| format!("`{name}` is among no tests: name the file that shows the rules now"))
        .collect()
}

/// `crates/cache-core/src/` for `core`.
fn source_folder(tree: &Tree, name: &str) -> Option<String> {
    let suffix = format!("-{name}");
    tree.paths().find_map(|path| {
        let (crate_name, _) = path.strip_prefix("crates/")?.split_once("/src/")?;
        (crate_name == name || crate_name.ends_with(&suffix)).then(|| format!("crates/{crate_name}/src/"))
    })
}

/// Whether a file, or a folder if `name` ends in `/`, is anywhere in a folder for which `within` holds.
fn has_below(tree: &Tree, name: &str, within: impl Fn(&str) -> bool) -> bool {
    let inner = format!("/{name}");
    tree.paths().any(|path| {
        let found = if name.ends_with('/') {
            path.find(&inner).map(|at| at + 1)
        } else {
            path.ends_with(&inner).then(|| path.len() - name.len())
        };
        found.is_some_and(|at| within(&path[..at]))
    })
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Tree, check};

    fn texts(row: &str) -> Vec<String> {
        let page = format!("# A\n\n| rules | kept in | shown in |\n|---|---|---|\n{row}\n");
        let tree = Tree::from([
            (PAGE, page.as_str()),
            ("crates/cache-core/src/key.rs", ""),
            ("crates/cache-facade/src/load/flight.rs", ""),
            ("crates/cache-l1-redis/src/scripts/put.lua", ""),
            ("crates/cache-facade/tests/behaviour/races.rs", ""),
            ("crates/cache-tier-suite/src/promises/writes.rs", ""),
            ("tests/tests/model.rs", ""),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_that_name_what_is_there_are_in_order() {
        let row = "| 1-8 | core `key.rs`; facade `flight.rs`, `load/flight.rs`; redis `scripts/` | `races.rs`, \
                   `tests/tests/model.rs`, `writes.rs`, `crates/cache-facade/tests` |";
        assert_eq!(texts(row), [""; 0]);
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let found =
            texts("| 1-8 | core `flight.rs`; facade `flight.rs`; extra `key.rs` | `gone.rs`, `key.rs` |");
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].contains("`flight.rs` is not in `crates/cache-core/src/`"), "{found:?}");
        assert!(found[1].contains("`extra` is no crate"), "{found:?}");
        assert!(found[2].contains("`gone.rs` is among no tests"), "{found:?}");
        assert!(found[3].contains("`key.rs` is among no tests"), "a source is no test: {found:?}");
    }

    #[test]
    fn a_page_without_the_table_is_named() {
        assert!(check(&Tree::from([(PAGE, "# A\n")]))[0].text.starts_with("no table of rules"));
        assert_eq!(check(&Tree::default()), []);
    }
}
