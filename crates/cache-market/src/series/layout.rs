//! A series laid out as its tail and the chunks before it.

use std::sync::Arc;

use cache_core::Timestamp;
use jiff::civil::Date;
use market_data::{Bar, BarDays, DateRange, Extent, Series, SeriesId};

use super::{
    SeriesRules,
    chunks::{chunk_of, chunks_of},
};

/// Bars that are to be laid out.
pub(crate) struct Bars {
    /// The series, whose bars begin on `from`, earliest first.
    pub(crate) series: Series,
    /// The day from which on there are all bars.
    pub(crate) from: Date,
    /// The first day of the series: what is before `from` is in chunks already.
    pub(crate) first: Date,
    pub(crate) asked: Timestamp,
    pub(crate) basis: Timestamp,
}

/// The parts of a series.
pub(crate) struct Layout {
    pub(crate) tail: Series,
    /// The chunks that have ended and are final, for which the tail has no use any more.
    pub(crate) chunks: Vec<(SeriesId, Series)>,
}

/// Lays bars out: the chunk under way and the revision window stay in the tail.
pub(crate) fn lay_out(rules: &SeriesRules, bars: Bars) -> Layout {
    let Bars { mut series, from, first, asked, basis } = bars;
    let (asset, interval) = (series.asset.clone(), series.interval);
    let final_bars = rules.finality(&asset, interval).final_bars(&series.bars, asked);
    let days = BarDays::of(&asset, interval);
    let kept = final_bars.saturating_sub(rules.window_at(interval));
    // Without so many final bars nothing has left the window.
    let tail_from = series.bars.get(kept).filter(|_| kept > 0).map_or(from, |bar| days.day(bar));
    let tail_from = chunk_of(interval, tail_from).from.max(from);
    let mut chunks = Vec::new();
    let mut rest = &series.bars[..];
    if let Some(last) = tail_from.yesterday().ok().filter(|last| *last >= from) {
        for range in chunks_of(interval, from, last) {
            let (of_chunk, later) = rest.split_at(rest.partition_point(|bar| days.day(bar) <= range.to));
            rest = later;
            chunks.push((range, of_chunk.to_vec()));
        }
    }
    let rest = rest.to_vec();
    let moved = series.bars.len() - rest.len();
    let provider = series.provider.clone();
    let chunk = |(range, bars): (DateRange, Vec<Bar>)| {
        let id = SeriesId::new(asset.clone(), interval).within(range);
        let series = Series { provider: provider.clone(), ..Series::new(asset.clone(), interval, bars) };
        (id, closed(series, range, asked))
    };
    let chunks = chunks.into_iter().map(chunk).collect();
    series.extent = Some(Extent { from: tail_from, first, final_bars: final_bars - moved, asked, basis });
    series.bars = rest;
    Layout { tail: series, chunks }
}

/// Returns a chunk of closed time, of which all bars are final.
pub(crate) fn closed(series: Series, range: DateRange, asked: Timestamp) -> Series {
    let final_bars = series.bars.len();
    let extent = Extent { from: range.from, first: range.from, final_bars, asked, basis: asked };
    Series { extent: Some(extent), ..series }
}

/// Returns the bars of a tail, those from `from` on replaced by what its provider gave when it was asked for them.
pub(crate) fn merged(tail: &Series, from: Date, again: Series) -> Series {
    let kept = tail.places(Some(from), None).start;
    let bars = tail.bars[..kept].iter().copied().chain(again.between(Some(from), None).iter().copied());
    let provider: Option<Arc<str>> = again.provider.clone().or_else(|| tail.provider.clone());
    let series = Series::new(tail.asset.clone(), tail.interval, bars.collect());
    Series { provider, complete_from: tail.complete_from, ..series }
}
