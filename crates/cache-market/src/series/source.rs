//! What is asked of a provider of series, and what becomes of its answers.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, Error, Fetched, Loaded, Request, Result, Tag, Timestamp, Ttl};
use futures_util::future::join_all;
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use market_data::{
    Answer, BarDays, DataType, DateRange, MarketRecord, Provider, ProviderError, ProviderErrorKind, Series,
    SeriesId, moment::to_jiff, one_answer_per_key,
};

use super::{
    SeriesRules, basis,
    layout::{Bars, Layout, closed, lay_out, merged},
};
use crate::{asset_tag, data_tag, loader::loaded};

/// How long a chunk lives before its life is begun anew, without a call: what is final does not change, and what
/// is corrected is invalidated. No cache lets an entry live for ever.
const CHUNK_FOR: Ttl = Ttl::new(Duration::from_secs(120 * 86_400)).grace(Duration::from_secs(360 * 86_400));
/// How long it is remembered that a provider doesn't have a chunk any more, which has been seen before.
const NOT_KEPT_FOR: Ttl = Ttl::new(Duration::from_secs(3_600));

/// A provider of series, and by what rules they are kept.
#[derive(Clone, Debug)]
pub(crate) struct SeriesSource {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) clock: Clock,
    pub(crate) rules: SeriesRules,
}

/// What a tail needs of its provider.
pub(crate) enum Ask {
    /// All of it.
    Whole(SeriesId),
    /// What is not yet final, and the revision window before.
    Since(SeriesId, Date, Arc<Series>),
    /// A range of its own, laid out in no way.
    Range(SeriesId),
}

impl Ask {
    /// What to ask for under an id, by what is still cached.
    pub(crate) fn of(id: SeriesId, previous: Option<&Arc<Series>>, source: &SeriesSource) -> Self {
        if id.range.is_some() {
            return Self::Range(id);
        }
        match previous.and_then(|tail| Some((tail, source.window_begins(tail)?))) {
            Some((tail, from)) => Self::Since(id, from, Arc::clone(tail)),
            None => Self::Whole(id),
        }
    }

    /// The id to ask the provider for.
    pub(crate) fn id(&self, asked: Timestamp) -> SeriesId {
        match self {
            Self::Whole(id) | Self::Range(id) => id.clone(),
            Self::Since(id, from, _) => {
                let today = to_jiff(asked).to_zoned(TimeZone::UTC).date();
                // East of Greenwich it is tomorrow already.
                let to = today.saturating_add(1.day()).max(*from);
                id.clone().within(DateRange { from: *from, to })
            }
        }
    }
}

impl SeriesSource {
    /// The day on which the revision window of a tail begins; `None` if it has no final bars.
    fn window_begins(&self, tail: &Series) -> Option<Date> {
        tail.extent.as_ref()?;
        let last = tail.final_bars().checked_sub(1)?;
        let window = self.rules.window_at(tail.interval);
        let bar = tail.bars.get((last + 1).saturating_sub(window))?;
        Some(BarDays::of(&tail.asset, tail.interval).day(bar))
    }

    /// Asks for series, in as few calls as the provider's batches allow, at the same time.
    pub(crate) async fn ask(&self, ids: &[SeriesId]) -> Vec<Result<Answer<Series>, ProviderError>> {
        let most = self.provider.offer(DataType::Ohlcv).map_or(1, |offer| offer.max_batch.max(1));
        let calls = ids.chunks(most).map(async |ids| {
            let answers = self.provider.series(ids).await;
            match one_answer_per_key(self.provider.name(), ids.len(), answers) {
                Ok(answers) => answers.into_iter().map(Ok).collect(),
                Err(error) => ids.iter().map(|_| Err(error.clone())).collect::<Vec<_>>(),
            }
        });
        join_all(calls).await.concat()
    }

    /// Makes of an answer what to store. `None` if the whole has to be asked for instead.
    pub(crate) fn loaded(
        &self,
        request: &Request<Series>,
        ask: Ask,
        answer: Answer<Series>,
        asked: Timestamp,
    ) -> Option<Result<Loaded<Series>>> {
        let name = self.provider.name();
        let series = match (answer, &ask) {
            (Answer::Failed(error), _) => return Some(Ok(Loaded::Failed(error.into()))),
            // There is one, so perhaps there is none of these days.
            (Answer::Unknown, Ask::Since(..)) => return None,
            (Answer::Unknown, _) => return Some(Ok(Loaded::Absent)),
            (Answer::Value(series), _) => named(series, name),
        };
        match ask {
            Ask::Range(_) => Some(loaded(name, request, series)),
            // Nothing traded, or nothing to be had: there is nothing to lay out.
            Ask::Whole(_) if series.is_empty() => Some(loaded(name, request, series)),
            Ask::Whole(_) => {
                let earliest = series.bars.first().map(|bar| day(&series, bar));
                let from = series.complete_from.or(earliest).unwrap_or(Date::MIN);
                Some(self.laid_out(request, Bars { series, from, first: from, asked, basis: asked }))
            }
            Ask::Since(_, from, tail) => {
                let extent = tail.extent.as_ref()?;
                let window = tail.places(Some(from), None);
                let before = &tail.bars[window.start..tail.final_bars().max(window.start)];
                let is_gap = series.complete_from.is_some_and(|first| first > from);
                // The bars of the window are the witness that these are of the same series.
                let witnessed =
                    before.iter().any(|bar| series.bars.iter().any(|other| other.time == bar.time));
                if is_gap || !witnessed || basis::has_changed(before, &series.bars) {
                    return None;
                }
                let bars = Bars {
                    series: merged(&tail, from, series),
                    from: extent.from,
                    first: extent.first,
                    asked,
                    basis: extent.basis,
                };
                Some(self.laid_out(request, bars))
            }
        }
    }

    fn laid_out(&self, request: &Request<Series>, bars: Bars) -> Result<Loaded<Series>> {
        let Layout { tail, chunks } = lay_out(&self.rules, bars);
        match loaded(self.provider.name(), request, tail)? {
            Loaded::Value(fetched) => {
                let beside = |fetched: Fetched<Series>, (id, series): (SeriesId, Series)| {
                    Ok::<_, Error>(fetched.beside(id.to_string(), chunk(series, CHUNK_FOR)?))
                };
                Ok(chunks.into_iter().try_fold(fetched, beside).map(Loaded::Value)?)
            }
            other => Ok(other),
        }
    }
}

/// Cuts what was answered for several chunks, adjacent to each other, into these.
pub(crate) fn cut(
    source: &SeriesSource,
    chunks: &[DateRange],
    answer: Result<Answer<Series>, ProviderError>,
    id: &SeriesId,
    asked: Timestamp,
) -> Vec<Result<Loaded<Series>>> {
    let failed = |error: Error| chunks.iter().map(|_| Ok(Loaded::Failed(error.clone()))).collect();
    let series = match answer {
        Err(error) | Ok(Answer::Failed(error)) if error.kind() != ProviderErrorKind::NotOffered => {
            return failed(error.into());
        }
        Ok(Answer::Value(series)) => named(series, source.provider.name()),
        // It was there, and is not kept any more: that is not the same as no trading.
        _ => {
            let end = id.range.and_then(|range| range.to.tomorrow().ok());
            let none = Series::new(id.asset.clone(), id.interval, Vec::new());
            Series { complete_from: Some(end.unwrap_or(Date::MAX)), ..named(none, source.provider.name()) }
        }
    };
    // There were bars when the whole was loaded: if none are left, they are not kept any more.
    let cut = |range: &DateRange| {
        let bars = series.between(Some(range.from), Some(range.to)).to_vec();
        let begin = |first: Date| first.min(range.to.tomorrow().unwrap_or(Date::MAX));
        let is_gone = bars.is_empty() && source.rules.has_sessions(&id.asset, *range);
        let complete_from = if is_gone { Some(Date::MAX) } else { series.complete_from };
        let complete_from = complete_from.map(begin).filter(|first| *first > range.from);
        let part = Series {
            provider: series.provider.clone(),
            complete_from,
            ..Series::new(series.asset.clone(), series.interval, bars)
        };
        let life = if complete_from.is_some() { NOT_KEPT_FOR } else { CHUNK_FOR };
        chunk(closed(part, *range, asked), life).map(Loaded::Value)
    };
    chunks.iter().map(cut).collect()
}

fn chunk(series: Series, life: Ttl) -> Result<Fetched<Series>> {
    let tags: [Tag; 2] = [asset_tag(&series.asset)?, data_tag(DataType::Ohlcv, &series.asset)?];
    let version = series.version();
    Ok(Fetched::new(series).tags(tags).etag(version).ttl(life))
}

fn named(series: Series, provider: &str) -> Series {
    Series { provider: series.provider.or_else(|| Some(provider.into())), ..series }
}

fn day(series: &Series, bar: &market_data::Bar) -> Date {
    BarDays::of(&series.asset, series.interval).day(bar)
}
