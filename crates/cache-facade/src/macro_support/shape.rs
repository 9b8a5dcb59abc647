//! What a function returns, taken apart by its type: the value to keep, absence, and errors.
//!
//! The type is asked by method resolution, so that an alias is what it stands for: a method of
//! `Shape<Result<T, E>>` itself is taken where there is one, else that of a trait which all shapes have.

use std::{any::Any, fmt::Display, marker::PhantomData, sync::Arc};

use cache_core::{Error, Result};

/// The type that a function returns, or a part of it.
#[derive(Debug)]
pub struct Shape<R>(PhantomData<fn() -> R>);

impl<R> Clone for Shape<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Shape<R> {}

impl<R> Shape<R> {
    /// The shape of the type `R`.
    #[must_use]
    pub fn of() -> Self {
        Self(PhantomData)
    }
}

/// What became of a returned value.
#[derive(Debug)]
pub enum Part<I, R> {
    /// What to keep, or look into further.
    Value(I),
    /// There is none.
    Absent,
    /// It is an error, and is handed back whole.
    Failed(R, ErrorText),
}

/// What is said of an error inside the cache.
#[derive(Debug)]
pub enum ErrorText {
    /// It is the cache's own.
    Ours(Error),
    /// What it displays.
    Text(String),
}

impl ErrorText {
    fn of<E: Display + 'static>(error: &E) -> Self {
        match (error as &dyn Any).downcast_ref::<Error>() {
            Some(ours) => Self::Ours(ours.clone()),
            None => Self::Text(error.to_string()),
        }
    }

    fn unknown<E>(_: &E) -> Self {
        Self::Text("the function returned an error".to_owned())
    }
}

/// One layer of a type around an inner one.
pub trait Layer: Copy + Send + Sync + 'static {
    /// The type with the layer.
    type Outer;
    /// The type without.
    type Inner;
    /// Takes the layer off.
    fn peel(&self, outer: Self::Outer) -> Part<Self::Inner, Self::Outer>;
    /// Puts it on.
    fn wrap(&self, inner: Self::Inner) -> Self::Outer;
    /// Returns what says that there is no value.
    fn absent(&self) -> Option<Self::Outer> {
        None
    }
    /// Returns the shape of the inner type.
    fn inner(&self) -> Shape<Self::Inner> {
        Shape::of()
    }
}

/// `Result<T, E>` around `T`.
#[derive(Debug)]
pub struct Fallible<T, E> {
    describe: fn(&E) -> ErrorText,
    inner: PhantomData<fn() -> T>,
}

/// `Option<T>` around `T`.
#[derive(Debug)]
pub struct Optional<T>(PhantomData<fn() -> T>);

/// No layer.
#[derive(Debug)]
pub struct Same<T>(PhantomData<fn() -> T>);

/// Implements `Copy` whatever the type arguments are.
macro_rules! copy {
    ($($name:ident<$($argument:ident),+>),*) => {$(
        impl<$($argument),+> Clone for $name<$($argument),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($argument),+> Copy for $name<$($argument),+> {}
    )*};
}

copy!(Fallible<T, E>, Optional<T>, Same<T>, Whole<V>, Counted<V>);

impl<T: 'static, E: 'static> Layer for Fallible<T, E> {
    type Outer = Result<T, E>;
    type Inner = T;

    fn peel(&self, outer: Result<T, E>) -> Part<T, Result<T, E>> {
        match outer {
            Ok(inner) => Part::Value(inner),
            Err(error) => {
                let text = (self.describe)(&error);
                Part::Failed(Err(error), text)
            }
        }
    }

    fn wrap(&self, inner: T) -> Result<T, E> {
        Ok(inner)
    }
}

impl<T: 'static> Layer for Optional<T> {
    type Outer = Option<T>;
    type Inner = T;

    fn peel(&self, outer: Option<T>) -> Part<T, Option<T>> {
        outer.map_or(Part::Absent, Part::Value)
    }

    fn wrap(&self, inner: T) -> Option<T> {
        Some(inner)
    }

    fn absent(&self) -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: 'static> Layer for Same<T> {
    type Outer = T;
    type Inner = T;

    fn peel(&self, outer: T) -> Part<T, T> {
        Part::Value(outer)
    }

    fn wrap(&self, inner: T) -> T {
        inner
    }
}

impl<T, E: Display + 'static> Shape<Result<T, E>> {
    /// The layer of a `Result` whose error says what it is.
    #[must_use]
    pub fn result(self) -> Fallible<T, E> {
        Fallible { describe: ErrorText::of, inner: PhantomData }
    }
}

impl<T, E: From<Error>> Shape<Result<T, E>> {
    /// Whether the function can return an error of the cache's.
    #[must_use]
    pub fn says_errors(self) -> bool {
        true
    }

    /// Makes an error of the cache's the function's.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn refuse(self, error: Error) -> Result<Result<T, E>> {
        Ok(Err(error.into()))
    }
}

impl<T, E> Shape<Result<T, E>> {
    /// Whether a function succeeded.
    pub fn succeeded(self, returned: &Result<T, E>) -> bool {
        returned.is_ok()
    }
}

impl<T> Shape<Option<T>> {
    /// The layer of an `Option`.
    #[must_use]
    pub fn option(self) -> Optional<T> {
        Optional(PhantomData)
    }
}

impl<V> Shape<Arc<V>> {
    /// A value that is shared.
    #[must_use]
    pub fn leaf(self) -> Counted<V> {
        Counted(PhantomData)
    }
}

/// A `Result` whose error can't be displayed.
pub trait Undescribed<T, E> {
    /// Its layer.
    fn result(self) -> Fallible<T, E>;
}

impl<T, E> Undescribed<T, E> for Shape<Result<T, E>> {
    fn result(self) -> Fallible<T, E> {
        Fallible { describe: ErrorText::unknown, inner: PhantomData }
    }
}

/// Any type. Implemented for references, so that a call takes whatever knows more of the type.
pub trait AnyShape<R>: Sized {
    /// No `Result`.
    fn result(self) -> Same<R> {
        Same(PhantomData)
    }
    /// No `Option`.
    fn option(self) -> Same<R> {
        Same(PhantomData)
    }
    /// A value that is cloned.
    fn leaf(self) -> Whole<R> {
        Whole(PhantomData)
    }
    /// Whether the function can return an error of the cache's.
    fn says_errors(self) -> bool {
        false
    }
    /// Hands the error back: the function can't return it.
    ///
    /// # Errors
    ///
    /// Always.
    fn refuse(self, error: Error) -> Result<R> {
        Err(error)
    }
    /// Whether a function succeeded.
    fn succeeded(self, _: &R) -> bool {
        true
    }
}

impl<R> AnyShape<R> for &Shape<R> {}

/// How what a function returns becomes what is kept, and the other way round.
pub trait Returns: Copy + Send + Sync + 'static {
    /// What the function returns.
    type Returned;
    /// What is kept of it.
    type Value;
    /// Finds what to keep.
    fn split(&self, returned: Self::Returned) -> Part<Self::Value, Self::Returned>;
    /// Returns what was kept as the function would.
    fn join(&self, value: Arc<Self::Value>) -> Self::Returned;
    /// Returns what says that there is no value.
    fn absent(&self) -> Option<Self::Returned>;
}

/// A value that is kept as it is.
#[derive(Debug)]
pub struct Whole<V>(PhantomData<fn() -> V>);

/// An `Arc` of the value that is kept.
#[derive(Debug)]
pub struct Counted<V>(PhantomData<fn() -> V>);

impl<V: Clone + 'static> Returns for Whole<V> {
    type Returned = V;
    type Value = V;

    fn split(&self, returned: V) -> Part<V, V> {
        Part::Value(returned)
    }

    fn join(&self, value: Arc<V>) -> V {
        Arc::unwrap_or_clone(value)
    }

    fn absent(&self) -> Option<V> {
        None
    }
}

impl<V: Clone + 'static> Returns for Counted<V> {
    type Returned = Arc<V>;
    type Value = V;

    fn split(&self, returned: Arc<V>) -> Part<V, Arc<V>> {
        Part::Value(Arc::unwrap_or_clone(returned))
    }

    fn join(&self, value: Arc<V>) -> Arc<V> {
        value
    }

    fn absent(&self) -> Option<Arc<V>> {
        None
    }
}

/// A layer around what is within.
#[derive(Clone, Copy, Debug)]
pub struct Within<L, I>(pub L, pub I);

impl<L: Layer, I: Returns<Returned = L::Inner>> Returns for Within<L, I> {
    type Returned = L::Outer;
    type Value = I::Value;

    fn split(&self, returned: L::Outer) -> Part<I::Value, L::Outer> {
        match self.0.peel(returned) {
            Part::Value(inner) => match self.1.split(inner) {
                Part::Value(value) => Part::Value(value),
                Part::Absent => Part::Absent,
                // An error within a value isn't the one that the cache's own could take the place of.
                Part::Failed(inner, ErrorText::Ours(error)) => {
                    Part::Failed(self.0.wrap(inner), ErrorText::Text(error.to_string()))
                }
                Part::Failed(inner, text) => Part::Failed(self.0.wrap(inner), text),
            },
            Part::Absent => Part::Absent,
            Part::Failed(outer, text) => Part::Failed(outer, text),
        }
    }

    fn join(&self, value: Arc<I::Value>) -> L::Outer {
        self.0.wrap(self.1.join(value))
    }

    fn absent(&self) -> Option<L::Outer> {
        self.0.absent().or_else(|| self.1.absent().map(|inner| self.0.wrap(inner)))
    }
}
