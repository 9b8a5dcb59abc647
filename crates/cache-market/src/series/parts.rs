//! The parts of a series, put together.

use std::sync::Arc;

use cache_facade::{Lookup, Source};
use jiff::civil::Date;
use market_data::{DateRange, Extent, Series, SeriesId};

/// Where a part of a series was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesPart {
    /// The first day that was wanted of it.
    pub from: Date,
    /// The last one.
    pub to: Date,
    /// Where it was.
    pub source: Source,
}

/// A series as it was found, with its parts.
pub(crate) type FoundSeries = (Lookup<Series>, Vec<SeriesPart>);

/// Why parts can't be put together.
pub(crate) enum Mismatch {
    /// These chunks are of an older basis, or of none.
    Chunks(Vec<DateRange>),
    /// A chunk was asked for after the tail: nobody knows what that would say now.
    Tail,
    /// A part is nowhere.
    Nowhere,
}

/// Returns the closed days of a range that a tail doesn't have; `None` if it has all of them.
pub(crate) fn wanted_chunks(tail: &Series, range: Option<DateRange>) -> Option<DateRange> {
    let Extent { from, first, .. } = *tail.extent.as_ref()?;
    let last = from.yesterday().ok()?;
    let range = range.unwrap_or(DateRange { from: Date::MIN, to: Date::MAX });
    let days = DateRange { from: range.from.max(first), to: range.to.min(last) };
    (days.from <= days.to).then_some(days)
}

/// Checks that chunks are of the same basis as a tail.
pub(crate) fn check(tail: &Lookup<Series>, parts: &[(DateRange, Lookup<Series>)]) -> Result<(), Mismatch> {
    let Some(extent) = tail.value.as_ref().and_then(|tail| tail.extent.as_ref()) else { return Ok(()) };
    if parts.iter().any(|(_, part)| part.source == Source::Nowhere) {
        return Err(Mismatch::Nowhere);
    }
    let asked = |part: &Lookup<Series>| Some(part.value.as_ref()?.extent.as_ref()?.asked);
    let is_older = |part: &Lookup<Series>| match asked(part) {
        Some(asked) => asked < extent.basis,
        // The provider doesn't know it any more, or it is no chunk.
        None => part.value.is_some(),
    };
    let older: Vec<DateRange> =
        parts.iter().filter(|(_, part)| is_older(part)).map(|(range, _)| *range).collect();
    if !older.is_empty() {
        return Err(Mismatch::Chunks(older));
    }
    // What was not modified was asked for when it was born anew.
    let seen = extent.asked.max(tail.born);
    match parts.iter().filter_map(|(_, part)| asked(part)).any(|asked| asked > seen) {
        true => Err(Mismatch::Tail),
        false => Ok(()),
    }
}

/// Puts together what an id asks for. Only the bars that it asks for are copied.
pub(crate) fn put_together(
    id: &SeriesId,
    mut found: Lookup<Series>,
    chunks: &[(DateRange, Lookup<Series>)],
) -> FoundSeries {
    let (from, to) = (id.range.map(|range| range.from), id.range.map(|range| range.to));
    let mut told = Vec::with_capacity(chunks.len() + 1);
    let of_tail = found.source;
    let Some(latest) = found.value.take() else { return (found, told) };
    let begin = latest.extent.as_ref().map_or(Date::MIN, |extent| extent.from);
    let part = |days: DateRange, source| SeriesPart {
        from: days.from.max(from.unwrap_or(Date::MIN)),
        to: days.to.min(to.unwrap_or(Date::MAX)),
        source,
    };
    if chunks.is_empty() && id.range.is_none() {
        told.push(part(DateRange { from: begin, to: Date::MAX }, of_tail));
        found.value = Some(latest);
        return (found, told);
    }
    let mut bars = Vec::new();
    let mut complete_from = latest.complete_from;
    for (range, chunk) in chunks {
        told.push(part(*range, chunk.source));
        found.source = farther(found.source, chunk.source);
        found.joined |= chunk.joined;
        match &chunk.value {
            Some(chunk) => {
                complete_from = complete_from.max(chunk.complete_from);
                bars.extend_from_slice(chunk.between(from, to));
            }
            // Nobody knows it any more.
            None => complete_from = complete_from.max(range.to.tomorrow().ok()),
        }
    }
    let closed = bars.len();
    let places = latest.places(from, to);
    let final_bars = closed + latest.final_bars().clamp(places.start, places.end) - places.start;
    if to.is_none_or(|to| to >= begin) {
        told.push(part(DateRange { from: begin, to: Date::MAX }, of_tail));
    }
    bars.extend_from_slice(&latest.bars[places]);
    let extent = latest.extent.as_ref().map(|extent| Extent { final_bars, ..extent.clone() });
    let series = Series {
        provider: latest.provider.clone(),
        complete_from,
        extent,
        ..Series::new(latest.asset.clone(), latest.interval, bars)
    };
    found.value = Some(Arc::new(series));
    (found, told)
}

/// Returns whichever source takes longer to ask.
fn farther(one: Source, other: Source) -> Source {
    let distance = |source: Source| match source {
        Source::Memory => 0,
        Source::Tier(_) => 1,
        _ => 2,
    };
    if distance(other) > distance(one) { other } else { one }
}
