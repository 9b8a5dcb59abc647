//! Fetches of several regions together: from the tiers in one call a tier, then each from its own loader.

use std::sync::Arc;

use cache_core::Error;
use futures_util::future::{BoxFuture, FutureExt, join_all};

use super::{
    Fetch, LookupScope,
    tier_search::{Search, TierSearch},
};
use crate::{
    engine::Engine,
    load::{circular::Loading, coalesce::nested, loaders::shared_loader::SharedLoader},
    region::{Cacheable, Region},
};

/// What is to be fetched for one region, whatever the type of its values.
pub(crate) trait AnyFetch: Send {
    /// Looks into memory again for what was put since. Returns the search in the tiers, if there is to be one.
    fn begin(&mut self) -> Option<&mut dyn Search>;

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
    fn begin(&mut self) -> Option<&mut dyn Search> {
        let again = |fetch: Fetch<V>| match fetch.leader.overtaken() {
            true => self.region.begin_fetch(fetch.leader, self.scope),
            false => Some(fetch),
        };
        self.search.retain(again);
        let looks = self.scope != LookupScope::LoaderOnly && !self.region.is_memory_only();
        if looks { Some(&mut self.search) } else { None }
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
        self.spawn_around(fetches, Loading::current(), nested::current());
    }

    /// The same for what nobody waits for, whatever call it was begun in.
    pub(crate) fn spawn_in_background(self: &Arc<Self>, fetches: Vec<Box<dyn AnyFetch>>) {
        self.spawn_around(fetches, Loading::default(), None);
    }

    fn spawn_around(
        self: &Arc<Self>,
        fetches: Vec<Box<dyn AnyFetch>>,
        loading: Loading,
        call: Option<Arc<nested::Call>>,
    ) {
        if fetches.is_empty() {
            return;
        }
        if let Err(error) = self.enter("load") {
            fetches.into_iter().for_each(|fetch| fetch.refuse(&error));
            return;
        }
        let fetch = Arc::clone(self).fetch_together(fetches);
        self.spawn(loading.around(nested::within(call, fetch)));
    }

    async fn fetch_together(self: Arc<Self>, mut fetches: Vec<Box<dyn AnyFetch>>) {
        let mut searches: Vec<_> = fetches.iter_mut().filter_map(|fetch| fetch.begin()).collect();
        self.search_tiers(&mut searches).await;
        join_all(fetches.into_iter().map(AnyFetch::load)).await;
    }
}
