//! Gathers what ours and the peers measured, and makes one report of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    outcome::Outcome,
    reasons,
    rows::{ROWS, Row},
};
use crate::timing::{median, ratio};

/// The name of our own cache among the measured.
pub const OURS: &str = "ours";

/// What a figure is taken for in ratios if it is less: no clock tells a smaller one.
const LEAST: f64 = 0.001;

/// A peer that is not in the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why, as found in this run, and what to do about it.
    pub reason: String,
}

/// What was measured so far.
#[derive(Debug)]
pub struct Peers {
    rounds: BTreeMap<String, Vec<Outcome>>,
    left_out: Vec<LeftOut>,
    never_ms: f64,
}

impl Peers {
    /// Nothing yet. `never_ms` is how long a removal is waited for.
    #[must_use]
    pub fn new(never_ms: u64) -> Self {
        Self { rounds: BTreeMap::new(), left_out: Vec::new(), never_ms: never_ms as f64 }
    }

    /// Adds a round of a peer's.
    pub fn add(&mut self, name: &str, outcome: Outcome) {
        self.rounds.entry(name.to_owned()).or_default().push(outcome);
    }

    /// Leaves a peer out, whatever it has measured before.
    pub fn leave_out(&mut self, name: &str, reason: impl Into<String>) {
        self.rounds.remove(name);
        self.left_out.push(LeftOut { name: name.to_owned(), reason: reason.into() });
    }

    /// Whether a removal was waited for in vain, so that no other round needs to.
    #[must_use]
    pub fn never_hears(&self, name: &str) -> bool {
        let mut outcomes = self.rounds.get(name).into_iter().flatten();
        outcomes.any(|outcome| outcome.rows.get(super::rows::REMOVAL) == Some(&None))
    }

    /// The report: each row with our figure, every peer's, and the ratios.
    #[must_use]
    pub fn report(&self, machine: Value) -> Value {
        let rows: Vec<Value> = ROWS.iter().map(|row| self.row(row)).collect();
        let left_out: Vec<Value> =
            self.left_out.iter().map(|out| json!({ "name": out.name, "reason": out.reason })).collect();
        let versions: BTreeMap<&String, &String> =
            self.rounds.values().flatten().flat_map(|outcome| &outcome.versions).collect();
        json!({
            "machine": machine,
            "rounds": self.rounds.get(OURS).map_or(0, Vec::len),
            "rows": rows,
            "left_out": left_out,
            "versions": versions,
        })
    }

    fn row(&self, row: &Row) -> Value {
        let ours = self.figures(OURS, row);
        let mut peers = json!({});
        let mut ahead_of_us = Vec::new();
        for name in self.rounds.keys().filter(|name| *name != OURS) {
            let theirs = self.figures(name, row);
            let times = rounded(times_ours(row, &theirs, &ours));
            peers[name] = json!({ "value": rounded(summary(row, &theirs)), "ratio": times });
            if self.never_hears(name) && row.name == super::rows::REMOVAL {
                peers[name]["note"] = json!(format!("never within {} s", self.never_ms / 1e3));
            }
            if times < 1.0 {
                ahead_of_us.push(name.as_str());
            }
        }
        json!({
            "name": row.name,
            "unit": row.unit,
            "ours": rounded(summary(row, &ours)),
            "peers": peers,
            "ahead": ahead_of_us.is_empty(),
            "why_not": reasons::why_not(row.name, &ahead_of_us),
        })
    }

    /// A peer's figures of a row, by round. What once never happened counts as if it had when nobody waited any
    /// more, in all rounds: later ones don't wait for it again.
    fn figures(&self, name: &str, row: &Row) -> Vec<f64> {
        if row.name == super::rows::REMOVAL && self.never_hears(name) {
            return vec![self.never_ms];
        }
        let outcomes = self.rounds.get(name).into_iter().flatten();
        let figures = outcomes.filter_map(|outcome| outcome.rows.get(row.name));
        figures.map(|figure| figure.unwrap_or(self.never_ms)).collect()
    }
}

/// One figure for all rounds.
fn summary(row: &Row, rounds: &[f64]) -> f64 {
    if row.is_count { rounds.iter().copied().fold(0.0, f64::max) } else { median(rounds.to_vec()) }
}

/// How many times our figure theirs is: above 1, ours is better.
fn times_ours(row: &Row, theirs: &[f64], ours: &[f64]) -> f64 {
    let (theirs, ours) = (at_least(theirs), at_least(ours));
    if row.is_count || theirs.len() != ours.len() {
        summary(row, &theirs) / summary(row, &ours)
    } else {
        ratio(&theirs, &ours)
    }
}

fn at_least(figures: &[f64]) -> Vec<f64> {
    figures.iter().map(|figure| figure.max(LEAST)).collect()
}

/// A number with three decimals.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{OURS, Outcome, Peers, ROWS};
    use crate::peers::rows::REMOVAL;

    /// An outcome whose figures are all `figure`, but for one.
    fn outcome(figure: f64, but: &str, other: Option<f64>) -> Outcome {
        let rows = ROWS.iter().map(|row| (row.name.to_owned(), Some(figure)));
        let mut outcome = Outcome { rows: rows.collect(), ..Outcome::default() };
        outcome.rows.insert(but.to_owned(), other);
        outcome
    }

    fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
        report["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
    }

    #[test]
    fn a_time_is_the_median_and_its_ratio_that_of_single_rounds() {
        let mut peers = Peers::new(5_000);
        for (ours, theirs) in [(10.0, 20.0), (100.0, 110.0), (30.0, 90.0)] {
            peers.add(OURS, outcome(1.0, "near_hit", Some(ours)));
            peers.add("slow", outcome(1.0, "near_hit", Some(theirs)));
        }
        let report = peers.report(json!({ "cpu": "x" }));
        let hit = row(&report, "near_hit");
        assert_eq!(hit["ours"], 30.0);
        assert_eq!(hit["peers"]["slow"], json!({ "value": 90.0, "ratio": 2.0 }));
        assert_eq!((&hit["ahead"], &hit["why_not"]), (&json!(true), &Value::Null));
        assert_eq!(report["machine"]["cpu"], "x");
        assert_eq!(report["rounds"], 3);
    }

    #[test]
    fn a_count_is_that_of_the_worst_round() {
        let mut peers = Peers::new(5_000);
        for (ours, theirs) in [(1.0, 2.0), (1.0, 9.0), (2.0, 2.0)] {
            peers.add(OURS, outcome(1.0, "stampede_loads", Some(ours)));
            peers.add("x", outcome(1.0, "stampede_loads", Some(theirs)));
        }
        let report = peers.report(Value::Null);
        assert_eq!(row(&report, "stampede_loads")["ours"], 2.0);
        assert_eq!(row(&report, "stampede_loads")["peers"]["x"], json!({ "value": 9.0, "ratio": 4.5 }));
    }

    #[test]
    fn a_peer_that_is_ahead_is_told() {
        let mut peers = Peers::new(5_000);
        peers.add(OURS, outcome(2.0, "near_hit", Some(10.0)));
        peers.add("fast", outcome(2.0, "near_hit", Some(5.0)));
        let report = peers.report(Value::Null);
        assert_eq!(row(&report, "near_hit")["ahead"], false);
        assert_eq!(row(&report, "near_hit")["peers"]["fast"]["ratio"], 0.5);
        assert_eq!(row(&report, "redis_hit")["ahead"], true, "being as good is not being behind");
    }

    #[test]
    fn a_removal_that_is_never_seen_counts_as_long_as_it_was_waited_for() {
        let mut peers = Peers::new(5_000);
        peers.add(OURS, outcome(1.0, REMOVAL, Some(2.0)));
        peers.add(OURS, outcome(1.0, REMOVAL, Some(4.0)));
        peers.add("deaf", outcome(1.0, REMOVAL, None));
        assert!(peers.never_hears("deaf") && !peers.never_hears(OURS) && !peers.never_hears("unknown"));
        let mut unasked = outcome(1.0, REMOVAL, None);
        unasked.rows.remove(REMOVAL);
        peers.add("deaf", unasked);
        let report = peers.report(Value::Null);
        assert_eq!(
            row(&report, REMOVAL)["peers"]["deaf"],
            json!({ "value": 5_000.0, "ratio": 1_250.0, "note": "never within 5 s" })
        );
        assert!(row(&report, "near_hit")["peers"]["deaf"]["note"].is_null());
    }

    #[test]
    fn who_is_left_out_is_in_no_row_but_named() {
        let mut peers = Peers::new(5_000);
        peers.add(OURS, outcome(1.0, "near_hit", Some(1.0)));
        peers.add("broken", outcome(1.0, "near_hit", Some(1.0)));
        peers.leave_out("broken", "it failed (exit status: 1): no such module");
        peers.leave_out("absent", "`go` is not installed");
        let report = peers.report(Value::Null);
        assert_eq!(row(&report, "near_hit")["peers"], json!({}));
        assert_eq!(
            report["left_out"],
            json!([
                { "name": "broken", "reason": "it failed (exit status: 1): no such module" },
                { "name": "absent", "reason": "`go` is not installed" },
            ])
        );
    }

    #[test]
    fn nothing_divides_by_zero() {
        let mut peers = Peers::new(5_000);
        peers.add(OURS, outcome(0.0, "near_hit", Some(0.0)));
        peers.add("x", outcome(0.0, "near_hit", Some(3.0)));
        let report = peers.report(Value::Null);
        assert_eq!(row(&report, "redis_hit")["peers"]["x"]["ratio"], 1.0);
        assert_eq!(row(&report, "near_hit")["peers"]["x"]["ratio"], 3_000.0);
    }
}
