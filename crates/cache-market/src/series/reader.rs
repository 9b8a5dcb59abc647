//! Reads of series that are kept by their tail.

use std::{collections::BTreeSet, sync::Arc};

use cache_core::{Error, ErrorKind, Result};
use cache_facade::{Lookup, Region, Source};
use market_data::{DateRange, Series, SeriesId};

use super::{
    chunks::chunks_of,
    parts::{FoundSeries, Mismatch, check, put_together, wanted_chunks},
};

/// How often a read looks again, whose parts are not of one basis.
const MAX_LOOKS: usize = 4;

/// Reads series from their tails and chunks.
#[derive(Clone, Debug)]
pub(crate) struct SeriesReader {
    pub(crate) tails: Region<Series>,
    /// The same region, whose loader asks for chunks that adjoin as one range, and of whose age nothing is asked.
    pub(crate) chunks: Region<Series>,
}

/// A read under way.
enum Read<'a> {
    Pending(&'a SeriesId, Lookup<Series>),
    Done(Result<FoundSeries>),
    /// It is being worked on.
    Taken,
}

/// What has to be loaded anew before reads can go on.
#[derive(Default)]
struct Anew {
    chunks: BTreeSet<String>,
    /// The places of reads whose tails are too old for their chunks.
    tails: Vec<usize>,
}

impl SeriesReader {
    /// Completes what was found under whole series to what their ids ask for: answer `i` belongs to `found[i]`.
    /// There is one call a tier for the chunks of all.
    pub(crate) async fn complete(
        &self,
        found: Vec<(&SeriesId, Result<Lookup<Series>>)>,
    ) -> Vec<Result<FoundSeries>> {
        let mut reads: Vec<Read<'_>> = found.into_iter().map(|(id, found)| Read::of(id, found)).collect();
        for _ in 0..MAX_LOOKS {
            let anew = self.look(&mut reads).await;
            if anew.chunks.is_empty() && anew.tails.is_empty() {
                break;
            }
            self.load(anew, &mut reads).await;
        }
        let outcome = |read: Read<'_>| match read {
            Read::Done(outcome) => outcome,
            Read::Pending(id, _) => Err(changing(id)),
            Read::Taken => unreachable!("each is put back"),
        };
        reads.into_iter().map(outcome).collect()
    }

    /// Completes a tail to the whole series.
    pub(crate) async fn whole(&self, tail: Arc<Series>) -> Result<Arc<Series>> {
        if wanted_chunks(&tail, None).is_none() {
            return Ok(tail);
        }
        let id = SeriesId::new(tail.asset.clone(), tail.interval);
        let found = self.tails.lookup(&id.to_string()).await;
        let (found, _) = self.complete(vec![(&id, found)]).await.remove(0)?;
        found.value.ok_or_else(|| changing(&id))
    }

    /// Looks up the chunks that reads need, and ends those reads that have all of theirs.
    async fn look(&self, reads: &mut [Read<'_>]) -> Anew {
        let wanted: Vec<Vec<DateRange>> = reads.iter().map(Read::chunks).collect();
        let ids = reads.iter().zip(&wanted).flat_map(|(read, ranges)| read.chunk_ids(ranges));
        let ids: Vec<String> = ids.collect();
        let found = if ids.is_empty() { Vec::new() } else { self.chunks.lookup_many(&ids).await };
        let mut found = found.into_iter();
        let mut anew = Anew::default();
        for (place, (read, ranges)) in reads.iter_mut().zip(wanted).enumerate() {
            let of_read: Vec<_> = found.by_ref().take(ranges.len()).collect();
            *read = match std::mem::replace(read, Read::Taken) {
                Read::Pending(id, tail) => {
                    let parts = ranges.into_iter().zip(of_read).map(|(range, part)| Ok((range, part?)));
                    match parts.collect::<Result<Vec<_>>>() {
                        Ok(parts) => anew.unless_whole(place, id, tail, &parts),
                        Err(error) => Read::Done(Err(error)),
                    }
                }
                done => done,
            };
        }
        anew
    }

    /// Has loaded anew what reads can't go on without. A read whose tail can't be loaded fails with that.
    async fn load(&self, anew: Anew, reads: &mut [Read<'_>]) {
        let chunks: Vec<String> = anew.chunks.into_iter().collect();
        if !chunks.is_empty() {
            // What is removed is not at hand any more: the next look loads it.
            let _ = self.chunks.remove_many(&chunks).await;
        }
        let tails: Vec<(usize, String)> =
            anew.tails.iter().filter_map(|place| Some((*place, tail_id(reads[*place].id()?)))).collect();
        if tails.is_empty() {
            return;
        }
        let ids: Vec<&str> = tails.iter().map(|(_, id)| &**id).collect();
        let refreshed = self.tails.refresh(&ids).await;
        let failed = refreshed.map(|refreshed| refreshed.failed);
        for ((place, tail_id), found) in tails.iter().zip(self.tails.lookup_many(&ids).await) {
            reads[*place] = match std::mem::replace(&mut reads[*place], Read::Taken) {
                Read::Pending(id, tail) => match &failed {
                    // Nothing may be loaded.
                    Err(_) => Read::Done(Ok(nowhere(tail))),
                    Ok(failed) => match failed.iter().find(|(key, _)| key.id() == tail_id) {
                        Some((_, error)) => Read::Done(Err(error.clone())),
                        None => Read::of(id, found),
                    },
                },
                done => done,
            };
        }
    }
}

impl Anew {
    /// Ends a read, unless a part has to be loaded anew.
    fn unless_whole<'a>(
        &mut self,
        place: usize,
        id: &'a SeriesId,
        tail: Lookup<Series>,
        parts: &[(DateRange, Lookup<Series>)],
    ) -> Read<'a> {
        match check(&tail, parts) {
            Ok(()) => Read::Done(Ok(put_together(id, tail, parts))),
            Err(Mismatch::Nowhere) => Read::Done(Ok(nowhere(tail))),
            Err(Mismatch::Chunks(ranges)) => {
                self.chunks.extend(ranges.into_iter().map(|range| chunk_id(id, range)));
                Read::Pending(id, tail)
            }
            Err(Mismatch::Tail) => {
                self.tails.push(place);
                Read::Pending(id, tail)
            }
        }
    }
}

impl<'a> Read<'a> {
    /// A read of which this was found under the whole series.
    fn of(id: &'a SeriesId, found: Result<Lookup<Series>>) -> Self {
        match found {
            Ok(tail) if tail.value.is_some() => Self::Pending(id, tail),
            found => Self::Done(found.map(|none| (none, Vec::new()))),
        }
    }

    /// What it asks for, unless it has ended.
    fn id(&self) -> Option<&'a SeriesId> {
        if let Self::Pending(id, _) = self { Some(id) } else { None }
    }

    /// The days of the chunks that it needs.
    fn chunks(&self) -> Vec<DateRange> {
        let Self::Pending(id, Lookup { value: Some(tail), .. }) = self else { return Vec::new() };
        let days = wanted_chunks(tail, id.range);
        days.map_or(Vec::new(), |days| chunks_of(tail.interval, days.from, days.to).collect())
    }

    fn chunk_ids(&self, ranges: &[DateRange]) -> impl Iterator<Item = String> {
        let id = self.id();
        ranges.iter().filter_map(move |range| Some(chunk_id(id?, *range)))
    }
}

/// The id of the entry of a tail.
pub(crate) fn tail_id(id: &SeriesId) -> String {
    format!("{}:{}", id.asset, id.interval)
}

fn chunk_id(id: &SeriesId, range: DateRange) -> String {
    format!("{}:{}:{range}", id.asset, id.interval)
}

/// A part is nowhere, and nothing may be loaded: so is the whole.
fn nowhere(mut tail: Lookup<Series>) -> FoundSeries {
    (tail.value, tail.source) = (None, Source::Nowhere);
    (tail, Vec::new())
}

fn changing(id: &SeriesId) -> Error {
    let message = format!("the parts of {id} changed again and again while they were read");
    Error::new(ErrorKind::Load, "read", message)
}
