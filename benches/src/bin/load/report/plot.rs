//! The plots of the report: latencies by percentile and by rate, and bars.

use std::fmt::Write;

use benches::plot::{Axis, Drawn, Line, WIDTH, label, opening, plot};

use super::units::{rate, tick, time};

/// The height of one bar, with the gap below it.
const BAR: f64 = 40.0;

/// A bar, with its length as a number.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) series: usize,
    pub(super) value: f64,
}

/// An axis of quantiles, by how rare the rest is.
fn rareness() -> Axis {
    let names = [(0.0, "0"), (0.5_f64.log10().abs(), "50"), (1.0, "90"), (2.0, "99"), (3.0, "99.9")];
    Axis::new(0.0, 3.0, names.map(|(at, name)| (at, name.to_owned())).to_vec(), "percentile")
}

/// Plots latencies by percentile; points are pairs of a quantile and a time in milliseconds.
pub(super) fn percentiles(lines: &[Line]) -> String {
    let y = Axis::powers(times(lines), time, "latency");
    let placed = |line: &Line| {
        let place = |(quantile, ms): &(f64, f64)| (-(1.0 - quantile).log10(), ms.log10());
        line.points.iter().filter(|(_, ms)| *ms > 0.0).map(place).collect()
    };
    plot("Latency by percentile", [&rareness(), &y], lines, placed, Drawn::default())
}

/// Plots the 99th percentile by rate, with the limit that it must stay below.
pub(super) fn rates(lines: &[Line], limit_ms: f64) -> String {
    let x = Axis::powers(
        lines.iter().flat_map(|line| line.points.iter().map(|(rate, _)| *rate)),
        tick,
        "requests a second",
    );
    let y = Axis::powers(times(lines).chain([limit_ms]), time, "p99");
    let placed = |line: &Line| {
        let mut points = line.points.clone();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points.into_iter().filter(|(_, ms)| *ms > 0.0).map(|(rate, ms)| (rate.log10(), ms.log10())).collect()
    };
    // A single point has no line, and of a search each rate is told apart.
    plot("Latency by rate", [&x, &y], lines, placed, Drawn { limit: Some(limit_ms.log10()), dots: true })
}

fn times(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| line.points.iter().map(|(_, ms)| *ms))
}

/// Draws bars below each other, each with its name and number above it.
pub(super) fn bars(bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let mut svg = opening("Operations a second", BAR * bars.len() as f64);
    for (at, bar) in bars.iter().enumerate() {
        let top = BAR * at as f64;
        let width = if most > 0.0 { (bar.value / most * (WIDTH - 2.0)).max(1.0) } else { 1.0 };
        label(&mut svg, "start", (0.0, top + 14.0), &bar.name);
        label(&mut svg, "end", (WIDTH, top + 14.0), &format!("{}/s", rate(bar.value)));
        let _ = write!(
            svg,
            r#"<rect class="bar s{}" x="0" y="{:.1}" width="{width:.1}" height="12" rx="2"/>"#,
            bar.series,
            top + 20.0
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(points: &[(f64, f64)]) -> [Line; 1] {
        [Line { name: "redis".to_owned(), series: 1, points: points.to_vec() }]
    }

    #[test]
    fn what_is_ten_times_as_long_is_as_far_apart_everywhere() {
        let svg = percentiles(&one(&[(0.0, 0.1), (0.9, 1.0), (0.99, 10.0), (0.999, 100.0)]));
        // From bottom to top, and from left to right, by a third each.
        assert!(svg.contains(r#"points="58.0,210.0 167.3,143.3 276.7,76.7 386.0,10.0""#), "{svg}");
        for tick in ["100 µs", "1.00 ms", "10.0 ms", "100 ms", "99.9"] {
            assert!(svg.contains(&format!(">{tick}<")), "{tick} in {svg}");
        }
    }

    #[test]
    fn rates_are_drawn_in_their_order_with_the_limit() {
        let svg = rates(&one(&[(10_000.0, 100.0), (1000.0, 1.0)]), 10.0);
        assert!(svg.contains(r#"points="58.0,210.0 386.0,10.0""#), "{svg}");
        assert!(svg.contains(r#"class="limit" x1="58.0" y1="110.0""#), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
    }

    #[test]
    fn a_plot_of_nothing_or_of_one_value_is_a_plot() {
        for points in [&[][..], &[(0.5, 0.0)], &[(0.5, 1.0)]] {
            for svg in [percentiles(&one(points)), rates(&one(points), 10.0)] {
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        assert!(!bars(&[]).contains("NaN"));
    }

    #[test]
    fn names_are_no_markup() {
        let svg = bars(&[Bar { name: "<b>&\"".to_owned(), series: 0, value: 1.0 }]);
        assert!(svg.contains("&lt;b&gt;&amp;&quot;"), "{svg}");
    }
}
