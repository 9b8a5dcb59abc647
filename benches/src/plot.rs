//! Plots as SVG that stand in a page: colours and fonts come from its style, by classes, so that they follow
//! light and dark.

use std::fmt::Write;

/// The size of a plot, and of what surrounds its lines, in units of its own.
pub const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;
/// The height of a line of the legend below a plot.
const LEGEND: f64 = 16.0;

/// What a plot that stands alone looks like: whoever shows it as a picture has no style for it.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#555}.grid{stroke:#8884}.line{fill:none;stroke-width:2}\
.s0{stroke:#2a6fdb}.s1{stroke:#c8501e}.s2{stroke:#1b8a5a}.s3{stroke:#8a3fc7}.s4{stroke:#b0870a}.s5{stroke:#c22f6e}\
.dot.s0{fill:#2a6fdb}.dot.s1{fill:#c8501e}.dot.s2{fill:#1b8a5a}.dot.s3{fill:#8a3fc7}.dot.s4{fill:#b0870a}\
.dot.s5{fill:#c22f6e}@media(prefers-color-scheme:dark){text{fill:#bbb}}";

/// How many colours there are.
pub const COLOURS: usize = 6;

/// A line of a plot.
#[derive(Debug)]
pub struct Line {
    /// What it is called.
    pub name: String,
    /// Which colour it has, of those of the page.
    pub series: usize,
    /// Where it goes along.
    pub points: Vec<(f64, f64)>,
}

/// An axis: where a value lies between its ends, and what is written beside it.
#[derive(Debug)]
pub struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
    title: &'static str,
}

impl Axis {
    /// Returns an axis between two places, with texts at some.
    #[must_use]
    pub fn new(from: f64, to: f64, ticks: Vec<(f64, String)>, title: &'static str) -> Self {
        Self { from, to, ticks, title }
    }

    /// Returns an axis over powers of ten, so that what is ten times as much is as far apart everywhere: a value's
    /// place is its logarithm.
    #[must_use]
    pub fn powers(
        values: impl Iterator<Item = f64>,
        text: impl Fn(f64) -> String,
        title: &'static str,
    ) -> Self {
        let (least, most) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let (from, to) = if most > 0.0 { (least.log10().floor(), most.log10().ceil()) } else { (0.0, 1.0) };
        let to = if to > from { to } else { from + 1.0 };
        let ticks =
            (from as i32..=to as i32).map(|power| (f64::from(power), text(10_f64.powi(power)))).collect();
        Self { from, to, ticks, title }
    }

    /// Returns where a place on the axis is drawn, between these ends.
    fn at(&self, place: f64, start: f64, end: f64) -> f64 {
        start + (place - self.from) / (self.to - self.from) * (end - start)
    }
}

/// How the points of lines are drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drawn {
    /// A place on the other axis that lines are to stay below.
    pub limit: Option<f64>,
    /// Whether each point is told apart.
    pub dots: bool,
}

/// Draws lines between two axes; `placed` says where the points of a line are on them.
pub fn plot(
    name: &str,
    [x, y]: [&Axis; 2],
    lines: &[Line],
    placed: impl Fn(&Line) -> Vec<(f64, f64)>,
    drawn: Drawn,
) -> String {
    opening(name, HEIGHT) + &area([x, y], lines, placed, drawn) + "</svg>"
}

/// Draws how costs grow with sizes, as a picture that stands alone, with a legend: both axes are over powers of
/// ten.
#[must_use]
pub fn growth(name: &str, lines: &[Line], [size, cost]: [&'static str; 2]) -> String {
    let of = |which: fn(&(f64, f64)) -> f64| lines.iter().flat_map(move |line| line.points.iter().map(which));
    let x = Axis::powers(of(|point| point.0), power, size);
    let y = Axis::powers(of(|point| point.1), power, cost);
    let placed = |line: &Line| {
        let known = line.points.iter().filter(|(size, cost)| *size > 0.0 && *cost > 0.0);
        known.map(|(size, cost)| (size.log10(), cost.log10())).collect()
    };
    let height = HEIGHT + LEGEND * lines.len() as f64 + 4.0;
    let mut svg = opening(name, height).replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    let _ = write!(svg, "<style>{STYLE}</style>");
    svg += &area([&x, &y], lines, placed, Drawn { limit: None, dots: true });
    for (at, each) in lines.iter().enumerate() {
        let top = HEIGHT + LEGEND * at as f64 + 8.0;
        line(&mut svg, &format!("line s{}", each.series), (LEFT, top), (LEFT + 18.0, top));
        label(&mut svg, "start", (LEFT + 24.0, top + 4.0), &each.name);
    }
    svg + "</svg>\n"
}

/// Returns a power of ten in three signs at most: `10`, `100k`, `1M`.
fn power(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.0}G", n / 1e9),
        n if n >= 1e6 => format!("{:.0}M", n / 1e6),
        n if n >= 1e3 => format!("{:.0}k", n / 1e3),
        n => format!("{n}"),
    }
}

fn area(
    [x, y]: [&Axis; 2],
    lines: &[Line],
    placed: impl Fn(&Line) -> Vec<(f64, f64)>,
    drawn: Drawn,
) -> String {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let at = |(place_x, place_y): (f64, f64)| (x.at(place_x, LEFT, right), y.at(place_y, bottom, TOP));
    let mut svg = String::new();
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
    if let Some(limit) = drawn.limit {
        let (_, at) = at((x.from, limit));
        line(&mut svg, "limit", (LEFT, at), (right, at));
    }
    for each in lines {
        let points: Vec<_> = placed(each).into_iter().map(at).collect();
        let text: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, r#"<polyline class="line s{}" points="{}"/>"#, each.series, text.join(" "));
        if drawn.dots {
            for (x, y) in points {
                let _ =
                    write!(svg, r#"<circle class="dot s{}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#, each.series);
            }
        }
    }
    svg
}

/// Begins a plot of so much height.
#[must_use]
pub fn opening(name: &str, height: f64) -> String {
    format!(r#"<svg role="img" aria-label="{}" viewBox="0 0 {WIDTH} {height}">"#, escaped(name))
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = write!(svg, r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
}

/// Writes a text into a plot.
pub fn label(svg: &mut String, anchor: &str, (x, y): (f64, f64), text: &str) {
    let _ = write!(svg, r#"<text text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{}</text>"#, escaped(text));
}

/// Returns a text that is no markup, whatever it holds, and has nothing that a page must not.
#[must_use]
pub fn escaped(text: &str) -> String {
    let text = text.replace(|letter: char| letter.is_control(), "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_as_its_size_does_is_a_straight_line_with_a_dot_for_each_size() {
        let line = Line { name: "a <b>".to_owned(), series: 2, points: vec![(10.0, 1.0), (1000.0, 100.0)] };
        let svg = growth("Growth", &[line], ["entries", "ns"]);
        assert!(svg.contains(r#"class="line s2" points="58.0,210.0 386.0,10.0""#), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains(">a &lt;b&gt;<") && svg.contains("xmlns="), "{svg}");
        for nothing in [vec![], vec![(0.0, 0.0)]] {
            let line = Line { name: String::new(), series: 0, points: nothing };
            let svg = growth("", &[line], ["", ""]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn powers_are_written_short() {
        assert_eq!([0.01, 1.0, 1e3, 1e5, 1e7, 1e9].map(power), ["0.01", "1", "1k", "100k", "10M", "1G"]);
    }
}
