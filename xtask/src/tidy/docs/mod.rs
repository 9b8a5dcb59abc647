//! Checks of the pages for people: they name what is there, and say what a successor would ask.

pub(super) mod adrs;
pub(super) mod benchmarks;
pub(super) mod change_table;
pub(super) mod features_table;
pub(super) mod map;
pub(super) mod rule_table;

/// The cells of a table's line, without the bars at its ends; `None` for any other line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

/// The lines of the first table after the line for which `starts` holds, without its heading, by number.
fn table_after(text: &str, starts: impl Fn(&str) -> bool) -> Vec<(usize, Vec<&str>)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let lines = lines.skip_while(|(_, line)| !starts(line)).skip_while(|(_, line)| cells(line).is_none());
    // The heading and the line of dashes under it.
    lines.map_while(|(number, line)| Some((number, cells(line)?))).skip(2).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::{cells, quoted, table_after};

    #[test]
    fn a_table_is_read_up_to_its_end() {
        let text = "# A\n| x |\n|---|\n| no |\n\n## B\ntext\n\n| x | y |\n|---|---|\n| 1 | `a` |\n| 2 | b |\n\n| 3 | c |\n";
        let table = table_after(text, |line| line == "## B");
        assert_eq!(table, [(11, vec!["1", "`a`"]), (12, vec!["2", "b"])]);
        assert!(table_after(text, |line| line == "## C").is_empty());
        assert_eq!(cells("no table"), None);
    }

    #[test]
    fn quoted_names_are_found() {
        assert_eq!(quoted("see `a.rs`, `b/` and c").collect::<Vec<_>>(), ["a.rs", "b/"]);
    }
}
