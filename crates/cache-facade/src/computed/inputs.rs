//! What values are computed from: a region, or a tuple of regions.

use std::sync::Arc;

use cache_core::{Key, Result, Timestamp};
use futures_util::future::{BoxFuture, FutureExt};
use tracing::Instrument;

use super::provenance::Provenance;
use crate::{
    answer::FlightResult,
    engine::Engine,
    load::fetch::together::AnyFetch,
    read::memory_lookup::{FirstLook, MemoryLookup},
    region::{Cacheable, Region, in_order_of},
};

/// What values are computed from: a [`Region`], perhaps [`Completed`](crate::Completed), or a tuple of two or
/// three. A region that may be left out is an `Option`, and so is its id: it has no part in a value if either is
/// `None`.
///
/// It is implemented for these alone.
pub trait Inputs: Clone + Send + Sync + 'static {
    /// The ids of the inputs of one value: a text for each region.
    type Ids: Clone + Send + Sync + 'static;
    /// The inputs of one value: an `Option<Arc<_>>` for each region, `None` where there is no value. For a region
    /// that may be left out, in another `Option`.
    type Values: Send + 'static;

    /// Whether all of the regions are of the cache with this engine.
    #[doc(hidden)]
    fn are_of(&self, engine: &EngineRef<'_>) -> bool;

    /// Begins to fetch without waiting, and without counting a read.
    #[doc(hidden)]
    fn prefetch(&self, ids: &[Self::Ids]) -> Fetches;

    /// Begins to read.
    #[doc(hidden)]
    fn begin(&self, ids: &[Self::Ids]) -> (Fetches, Reading<Self::Values>);

    /// Adds when each input was born to `births`, and whether one was marked stale. Returns whether memory may
    /// serve all of them.
    #[doc(hidden)]
    fn births(&self, ids: &Self::Ids, births: &mut Births) -> bool;
}

/// The engine of a cache.
pub struct EngineRef<'a>(pub(crate) &'a Arc<Engine>);

/// What memory has of the inputs of a value.
#[derive(Debug, Default)]
pub struct Births {
    /// When each was born.
    pub(super) at: Vec<Timestamp>,
    /// Whether one of them was marked stale.
    pub(super) marked: bool,
}

/// What is to be fetched.
pub struct Fetches(pub(crate) Vec<Box<dyn AnyFetch>>);

impl Fetches {
    fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// A read of inputs, of one after the other of the ids.
pub(super) type Reading<T> = BoxFuture<'static, Vec<Input<T>>>;

/// What was read of the inputs of one value.
pub(super) type Input<T> = Result<(T, Provenance)>;

impl<A: Cacheable> Inputs for Region<A> {
    type Ids = String;
    type Values = Option<Arc<A>>;

    fn are_of(&self, engine: &EngineRef<'_>) -> bool {
        Arc::ptr_eq(&self.engine, engine.0)
    }

    fn prefetch(&self, ids: &[String]) -> Fetches {
        Fetches(self.fetch_ahead(&ids.iter().filter_map(|id| self.key(id).ok()).collect::<Vec<_>>()))
    }

    fn begin(&self, ids: &[String]) -> (Fetches, Reading<Self::Values>) {
        let keys: Vec<Result<Key>> = ids.iter().map(|id| self.key(id)).collect();
        let good: Vec<Key> = keys.iter().flatten().cloned().collect();
        let span = self.read_span(&good);
        let (begun, fetches) = span.in_scope(|| self.begin_read(&good, FirstLook::Closer, &self.loader));
        let region = self.clone();
        let reading = async move {
            let found = region.finish_read(&good, begun, region.loader.clone()).await;
            let now = region.engine.clock().now();
            let input = |found: FlightResult<A>| {
                let found = region.told(found?);
                let provenance = Provenance::of(&found, now);
                Ok((found.value, provenance))
            };
            in_order_of(keys, found).map(input).collect()
        };
        (Fetches(fetches), reading.instrument(span).boxed())
    }

    fn births(&self, id: &String, births: &mut Births) -> bool {
        let Ok(key) = self.key(id) else { return false };
        match self.look_in_memory(&key, self.engine.clock().now()) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) | MemoryLookup::Stale(found) => {
                births.at.push(found.meta.born);
                births.marked |= found.meta.is_marked_stale();
                true
            }
            MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => false,
        }
    }
}

impl<I: Inputs> Inputs for Option<I> {
    type Ids = Option<I::Ids>;
    type Values = Option<I::Values>;

    fn are_of(&self, engine: &EngineRef<'_>) -> bool {
        self.as_ref().is_none_or(|inputs| inputs.are_of(engine))
    }

    fn prefetch(&self, ids: &[Self::Ids]) -> Fetches {
        let known: Vec<I::Ids> = ids.iter().flatten().cloned().collect();
        self.as_ref().map_or(Fetches(Vec::new()), |inputs| inputs.prefetch(&known))
    }

    fn begin(&self, ids: &[Self::Ids]) -> (Fetches, Reading<Self::Values>) {
        let is_wanted: Vec<bool> = ids.iter().map(|ids| self.is_some() && ids.is_some()).collect();
        let known: Vec<I::Ids> = ids.iter().flatten().cloned().collect();
        let (fetches, reading) = match self {
            Some(inputs) => inputs.begin(&known),
            None => (Fetches(Vec::new()), async { Vec::new() }.boxed()),
        };
        let reading = async move {
            let mut read = reading.await.into_iter();
            let mut input = |is_wanted: bool| {
                let Some(read) = read.by_ref().take(usize::from(is_wanted)).next() else {
                    return Ok((None, Provenance::default()));
                };
                read.map(|(values, provenance)| (Some(values), provenance))
            };
            is_wanted.into_iter().map(&mut input).collect()
        };
        (fetches, reading.boxed())
    }

    fn births(&self, ids: &Self::Ids, births: &mut Births) -> bool {
        self.as_ref().zip(ids.as_ref()).is_none_or(|(inputs, ids)| inputs.births(ids, births))
    }
}

impl<A: Inputs, B: Inputs> Inputs for (A, B) {
    type Ids = (A::Ids, B::Ids);
    type Values = (A::Values, B::Values);

    fn are_of(&self, engine: &EngineRef<'_>) -> bool {
        self.0.are_of(engine) && self.1.are_of(engine)
    }

    fn prefetch(&self, ids: &[Self::Ids]) -> Fetches {
        let (one, other): (Vec<_>, Vec<_>) = ids.iter().cloned().unzip();
        self.0.prefetch(&one).and(self.1.prefetch(&other))
    }

    fn begin(&self, ids: &[Self::Ids]) -> (Fetches, Reading<Self::Values>) {
        let (one, other): (Vec<_>, Vec<_>) = ids.iter().cloned().unzip();
        let (fetches, one) = self.0.begin(&one);
        let (others, other) = self.1.begin(&other);
        let reading = async move {
            let (one, other) = futures_util::join!(one, other);
            let both = |(one, other): (Input<A::Values>, Input<B::Values>)| {
                let ((one, from), (other, from_other)) = (one?, other?);
                Ok(((one, other), Provenance::and(from, from_other)))
            };
            one.into_iter().zip(other).map(both).collect()
        };
        (fetches.and(others), reading.boxed())
    }

    fn births(&self, ids: &Self::Ids, births: &mut Births) -> bool {
        self.0.births(&ids.0, births) && self.1.births(&ids.1, births)
    }
}

impl<A: Inputs, B: Inputs, C: Inputs> Inputs for (A, B, C) {
    type Ids = (A::Ids, B::Ids, C::Ids);
    type Values = (A::Values, B::Values, C::Values);

    fn are_of(&self, engine: &EngineRef<'_>) -> bool {
        self.0.are_of(engine) && self.1.are_of(engine) && self.2.are_of(engine)
    }

    fn prefetch(&self, ids: &[Self::Ids]) -> Fetches {
        nested(self).prefetch(&ids.iter().map(nested).collect::<Vec<_>>())
    }

    fn begin(&self, ids: &[Self::Ids]) -> (Fetches, Reading<Self::Values>) {
        let (fetches, reading) = nested(self).begin(&ids.iter().map(nested).collect::<Vec<_>>());
        let flat = |(((one, two), three), from)| ((one, two, three), from);
        (fetches, async move { reading.await.into_iter().map(|read| read.map(flat)).collect() }.boxed())
    }

    fn births(&self, ids: &Self::Ids, births: &mut Births) -> bool {
        self.0.births(&ids.0, births) && self.1.births(&ids.1, births) && self.2.births(&ids.2, births)
    }
}

/// Three inputs as two of two.
fn nested<A: Clone, B: Clone, C: Clone>((one, two, three): &(A, B, C)) -> ((A, B), C) {
    ((one.clone(), two.clone()), three.clone())
}
