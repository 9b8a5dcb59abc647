//! The spans of a scenario, recorded as they are opened, filled in and closed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, Once, PoisonError},
};

use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, Interest},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::{LookupSpan, Registry},
};

/// The targets of the project's spans.
const TARGETS: [&str; 3] = ["cache_facade::spans", "market_data::spans", "cache_server::spans"];

/// A span as it was recorded.
#[derive(Clone, Debug)]
pub struct RecordedSpan {
    /// What tells it from others of the same scenario.
    pub id: u64,
    /// Its name.
    pub name: &'static str,
    /// The span that it is part of, by its id.
    pub parent: Option<u64>,
    /// The spans that it is linked to, by their ids.
    pub links: Vec<u64>,
    /// Its fields, as they were last recorded.
    pub fields: BTreeMap<&'static str, String>,
    /// Whether it has ended.
    pub closed: bool,
}

impl RecordedSpan {
    /// The text of a field; empty if it was not recorded.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Records the spans of this thread until it is dropped.
#[must_use = "spans are recorded until this is dropped"]
pub struct RecordedSpans {
    spans: Arc<Mutex<Vec<RecordedSpan>>>,
    _guard: DefaultGuard,
}

impl RecordedSpans {
    /// Begins to record the project's spans of this level and above.
    pub fn record(level: LevelFilter) -> Self {
        static LISTENS: Once = Once::new();
        LISTENS.call_once(|| drop(tracing::subscriber::set_global_default(Listener)));
        let spans = Arc::default();
        let layer = Recording(Arc::clone(&spans))
            .with_filter(Targets::new().with_targets(TARGETS.map(|target| (target, level))));
        Self { spans, _guard: tracing::subscriber::set_default(Registry::default().with(layer)) }
    }

    /// Returns all that were opened so far, in their order.
    #[must_use]
    pub fn all(&self) -> Vec<RecordedSpan> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns those of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<RecordedSpan> {
        self.all().into_iter().filter(|span| span.name == name).collect()
    }

    /// Returns the only one of a name.
    ///
    /// # Panics
    ///
    /// If there is none, or several.
    #[must_use]
    pub fn one(&self, name: &str) -> RecordedSpan {
        let mut named = self.named(name);
        assert_eq!(named.len(), 1, "{name}: {:#?}", self.all());
        named.remove(0)
    }

    /// Returns the names of a span and of those that it is part of, from the outermost.
    #[must_use]
    pub fn path(&self, span: &RecordedSpan) -> String {
        match span.parent.and_then(|id| self.all().into_iter().find(|span| span.id == id)) {
            Some(parent) => format!("{} > {}", self.path(&parent), span.name),
            None => span.name.to_owned(),
        }
    }

    /// Forgets what was recorded so far.
    pub fn clear(&self) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

struct Recording(Arc<Mutex<Vec<RecordedSpan>>>);

impl Recording {
    fn with(&self, id: &Id, change: impl FnOnce(&mut RecordedSpan)) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = spans.iter_mut().find(|span| span.id == id.into_u64()) {
            change(span);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recording {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent()).map(|parent| parent.id().into_u64());
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let name = attributes.metadata().name();
        let span = RecordedSpan { id: id.into_u64(), name, parent, links: Vec::new(), fields, closed: false };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.with(id, |span| values.record(&mut Fields(&mut span.fields)));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        // As a bridge to OpenTelemetry sees it: one that has ended can't be linked to.
        if context.span(follows).is_some() {
            self.with(id, |span| span.links.push(follows.into_u64()));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.with(&id, |span| span.closed = true);
    }
}

/// Keeps `tracing` from deciding once and for all that nobody wants a span: one that another test's thread meets
/// first, just as a recording begins, would otherwise be missing from it.
struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}
