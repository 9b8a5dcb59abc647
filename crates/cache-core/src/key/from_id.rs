//! Ids read back out of keys.

use std::{borrow::Cow, sync::Arc};

/// An id that can be read out of the text that it is written as: the way back of [`ToId`](crate::ToId).
///
/// ```
/// use cache_core::FromId;
///
/// assert_eq!(u64::from_id("7"), Some(7));
/// assert_eq!(u64::from_id("007"), None, "7 is not written so");
/// assert_eq!(<(String, u16)>::from_id("BRK%3AB:20"), Some(("BRK:B".to_owned(), 20)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read out of a key",
    note = "derive `FromId` for it, or take a `String` and read that",
    note = "ids that can are `String`, integers, `bool`, `char`, `Uuid` (feature `uuid`), and tuples, arrays and `Option`s of these"
)]
pub trait FromId: Sized {
    /// Returns the id that is written so; `None` if none is.
    fn from_id(id: &str) -> Option<Self>;
}

/// Splits the text of an id of `N` parts into these, as [`IdText::parts`](crate::IdText::parts) joined them.
/// None if it has another number of parts, or one that was never written so.
#[must_use]
pub fn id_parts<const N: usize>(id: &str) -> Option<[String; N]> {
    match N {
        0 if id.is_empty() => return Vec::new().try_into().ok(),
        1 => return vec![id.to_owned()].try_into().ok(),
        _ => {}
    }
    let parts = id.split(':').map(decoded).collect::<Option<Vec<String>>>()?;
    parts.try_into().ok()
}

/// A part of an id as it was before its `:` and `%` were percent-encoded.
fn decoded(part: &str) -> Option<String> {
    let mut pieces = part.split('%');
    let mut text = pieces.next()?.to_owned();
    for piece in pieces {
        let (special, rest) = match (piece.strip_prefix("3A"), piece.strip_prefix("25")) {
            (Some(rest), _) => (':', rest),
            (None, Some(rest)) => ('%', rest),
            (None, None) => return None,
        };
        text.push(special);
        text.push_str(rest);
    }
    Some(text)
}

macro_rules! texts {
    ($($type:ty),+) => {$(
        impl FromId for $type {
            fn from_id(id: &str) -> Option<Self> {
                Some(id.into())
            }
        }
    )+};
}

texts!(String, Box<str>, Arc<str>);

impl FromId for Cow<'static, str> {
    fn from_id(id: &str) -> Option<Self> {
        Some(Cow::Owned(id.to_owned()))
    }
}

macro_rules! displayed {
    ($($type:ty),+) => {$(
        impl FromId for $type {
            fn from_id(id: &str) -> Option<Self> {
                // Of several texts that are read alike, only one is written.
                id.parse().ok().filter(|read: &Self| read.to_string() == id)
            }
        }
    )+};
}

displayed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char);
#[cfg(feature = "uuid")]
displayed!(uuid::Uuid);

impl<T: FromId> FromId for Option<T> {
    fn from_id(id: &str) -> Option<Self> {
        if id == "None" {
            return Some(None);
        }
        let [some, id] = id_parts::<2>(id)?;
        if some == "Some" { T::from_id(&id).map(Some) } else { None }
    }
}

impl<T: FromId, const N: usize> FromId for [T; N] {
    fn from_id(id: &str) -> Option<Self> {
        let parts = id_parts::<N>(id)?.into_iter().map(|part| T::from_id(&part));
        parts.collect::<Option<Vec<T>>>()?.try_into().ok()
    }
}

macro_rules! tuples {
    ($([$count:literal $($of:ident $part:ident),+]),+) => {$(
        impl<$($of: FromId),+> FromId for ($($of,)+) {
            fn from_id(id: &str) -> Option<Self> {
                let [$($part),+] = id_parts::<$count>(id)?;
                Some(($($of::from_id(&$part)?,)+))
            }
        }
    )+};
}

tuples!(
    [2 A a, B b], [3 A a, B b, C c], [4 A a, B b, C c, D d], [5 A a, B b, C c, D d, E e],
    [6 A a, B b, C c, D d, E e, F f]
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Prefix, ToId};

    fn written(id: &impl ToId) -> String {
        Prefix::new(None, "k").unwrap().key_of(id).unwrap().id().to_owned()
    }

    type Nested = ((String, i64), char, (bool, String, u8));
    type Repeated = ([Option<String>; 2], Option<[Option<(i8, String)>; 1]>, [u8; 0]);

    fn repeated() -> impl Strategy<Value = Option<[Option<String>; 2]>> {
        let part = || prop::option::of("None|(Some)?[:%]?a?");
        prop::option::of([part(), part()])
    }

    proptest! {
        #[test]
        fn rule_50_what_was_written_is_read_back(id in (("[a:%éx]{0,9}", any::<i64>()), any::<char>(), (any::<bool>(), "[:%35A2]{0,9}", any::<u8>()))) {
            prop_assert_eq!(Nested::from_id(&written(&id)), Some(id));
        }

        #[test]
        fn rule_50_arrays_and_options_are_read_back(id in any::<Repeated>()) {
            prop_assert_eq!(Repeated::from_id(&written(&id)), Some(id));
        }

        #[test]
        fn rule_50_different_arrays_and_options_are_written_apart(a in repeated(), b in repeated()) {
            prop_assert_eq!(a == b, written(&a) == written(&b));
        }

        #[test]
        fn rule_50_what_is_read_is_written_so(text in "[a:%0-9A-F+-]{0,12}|[0-9+-]{1,20}") {
            if let Some(id) = <(String, String)>::from_id(&text) {
                prop_assert_eq!(written(&id), text.clone());
            }
            if let Some(id) = i32::from_id(&text) {
                prop_assert_eq!(written(&id), text);
            }
        }

        #[test]
        fn rule_50_arrays_and_options_that_are_read_are_written_so(text in "((None|Some):?|[a:]|%3A|%25){0,6}") {
            if let Some(id) = <[Option<String>; 2]>::from_id(&text) {
                prop_assert_eq!(written(&id), text.clone());
            }
            if let Some(id) = Option::<[Option<String>; 1]>::from_id(&text) {
                prop_assert_eq!(written(&id), text);
            }
        }
    }
}
