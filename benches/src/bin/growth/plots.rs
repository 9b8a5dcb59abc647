//! A part's figures as plots: one of what it costs, one of what is held up.

use benches::plot::{COLOURS, Line, growth};

use crate::{
    figures::{Figures, Kind},
    parts::Part,
};

/// Returns the plots of a part, each with the name of its file.
pub(crate) fn of(part: Part, figures: &Figures) -> Vec<(String, String)> {
    let name = part.name();
    let costs = lines(figures, Kind::Cost);
    let pauses = lines(figures, Kind::Pause);
    let size = part.size();
    let mut plots = Vec::new();
    if !costs.is_empty() {
        plots.push((format!("{name}.svg"), growth(&format!("Costs of {name}"), &costs, [size, "cost"])));
    }
    if !pauses.is_empty() {
        let title = format!("The longest waits beside {name}");
        plots.push((format!("{name}-pauses.svg"), growth(&title, &pauses, [size, "ms"])));
    }
    plots
}

fn lines(figures: &Figures, kind: Kind) -> Vec<Line> {
    let line = |(at, (name, figure)): (usize, (&str, &crate::figures::Figure))| Line {
        name: format!("{}, {}", name.replace('_', " "), figure.unit),
        series: at % COLOURS,
        points: figure.values.iter().map(|(size, value)| (*size as f64, *value)).collect(),
    };
    figures.of(kind).enumerate().map(line).collect()
}
