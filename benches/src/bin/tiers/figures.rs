//! The figures: which sides each compares, the bound of its ratio, and the report.

use std::collections::BTreeMap;

use benches::timing::median;
use serde_json::{Value, json};

use crate::paired::Round;

/// A comparison of two sides. One with a dot in its name is part of what stands before the dot.
#[derive(Debug)]
pub(crate) struct Figure {
    name: &'static str,
    sides: [&'static str; 2],
    bound: Bound,
}

/// What a ratio should be.
#[derive(Debug)]
enum Bound {
    /// The first side's time by the second's.
    AtMost(f64),
    /// The second side's time by the first's: how many times as fast the first is.
    AtLeast(f64),
}

const TIER_AND_RAW: [&str; 2] = ["tier_us", "raw_us"];
const BATCH_AND_SINGLY: [&str; 2] = ["batch_us", "singly_us"];

macro_rules! figures {
    ($($figure:ident = $name:literal, $sides:ident, $bound:expr;)+) => {
        $(pub(crate) static $figure: Figure = Figure { name: $name, sides: $sides, bound: $bound };)+

        /// All, in the order in which they are shown.
        static ALL: &[&Figure] = &[$(&$figure),+];
    };
}

figures! {
    REDIS_GET = "redis_get", TIER_AND_RAW, Bound::AtMost(1.15);
    REDIS_GET_MANY = "redis_get_many_100", TIER_AND_RAW, Bound::AtMost(1.2);
    REDIS_PUT_MANY = "redis_put_many_100", TIER_AND_RAW, Bound::AtMost(1.5);
    REDIS_CONCURRENT = "redis_concurrent_1000", TIER_AND_RAW, Bound::AtLeast(0.85);
    PG_GET_MANY = "pg_get_many_100", TIER_AND_RAW, Bound::AtMost(1.15);
    PG_PUT_MANY = "pg_put_many_100", TIER_AND_RAW, Bound::AtMost(1.2);
    REDIS_BATCH_GET = "batch_vs_single_100.redis_get", BATCH_AND_SINGLY, Bound::AtLeast(10.0);
    REDIS_BATCH_PUT = "batch_vs_single_100.redis_put", BATCH_AND_SINGLY, Bound::AtLeast(10.0);
    PG_BATCH_GET = "batch_vs_single_100.pg_get", BATCH_AND_SINGLY, Bound::AtLeast(10.0);
    PG_BATCH_PUT = "batch_vs_single_100.pg_put", BATCH_AND_SINGLY, Bound::AtLeast(10.0);
}

impl Figure {
    fn report(&self, rounds: &[Round]) -> Value {
        let ratio = |round: &Round| match self.bound {
            Bound::AtMost(_) => round.one / round.other,
            Bound::AtLeast(_) => round.other / round.one,
        };
        let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let quartile = |of_four: usize| ratios.get((ratios.len() - 1) * of_four / 4).copied();
        let quartiles = [1, 3].map(|at| rounded(quartile(at).unwrap_or(f64::NAN), 3));
        let middle = median(ratios.clone());
        let (bound, limit, holds) = match self.bound {
            Bound::AtMost(limit) => ("at_most", limit, middle <= limit),
            Bound::AtLeast(limit) => ("at_least", limit, middle >= limit),
        };
        let micros = |side: fn(&Round) -> f64| rounded(median(rounds.iter().map(side).collect()), 2);
        json!({
            "ratio": rounded(middle, 3),
            "quartiles": quartiles,
            bound: limit,
            "holds": holds,
            self.sides[0]: micros(|round| round.one),
            self.sides[1]: micros(|round| round.other),
            "rounds": rounds.len(),
        })
    }
}

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<&'static str, Vec<Round>>);

impl Figures {
    pub(crate) fn note(&mut self, figure: &'static Figure, round: Round) {
        self.0.entry(figure.name).or_default().push(round);
    }

    pub(crate) fn extend(&mut self, more: Self) {
        for (name, rounds) in more.0 {
            self.0.entry(name).or_default().extend(rounds);
        }
    }

    /// One object with all figures; `holds` says whether all bounds are kept.
    pub(crate) fn report(&self) -> Value {
        let (mut report, mut holds) = (json!({}), true);
        for figure in ALL {
            let Some(rounds) = self.0.get(figure.name) else { continue };
            let found = figure.report(rounds);
            holds &= found["holds"] == true;
            match figure.name.split_once('.') {
                Some((whole, part)) => report[whole][part] = found,
                None => report[figure.name] = found,
            }
        }
        report["holds"] = holds.into();
        report
    }
}

/// Shows a report as a table.
pub(crate) fn print_table(report: &Value) {
    println!(
        "values of {} bytes, {} rounds, {} s; times in microseconds",
        report["value_bytes"], report["rounds"], report["seconds"]
    );
    println!(
        "{:32}{:>10}{:>10}{:>8}{:>16}{:>14}{:>7}",
        "", "tier", "raw", "ratio", "quartiles", "wanted", "holds"
    );
    for figure in ALL {
        let found = match figure.name.split_once('.') {
            Some((whole, part)) => &report[whole][part],
            None => &report[figure.name],
        };
        let [one, other] = figure.sides.map(|side| format!("{:.1}", number(&found[side])));
        let wanted = match figure.bound {
            Bound::AtMost(limit) => format!("at most {limit}"),
            Bound::AtLeast(limit) => format!("at least {limit}"),
        };
        println!(
            "{:32}{one:>10}{other:>10}{:>8.3}{:>16}{wanted:>14}{:>7}",
            figure.name,
            number(&found["ratio"]),
            format!("{:.3}..{:.3}", number(&found["quartiles"][0]), number(&found["quartiles"][1])),
            if found["holds"] == true { "yes" } else { "NO" },
        );
    }
    println!("batch_vs_single_100: a batch beside 100 single calls, both by the tier");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A number with this many decimals.
pub(crate) fn rounded(number: f64, decimals: i32) -> Value {
    let scale = 10_f64.powi(decimals);
    json!((number * scale).round() / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_bounds_are_kept_by_it() {
        let mut figures = Figures::default();
        for (one, other) in [(10.0, 10.0), (110.0, 100.0), (90.0, 30.0)] {
            figures.note(&REDIS_GET, Round { one, other });
            figures.note(&REDIS_CONCURRENT, Round { one, other });
            figures.note(&PG_BATCH_PUT, Round { one, other });
        }
        let report = figures.report();
        assert_eq!(report["redis_get"]["ratio"], 1.1);
        assert_eq!(report["redis_get"]["holds"], true);
        assert_eq!(report["redis_get"]["tier_us"], 90.0);
        assert_eq!(report["redis_get"]["raw_us"], 30.0);
        assert_eq!(report["redis_concurrent_1000"]["ratio"], 0.909);
        assert_eq!(report["redis_concurrent_1000"]["holds"], true);
        assert_eq!(report["batch_vs_single_100"]["pg_put"]["holds"], false);
        assert_eq!(report["holds"], false);
    }
}
