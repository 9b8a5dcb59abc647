//! What is kept of what a function returns, and how it is handed back: a value, within layers.

use std::sync::Arc;

use serde::Serialize;

use super::{
    hidden_error,
    shape::{ErrorText, Layer, Part},
};

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
    /// Whether the value is an error in disguise, which is not kept.
    fn is_error(&self, value: &Self::Value) -> bool;
}

/// A value of which each caller gets one of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value for several callers: it is not `Clone`",
    note = "derive `Clone` for it; one that is dear to clone is returned as an `Arc`, and has to be `Clone` all the same"
)]
pub trait CloneValue: Clone + 'static {}

#[diagnostic::do_not_recommend]
impl<V: Clone + 'static> CloneValue for V {}

/// A value that is kept as it is.
#[derive(Debug)]
pub struct Whole<V> {
    is_error: fn(&V) -> bool,
}

/// An `Arc` of the value that is kept.
#[derive(Debug)]
pub struct Counted<V> {
    is_error: fn(&V) -> bool,
}

/// Implements `Copy` whatever the type argument is, and what both have.
macro_rules! values {
    ($($name:ident),*) => {$(
        impl<V> Clone for $name<V> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<V> Copy for $name<V> {}

        impl<V> $name<V> {
            pub(super) fn of() -> Self {
                Self { is_error: |_| false }
            }
        }

        impl<V: Serialize> $name<V> {
            /// Looks for errors within values, as serde writes them.
            #[must_use]
            pub fn searched(self) -> Self {
                Self { is_error: hidden_error::is_error }
            }
        }

        impl<V> Unsearched for $name<V> {}
    )*};
}

values!(Whole, Counted);

/// Values that serde can't write. No region takes them, which is said where it is opened, and only there.
pub trait Unsearched: Sized {
    /// Looks for nothing.
    #[must_use]
    fn searched(self) -> Self {
        self
    }
}

impl<V: CloneValue> Returns for Whole<V> {
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

    fn is_error(&self, value: &V) -> bool {
        (self.is_error)(value)
    }
}

impl<V: CloneValue> Returns for Counted<V> {
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

    fn is_error(&self, value: &V) -> bool {
        (self.is_error)(value)
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
    fn is_error(&self, value: &I::Value) -> bool {
        self.1.is_error(value)
    }
}
