//! Calls of functions of many elements, each of which has an entry of its own.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Key, Loaded, Loader, Request, Result, Tag, Ttl};

use super::{
    Failure,
    errors::{failed, loaded},
    hit, patient,
    returns::Returns,
    shape::{Layer, Part, Shape},
};
use crate::{
    load::loaders::into_loaded::own,
    read::memory_lookup::FirstLook,
    region::{Cacheable, Region},
};

/// What a function of many elements of type `T` returns: what it found for each.
#[diagnostic::on_unimplemented(
    message = "a batch of `{T}` can't return `{Self}`",
    note = "it returns `HashMap<{T}, V>`, `BTreeMap<{T}, V>` or `Vec<({T}, V)>`, or a `Result` of one of these",
    note = "`{T}` is `Eq` and `Hash` for a `HashMap` or a `Vec`, and `Ord` for a `BTreeMap`"
)]
pub trait BatchOutput<T>: Sized {
    /// What it found for one.
    type Value;
    /// Returns what was found for each of `elements`, in their order. Of equal ones the first gets it.
    fn find_each(self, elements: &[T]) -> Vec<Option<Self::Value>>;
    /// Returns for each of `elements` which is the first that equals it. Equal ones may have several keys, as have
    /// the paths `a/b` and `a//b`.
    fn first_equals(elements: &[T]) -> Vec<usize>;
    /// Makes one of elements and what was found for them.
    fn from_pairs(pairs: Vec<(T, Self::Value)>) -> Self;
}

impl<T: Eq + Hash, V, S: BuildHasher + Default> BatchOutput<T> for HashMap<T, V, S> {
    type Value = V;

    fn find_each(mut self, elements: &[T]) -> Vec<Option<V>> {
        elements.iter().map(|element| self.remove(element)).collect()
    }

    fn first_equals(elements: &[T]) -> Vec<usize> {
        let mut first = HashMap::with_capacity(elements.len());
        elements.iter().enumerate().map(|(at, element)| *first.entry(element).or_insert(at)).collect()
    }

    fn from_pairs(pairs: Vec<(T, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<T: Ord, V> BatchOutput<T> for BTreeMap<T, V> {
    type Value = V;

    fn find_each(mut self, elements: &[T]) -> Vec<Option<V>> {
        elements.iter().map(|element| self.remove(element)).collect()
    }

    fn first_equals(elements: &[T]) -> Vec<usize> {
        let mut first = BTreeMap::new();
        elements.iter().enumerate().map(|(at, element)| *first.entry(element).or_insert(at)).collect()
    }

    fn from_pairs(pairs: Vec<(T, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<T: Eq + Hash, V> BatchOutput<T> for Vec<(T, V)> {
    type Value = V;

    fn find_each(self, elements: &[T]) -> Vec<Option<V>> {
        self.into_iter().collect::<HashMap<T, V>>().find_each(elements)
    }

    fn first_equals(elements: &[T]) -> Vec<usize> {
        HashMap::<T, V>::first_equals(elements)
    }

    fn from_pairs(pairs: Vec<(T, V)>) -> Self {
        pairs
    }
}

/// What a function of many elements of type `T` returns: within the layer `L` a value of type `V` for each.
#[derive(Debug)]
pub struct BatchShape<T, L: Layer, V> {
    outer: L,
    find_each: fn(L::Inner, &[T]) -> Vec<Option<V>>,
    first_equals: fn(&[T]) -> Vec<usize>,
    from_pairs: fn(Vec<(T, V)>) -> L::Inner,
}

impl<T, L: Layer, V> Clone for BatchShape<T, L, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, L: Layer, V> Copy for BatchShape<T, L, V> {}

impl<T, L, V> BatchShape<T, L, V>
where
    L: Layer<Inner: BatchOutput<T, Value = V>>,
{
    /// The shape of what is within `outer`.
    #[must_use]
    pub fn of(outer: L) -> Self {
        let (find_each, first_equals) = (L::Inner::find_each, L::Inner::first_equals);
        Self { outer, find_each, first_equals, from_pairs: L::Inner::from_pairs }
    }
}

// What follows asks nothing of the types, so that one which is no `BatchOutput` is one error.
impl<T, L: Layer, V> BatchShape<T, L, V> {
    /// Returns the shape of what is found for one element.
    #[must_use]
    pub fn each(self) -> Shape<V> {
        Shape::of()
    }

    /// Returns elements and what was found for them as the function would.
    pub fn join(self, pairs: Vec<(T, V)>) -> L::Outer {
        self.outer.wrap((self.from_pairs)(pairs))
    }
}

/// Elements that are to be loaded, each with the tags of its entry.
#[derive(Clone, Debug)]
pub struct Wanted<T>(Vec<(T, Vec<Tag>)>);

impl<T: Clone> Wanted<T> {
    /// Returns the elements.
    #[must_use]
    pub fn elements(&self) -> Vec<T> {
        self.0.iter().map(|(element, _)| element.clone()).collect()
    }
}

/// Makes what a load returned of what a function of many elements did, as [`loaded`] does for one: an answer for
/// each that was wanted.
///
/// # Errors
///
/// What the function returned, if that is an error of all of them.
pub fn loaded_each<T, L, R>(
    whole: BatchShape<T, L, R::Returned>,
    shape: R,
    returned: L::Outer,
    wanted: Wanted<T>,
    keep: impl Fn(&R::Value) -> bool,
    ttl: Option<Ttl>,
) -> Result<Vec<Loaded<R::Value>>, Failure>
where
    L: Layer<Outer: Send>,
    R: Returns<Returned: Send, Value: Clone>,
{
    let found = match whole.outer.peel(returned) {
        Part::Value(found) => found,
        Part::Absent => {
            return Ok(wanted.0.into_iter().map(|(_, tags)| Loaded::AbsentWith { tags }).collect());
        }
        Part::Failed(returned, text) => return Err(failed(returned, text)),
    };
    let (elements, tags): (Vec<T>, Vec<Vec<Tag>>) = wanted.0.into_iter().unzip();
    let answer = |(found, tags): (Option<_>, _)| match found {
        Some(found) => {
            loaded(shape, found, &keep, ttl, tags).unwrap_or_else(|error| Loaded::Failed(own(error)))
        }
        None => Loaded::AbsentWith { tags },
    };
    let first_equals = (whole.first_equals)(&elements);
    let found = (whole.find_each)(found, &elements);
    let mut answers: Vec<Loaded<R::Value>> = Vec::with_capacity(elements.len());
    for (at, (found, tags)) in found.into_iter().zip(tags).enumerate() {
        answers.push(match (first_equals[at], &found) {
            (first, None) if first < at => match &answers[first] {
                Loaded::Value(value) => {
                    let mut value = value.clone();
                    value.tags = tags;
                    Loaded::Value(value)
                }
                Loaded::AbsentWith { .. } => Loaded::AbsentWith { tags },
                other => other.clone(),
            },
            _ => answer((found, tags)),
        });
    }
    Ok(answers)
}

/// One call of a function of many elements of type `T`.
#[derive(Debug)]
pub struct BatchCall<T, V> {
    /// What each of the caller's elements is answered with.
    answers: Vec<Place<V>>,
    /// The keys that memory has no fresh entry of, and where each is among `wanted`.
    places: HashMap<Key, usize>,
    keys: Vec<Key>,
    wanted: Vec<(T, Vec<Tag>)>,
    loaded: Vec<Result<Option<Arc<V>>>>,
}

/// Where the answer for an element is.
#[derive(Debug)]
enum Place<V> {
    InMemory(Option<Arc<V>>),
    /// Among those that are wanted, at this place.
    Wanted(usize),
}

impl<T, V> BatchCall<T, V>
where
    T: Clone + Send + Sync + 'static,
    V: Cacheable,
{
    /// Begins a call for so many elements.
    #[must_use]
    pub fn new(elements: usize) -> Self {
        Self {
            answers: Vec::with_capacity(elements),
            places: HashMap::new(),
            keys: Vec::new(),
            wanted: Vec::new(),
            loaded: Vec::new(),
        }
    }

    /// Looks the next element up. If this returns `false`, nothing is known of it, and [`BatchCall::want`] has to
    /// follow.
    ///
    /// # Errors
    ///
    /// `Limit` for a key that is too long.
    pub fn look_up(&mut self, region: &Region<V>, id: &str) -> Result<bool> {
        if let Some(value) = hit(region, id) {
            self.answers.push(Place::InMemory(value));
            return Ok(true);
        }
        let key = region.core.prefix.key(id)?;
        let next = self.keys.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        self.answers.push(Place::Wanted(place));
        if place == next {
            self.keys.push(key);
        }
        Ok(place != next)
    }

    /// Notes that the element which was looked up last is wanted, and the tags of its entry.
    pub fn want(&mut self, element: T, tags: Vec<Tag>) {
        self.wanted.push((element, tags));
    }

    /// Whether there is anything to look for outside of memory.
    #[must_use]
    pub fn wants_any(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Reads what is wanted from the tiers, and loads what they lack, at most `max_batch` elements a call. A
    /// function that can't say that it took too long is waited for.
    pub async fn load<F, Fut>(&mut self, region: &Region<V>, says_errors: bool, max_batch: usize, load: F)
    where
        F: Fn(Wanted<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Loaded<V>>, Failure>> + Send + 'static,
    {
        let (places, wanted) = (std::mem::take(&mut self.places), std::mem::take(&mut self.wanted));
        let region = patient(region, says_errors);
        let loader = region.counted(BatchLoader { max_batch, places, wanted, load });
        let found = Box::pin(region.read(&self.keys, FirstLook::Closer, Some(loader))).await;
        self.loaded = found.into_iter().map(|answer| answer.map(|found| found.value)).collect();
    }

    /// Returns the answers, in the order in which the elements were looked up.
    pub fn into_answers(self) -> impl Iterator<Item = Result<Option<Arc<V>>>> {
        let Self { answers, loaded, .. } = self;
        answers.into_iter().map(move |answer| match answer {
            Place::InMemory(value) => Ok(value),
            Place::Wanted(place) => loaded.get(place).cloned().unwrap_or(Ok(None)),
        })
    }
}

/// The body of a function as a loader of the elements that one call wants.
struct BatchLoader<T, F> {
    max_batch: usize,
    places: HashMap<Key, usize>,
    wanted: Vec<(T, Vec<Tag>)>,
    load: F,
}

#[async_trait]
impl<T, V, F, Fut> Loader<V> for BatchLoader<T, F>
where
    T: Clone + Send + Sync + 'static,
    V: Cacheable,
    F: Fn(Wanted<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<Loaded<V>>, Failure>> + Send + 'static,
{
    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let element = |request: &Request<V>| {
            let at = self.places.get(&request.key).and_then(|place| self.wanted.get(*place));
            at.cloned().ok_or_else(|| {
                let message = format!("{} is of no element of this call", request.key);
                Error::new(ErrorKind::Load, "load", message)
            })
        };
        let wanted = Wanted(requests.iter().map(element).collect::<Result<_>>()?);
        (self.load)(wanted).await.map_err(own)
    }
}
