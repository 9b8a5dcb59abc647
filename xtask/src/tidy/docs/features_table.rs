//! The tables of the facade's features say what its manifest has, and which are on by default.

use std::collections::{BTreeMap, BTreeSet};

use super::table_after;
use crate::tidy::Complaint;
use crate::tidy::tree::Tree;
use crate::workspace::Package;

const FACADE: &str = "cache-facade";
/// Where the tables are.
const PAGES: [&str; 2] = ["README.md", "crates/cache-facade/docs/features.md"];
const HEADER: &str = "| feature | default |";

/// Complains about each feature that a table lacks, has too much, or has with another default.
pub(crate) fn check(packages: &[Package], tree: &Tree) -> Vec<Complaint> {
    let Some(facade) = packages.iter().find(|package| package.name == FACADE) else { return Vec::new() };
    let by_default: BTreeSet<&str> =
        facade.features.get("default").into_iter().flatten().map(String::as_str).collect();
    let features = facade.features.keys().map(String::as_str).filter(|name| *name != "default");
    let wanted: BTreeMap<&str, &str> =
        features.map(|name| (name, if by_default.contains(name) { "yes" } else { "no" })).collect();
    let pages = PAGES.iter().filter_map(|page| Some((*page, tree.text(page)?)));
    pages.flat_map(|(page, text)| of_page(page, text, &wanted)).collect()
}

fn of_page<'a>(page: &str, text: &'a str, wanted: &BTreeMap<&str, &str>) -> Vec<Complaint> {
    let rows = table_after(text, |line| line.starts_with(HEADER));
    let Some(line) = rows.first().map(|(line, _)| line - 2) else {
        return vec![Complaint::new(
            page,
            1,
            format!("no table of the features of {FACADE}: add `{HEADER}`"),
        )];
    };
    let cells = |row: &[&'a str]| Some((row.first()?.trim_matches('`'), *row.get(1)?));
    let found: BTreeMap<&str, &str> = rows.iter().filter_map(|(_, row)| cells(row)).collect();
    let names: BTreeSet<&str> = wanted.keys().chain(found.keys()).copied().collect();
    let complaint = |name| {
        let what = match (wanted.get(name), found.get(name)) {
            (Some(_), None) => format!("feature `{name}` of {FACADE} is not in this table: add it"),
            (None, Some(_)) => format!("{FACADE} has no feature `{name}`: take it out of this table"),
            (Some(wanted), Some(found)) if wanted != found => {
                format!("feature `{name}` of {FACADE} is by default `{wanted}`, not `{found}`")
            }
            _ => return None,
        };
        Some(Complaint::new(page, line, what))
    };
    names.into_iter().filter_map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::{Package, Tree, check};

    fn complaints(rows: &str) -> Vec<String> {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let facade = Package {
            name: "cache-facade".to_owned(),
            description: None,
            dependencies: Vec::new(),
            features: [("default", list(&["macros"])), ("macros", list(&[])), ("disk", list(&[]))]
                .map(|(name, of)| (name.to_owned(), of))
                .into(),
            targets: Vec::new(),
            manifest: "crates/cache-facade/Cargo.toml".to_owned(),
        };
        let page =
            format!("# Cache\n\n| feature | default | adds |\n|---|---|---|\n{rows}\n| `no` | row |\n");
        let tree = Tree::from([("README.md", page.as_str())]);
        check(&[facade], &tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_that_says_what_the_manifest_has_is_in_order() {
        assert_eq!(complaints("| `macros` | yes | a |\n| `disk` | no | b |\n"), [""; 0]);
    }

    #[test]
    fn what_is_missing_too_much_or_wrong_is_named() {
        let said = complaints("| `macros` | no | a |\n| `dusk` | no | b |\n");
        assert_eq!(
            said,
            [
                "README.md:3: feature `disk` of cache-facade is not in this table: add it",
                "README.md:3: cache-facade has no feature `dusk`: take it out of this table",
                "README.md:3: feature `macros` of cache-facade is by default `yes`, not `no`",
            ]
        );
    }
}
