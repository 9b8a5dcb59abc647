//! What is told of each part: costs by size with their exponent, pauses, and shares.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The largest exponent of what should cost the same at any size, and of what should grow as its size does.
const FLAT: f64 = 0.1;
const LINEAR: f64 = 1.1;

/// The longest pause of whoever asks memory, and of whoever asks a tier, in milliseconds.
pub(crate) const NEAR_PAUSE_MS: f64 = 1.0;
pub(crate) const TIER_PAUSE_MS: f64 = 50.0;

/// The figures of a part, by name, in the order in which they came. Of what is noted several times the least
/// counts.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(&'static str, Figure)>);

/// One figure at several sizes.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) kind: Kind,
    /// What its values are in.
    pub(crate) unit: &'static str,
    bound: f64,
    /// Its value at each size.
    pub(crate) values: BTreeMap<u64, f64>,
    /// The value that something else has at each size, and what that is.
    beside: BTreeMap<u64, f64>,
    peer: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Cost,
    Pause,
    Share,
}

impl Figures {
    /// Notes what something costs at a size, where it should cost the same at any.
    pub(crate) fn flat(&mut self, name: &'static str, unit: &'static str, size: u64, cost: f64) {
        self.note(name, Kind::Cost, unit, FLAT, size, cost);
    }

    /// Notes what something costs at a size, where that should grow as the size does.
    pub(crate) fn linear(&mut self, name: &'static str, unit: &'static str, size: u64, cost: f64) {
        self.note(name, Kind::Cost, unit, LINEAR, size, cost);
    }

    /// Notes what the same costs a `peer`: the exponent is of the ratio, as if the peer's cost were as it should
    /// be.
    pub(crate) fn beside(&mut self, name: &'static str, peer: &'static str, size: u64, cost: f64) {
        if let Some((_, figure)) = self.0.iter_mut().find(|(known, _)| *known == name) {
            figure.peer = Some(peer);
            figure.beside.insert(size, cost);
        }
    }

    /// Notes how long somebody was held up at a size, and how long at most.
    pub(crate) fn pause(&mut self, name: &'static str, size: u64, ms: f64, at_most: f64) {
        self.note(name, Kind::Pause, "ms", at_most, size, ms);
    }

    /// Notes a share that should be no less at any size.
    pub(crate) fn share(&mut self, name: &'static str, size: u64, share: f64, at_least: f64) {
        self.note(name, Kind::Share, "", at_least, size, share);
    }

    fn note(
        &mut self,
        name: &'static str,
        kind: Kind,
        unit: &'static str,
        bound: f64,
        size: u64,
        value: f64,
    ) {
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            let (values, beside) = Default::default();
            self.0.push((name, Figure { kind, unit, bound, values, beside, peer: None }));
            self.0.len() - 1
        });
        let known = self.0[at].1.values.entry(size).or_insert(value);
        *known = known.min(value);
    }

    /// Returns those of a kind.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = (&'static str, &Figure)> {
        self.0.iter().filter(move |(_, figure)| figure.kind == kind).map(|(name, figure)| (*name, figure))
    }

    /// Returns all as JSON.
    pub(crate) fn report(&self) -> Value {
        self.0
            .iter()
            .map(|(name, figure)| ((*name).to_owned(), figure.report()))
            .collect::<Map<_, _>>()
            .into()
    }
}

impl Figure {
    fn report(&self) -> Value {
        let sizes: Vec<u64> = self.values.keys().copied().collect();
        let values: Vec<f64> = self.values.values().map(|value| rounded(*value)).collect();
        let worst = |pick: fn(f64, f64) -> f64| self.values.values().copied().reduce(pick).map(rounded);
        match self.kind {
            Kind::Cost => {
                let peers: Vec<f64> = self.beside.values().map(|value| rounded(*value)).collect();
                let mut report = json!({
                    "exponent": exponent(&self.compared()).map(rounded),
                    "exponent_at_most": self.bound,
                    "unit": self.unit,
                    "sizes": sizes,
                    "costs": values,
                });
                if let Some(peer) = self.peer {
                    report["beside"] = json!({ "what": peer, "costs": peers });
                    report["own_exponent"] = exponent(&self.values).map(rounded).into();
                }
                report
            }
            Kind::Pause => json!({
                "pause_ms": worst(f64::max),
                "pause_ms_at_most": self.bound,
                "sizes": sizes,
                "costs": values,
            }),
            Kind::Share => json!({
                "share": worst(f64::min),
                "share_at_least": self.bound,
                "sizes": sizes,
                "costs": values,
            }),
        }
    }

    /// Returns the values; if there is a peer, what they would be if its cost were in proportion to the size, or
    /// the same at any, whichever it should be.
    fn compared(&self) -> BTreeMap<u64, f64> {
        let should_be = |size: u64| if self.bound == LINEAR { size as f64 } else { 1.0 };
        let by_peer = |size: &u64| self.beside.get(size).map_or(1.0, |peer| should_be(*size) / peer);
        self.values.iter().map(|(size, value)| (*size, value * by_peer(size))).collect()
    }
}

/// Returns the slope of the logarithm of a cost by that of the size, by least squares; `None` of fewer than two
/// sizes.
fn exponent(costs: &BTreeMap<u64, f64>) -> Option<f64> {
    let points: Vec<(f64, f64)> = costs
        .iter()
        .filter(|(_, cost)| **cost > 0.0)
        .map(|(size, cost)| ((*size as f64).ln(), cost.ln()))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let square: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    Some(both / square)
}

/// Returns the places of the figures that miss their bounds.
pub(crate) fn missed(report: &Value) -> Vec<String> {
    let mut missed = Vec::new();
    let parts =
        report.as_object().into_iter().flatten().filter_map(|(part, of)| Some((part, of.as_object()?)));
    for (part, figures) in parts {
        for (name, figure) in figures {
            let member = |name: String| figure.get(name).and_then(Value::as_f64);
            for kind in ["exponent", "pause_ms", "share"] {
                let Some(value) = member(kind.to_owned()) else { continue };
                let too_much = member(format!("{kind}_at_most")).is_some_and(|most| value > most);
                let too_little = member(format!("{kind}_at_least")).is_some_and(|least| value < least);
                if too_much || too_little {
                    missed.push(format!("/{part}/{name}"));
                }
            }
        }
    }
    missed
}

/// Rounds to four figures.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponent_is_the_slope_of_the_logarithms() {
        let costs = |of: fn(f64) -> f64| (1..5).map(|n| (10_u64.pow(n), of(10_f64.powi(n as i32)))).collect();
        for (of, wanted) in
            [((|_| 7.0) as fn(f64) -> f64, 0.0), (|n| 3.0 * n, 1.0), (|n| n * n, 2.0), (|n| 1.0 / n, -1.0)]
        {
            assert!((exponent(&costs(of)).unwrap() - wanted).abs() < 1e-9);
        }
        assert_eq!(exponent(&BTreeMap::from([(10, 1.0)])), None);
    }

    #[test]
    fn what_misses_its_bound_is_named_and_a_peer_that_grows_as_much_excuses() {
        let mut figures = Figures::default();
        for (size, cost) in [(10, 10.0), (100, 20.0), (1000, 40.0)] {
            figures.flat("hit", "ns", size, cost);
            figures.beside("hit", "a table", size, cost / 2.0);
            figures.flat("put", "ns", size, cost);
            figures.linear("clear", "ms", size, cost);
            figures.beside("clear", "a table", size, cost * 3.0);
            figures.pause("reader", size, cost / 100.0, 0.3);
            figures.share("kept", size, 1.0, 1.0);
        }
        let report = json!({ "near": figures.report(), "seconds": 3 });
        assert_eq!(missed(&report), ["/near/put", "/near/reader"]);
        assert_eq!(report["near"]["hit"]["exponent"], 0.0);
        assert_eq!(report["near"]["clear"]["exponent"], 1.0);
        assert_eq!(report["near"]["reader"]["pause_ms"], 0.4);
    }
}
