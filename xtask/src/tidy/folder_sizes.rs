//! A folder holds no more sources than a reader can keep in mind: beyond that, ideas get folders of their
//! own.

use std::collections::BTreeMap;

use super::Complaint;
use super::tree::Tree;

/// How many sources may lie directly in one folder of a crate's `src`.
const MAX_IN_SRC: usize = 12;
/// How many elsewhere: in folders of tests, benchmarks and of this program.
const MAX_ELSEWHERE: usize = 15;

/// Folders that may hold more, each with the reason.
const ALLOWED: &[(&str, &str)] = &[("crates/market-calendar/src/exchanges", "one exchange a file")];

/// Complains about each folder that holds too many sources, and each allowance that is no longer needed.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    check_but(tree, ALLOWED)
}

fn check_but(tree: &Tree, allowed: &[(&str, &str)]) -> Vec<Complaint> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, _) in tree.sources() {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let is_over = |folder: &str, files: usize| files > max_in(folder);
    let over = folders.iter().filter(|(folder, files)| is_over(folder, **files));
    let over = over.filter(|(folder, _)| !allowed.iter().any(|(name, _)| name == *folder));
    let mut complaints: Vec<Complaint> = over
        .map(|(folder, files)| {
            let what = format!(
                "{files} sources in one folder, at most {}: give each idea a folder of its own",
                max_in(folder)
            );
            Complaint::new(*folder, 1, what)
        })
        .collect();
    for (folder, reason) in allowed {
        if !folders.get(folder).is_some_and(|files| is_over(folder, *files)) {
            let what =
                format!("`{folder}` ({reason}) is within its size: take it off the list of folders allowed");
            complaints.push(Complaint::new(file!(), 1, what));
        }
    }
    complaints
}

fn max_in(folder: &str) -> usize {
    let of_a_crate = folder.starts_with("crates/") && folder.split('/').nth(2) == Some("src");
    if of_a_crate { MAX_IN_SRC } else { MAX_ELSEWHERE }
}

#[cfg(test)]
mod tests {
    use super::{Tree, check_but};

    fn texts(files: usize, folder: &str, allowed: &[(&str, &str)]) -> Vec<String> {
        let mut tree = Tree::from([("crates/b/src/lib.rs", "")]);
        (0..files).for_each(|n| tree.add(&format!("{folder}/f{n}.rs"), ""));
        tree.add(&format!("{folder}/inner/f.rs"), "");
        tree.add(&format!("{folder}/notes.md"), "");
        check_but(&tree, allowed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_folder_over_its_size_is_named() {
        assert_eq!(texts(12, "crates/a/src", &[]), [""; 0]);
        let found = texts(13, "crates/a/src", &[]);
        assert_eq!(
            found,
            ["crates/a/src:1: 13 sources in one folder, at most 12: give each idea a folder of its own"]
        );
        assert_eq!(texts(13, "crates/a/src/inner/deep", &[]).len(), 1);
        assert_eq!(texts(15, "crates/a/tests/b", &[]), [""; 0]);
        assert_eq!(texts(16, "crates/a/tests/b", &[]).len(), 1);
        assert_eq!(texts(16, "xtask/src", &[]).len(), 1);
    }

    #[test]
    fn an_allowance_holds_as_long_as_it_is_needed() {
        let allowed = [("crates/a/src", "one word a file")];
        assert_eq!(texts(13, "crates/a/src", &allowed), [""; 0]);
        let found = texts(12, "crates/a/src", &allowed);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`crates/a/src` (one word a file) is within its size"), "{found:?}");
    }
}
