//! Words that have no place in a source, or only in one: features, the wall clock, unfinished work.

use super::Complaint;
use super::tree::Tree;

/// This check's own tests spell the words out.
const EXEMPT: &str = "xtask/src/tidy/";

/// Words that mean the same thing, where alone they may stand, and what to do elsewhere.
struct Word {
    spellings: &'static [&'static str],
    allowed: &'static [&'static str],
    instead: &'static str,
}

const WORDS: &[Word] = &[
    Word {
        spellings: &[
            "cfg(feature",
            "cfg(not(feature",
            "cfg(any(feature",
            "cfg(all(feature",
            "cfg!(feature",
            "cfg_attr(feature",
            "cfg_attr(not(feature",
        ],
        allowed: &[
            "crates/cache-facade/src/lib.rs",
            "crates/cache-facade/src/cookbook.rs",
            "crates/cache-facade/src/config/mod.rs",
            // Only the crate of the trait or that of the type may say how a `Uuid` is an id.
            "crates/cache-core/src/key/id.rs",
            "crates/cache-core/src/key/from_id.rs",
            // A policy without its store is no policy: the variant goes with it.
            "crates/cache-memory/src/eviction.rs",
            "crates/cache-memory/src/policies/mod.rs",
            "crates/cache-memory/src/store/mod.rs",
            "crates/cache-memory/tests/policies.rs",
            "crates/cache-memory/tests/suite.rs",
            // Where TLS is, or what refuses it.
            "crates/cache-l1-redis/src/connection/mod.rs",
            "crates/cache-l2-pg/src/connection/mod.rs",
            // Where the export of spans is, or what refuses it.
            "crates/cache-server/src/otlp/mod.rs",
        ],
        instead: "features are chosen in the facade's lib.rs and config/mod.rs, and where a driver's parts are listed",
    },
    Word {
        spellings: &["SystemTime::now"],
        allowed: &["crates/cache-core/src/time/kernel.rs"],
        instead: "take `now` from a cache_core::Clock",
    },
    Word { spellings: &["todo!(", "unimplemented!("], allowed: &[], instead: "finish it" },
    Word { spellings: &["dbg!("], allowed: &[], instead: "remove it, or send an event" },
    Word {
        spellings: &["#[ignore"],
        allowed: &[],
        instead: "let the test run, or remove it: a skipped test proves nothing",
    },
];

/// Complains about each such word outside its place; a line that is a comment may speak of it.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in tree.sources().filter(|(path, _)| !path.starts_with(EXEMPT)) {
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (at, line) in code {
            for word in WORDS.iter().filter(|word| !word.allowed.contains(&path)) {
                if let Some(found) = word.spellings.iter().find(|spelling| line.contains(*spelling)) {
                    complaints.push(Complaint::new(
                        path,
                        at + 1,
                        format!("`{found}` here: {}", word.instead),
                    ));
                }
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&Tree::from([(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn features_are_named_in_few_places() {
        let text = "//! A.\n#[cfg(feature = \"disk\")]\nmod disk;\n";
        assert!(complaints("crates/cache-facade/src/lib.rs", text).is_empty());
        assert!(complaints("crates/cache-facade/src/config/mod.rs", text).is_empty());
        assert_eq!(
            complaints("crates/cache-facade/src/read.rs", text),
            ["crates/cache-facade/src/read.rs:2: `cfg(feature` here: \
              features are chosen in the facade's lib.rs and config/mod.rs, and where a driver's parts are listed"]
        );
        assert_eq!(complaints("crates/a/src/config.rs", "#[cfg(not(feature = \"x\"))]").len(), 1);
    }

    #[test]
    fn the_wall_clock_is_read_in_kernel_rs_alone() {
        let text = "let now = SystemTime::now();";
        assert!(complaints("crates/cache-core/src/time/kernel.rs", text).is_empty());
        assert_eq!(complaints("crates/cache-disk/src/clock.rs", text).len(), 1);
        assert_eq!(complaints("tests/tests/a.rs", text).len(), 1);
    }

    #[test]
    fn unfinished_work_is_refused_everywhere() {
        for text in ["todo!()", "unimplemented!(\"x\")", "dbg!(x);", "#[ignore]", "#[ignore = \"slow\"]"] {
            assert_eq!(complaints("benches/src/bin/hit.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_comment_may_speak_of_them() {
        assert!(
            complaints("crates/a/src/lib.rs", "//! Never `SystemTime::now`.\n    /// Nor `todo!()`.")
                .is_empty()
        );
    }
}
