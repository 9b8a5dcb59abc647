//! Errors of functions on their way through the cache: never kept, and handed to who waited as what they were.

use std::{any::Any, error::Error as StdError, fmt, marker::PhantomData, sync::Arc};

use cache_core::{Error, Fetched, Loaded, Result, Tag, Ttl, sync::Mutex};

use super::{
    returns::Returns,
    shape::{ErrorText, Part},
};

/// An error on its way through the cache.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// Makes what a load returned of what a function did: its value with a life of its own if it has one and tags,
/// or absence. Whatever is an error by its type, is a variant named `Err`, or is refused by `keep`, fails the
/// load, so that it is not kept.
///
/// # Errors
///
/// What the function returned, if that is an error: [`Errors`] restores it.
pub fn loaded<R>(
    shape: R,
    returned: R::Returned,
    keep: impl FnOnce(&R::Value) -> bool,
    ttl: Option<Ttl>,
    tags: Vec<Tag>,
) -> Result<Loaded<R::Value>, Failure>
where
    R: Returns<Returned: Send>,
{
    let value = match shape.split(returned) {
        Part::Value(value) => value,
        Part::Absent => return Ok(Loaded::AbsentWith { tags }),
        Part::Failed(returned, text) => return Err(failed(returned, text)),
    };
    if shape.is_error(&value) || !keep(&value) {
        let text = "the function returned a value that is not to be kept".to_owned();
        return Err(Returned::boxed(shape.join(Arc::new(value)), text));
    }
    Ok(Loaded::Value(fetched(value, ttl, tags)))
}

/// A value with a life of its own, if it has one, and tags.
pub(super) fn fetched<V>(value: V, ttl: Option<Ttl>, tags: Vec<Tag>) -> Fetched<V> {
    let fetched = Fetched::new(value).tags(tags);
    match ttl {
        Some(ttl) => fetched.ttl(ttl),
        None => fetched,
    }
}

/// Makes the failure of a load of an error that a function returned.
pub(super) fn failed<R: Send + 'static>(returned: R, text: ErrorText) -> Failure {
    match text {
        ErrorText::Ours(error) => error.into(),
        ErrorText::Text(text) => Returned::boxed(returned, text),
    }
}

/// Restores what failed a load: for all who waited if it is `Clone`, else for the first who asks.
#[derive(Debug)]
pub struct Errors<R>(PhantomData<fn() -> R>);

impl<R> Errors<R> {
    /// The errors of a function that returns an `R`.
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> Default for Errors<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// The errors of a function that returns this.
pub fn errors_of<R: Returns>(_: &R) -> Errors<R::Returned> {
    Errors::new()
}

/// [`Errors`] that are `Clone`.
pub trait Cloned<R> {
    /// Returns what the function returned.
    ///
    /// # Errors
    ///
    /// The cache's error if there is nothing to restore.
    fn restore(&self, error: Error) -> Result<R>;
}

/// [`Errors`] that need not be `Clone`. Implemented for references, so that a call takes [`Cloned`]
/// where it can.
pub trait Taken<R> {
    /// Returns what the function returned.
    ///
    /// # Errors
    ///
    /// The cache's error if there is nothing to restore, or another took it.
    fn restore(&self, error: Error) -> Result<R>;
}

impl<R: Clone + Send + 'static> Cloned<R> for Errors<R> {
    fn restore(&self, error: Error) -> Result<R> {
        restored(error, |own| own.clone())
    }
}

impl<R: Send + 'static> Taken<R> for &Errors<R> {
    fn restore(&self, error: Error) -> Result<R> {
        restored(error, Option::take)
    }
}

fn restored<R: Send + 'static>(error: Error, own: fn(&mut Option<R>) -> Option<R>) -> Result<R> {
    let cause = error.cause().and_then(|cause| cause.downcast_ref::<Returned<R>>());
    cause.and_then(|Returned { own: returned, .. }| own(&mut returned.lock())).ok_or(error)
}

/// What a function returned, while it passes through the cache as an error.
struct Returned<R> {
    text: String,
    own: Mutex<Option<R>>,
}

impl<R: Send + 'static> Returned<R> {
    fn boxed(returned: R, text: String) -> Failure {
        Box::new(Self { text, own: Mutex::new(Some(returned)) })
    }
}

/// Failures and the cache's own errors are passed on as they are.
pub(super) fn carried<E: fmt::Display + Send + 'static>(error: E) -> Failure {
    let mut error = Some(error);
    if let Some(failure) = (&mut error as &mut dyn Any).downcast_mut::<Option<Failure>>() {
        return failure.take().unwrap_or_else(|| "no error".into());
    }
    match error.as_ref().and_then(|error| (error as &dyn Any).downcast_ref::<Error>()) {
        Some(ours) => ours.clone().into(),
        None => error.map(|error| error.to_string()).unwrap_or_default().into(),
    }
}

impl<R> fmt::Display for Returned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<R> fmt::Debug for Returned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Returned({})", self.text)
    }
}

impl<R: Send> StdError for Returned<R> {}
