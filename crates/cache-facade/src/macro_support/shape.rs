//! What a function returns, taken apart by its type: the value to keep, absence, and errors.
//!
//! The type is asked by method resolution, so that an alias is what it stands for: a method of
//! `Shape<Result<T, E>>` itself is taken where there is one, else that of a trait which all shapes have.

use std::{any::Any, fmt::Display, marker::PhantomData, sync::Arc};

use cache_core::{Error, Result};

use super::returns::{Counted, Whole};

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

copy!(Fallible<T, E>, Optional<T>, Same<T>);

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
        Counted::of()
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
        Whole::of()
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
