//! Spans: what a read waits for, hop by hop, for whoever traces.
//!
//! They are of the level `debug`, but for that of a hit in memory, which is of the level `trace`: such hits are
//! many, and take less time than a span does. All have the target [`TARGET`], so that a filter can name them
//! alone. None holds a key, unless the cache is told to ([`Spans::with_keys`]).

use std::{fmt, time::Duration};

use cache_core::{Error, Key, LookupKey, Prefix, Request, Result, trace::TraceContext};
use tracing::{Instrument, Level, Span, field, level_filters::LevelFilter, span::Id};

use crate::{
    answer::{FlightResult, Found, Source},
    load::fetch::together::AnyFetch,
    read::servable::Servable,
};

/// The target of all spans of a cache.
const TARGET: &str = "cache_facade::spans";

/// What stands for several kinds, sources or outcomes in one span.
const MIXED: &str = "mixed";

/// How many keys a span names at most.
const MAX_KEYS: usize = 16;

/// How many spans one span links to at most.
const MAX_LINKS: usize = 32;

/// How the spans of a cache are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spans {
    /// Whether spans name the keys that they are about.
    pub(crate) with_keys: bool,
}

impl Spans {
    /// A read that memory answered at once.
    #[inline]
    pub(crate) fn hit(self, of: &Prefix, key: &impl LookupKey) {
        // All that a hit pays where nobody asks for its span: what the process listens to at most is one static.
        if LevelFilter::current() == LevelFilter::TRACE {
            self.hit_span(of, key);
        }
    }

    #[cold]
    #[inline(never)]
    fn hit_span(self, of: &Prefix, key: &impl LookupKey) {
        if !tracing::span_enabled!(target: TARGET, Level::TRACE) {
            return;
        }
        let kind = of.kind();
        let key = if self.with_keys { key.key().ok() } else { None };
        let key = key.as_ref().map(field::display);
        tracing::trace_span!(
            target: TARGET, "cache.read", kind, keys = 1, key, source = "memory", stale = false, outcome = "hit",
        );
    }

    /// A read of keys of one kind.
    pub(crate) fn read(self, kind: &str, keys: &[Key]) -> Span {
        let key = self.names(|| keys.iter());
        tracing::debug_span!(
            target: TARGET, "cache.read", kind, keys = keys.len(), key,
            joined = field::Empty, source = field::Empty, stale = field::Empty, outcome = field::Empty,
            error.type = field::Empty, otel.status_code = field::Empty,
        )
    }

    /// A read of keys of several kinds, each of which has a span of its own within this one.
    pub(crate) fn read_together(self) -> Span {
        tracing::debug_span!(target: TARGET, "cache.read", kind = MIXED)
    }

    /// Keys that are loaded anew because someone asks for that.
    pub(crate) fn refresh(self, kind: &str, keys: &[Key]) -> Span {
        let key = self.names(|| keys.iter());
        tracing::debug_span!(
            target: TARGET, "cache.refresh", kind, keys = keys.len(), key, failed = field::Empty,
        )
    }

    /// The fetch of keys in a task of its own. What nobody waits for belongs to no other trace, and links to the
    /// span that is its `cause`.
    pub(crate) fn flight(self, fetches: &[Box<dyn AnyFetch>], cause: Option<&Span>) -> Span {
        if !tracing::span_enabled!(target: TARGET, Level::DEBUG) {
            return Span::none();
        }
        let kind = one_of(fetches.iter().map(|fetch| fetch.kind()));
        let keys = keys_of(fetches);
        let key = self.names(|| fetches.iter().flat_map(|fetch| fetch.keys()));
        let span = match cause {
            None => tracing::debug_span!(
                target: TARGET, "cache.flight", kind, keys, key, background = false, missing = field::Empty,
            ),
            Some(_) => tracing::debug_span!(
                target: TARGET, parent: None, "cache.flight", kind, keys, key, background = true,
                missing = field::Empty,
            ),
        };
        if let Some(cause) = cause {
            span.follows_from(cause);
        }
        if let Some(id) = span.id() {
            fetches.iter().for_each(|fetch| fetch.set_span(&id));
        }
        span
    }

    /// A load of keys of one batch, from the call of the loader to the last tier that stores them.
    pub(crate) fn load(self, kind: &str, keys: usize, background: bool) -> Span {
        tracing::debug_span!(
            target: TARGET, "cache.load", kind, keys, background, failed = field::Empty, outcome = field::Empty,
            otel.status_code = field::Empty,
        )
    }

    /// One call of a loader, which may carry `batch` keys at most.
    pub(crate) fn call<V>(self, kind: &str, requests: &[Request<V>], batch: usize) -> Span {
        let key = self.names(|| requests.iter().map(|request| &request.key));
        tracing::debug_span!(
            target: TARGET, "cache.call", kind, keys = requests.len(), batch, key, failed = field::Empty,
            outcome = field::Empty, error.type = field::Empty, otel.status_code = field::Empty,
        )
    }

    /// The texts of some keys, if spans name them.
    fn names<'a, K: Iterator<Item = &'a Key>>(
        self,
        keys: impl FnOnce() -> K,
    ) -> Option<field::DisplayValue<Names>> {
        (self.with_keys && tracing::span_enabled!(target: TARGET, Level::DEBUG))
            .then(|| field::display(Names(keys().map(ToString::to_string).collect())))
    }
}

/// A wait for flights that others began, and links to their spans.
pub(crate) fn wait(kind: &str, keys: usize, flights: impl IntoIterator<Item = Id>) -> Span {
    let span = tracing::debug_span!(target: TARGET, "cache.wait", kind, keys);
    link(&span, flights);
    span
}

/// A batch of keys that several loads wait for.
pub(crate) fn batch(kind: &str, window: Duration) -> Span {
    tracing::debug_span!(target: TARGET, "cache.batch", kind, ?window, keys = field::Empty)
}

/// A call of a tier.
pub(crate) fn tier(tier: &'static str, operation: &'static str, keys: Option<usize>) -> Span {
    tracing::debug_span!(
        target: TARGET, "cache.tier", tier, operation, keys, hits = field::Empty, outcome = field::Empty,
        error.type = field::Empty, otel.kind = "client", otel.status_code = field::Empty,
    )
}

/// A call of a lease.
pub(crate) fn lease(lease: &str, keys: usize) -> Span {
    tracing::debug_span!(
        target: TARGET, "cache.lease", lease, keys, granted = field::Empty, outcome = field::Empty,
        error.type = field::Empty, otel.kind = "client", otel.status_code = field::Empty,
    )
}

/// Lets a span link to these others, once to each.
pub(crate) fn link(span: &Span, others: impl IntoIterator<Item = Id>) {
    if span.is_disabled() {
        return;
    }
    let mut ids: Vec<u64> = others.into_iter().map(|id| id.into_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    let own = span.id();
    let links = ids.into_iter().map(Id::from_u64).filter(|id| own.as_ref() != Some(id)).take(MAX_LINKS);
    for id in links {
        span.follows_from(id);
    }
}

/// Records how a call ended.
pub(crate) fn record_result<T>(span: &Span, result: &Result<T>) {
    match result {
        Ok(_) => {
            span.record("outcome", "ok");
        }
        Err(error) => {
            span.record("outcome", "failed");
            span.record("error.type", field::debug(error.kind()));
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// Records in the present span how many keys no tier had.
pub(crate) fn record_missing(fetches: &[Box<dyn AnyFetch>]) {
    let span = Span::current();
    if !span.is_disabled() {
        span.record("missing", keys_of(fetches));
    }
}

/// Records in the present span how many keys a batch carries, and links it to the spans of those who wait for it.
pub(crate) fn record_batch<I: Iterator<Item = Id>>(keys: usize, callers: impl FnOnce() -> I) {
    let span = Span::current();
    if !span.is_disabled() {
        span.record("keys", keys);
        link(&span, callers());
    }
}

/// Records how a call of a loader ended.
pub(crate) fn record_call(span: &Span, failed: usize, keys: usize, error: Option<&Error>) {
    record_failed(span, failed, keys);
    if let Some(error) = error {
        span.record("error.type", field::debug(error.kind()));
    }
}

/// Records how many keys of a load failed.
pub(crate) fn record_failed(span: &Span, failed: usize, keys: usize) {
    span.record("failed", failed);
    let outcome = match failed {
        0 => "ok",
        failed if failed < keys => MIXED,
        _ => "failed",
    };
    span.record("outcome", outcome);
    if failed > 0 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Records how a read ended: where its answers came from, and whether one of them is stale by `age`.
pub(crate) fn record_answers<V>(
    span: &Span,
    answers: &[FlightResult<V>],
    age: impl Fn(&Found<V>) -> Servable,
) {
    if span.is_disabled() || answers.is_empty() {
        return;
    }
    let found = || answers.iter().flatten();
    if found().next().is_some() {
        span.record("source", one_of(found().map(|found| found.source.as_str())));
    }
    span.record("stale", found().any(|found| !matches!(age(found), Servable::Fresh | Servable::Due)));
    let outcome = one_of(answers.iter().map(|answer| match answer {
        Err(_) => "failed",
        Ok(found) => match found.source {
            Source::Memory | Source::Tier(_) => "hit",
            Source::Loader => "loaded",
            Source::Nowhere => "nothing",
        },
    }));
    span.record("outcome", outcome);
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        span.record("error.type", field::debug(error.kind()));
        span.record("otel.status_code", "ERROR");
    }
}

/// Does work in a task of its own for whoever is here: in its span, and within its trace context.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    TraceContext::around(TraceContext::current(), work).in_current_span()
}

fn keys_of(fetches: &[Box<dyn AnyFetch>]) -> usize {
    fetches.iter().map(|fetch| fetch.keys().len()).sum()
}

/// Returns what all of these are, or that they differ.
fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> &'a str {
    let mut words = words.into_iter();
    let first = words.next().unwrap_or_default();
    if words.all(|word| word == first) { first } else { MIXED }
}

/// The texts of keys: the first few, and how many more there are.
struct Names(Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = &self.0[..self.0.len().min(MAX_KEYS)];
        f.write_str(&named.join(" "))?;
        match self.0.len() - named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
