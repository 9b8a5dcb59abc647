//! What the tests said: names and results, read from the lines that test programs print.

/// The tests seen so far and the totals of the programs that ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    tests: Vec<(String, Verdict)>,
    slow: Vec<String>,
    passed: usize,
    failed: usize,
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

impl Outcome {
    /// Takes in one line of output; one that says nothing about a test changes nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let line = plain(line);
        let line = line.trim_end();
        if let Some(totals) = line.strip_prefix("test result: ") {
            self.passed += count(totals, "passed");
            self.failed += count(totals, "failed");
            self.slow.clear();
        } else if let Some(test) = test(line) {
            self.slow.retain(|slow| *slow != test.0);
            self.tests.push(test);
        } else if let Some(slow) = slow(line) {
            self.slow.push(slow.to_owned());
        }
    }

    /// Returns whether a test of the program that runs is known to be slow, and hasn't ended.
    pub(crate) fn is_slow(&self) -> bool {
        !self.slow.is_empty()
    }

    /// Counts the slow tests as failed, and returns their names.
    pub(crate) fn fail_the_slow(&mut self) -> Vec<String> {
        let slow = std::mem::take(&mut self.slow);
        self.tests.extend(slow.iter().map(|name| (name.clone(), Verdict::Failed)));
        slow
    }

    /// Each test's name and how it ended, in the order of running.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (&str, Verdict)> {
        self.tests.iter().map(|(name, verdict)| (name.as_str(), *verdict))
    }

    /// The names of the tests that failed.
    pub(crate) fn failed_names(&self) -> impl Iterator<Item = &str> {
        self.tests().filter(|(_, verdict)| *verdict == Verdict::Failed).map(|(name, _)| name)
    }

    /// How many tests passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed
    }

    /// How many tests failed, by the totals or by name: a program that crashed prints no totals.
    pub(crate) fn failed(&self) -> usize {
        self.failed.max(self.failed_names().count())
    }
}

/// `test NAME ... ok`, with what may stand after either.
fn test(line: &str) -> Option<(String, Verdict)> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match result.split([' ', ',']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some((name.to_owned(), verdict))
}

/// The name in `test NAME has been running for over 60 seconds`.
fn slow(line: &str) -> Option<&str> {
    Some(line.strip_prefix("test ")?.split_once(" has been running for over ")?.0)
}

/// The number before `word` in `ok. 3 passed; 0 failed; 1 ignored; ...`.
fn count(totals: &str, word: &str) -> usize {
    let mut words = totals.split([' ', ';', '.']).filter(|part| !part.is_empty());
    let mut before = "";
    words
        .find_map(|part| {
            let number = if part == word { before.parse().ok() } else { None };
            before = part;
            number
        })
        .unwrap_or(0)
}

/// The line without the escape codes that colour it.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Verdict};

    fn read(lines: &str) -> Outcome {
        let mut outcome = Outcome::default();
        lines.lines().for_each(|line| outcome.read(line));
        outcome
    }

    #[test]
    fn names_and_results_are_read() {
        let outcome = read(
            "running 5 tests\ntest tests::rule_01_cold ... ok\ntest b ... FAILED\n\
             test c ... ignored, takes long\ntest d - should panic ... ok\n\
             test crates/x/src/lib.rs - Key (line 12) ... ok <0.1s>\n\
             test slow has been running for over 60 seconds\n",
        );
        let tests: Vec<_> = outcome.tests().collect();
        assert_eq!(
            tests,
            [
                ("tests::rule_01_cold", Verdict::Passed),
                ("b", Verdict::Failed),
                ("c", Verdict::Ignored),
                ("d", Verdict::Passed),
                ("crates/x/src/lib.rs - Key (line 12)", Verdict::Passed),
            ]
        );
        assert_eq!(outcome.failed_names().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn totals_are_added_over_programs() {
        let outcome = read(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
             test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out",
        );
        assert_eq!((outcome.passed(), outcome.failed()), (15, 2));
    }

    #[test]
    fn a_program_that_crashed_keeps_its_failures() {
        assert_eq!(read("test a ... FAILED\n").failed(), 1);
    }

    #[test]
    fn what_is_slow_until_it_ends_may_be_counted_as_failed() {
        let slow =
            "test a has been running for over 60 seconds\ntest b has been running for over 60 seconds\n";
        assert!(!read(&format!("{slow}test a ... ok\ntest b ... ok\n")).is_slow());
        assert!(!read(&format!("{slow}test result: FAILED. 0 passed; 2 failed")).is_slow());
        let mut outcome = read(&format!("{slow}test b ... ok\n"));
        assert!(outcome.is_slow());
        assert_eq!(outcome.fail_the_slow(), ["a"]);
        assert_eq!(outcome.failed_names().collect::<Vec<_>>(), ["a"]);
        assert!(!outcome.is_slow() && outcome.failed() == 1);
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        let outcome = read(
            "test a ... \u{1b}[32mok\u{1b}[0m\ntest result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 1 passed; 0 failed",
        );
        assert_eq!(outcome.tests().next(), Some(("a", Verdict::Passed)));
        assert_eq!(outcome.passed(), 1);
    }
}
