//! No tracked text names a place of one machine: a path must mean the same on every other.

use super::Complaint;
use super::tree::Tree;

/// This check's own tests spell such paths out.
const EXEMPT: &str = "xtask/src/tidy/";

/// Folders under which a path belongs to one machine.
const PLACES: [&str; 3] = ["/work/", "/root/", "/home/"];

/// Complains about each line that names such a path.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !path.starts_with(EXEMPT)) {
        for (at, line) in text.lines().enumerate() {
            if let Some(place) = PLACES.iter().find(|place| names(line, place)) {
                let what = format!(
                    "a path under `{place}` exists on one machine only: write it from the project's root"
                );
                complaints.push(Complaint::new(path, at + 1, what));
            }
        }
    }
    complaints
}

/// Whether the line has an absolute path under `place`, and not a longer one that contains it.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + place.len()..].chars().next();
        let begins = before.is_none_or(|c| c.is_whitespace() || "\"'`=:(<[,;/>|".contains(c));
        begins && after.is_some_and(|c| c.is_alphanumeric() || "._-<$*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    fn lines(text: &str) -> Vec<usize> {
        check(&Tree::from([("docs/a.md", text)])).iter().map(|complaint| complaint.line).collect()
    }

    #[test]
    fn absolute_paths_are_found() {
        let text = "see /work/main\nin `/root/.cargo`\n\"/home/ada/x\"\nfile:///home/ada\ndir=/work/x\n";
        assert_eq!(lines(text), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn other_paths_and_words_are_not() {
        let text = "https://example.org/home/ada\ndocs/work/plan.md\n{root}/work/x\n~/work/x\n/workshop/x\n\
                    $HOME/work/x\nwork/home/root balance\n";
        assert!(lines(text).is_empty(), "{:?}", lines(text));
    }
}
