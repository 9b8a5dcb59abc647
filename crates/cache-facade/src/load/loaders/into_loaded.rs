//! What closures that load may return, and what their callers get.

use std::{error::Error as StdError, sync::Arc};

use cache_core::{Error, ErrorKind, Fetched, Loaded};

/// What a load failed with.
type Failure = Box<dyn StdError + Send + Sync>;

/// What a closure that loads a value of type `V` may return.
///
/// | it returns | it means | the caller gets |
/// |---|---|---|
/// | `V` | the value | `Arc<V>` |
/// | [`Fetched<V>`] | the value, with its own life, tags or etag | `Arc<V>` |
/// | `Option` of one of these | the value, or that there is none | `Option<Arc<V>>` |
/// | [`Loaded<V>`] | any of these, or "not modified" | `Option<Arc<V>>` |
/// | `Result` of one of these | the same, or an error | the same |
///
/// An error is whatever is `Into<Box<dyn Error + Send + Sync>>`: any error type, `anyhow::Error`, a text.
#[diagnostic::on_unimplemented(
    message = "a load of `{V}` can't return `{Self}`",
    note = "it returns a `{V}`, an `Option`, a `Fetched` or a `Loaded` of it, or a `Result` of one of these",
    note = "an error has to be `Into<Box<dyn std::error::Error + Send + Sync>>`"
)]
pub trait IntoLoaded<V>: Sized {
    /// What the caller gets.
    type Answer: MaybeValue<V>;

    /// Returns what the source said.
    ///
    /// # Errors
    ///
    /// What the load failed with.
    fn into_loaded(self) -> Result<Loaded<V>, Failure>;
}

/// What a caller gets of a load: `Arc<V>`, or `Option<Arc<V>>` if there may be no value.
pub trait MaybeValue<V>: Sized {
    /// Whether there has to be a value.
    const NEEDS_VALUE: bool;

    /// Returns the answer. None if there is no value and there has to be one.
    fn of(value: Option<Arc<V>>) -> Option<Self>;
}

impl<V> MaybeValue<V> for Arc<V> {
    const NEEDS_VALUE: bool = true;

    fn of(value: Option<Self>) -> Option<Self> {
        value
    }
}

impl<V> MaybeValue<V> for Option<Arc<V>> {
    const NEEDS_VALUE: bool = false;

    fn of(value: Self) -> Option<Self> {
        Some(value)
    }
}

/// Implements [`IntoLoaded`] for a type and for a `Result` of it. One implementation for all results would overlap
/// with that for all values.
macro_rules! outcomes {
    ($($type:ty => $answer:ty: $loaded:expr;)+) => {$(
        impl<V> IntoLoaded<V> for $type {
            type Answer = $answer;

            fn into_loaded(self) -> Result<Loaded<V>, Failure> {
                let loaded: fn($type) -> Loaded<V> = $loaded;
                Ok(loaded(self))
            }
        }

        impl<V, E: Into<Failure>> IntoLoaded<V> for Result<$type, E> {
            type Answer = $answer;

            fn into_loaded(self) -> Result<Loaded<V>, Failure> {
                self.map_err(Into::into)?.into_loaded()
            }
        }
    )+};
}

outcomes! {
    V => Arc<V>: Loaded::from;
    Fetched<V> => Arc<V>: Loaded::from;
    Option<V> => Option<Arc<V>>: |value| value.map_or(Loaded::Absent, Loaded::from);
    Option<Fetched<V>> => Option<Arc<V>>: |value| value.map_or(Loaded::Absent, Loaded::from);
    Loaded<V> => Option<Arc<V>>: |loaded| loaded;
}

/// Returns the error itself if it is one of the cache's own, else one of these with it as the source: of the kind
/// of the cache's error among its causes, if there is one.
pub(crate) fn own(source: Failure) -> Error {
    match source.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => {
            let kind = Error::within(&*source).map_or(ErrorKind::Load, |within| within.kind());
            Error::caused(kind, "load", "the source failed", source)
        }
    }
}
