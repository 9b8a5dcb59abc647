//! The table of rules: for each, how many tests hold it and whether they passed.

use std::collections::BTreeMap;
use std::fmt;

use super::left_out::LeftOut;
use super::outcome::{Outcome, Verdict};
use crate::rules::{self, RULES};

/// What the tests said about each rule, by number.
#[derive(Debug)]
pub(crate) struct Table {
    rows: BTreeMap<u32, Row>,
}

#[derive(Debug)]
struct Row {
    text: &'static str,
    tests: usize,
    failed: usize,
    /// Whether a test of it was left out.
    left_out: bool,
}

impl Table {
    /// Every rule there is, and any other that a test's name speaks of.
    pub(crate) fn of(outcome: &Outcome, left_out: &LeftOut) -> Self {
        let row = |number, text| Row { text, tests: 0, failed: 0, left_out: left_out.has(number) };
        let mut rows: BTreeMap<u32, Row> =
            RULES.iter().map(|rule| (rule.number, row(rule.number, rule.text))).collect();
        for (name, verdict) in outcome.tests() {
            let Some(number) = rules::number_in(name) else { continue };
            let unknown = || row(number, "(a rule without a text)");
            let row = rows.entry(number).or_insert_with(unknown);
            row.tests += usize::from(verdict != Verdict::Ignored);
            row.failed += usize::from(verdict == Verdict::Failed);
        }
        Self { rows }
    }

    /// The rules that have no test, not even one that was left out.
    pub(crate) fn missing(&self) -> Vec<u32> {
        self.rows.iter().filter(|(_, row)| row.state() == State::Missing).map(|(number, _)| *number).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Failed,
    Missing,
    LeftOut,
}

impl Row {
    fn state(&self) -> State {
        match (self.tests, self.failed) {
            (0, _) if self.left_out => State::LeftOut,
            (0, _) => State::Missing,
            (_, 0) => State::Ok,
            _ => State::Failed,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Missing => "MISSING",
            Self::LeftOut => "left out: its tests need servers",
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.values().map(|row| row.text.chars().count()).max().unwrap_or(0);
        writeln!(f, "rule  {:width$}  tests  result", "what it promises")?;
        for (number, row) in &self.rows {
            writeln!(f, "{number:>4}  {:width$}  {:>5}  {}", row.text, row.tests, row.state())?;
        }
        let count = |state| self.rows.values().filter(|row| row.state() == state).count();
        let (ok, failed) = (count(State::Ok), count(State::Failed));
        let (missing, left_out) = (count(State::Missing), count(State::LeftOut));
        writeln!(f, "rules: {ok} ok, {failed} failed, {missing} missing, {left_out} left out")
    }
}

#[cfg(test)]
mod tests {
    use super::{LeftOut, Outcome, Table};
    use crate::rules::RULES;

    fn table(lines: &str) -> Table {
        table_without(lines, LeftOut::default())
    }

    fn table_without(lines: &str, left_out: LeftOut) -> Table {
        let mut outcome = Outcome::default();
        lines.lines().for_each(|line| outcome.read(line));
        Table::of(&outcome, &left_out)
    }

    fn row(table: &Table, number: u32) -> String {
        let start = format!("{number:>4}  ");
        let text = table.to_string();
        let line = text.lines().find(|line| line.starts_with(&start)).unwrap_or("no such row");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_rule_counts_its_variants_and_fails_with_any() {
        let table = table(
            "test rule_01_cold ... ok\ntest memory::rule_53_bytes ... ok\ntest disk::rule_53_bytes ... FAILED\n",
        );
        assert!(row(&table, 1).ends_with(" 1 ok"), "{}", row(&table, 1));
        assert!(row(&table, 53).ends_with(" 2 FAILED"), "{}", row(&table, 53));
        assert!(row(&table, 2).ends_with(" 0 MISSING"), "{}", row(&table, 2));
        assert!(!table.missing().contains(&1) && table.missing().contains(&2));
    }

    #[test]
    fn an_ignored_test_holds_nothing() {
        assert!(table("test rule_02_dropped ... ignored\n").missing().contains(&2));
    }

    #[test]
    fn rules_beyond_those_known_show_up() {
        let table = table("test rule_52_hangs ... ok\ntest rule_999_new ... ok\n");
        assert!(row(&table, 52).ends_with(" 1 ok"), "{}", row(&table, 52));
        assert!(row(&table, 999).ends_with("(a rule without a text) 1 ok"), "{}", row(&table, 999));
    }

    #[test]
    fn a_rule_whose_only_tests_were_left_out_is_not_missing() {
        let table = table_without("test rule_02_dropped ... ok\n", LeftOut::with_rules([1, 2, 9]));
        assert!(row(&table, 1).ends_with(" 0 left out: its tests need servers"), "{}", row(&table, 1));
        assert!(row(&table, 2).ends_with(" 1 ok"), "{}", row(&table, 2));
        assert!(row(&table, 9).ends_with(" 0 left out: its tests need servers"), "{}", row(&table, 9));
        assert!(row(&table, 3).ends_with(" 0 MISSING"), "{}", row(&table, 3));
        assert!(!table.missing().contains(&1) && table.missing().contains(&3));
        assert!(table.to_string().contains(", 2 left out"), "{table}");
    }

    #[test]
    fn without_tests_every_rule_is_missing() {
        assert_eq!(table("").missing().len(), RULES.len());
    }
}
