//! Fetches of several regions together: from the tiers in one call a tier, then each from its own loader.

use std::sync::Arc;

use cache_core::{Error, Key, trace::TraceContext};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use tracing::{Instrument, Span, span::Id};

use super::{
    Fetch, LookupScope,
    tier_search::{Search, TierSearch},
};
use crate::{
    engine::{Engine, spans},
    load::{circular::Loading, coalesce::nested, loaders::shared_loader::SharedLoader},
    region::{Cacheable, Region},
};

/// What is to be fetched for one region, whatever the type of its values.
pub(crate) trait AnyFetch: Send {
    /// The kind.
    fn kind(&self) -> &str;

    /// The keys that are still to be fetched.
    fn keys(&self) -> Vec<&Key>;

    /// Tells the flights of the keys by which span they are fetched.
    fn set_span(&self, span: &Id);

    /// Looks into memory again for what was put since. Returns the search in the tiers, if there is to be one.
    fn begin(&mut self) -> Option<&mut dyn Search>;

    /// Whether no key is missing.
    fn is_done(&self) -> bool;

    /// Loads what no tier had.
    fn load(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// Gives all callers this error.
    fn refuse(self: Box<Self>, error: &Error);
}

struct RegionFetch<V> {
    region: Region<V>,
    scope: LookupScope,
    search: TierSearch<V>,
    loader: Option<Arc<dyn SharedLoader<V>>>,
}

impl<V: Cacheable> AnyFetch for RegionFetch<V> {
    fn kind(&self) -> &str {
        self.region.core.prefix.kind()
    }

    fn keys(&self) -> Vec<&Key> {
        self.search.left().iter().map(|fetch| fetch.leader.key()).collect()
    }

    fn set_span(&self, span: &Id) {
        self.search.left().iter().for_each(|fetch| fetch.leader.flight().set_span(span));
    }

    fn begin(&mut self) -> Option<&mut dyn Search> {
        let again = |fetch: Fetch<V>| match fetch.leader.overtaken() {
            true => self.region.begin_fetch(fetch.leader, self.scope),
            false => Some(fetch),
        };
        self.search.retain(again);
        let looks = self.scope != LookupScope::LoaderOnly && !self.region.is_memory_only();
        if looks { Some(&mut self.search) } else { None }
    }

    fn is_done(&self) -> bool {
        self.search.is_done()
    }

    fn load(self: Box<Self>) -> BoxFuture<'static, ()> {
        let Self { region, scope, search, loader } = *self;
        region.load_missing(search.missing(), scope, loader).boxed()
    }

    fn refuse(self: Box<Self>, error: &Error) {
        self.search.missing().iter().for_each(|fetch| fetch.leader.land(Err(error.clone())));
    }
}

impl<V: Cacheable> Region<V> {
    /// Returns what these fetches come to: nothing if there are none.
    pub(crate) fn fetches(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: Option<Arc<dyn SharedLoader<V>>>,
    ) -> Vec<Box<dyn AnyFetch>> {
        if fetches.is_empty() {
            return Vec::new();
        }
        let search = TierSearch::new(self.clone(), fetches, scope);
        vec![Box::new(RegionFetch { region: self.clone(), scope, search, loader })]
    }
}

impl Engine {
    /// Fetches in a task of its own, so that a caller may be dropped without harm.
    pub(crate) fn spawn_fetches(self: &Arc<Self>, fetches: Vec<Box<dyn AnyFetch>>) {
        self.spawn_around(fetches, Loading::current(), nested::current(), None);
    }

    /// The same for what nobody waits for, whatever call it was begun in. It is of no trace but its own, to whose
    /// first span the `cause` is linked.
    pub(crate) fn spawn_in_background(self: &Arc<Self>, fetches: Vec<Box<dyn AnyFetch>>, cause: &Span) {
        self.spawn_around(fetches, Loading::default(), None, Some(cause));
    }

    fn spawn_around(
        self: &Arc<Self>,
        fetches: Vec<Box<dyn AnyFetch>>,
        loading: Loading,
        call: Option<Arc<nested::Call>>,
        cause: Option<&Span>,
    ) {
        if fetches.is_empty() {
            return;
        }
        if let Err(error) = self.enter("load") {
            fetches.into_iter().for_each(|fetch| fetch.refuse(&error));
            return;
        }
        let span = self.spans().flight(&fetches, cause);
        let context = if cause.is_some() { None } else { TraceContext::current() };
        let fetch = Arc::clone(self).fetch_together(fetches).instrument(span);
        self.spawn(TraceContext::around(context, loading.around(nested::within(call, fetch))));
    }

    async fn fetch_together(self: Arc<Self>, mut fetches: Vec<Box<dyn AnyFetch>>) {
        let mut searches: Vec<_> = fetches.iter_mut().filter_map(|fetch| fetch.begin()).collect();
        self.search_tiers(&mut searches).await;
        spans::record_missing(&fetches);
        let missing = fetches.into_iter().filter(|fetch| !fetch.is_done());
        join_all(missing.map(AnyFetch::load)).await;
    }
}
