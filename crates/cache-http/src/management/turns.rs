//! How much at once: walks over the whole cache, and streams.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Problem, ProblemKind};

/// How many walks over what is held are made at once.
const MAX_WALKS: usize = 4;
/// How many streams of events there may be, and how many of strangers, who hold them for as long as they like.
const MAX_STREAMS: usize = 64;
const MAX_STRANGERS_STREAMS: usize = 48;

/// How much may be done at once. Whoever comes when all is taken is refused, and asked to come again.
#[derive(Debug)]
pub(crate) struct WorkLimits {
    walks: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    strangers_streams: Arc<Semaphore>,
}

/// The place of a stream, free again once this is dropped.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    _all: OwnedSemaphorePermit,
    _strangers: Option<OwnedSemaphorePermit>,
}

impl WorkLimits {
    pub(super) fn new() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            walks: places(MAX_WALKS),
            streams: places(MAX_STREAMS),
            strangers_streams: places(MAX_STRANGERS_STREAMS),
        }
    }

    /// Takes the turn of a walk, such as a pattern or a count needs.
    pub(crate) fn walk(&self) -> Result<OwnedSemaphorePermit, Problem> {
        take(&self.walks, || {
            format!("{MAX_WALKS} requests walk over the cache at this moment, as many as may")
        })
    }

    /// Takes the place of a stream. Strangers may not take all of them.
    pub(crate) fn stream(&self, is_stranger: bool) -> Result<StreamPlace, Problem> {
        let full = || "there are as many streams of events at this moment as may be".to_owned();
        let strangers = is_stranger.then(|| take(&self.strangers_streams, full)).transpose()?;
        Ok(StreamPlace { _all: take(&self.streams, full)?, _strangers: strangers })
    }
}

fn take(turns: &Arc<Semaphore>, why: impl Fn() -> String) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(turns)
        .try_acquire_owned()
        .map_err(|_| Problem::new(ProblemKind::BUSY, format!("{}: send this one again in a second", why())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_streams_strangers_hold_there_is_room_for_those_in_charge() {
        let limits = WorkLimits::new();
        let strangers: Vec<_> = (0..MAX_STREAMS).map_while(|_| limits.stream(true).ok()).collect();
        assert_eq!(strangers.len(), MAX_STRANGERS_STREAMS);
        let ours: Vec<_> = (0..MAX_STREAMS).map_while(|_| limits.stream(false).ok()).collect();
        assert_eq!(ours.len(), MAX_STREAMS - MAX_STRANGERS_STREAMS);
        drop(strangers);
        assert!(limits.stream(true).is_ok() && limits.stream(false).is_ok());
    }
}
