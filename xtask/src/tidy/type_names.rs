//! One name, one meaning: no two types of the crates are called alike, unless they are one idea.

use std::collections::BTreeMap;

use super::Complaint;
use super::tree::Tree;

/// Names that several types may have, each with the reason.
const ALLOWED: &[(&str, &str)] = &[
    ("Connector", "what opens connections, private to each shared tier"),
    ("Context", "what the tier, bus and lease of one server share, private to each shared tier"),
    ("Counters", "what a tier or the cache counts, private to each, behind its public statistics"),
    ("Error", "market-calendar knows no other crate of ours, and so not the core's"),
    ("ErrorKind", "market-calendar knows no other crate of ours, and so not the core's"),
    ("MakeTls", "the driver's type with TLS, and without"),
    ("PatternCache", "the removals by pattern that a process knows, private to each shared tier"),
    ("Result", "market-calendar knows no other crate of ours, and so not the core's"),
    ("SpanExport", "the export of spans, and what stands in its place where it is not built in"),
    ("Store", "where a tier keeps its records, private to each tier"),
    ("TlsSettings", "TLS, and what stands in its place where it is not built in"),
    ("TlsStreams", "TLS, and what stands in its place where it is not built in"),
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
