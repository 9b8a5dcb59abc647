//! What all cells say together, and whether it is what is demanded.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::reference::{Reference, Row};

/// The hybrid's exact run.
const HYBRID: &str = "hybrid";
/// The hybrid as it is by default.
pub(crate) const SHIPPED: &str = "hybrid_as_shipped";
/// The best of these is what the hybrid is held to.
const BEST: [&str; 3] = ["lcs_ARC", "lcs_S3FIFO", "lcs_WTinyLFU"];
/// Below this a difference from a reference of six digits is rounding, half a digit's included.
const ROUNDING: f64 = 0.000_000_5 + 1e-9;
/// How far the hybrid may stay behind the best of the three, on average.
const BEHIND_BEST: f64 = 0.01;
/// How far it may stay behind LRU in any cell.
const BEHIND_LRU: f64 = 0.03;

/// A trace replayed at one size.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) row: Row,
    pub(crate) requests: u64,
    pub(crate) unique: u64,
    /// Hit ratios by variant.
    pub(crate) ours: Vec<(&'static str, f64)>,
}

impl Cell {
    fn ours(&self, name: &str) -> Option<f64> {
        self.ours.iter().find(|(other, _)| *other == name).map(|(_, ratio)| *ratio)
    }

    fn best(&self) -> Option<f64> {
        BEST.iter().filter_map(|column| self.row.ratio(column)).reduce(f64::max)
    }

    /// The reference's LRU, else ours.
    fn lru(&self) -> Option<f64> {
        self.row.ratio("LRU").or_else(|| self.ours("lru"))
    }
}

/// A difference between two hit ratios, and the cell it is from.
#[derive(Debug, Serialize)]
pub(crate) struct Extreme {
    pub(crate) difference: f64,
    pub(crate) trace: String,
    pub(crate) size: u64,
}

/// Mean hit ratios, each over the cells that have it.
#[derive(Debug, Serialize)]
pub(crate) struct Means {
    pub(crate) ours: BTreeMap<String, f64>,
    pub(crate) reference: BTreeMap<String, f64>,
    /// Over how many cells each reference's mean goes.
    pub(crate) reference_cells: BTreeMap<String, usize>,
}

/// Whether each demand is met; `None` if it was not measured.
#[derive(Debug, Serialize)]
pub(crate) struct Demands {
    /// LRU and FIFO equal the reference in every cell.
    pub(crate) lru_and_fifo_exact: Option<bool>,
    /// The hybrid is on average no more than 0.01 below the best of the three.
    pub(crate) hybrid_near_best: Option<bool>,
    /// The hybrid is nowhere more than 0.03 below LRU.
    pub(crate) hybrid_near_lru: Option<bool>,
    pub(crate) hybrid_as_shipped_near_best: Option<bool>,
    pub(crate) hybrid_as_shipped_near_lru: Option<bool>,
}

/// What all cells say together; `None` is what was not measured or has no reference.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) cells: usize,
    /// The largest absolute difference of our LRU from the reference's.
    pub(crate) lru_max_diff: Option<f64>,
    pub(crate) lru_max_diff_at: Option<Extreme>,
    pub(crate) fifo_max_diff: Option<f64>,
    pub(crate) fifo_max_diff_at: Option<Extreme>,
    /// The mean of the best of ARC, S3-FIFO and W-TinyLFU; like those of the hybrid beside it, over the
    /// cells that have one of the three.
    pub(crate) best_mean: Option<f64>,
    pub(crate) hybrid_mean: Option<f64>,
    pub(crate) hybrid_vs_best: Option<f64>,
    pub(crate) hybrid_worst_vs_lru: Option<Extreme>,
    pub(crate) hybrid_as_shipped_mean: Option<f64>,
    pub(crate) hybrid_as_shipped_vs_best: Option<f64>,
    pub(crate) hybrid_as_shipped_worst_vs_lru: Option<Extreme>,
    pub(crate) mean: Means,
    pub(crate) demands: Demands,
}

impl Summary {
    pub(crate) fn of(cells: &[Cell]) -> Self {
        let furthest = |name, column| {
            extreme(cells, |cell| Some(-(cell.ours(name)? - cell.row.ratio(column)?).abs()))
                .map(|found| Extreme { difference: found.difference.abs(), ..found })
        };
        let (lru, fifo) = (furthest("lru", "LRU"), furthest("fifo", "FIFO"));
        let with_best = |name| mean(cells.iter().filter(|cell| cell.best().is_some()).map(|c| c.ours(name)));
        let vs_best = |name| mean(cells.iter().map(|cell| Some(cell.ours(name)? - cell.best()?)));
        let vs_lru = |name| extreme(cells, |cell| Some(cell.ours(name)? - cell.lru()?));
        let near = |difference: Option<f64>, most: f64| difference.map(|difference| difference >= -most);
        let near_best = |name| near(vs_best(name), BEHIND_BEST);
        let near_lru = |name| near(vs_lru(name).map(|worst| worst.difference), BEHIND_LRU);
        let exact = |found: &Option<Extreme>| found.as_ref().map(|found| found.difference <= ROUNDING);
        Self {
            cells: cells.len(),
            demands: Demands {
                lru_and_fifo_exact: exact(&lru).zip(exact(&fifo)).map(|(lru, fifo)| lru && fifo),
                hybrid_near_best: near_best(HYBRID),
                hybrid_near_lru: near_lru(HYBRID),
                hybrid_as_shipped_near_best: near_best(SHIPPED),
                hybrid_as_shipped_near_lru: near_lru(SHIPPED),
            },
            lru_max_diff: lru.as_ref().map(|found| found.difference),
            lru_max_diff_at: lru,
            fifo_max_diff: fifo.as_ref().map(|found| found.difference),
            fifo_max_diff_at: fifo,
            best_mean: mean(cells.iter().map(Cell::best)),
            hybrid_mean: with_best(HYBRID),
            hybrid_vs_best: vs_best(HYBRID),
            hybrid_worst_vs_lru: vs_lru(HYBRID),
            hybrid_as_shipped_mean: with_best(SHIPPED),
            hybrid_as_shipped_vs_best: vs_best(SHIPPED),
            hybrid_as_shipped_worst_vs_lru: vs_lru(SHIPPED),
            mean: means(cells),
        }
    }
}

fn means(cells: &[Cell]) -> Means {
    let mut means =
        Means { ours: BTreeMap::new(), reference: BTreeMap::new(), reference_cells: BTreeMap::new() };
    for (name, _) in cells.iter().flat_map(|cell| &cell.ours) {
        let ratio = mean(cells.iter().map(|cell| cell.ours(name)));
        means.ours.extend(ratio.map(|ratio| ((*name).to_owned(), ratio)));
    }
    for (column, _) in cells.iter().flat_map(|cell| &cell.row.references) {
        let mut all = cells.iter().flat_map(|cell| &cell.row.references).filter(|(name, _)| name == column);
        let ratios = all.all(|(_, reference)| match reference {
            Reference::Blank => true,
            Reference::Number(number) => (0.0..=1.0).contains(number),
            Reference::Text(_) => false,
        });
        let found: Vec<f64> = cells.iter().filter_map(|cell| cell.row.ratio(column)).collect();
        if let (true, Some(ratio)) = (ratios, mean(found.iter().copied().map(Some))) {
            means.reference.insert(column.clone(), ratio);
            means.reference_cells.insert(column.clone(), found.len());
        }
    }
    means
}

/// The mean of those there are.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.flatten().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The least of those there are, and its cell.
fn extreme(cells: &[Cell], of: impl Fn(&Cell) -> Option<f64>) -> Option<Extreme> {
    let all = cells.iter().filter_map(|cell| Some((cell, of(cell)?)));
    let (cell, difference) = all.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    Some(Extreme { difference, trace: cell.row.trace.clone(), size: cell.row.size })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A cell for each line of the CSV, with what each variant made of it.
    fn cells<const N: usize>(csv: &str, ours: [&[(&'static str, f64)]; N]) -> Vec<Cell> {
        let rows = crate::reference::parse(csv.as_bytes(), Path::new("r.csv")).unwrap();
        assert_eq!(rows.len(), N);
        rows.into_iter()
            .zip(ours)
            .map(|(row, ours)| Cell { row, requests: 9, unique: 3, ours: ours.to_vec() })
            .collect()
    }

    fn close(found: Option<f64>, wanted: f64) {
        assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-12), "{found:?}, not {wanted}");
    }

    const CSV: &str = "trace,size,LRU,FIFO,lcs_ARC,lcs_S3FIFO,lcs_WTinyLFU,note,MIN\n\
                       a,1,0.333333,0.2,0.5,0.6,,x,0.9\n\
                       b,1,0.4,,0.7,0.1,0.2,,\n\
                       c,1,0.5,0.3,,,,,\n";

    #[test]
    fn the_hybrid_is_held_to_the_best_there_is_and_to_lru() {
        let cells = cells(CSV, [&[(HYBRID, 0.58), (SHIPPED, 0.5)], &[(HYBRID, 0.71)], &[(HYBRID, 0.469)]]);
        let summary = Summary::of(&cells);
        close(summary.best_mean, 0.65);
        close(summary.hybrid_mean, 0.645);
        close(summary.hybrid_vs_best, -0.005);
        close(summary.hybrid_as_shipped_vs_best, -0.1);
        let worst = summary.hybrid_worst_vs_lru.unwrap();
        close(Some(worst.difference), -0.031);
        assert_eq!((worst.trace.as_str(), worst.size), ("c", 1));
        let demands = summary.demands;
        assert_eq!((demands.hybrid_near_best, demands.hybrid_near_lru), (Some(true), Some(false)));
        let shipped = (demands.hybrid_as_shipped_near_best, demands.hybrid_as_shipped_near_lru);
        assert_eq!(shipped, (Some(false), Some(true)));
        assert_eq!(demands.lru_and_fifo_exact, None);
        close(summary.mean.ours.get(HYBRID).copied(), (0.58 + 0.71 + 0.469) / 3.0);
        close(summary.mean.reference.get("MIN").copied(), 0.9);
        assert_eq!(summary.mean.reference_cells["lcs_ARC"], 2);
        assert!(!summary.mean.reference.contains_key("note"));
    }

    #[test]
    fn rounding_is_no_difference_and_one_hit_in_a_million_is() {
        let ours: [&[(&'static str, f64)]; 3] = [
            &[("lru", 1.0 / 3.0), ("fifo", 0.2)],
            &[("lru", 0.400_000_5), ("fifo", 0.9)],
            &[("lru", 0.5), ("fifo", 0.3)],
        ];
        let summary = Summary::of(&cells(CSV, ours));
        close(summary.fifo_max_diff, 0.0);
        assert_eq!(summary.demands.lru_and_fifo_exact, Some(true));
        let off = cells(CSV, [ours[0], &[("lru", 0.399_999), ("fifo", 0.9)], ours[2]]);
        let summary = Summary::of(&off);
        close(summary.lru_max_diff, 0.000_001);
        assert_eq!(summary.lru_max_diff_at.unwrap().trace, "b");
        assert_eq!(summary.demands.lru_and_fifo_exact, Some(false));
    }

    #[test]
    fn nothing_measured_is_no_verdict() {
        let summary = Summary::of(&[]);
        assert!(summary.hybrid_mean.is_none() && summary.demands.hybrid_near_lru.is_none());
    }
}
