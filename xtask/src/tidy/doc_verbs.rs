//! A function's doc comment says what it returns, by the verb that every Rust reader expects.

use super::Complaint;
use super::tree::Tree;

/// First words of a doc comment, each with the one to use instead.
const VERBS: [(&str, &str); 1] = [("Answers", "Returns")];

/// Complains about each doc comment that begins with another verb than the usual one.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in tree.sources() {
        let mut before_is_doc = false;
        for (at, line) in text.lines().enumerate() {
            let doc = line.trim_start().strip_prefix("///").map(str::trim);
            let first = doc.filter(|_| !before_is_doc).and_then(|doc| doc.split([' ', ',', '.', ':']).next());
            if let Some((verb, instead)) = VERBS.iter().find(|(verb, _)| Some(*verb) == first) {
                let what = format!("`{verb}` begins a doc comment: say `{instead}`");
                complaints.push(Complaint::new(path, at + 1, what));
            }
            before_is_doc = doc.is_some();
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    #[test]
    fn only_the_first_word_of_a_doc_comment_counts() {
        let text = "//! Answers of all sorts.\n/// Answers with the key.\nfn a() {}\n/// A key.\n/// Answers too.\n\
                    fn b() {}\n    /// Answers, or not.\n// Answers here.\n/// Answered.\n";
        let complaints = check(&Tree::from([("crates/a/src/b.rs", text)]));
        let lines: Vec<usize> = complaints.iter().map(|complaint| complaint.line).collect();
        assert_eq!(lines, [2, 7]);
        assert!(complaints[0].text.ends_with("say `Returns`"));
    }
}
