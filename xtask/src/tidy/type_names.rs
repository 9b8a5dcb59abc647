//! One name, one meaning: no two types of the crates are called alike, unless they are one idea.

use std::collections::BTreeMap;

use super::Complaint;
use super::tree::Tree;

/// Names that several types may have, each with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("Answer", "to be renamed: facade, macros, market"),
    ("Backoff", "to be renamed: facade, redis (core's)"),
    ("Call", "to be renamed: redis, pg, market"),
    ("Changes", "to be renamed: market"),
    ("Check", "to be renamed: config"),
    ("Count", "to be renamed: facade, market"),
    ("Counters", "what a tier or the cache counts, private to each, behind its public statistics"),
    ("Engine", "to be renamed: disk"),
    ("Entry", "to be renamed: market"),
    ("Eviction", "to be renamed: redis"),
    ("Fault", "to be renamed: disk, market"),
    ("Faults", "to be renamed: config, market"),
    ("Found", "to be renamed: facade, pg"),
    ("Freshness", "to be renamed: server"),
    ("Held", "to be renamed: disk, pg, memory"),
    ("Home", "to be renamed: disk, redis"),
    ("Keeper", "to be renamed: disk, pg"),
    ("Name", "to be renamed: config, redis"),
    ("Names", "to be renamed: redis, pg"),
    ("Node", "to be renamed: config"),
    ("Outcome", "to be renamed: disk, redis"),
    ("Patterns", "to be renamed: redis, pg"),
    ("Place", "to be renamed: disk, config, memory"),
    ("Query", "to be renamed: server"),
    ("Queue", "to be renamed: pg, memory"),
    ("Reach", "to be renamed: facade, redis"),
    ("Row", "to be renamed: pg, market"),
    ("Secret", "to be renamed: config, redis, market (core's)"),
    ("Session", "to be renamed: pg"),
    ("Shared", "to be renamed: facade, redis, pg"),
    ("Slot", "to be renamed: facade, memory"),
    ("Store", "where a tier keeps its records, private to each tier"),
    ("Target", "to be renamed: pg"),
    ("Task", "to be renamed: redis, server"),
    ("Ttl", "to be renamed: memory"),
];

/// Complains about each type whose name another one has, and each allowance that is no longer needed.
///
/// Types are those that a whole crate or its users can see: `pub` or `pub(crate)`. Re-exports define nothing.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    check_but(tree, ALLOWED)
}

fn check_but(tree: &Tree, allowed: &[(&str, &str)]) -> Vec<Complaint> {
    let mut types: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for (path, text) in tree.sources().filter(|(path, _)| is_source_of_crate(path)) {
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
        for (at, line) in code.lines().enumerate() {
            if let Some(name) = defined_in(line) {
                types.entry(name).or_default().push((path, at + 1));
            }
        }
    }
    let is_double = |name: &str| types.get(name).is_some_and(|places| places.len() > 1);
    let mut complaints = Vec::new();
    for (name, places) in &types {
        if allowed.iter().any(|(other, _)| other == name) {
            continue;
        }
        let (first, _) = places[0];
        for (path, line) in &places[1..] {
            let what = format!(
                "`{name}` names a type in {first} too: give each meaning its own noun, or allow the name with a \
                 reason in xtask/src/tidy/type_names.rs"
            );
            complaints.push(Complaint::new(*path, *line, what));
        }
    }
    for (name, reason) in allowed.iter().filter(|(name, _)| !is_double(name)) {
        let what =
            format!("`{name}` ({reason}) names at most one type: take it off the list of names allowed");
        complaints.push(Complaint::new(file!(), 1, what));
    }
    complaints
}

/// Whether a path is a source of a crate and no file of tests within it.
fn is_source_of_crate(path: &str) -> bool {
    let Some((_, inside)) = path.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/")) else {
        return false;
    };
    !inside.trim_end_matches(".rs").split('/').any(|part| part == "tests")
}

/// The name of the type that a line defines for its crate or for all.
fn defined_in(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
    let rest =
        ["struct ", "enum ", "trait ", "type ", "union "].iter().find_map(|word| rest.strip_prefix(word))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    // A macro's `$name` names nothing yet.
    (end > 0).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::{Tree, check_but, defined_in};

    fn texts(allowed: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::from([
            (
                "crates/a/src/held.rs",
                "//! A.\npub(crate) struct Held<T>(T);\npub use b::Store;\nstruct Own;\n",
            ),
            ("crates/a/src/tests/held.rs", "//! A.\npub(crate) struct Held;\n"),
            ("crates/b/src/held.rs", "//! B.\n    pub enum Held {\n}\nstruct Own;\npub struct Store;\n"),
            (
                "crates/b/src/other.rs",
                "//! B.\npub(super) struct Held;\n#[cfg(test)]\nmod tests {\n    pub struct Held;\n",
            ),
            ("tests/src/held.rs", "//! C.\npub struct Held;\n"),
        ]);
        check_but(&tree, allowed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_that_two_types_have_is_named() {
        let found = texts(&[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crates/b/src/held.rs:2: `Held` names a type in crates/a/src/held.rs too")
        );
    }

    #[test]
    fn an_allowance_holds_as_long_as_it_is_needed() {
        assert_eq!(texts(&[("Held", "one idea")]), [""; 0]);
        let found = texts(&[("Held", "one idea"), ("Store", "was two")]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("`Store` (was two) names at most one type"), "{found:?}");
    }

    #[test]
    fn definitions_are_told_from_other_lines() {
        assert_eq!(defined_in("pub type Result<T> = X;"), Some("Result"));
        for line in
            ["pub struct $name;", "struct Own;", "pub fn a() {}", "pub use a::B;", "pub(super) struct C;"]
        {
            assert_eq!(defined_in(line), None, "{line}");
        }
    }
}
