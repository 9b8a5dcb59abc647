//! Decision records are numbered without gaps and say what a successor would ask.

use crate::tidy::Complaint;
use crate::tidy::tree::Tree;

const FOLDER: &str = "docs/adr/";
const HEADINGS: [&str; 4] = ["Context", "Decision", "Drawbacks", "Alternatives"];

/// Complains about gaps and doubles in the numbers, and about headings that are missing.
pub(crate) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut next = 1;
    for (path, text) in tree.texts() {
        let Some(name) = path.strip_prefix(FOLDER).filter(|name| *name != "README.md") else { continue };
        let Some(number) = number(name) else {
            let what = format!("`{name}` is no record's name: call it NNNN-words.md");
            complaints.push(Complaint::new(path, 1, what));
            continue;
        };
        if number != next {
            let what =
                format!("number {number:04} where {next:04} is next: number records without gaps or doubles");
            complaints.push(Complaint::new(path, 1, what));
        }
        next = number + 1;
        for heading in HEADINGS.iter().filter(|heading| !has_heading(text, heading)) {
            complaints.push(Complaint::new(
                path,
                1,
                format!("no heading `{heading}`: add it, with its text"),
            ));
        }
    }
    complaints
}

/// 3 for `0003-bincode.md`.
fn number(name: &str) -> Option<u32> {
    let (digits, words) = name.strip_suffix(".md")?.split_once('-')?;
    let well_formed = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()) && !words.is_empty();
    if well_formed { digits.parse().ok() } else { None }
}

fn has_heading(text: &str, heading: &str) -> bool {
    text.lines().filter(|line| line.starts_with('#')).any(|line| {
        let title = line.trim_start_matches('#').trim_start();
        title.strip_prefix(heading).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    const WHOLE: &str = "# Disk\n\n## Context\n\n## Decision\n\n## Drawbacks\n\n## Alternatives considered\n";

    fn texts<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        check(&Tree::from(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whole_records_in_a_row_are_in_order() {
        let files =
            [("docs/adr/0001-a.md", WHOLE), ("docs/adr/0002-b.md", WHOLE), ("docs/adr/README.md", "")];
        assert_eq!(texts(files), [""; 0]);
    }

    #[test]
    fn gaps_doubles_and_odd_names_are_named() {
        let files = [
            ("docs/adr/0001-a.md", WHOLE),
            ("docs/adr/0003-b.md", WHOLE),
            ("docs/adr/0003-c.md", WHOLE),
            ("docs/adr/notes.md", WHOLE),
        ];
        let texts = texts(files);
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].starts_with("docs/adr/0003-b.md:1: number 0003 where 0002 is next"), "{texts:?}");
        assert!(texts[1].starts_with("docs/adr/0003-c.md:1: number 0003 where 0004 is next"), "{texts:?}");
        assert!(texts[2].contains("NNNN-words.md"), "{texts:?}");
    }

    #[test]
    fn a_missing_heading_is_named() {
        let text = "# Disk\n## Context\n## Decisions\nAlternatives\n## Drawbacks\n";
        assert_eq!(
            texts([("docs/adr/0001-a.md", text)]),
            [
                "docs/adr/0001-a.md:1: no heading `Decision`: add it, with its text",
                "docs/adr/0001-a.md:1: no heading `Alternatives`: add it, with its text",
            ]
        );
    }
}
