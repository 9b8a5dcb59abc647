//! The figures that streams of events tell, made once for all of them.

use std::{sync::Arc, time::Duration};

use cache_core::{Timestamp, sync::Mutex};
use serde::Serialize;

use super::Management;
use crate::routes::shapes::Brief;

/// How old figures are told at most.
pub(super) const MAX_AGE: Duration = Duration::from_millis(500);

/// The figures that are told each second.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    healthy: bool,
    /// What memory holds, and what that weighs.
    entries: u64,
    weight: u64,
    #[serde(flatten)]
    brief: Option<Brief>,
}

/// The last figures that were made, and when.
#[derive(Debug, Default)]
pub(crate) struct LatestFigures(Mutex<Option<(Timestamp, Arc<Figures>)>>);

impl LatestFigures {
    /// Returns figures of now, or of a moment ago.
    pub(crate) fn of(&self, management: &Management) -> Arc<Figures> {
        let (cache, mut latest) = (management.cache(), self.0.lock());
        let now = cache.clock().now();
        if let Some((at, figures)) = &*latest
            && *at <= now
            && now.since(*at) < MAX_AGE
        {
            return Arc::clone(figures);
        }
        let memory = cache.stats().memory;
        let figures = Arc::new(Figures {
            healthy: cache.health().healthy,
            entries: memory.entries,
            weight: memory.weight,
            brief: management.analytics().map(|analytics| Brief::of(&analytics.report())),
        });
        *latest = Some((now, Arc::clone(&figures)));
        figures
    }
}
