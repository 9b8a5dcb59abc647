//! `docs/benchmarks.md` says what the records of benchmarks say, and nothing else.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::super::Complaint;
use crate::bench;

/// Complains if the page is another one than the records give.
///
/// # Errors
/// Fails if a record can't be read.
pub(crate) fn check(root: &Path) -> Result<Vec<Complaint>> {
    let there = fs::read_to_string(root.join(bench::DOCUMENT)).unwrap_or_default();
    let wanted = bench::page(root)?;
    let differing = |(line, other): (&str, &str)| line != other;
    Ok((there != wanted)
        .then(|| {
            let line = 1 + there.lines().zip(wanted.lines()).take_while(|pair| !differing(*pair)).count();
            let what = "this is not what the records in docs/benchmarks give: `cargo xtask bench all --write-docs --only \"\"` \
                        writes the page from them";
            Complaint::new(bench::DOCUMENT, line, what)
        })
        .into_iter()
        .collect())
}
