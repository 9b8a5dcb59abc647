//! The map in docs/architecture.md shows the tree as it is: nothing more, no crate or file less.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::Complaint;
use crate::tidy::tree::Tree;

const PAGE: &str = "docs/architecture.md";
const HEADING: &str = "## Map";

/// Complains about what the map shows and is not there, and what is there and not shown.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let Some(text) = tree.text(PAGE) else {
        return vec![Complaint::new(PAGE, 1, format!("no such page: write it, with a `{HEADING}`"))];
    };
    let Some((start, block)) = block(text) else {
        let what = format!("no map: add a fenced block of paths under a heading `{HEADING}`");
        return vec![Complaint::new(PAGE, 1, what)];
    };
    let (shown, mut complaints) = entries(start, &block);
    for (path, line) in &shown {
        if !tree.has(path) {
            complaints.push(Complaint::new(
                PAGE,
                *line,
                format!("`{path}` is not there: take it off the map"),
            ));
        }
    }
    for path in due(tree) {
        if !shown.contains_key(&path) {
            complaints.push(Complaint::new(PAGE, start, format!("`{path}` is not on the map: add its line")));
        }
    }
    complaints
}

/// The lines of the first fenced block under the heading, and the number of the line before them.
fn block(text: &str) -> Option<(usize, Vec<&str>)> {
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.trim_end() != HEADING).skip(1);
    let (fence, _) = lines
        .by_ref()
        .take_while(|(_, line)| !line.starts_with("# ") && !line.starts_with("## "))
        .find(|(_, line)| line.starts_with("```"))?;
    Some((fence + 1, lines.map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect()))
}

/// The full path of each line of the map with its line number, and complaints about odd lines.
fn entries(start: usize, block: &[&str]) -> (BTreeMap<String, usize>, Vec<Complaint>) {
    let (mut shown, mut complaints) = (BTreeMap::new(), Vec::new());
    let mut above: Vec<String> = Vec::new();
    for (at, line) in block.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = start + at + 1;
        let indent = line.len() - line.trim_start().len();
        let name = line.split_whitespace().next().unwrap_or_default();
        let depth = indent / 2;
        let folders_above = above.len();
        if indent % 2 != 0 || line.starts_with('\t') || depth > folders_above {
            let what =
                format!("`{name}` is indented by {indent}: indent by two spaces below a folder's line");
            complaints.push(Complaint::new(PAGE, number, what));
            continue;
        }
        above.truncate(depth);
        let path = above.concat() + name;
        if name.ends_with('/') {
            above.push(name.to_owned());
        }
        if shown.insert(path.clone(), number).is_some() {
            complaints.push(Complaint::new(PAGE, number, format!("`{path}` is shown twice: keep one line")));
        }
    }
    (shown, complaints)
}

/// What must be on the map: each package's folder, and what lies directly in each crate's `src`.
fn due(tree: &Tree) -> BTreeSet<String> {
    let packages: Vec<&str> = tree
        .paths()
        .filter_map(|path| path.strip_suffix("Cargo.toml"))
        .filter(|folder| match folder.strip_prefix("crates/") {
            Some(name) => name.matches('/').count() == 1,
            None => folder.matches('/').count() == 1,
        })
        .collect();
    let mut due: BTreeSet<String> = packages.iter().map(|folder| (*folder).to_owned()).collect();
    for (path, _) in tree.sources().filter(|(path, _)| path.starts_with("crates/")) {
        for folder in &packages {
            let Some(inside) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix("src/")) else {
                continue;
            };
            let shown = inside.split_inclusive('/').next().unwrap_or(inside);
            due.insert(format!("{folder}src/{shown}"));
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Tree, check};

    fn texts(map: &str) -> Vec<String> {
        let page = format!("# Architecture\n\n## Map\n\nAs it is.\n\n```text\n{map}```\n\n## Rest\n");
        let tree = Tree::from([
            (PAGE, page.as_str()),
            ("Cargo.toml", ""),
            ("crates/cache-core/Cargo.toml", ""),
            ("crates/cache-core/src/lib.rs", ""),
            ("crates/cache-core/src/key.rs", ""),
            ("crates/cache-core/src/tier/mod.rs", ""),
            ("crates/cache-core/tests/golden.rs", ""),
            ("xtask/Cargo.toml", ""),
            ("xtask/src/main.rs", ""),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    const TRUE: &str = "crates/\n  cache-core/        the words\n    src/\n      lib.rs    what is public\n      key.rs    \
                        a key\n      tier/     what a tier is\n\nxtask/  our commands\n";

    #[test]
    fn a_true_map_is_in_order() {
        assert_eq!(texts(TRUE), [""; 0]);
    }

    #[test]
    fn paths_may_be_joined_in_one_line() {
        let map = "crates/cache-core/  the words\n  src/lib.rs\n  src/key.rs\n  src/tier/\n    mod.rs  the trait\nxtask/\n";
        assert_eq!(texts(map), [""; 0]);
    }

    #[test]
    fn what_is_not_shown_is_named() {
        let map = TRUE.replace("      key.rs    a key\n", "").replace("xtask/  our commands\n", "");
        assert_eq!(
            texts(&map),
            [
                "docs/architecture.md:7: `crates/cache-core/src/key.rs` is not on the map: add its line",
                "docs/architecture.md:7: `xtask/` is not on the map: add its line",
            ]
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let map = TRUE.replace("key.rs    a key", "key.rs    a key\n      lock.rs   a lock");
        assert_eq!(
            texts(&map),
            ["docs/architecture.md:13: `crates/cache-core/src/lock.rs` is not there: take it off the map"]
        );
    }

    #[test]
    fn odd_lines_are_named() {
        let map = format!("{TRUE}   odd/\nxtask/  again\n  lib.rs\n");
        let texts = texts(&map);
        assert!(texts[0].contains("`odd/` is indented by 3"), "{texts:?}");
        assert!(texts[1].contains("`xtask/` is shown twice"), "{texts:?}");
        assert!(texts[2].contains("`xtask/lib.rs` is not there"), "{texts:?}");
    }

    #[test]
    fn a_page_without_a_map_is_named() {
        let none = Tree::from([("README.md", "")]);
        assert!(check(&none)[0].text.starts_with("no such page"));
        let elsewhere = Tree::from([(PAGE, "# Architecture\n\n## Map\n\n## Other\n\n```text\nx/\n```\n")]);
        assert!(check(&elsewhere)[0].text.starts_with("no map"));
    }
}
