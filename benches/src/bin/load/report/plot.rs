//! Plots as SVG that stand in a page: colours and fonts come from its style, by classes, so that they follow
//! light and dark.

use std::fmt::Write;

use super::units::{rate, tick, time};

/// The size of a plot, and of what surrounds its lines, in units of its own.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;
/// The height of one bar, with the gap below it.
const BAR: f64 = 40.0;

/// A line of a plot.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// Which colour it has, of those of the page.
    pub(super) series: usize,
    pub(super) points: Vec<(f64, f64)>,
}

/// A bar, with its length as a number.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) series: usize,
    pub(super) value: f64,
}

/// An axis: where a value lies between its ends, and what is written beside it.
struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
    title: &'static str,
}

impl Axis {
    /// An axis over powers of ten, so that what is ten times as much is as far apart everywhere.
    fn powers(values: impl Iterator<Item = f64>, text: impl Fn(f64) -> String, title: &'static str) -> Self {
        let (least, most) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let (from, to) = if most > 0.0 { (least.log10().floor(), most.log10().ceil()) } else { (0.0, 1.0) };
        let to = if to > from { to } else { from + 1.0 };
        let ticks =
            (from as i32..=to as i32).map(|power| (f64::from(power), text(10_f64.powi(power)))).collect();
        Self { from, to, ticks, title }
    }

    /// An axis of quantiles, by how rare the rest is.
    fn rareness() -> Self {
        let names = [(0.0, "0"), (0.5_f64.log10().abs(), "50"), (1.0, "90"), (2.0, "99"), (3.0, "99.9")];
        let ticks = names.map(|(at, name)| (at, name.to_owned())).to_vec();
        Self { from: 0.0, to: 3.0, ticks, title: "percentile" }
    }

    /// Returns where a place on the axis is drawn, between these ends.
    fn at(&self, place: f64, start: f64, end: f64) -> f64 {
        start + (place - self.from) / (self.to - self.from) * (end - start)
    }
}

/// Plots latencies by percentile; points are pairs of a quantile and a time in milliseconds.
pub(super) fn percentiles(lines: &[Line]) -> String {
    let y = Axis::powers(times(lines), time, "latency");
    let placed = |line: &Line| {
        let place = |(quantile, ms): &(f64, f64)| (-(1.0 - quantile).log10(), ms.log10());
        line.points.iter().filter(|(_, ms)| *ms > 0.0).map(place).collect()
    };
    plot("Latency by percentile", &Axis::rareness(), &y, lines, placed, None)
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
    plot("Latency by rate", &x, &y, lines, placed, Some(limit_ms.log10()))
}

fn times(lines: &[Line]) -> impl Iterator<Item = f64> {
    lines.iter().flat_map(|line| line.points.iter().map(|(_, ms)| *ms))
}

fn plot(
    name: &str,
    x: &Axis,
    y: &Axis,
    lines: &[Line],
    placed: impl Fn(&Line) -> Vec<(f64, f64)>,
    limit: Option<f64>,
) -> String {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let at = |(place_x, place_y): (f64, f64)| (x.at(place_x, LEFT, right), y.at(place_y, bottom, TOP));
    let mut svg = opening(name, HEIGHT);
    for (place, text) in &x.ticks {
        let (at, _) = at((*place, y.from));
        line(&mut svg, "grid", (at, TOP), (at, bottom));
        label(&mut svg, "middle", (at, bottom + 16.0), text);
    }
    for (place, text) in &y.ticks {
        let (_, at) = at((x.from, *place));
        line(&mut svg, "grid", (LEFT, at), (right, at));
        label(&mut svg, "end", (LEFT - 6.0, at + 4.0), text);
    }
    label(&mut svg, "middle", ((LEFT + right) / 2.0, HEIGHT - 6.0), x.title);
    if let Some(limit) = limit {
        let (_, at) = at((x.from, limit));
        line(&mut svg, "limit", (LEFT, at), (right, at));
    }
    for each in lines {
        let points: Vec<_> = placed(each).into_iter().map(at).collect();
        let text: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, r#"<polyline class="line s{}" points="{}"/>"#, each.series, text.join(" "));
        // A single point has no line, and of a search each rate is told apart.
        if limit.is_some() {
            for (x, y) in points {
                let _ =
                    write!(svg, r#"<circle class="dot s{}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#, each.series);
            }
        }
    }
    svg + "</svg>"
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

fn opening(name: &str, height: f64) -> String {
    format!(r#"<svg role="img" aria-label="{}" viewBox="0 0 {WIDTH} {height}">"#, escaped(name))
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = write!(svg, r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
}

fn label(svg: &mut String, anchor: &str, (x, y): (f64, f64), text: &str) {
    let _ = write!(svg, r#"<text text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{}</text>"#, escaped(text));
}

/// Returns a text that is no markup, whatever it holds.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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
