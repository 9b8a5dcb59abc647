//! `cargo xtask tidy`: checks what the compiler does not, and prints all complaints at once.

mod arrows;
mod comment_widths;
mod descriptions;
mod doc_verbs;
mod docs;
mod folder_sizes;
mod lean;
mod machine_paths;
mod names;
mod openings;
mod sizes;
mod tree;
mod type_names;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use self::docs::{adrs, benchmarks, change_table, features_table, map, rule_table};
use self::tree::Tree;
use crate::workspace;

/// A complaint: where, what is wrong, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    path: String,
    line: usize,
    text: String,
}

impl Complaint {
    fn new(path: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.into(), line, text: text.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Makes every check, prints every complaint, and returns whether there was none.
///
/// # Errors
/// Fails if the workspace cannot be read: no git, or a manifest that cargo refuses.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::read(root)?;
    let packages = workspace::packages(root)?;
    let mut complaints = Vec::new();
    complaints.extend(arrows::check(&packages, &tree));
    complaints.extend(descriptions::check(&packages));
    complaints.extend(features_table::check(&packages, &tree));
    complaints.extend(benchmarks::check(root)?);
    complaints.extend(lean::check(root)?);
    let checks = [
        adrs::check,
        change_table::check,
        comment_widths::check,
        doc_verbs::check,
        folder_sizes::check,
        machine_paths::check,
        map::check,
        names::check,
        openings::check,
        rule_table::check,
        sizes::check,
        type_names::check,
        words::check,
    ];
    complaints.extend(checks.iter().flat_map(|check| check(&tree)));
    complaints.sort();
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => println!("tidy: {} files in order", tree.len()),
        1 => println!("tidy: 1 complaint"),
        many => println!("tidy: {many} complaints"),
    }
    Ok(complaints.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Complaint;

    #[test]
    fn a_complaint_says_where_first() {
        assert_eq!(Complaint::new("a/b.rs", 7, "too long").to_string(), "a/b.rs:7: too long");
    }
}
