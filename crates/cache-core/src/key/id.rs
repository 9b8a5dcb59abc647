//! Ids of an application's own types, as text: what follows the prefix in a key.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
    sync::Arc,
};

use super::{
    lookup::{BorrowedKey, ToKey, WrittenKey},
    prefix::Prefix,
};
use crate::{Key, Result};

/// How many bytes of an id lie in place. A longer one is allocated for.
const IN_PLACE: usize = 64;

/// What can name an entry of a region, alone or as a part of a tuple or of a type that derives [`ToKey`]: texts,
/// integers, `bool`, `char`, a `Uuid` with the feature `uuid`, tuples, arrays and `Option`s of ids, and whatever
/// [`ByDisplay`] wraps. An array is written as a tuple is, and an `Option` as an enum that derives `ToKey`:
/// `None`, or `Some:` and the id. A `Vec` is no id, since how many parts it has is not known by its type.
///
/// Different ids of a type are written as different texts.
///
/// ```
/// use cache_core::{ToId, IdText, Key, Prefix};
///
/// struct Series {
///     symbol: String,
///     days: u16,
/// }
///
/// impl ToId for Series {
///     fn write(&self, text: &mut IdText) {
///         text.parts(&[&self.symbol, &self.days]);
///     }
/// }
///
/// let prefix = Prefix::new(None, "series")?;
/// let key = prefix.key_of(&Series { symbol: "BRK:B".to_owned(), days: 20 })?;
/// assert_eq!(key, Key::from_parts("series", ["BRK:B", "20"])?);
/// # Ok::<(), cache_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id: nothing says how it is written in a key",
    note = "derive `ToKey` for it, or give what it displays: `ByDisplay(&id)`",
    note = "ids are texts, integers, `bool`, `char`, `Uuid` (feature `uuid`), and tuples, arrays and `Option`s of ids"
)]
pub trait ToId {
    /// Writes the id.
    fn write(&self, text: &mut IdText);
}

/// The text of an id under way. Short ones take no allocation.
#[derive(Clone, Debug)]
pub struct IdText {
    bytes: [u8; IN_PLACE],
    len: usize,
    /// The whole text, once it is too long to lie in place.
    long: Option<String>,
    /// Within how many sequences of parts the writer is.
    depth: usize,
}

impl IdText {
    /// Returns the text of `id`.
    #[inline]
    pub(super) fn of(id: &(impl ToId + ?Sized)) -> Self {
        let mut text = Self { bytes: [0; IN_PLACE], len: 0, long: None, depth: 0 };
        id.write(&mut text);
        text
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match &self.long {
            Some(long) => long,
            // Only whole texts are written there.
            None => str::from_utf8(&self.bytes[..self.len]).unwrap_or_default(),
        }
    }

    /// Writes a text. Within [parts](IdText::parts), its `:` and `%` are percent-encoded.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if self.depth == 0 || !text.contains([':', '%']) {
            return self.push(text);
        }
        for piece in text.split_inclusive([':', '%']) {
            let (plain, special) = match piece.strip_suffix([':', '%']) {
                Some(plain) => (plain, piece.chars().next_back()),
                None => (piece, None),
            };
            self.push(plain);
            match special {
                Some(':') => self.encoded(self.depth - 1, "3A"),
                Some(_) => self.encoded(self.depth, ""),
                None => {}
            }
        }
    }

    /// Writes what a value displays.
    #[inline]
    pub fn display(&mut self, value: &(impl Display + ?Sized)) {
        // Writing into memory doesn't fail, and a `Display` that says so writes as far as it came.
        let _ = write!(self, "{value}");
    }

    /// Writes ids, joined by `:`. Inside each, `:` and `%` are percent-encoded, so that different parts never make
    /// the same text. One part alone is written as it is.
    pub fn parts(&mut self, parts: &[&dyn ToId]) {
        if let [part] = parts {
            return part.write(self);
        }
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.text(":");
            }
            self.depth += 1;
            part.write(self);
            self.depth -= 1;
        }
    }

    /// Writes a `%` that was encoded `times` more, and what follows it.
    fn encoded(&mut self, times: usize, rest: &str) {
        self.push("%");
        (0..times).for_each(|_| self.push("25"));
        self.push(rest);
    }

    #[inline]
    fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        match (&mut self.long, self.bytes.get_mut(self.len..end)) {
            (None, Some(room)) => {
                room.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            (Some(long), _) => long.push_str(text),
            (None, None) => {
                let mut long = String::with_capacity(2 * end);
                long.push_str(self.as_str());
                long.push_str(text);
                self.long = Some(long);
            }
        }
    }
}

impl Write for IdText {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

/// An id by what a value displays, for types that can't derive [`ToKey`]. Values that display the same are the
/// same id.
///
/// ```
/// use cache_core::{ByDisplay, Prefix};
///
/// let address: std::net::IpAddr = "127.0.0.1".parse().unwrap();
/// assert_eq!(Prefix::new(None, "host")?.key_of(&ByDisplay(&address))?.as_str(), "host:127.0.0.1");
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ByDisplay<T>(pub T);

impl<T: Display> ToId for ByDisplay<T> {
    #[inline]
    fn write(&self, text: &mut IdText) {
        text.display(&self.0);
    }
}

impl<T: ToId + ?Sized> ToId for &T {
    #[inline]
    fn write(&self, text: &mut IdText) {
        (**self).write(text);
    }
}

/// Types that are texts: they are borrowed.
macro_rules! texts {
    ($($type:ty),+) => {$(
        impl ToId for $type {
            #[inline]
            fn write(&self, text: &mut IdText) {
                text.text(self);
            }
        }

        impl ToKey for $type {
            type Lookup<'a> = BorrowedKey<'a> where Self: 'a;

            #[inline]
            fn to_lookup<'a>(&'a self, prefix: &'a Prefix) -> BorrowedKey<'a> {
                prefix.borrow(self)
            }

            fn to_key(&self, prefix: &Prefix) -> Result<Key> {
                prefix.key(self)
            }
        }
    )+};
}

texts!(str, String, Box<str>, Arc<str>, Cow<'_, str>);

impl<T: ToId> ToId for Option<T> {
    #[inline]
    fn write(&self, text: &mut IdText) {
        match self {
            Some(id) => text.parts(&[&"Some", id]),
            None => text.text("None"),
        }
    }
}

impl<T: ToId, const N: usize> ToId for [T; N] {
    #[inline]
    fn write(&self, text: &mut IdText) {
        text.parts(&self.each_ref().map(|part| part as &dyn ToId));
    }
}

/// Gives types that are ids their [`ToKey`].
macro_rules! written {
    ($([$($of:ident: $bound:ident),* $(; $count:ident)?] $type:ty),+) => {$(
        impl<$($of: $bound,)* $(const $count: usize)?> ToKey for $type {
            type Lookup<'a> = WrittenKey<'a> where Self: 'a;

            #[inline]
            fn to_lookup<'a>(&'a self, prefix: &'a Prefix) -> WrittenKey<'a> {
                prefix.write(self)
            }

            fn to_key(&self, prefix: &Prefix) -> Result<Key> {
                prefix.key_of(self)
            }
        }
    )+};
}

macro_rules! displayed {
    ($($type:ty),+) => {
        $(impl ToId for $type {
            #[inline]
            fn write(&self, text: &mut IdText) {
                text.display(self);
            }
        })+
        written!($([] $type),+);
    };
}

displayed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char);
#[cfg(feature = "uuid")]
displayed!(uuid::Uuid);

written!([T: Display] ByDisplay<T>, [T: ToId] Option<T>, [T: ToId; N] [T; N]);

macro_rules! tuples {
    ($([$($of:ident $at:tt),+]),+) => {$(
        impl<$($of: ToId),+> ToId for ($($of,)+) {
            #[inline]
            fn write(&self, text: &mut IdText) {
                text.parts(&[$(&self.$at),+]);
            }
        }

        written!([$($of: ToId),+] ($($of,)+));
    )+};
}

tuples!([A 0, B 1], [A 0, B 1, C 2], [A 0, B 1, C 2, D 3], [A 0, B 1, C 2, D 3, E 4], [A 0, B 1, C 2, D 3, E 4, F 5]);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::lookup::LookupKey;

    /// An id of texts, nested.
    #[derive(Clone, Debug, PartialEq)]
    enum Nested {
        Text(String),
        Parts(Vec<Nested>),
    }

    impl ToId for Nested {
        fn write(&self, text: &mut IdText) {
            match self {
                Self::Text(plain) => text.text(plain),
                Self::Parts(parts) => {
                    let parts: Vec<&dyn ToId> = parts.iter().map(|part| part as &dyn ToId).collect();
                    text.parts(&parts);
                }
            }
        }
    }

    impl Nested {
        /// The same by definition: each part is quoted as a whole.
        fn quoted(&self) -> String {
            match self {
                Self::Text(plain) => plain.clone(),
                Self::Parts(parts) => {
                    let quote = |part: &Self| part.quoted().replace('%', "%25").replace(':', "%3A");
                    parts.iter().map(quote).collect::<Vec<_>>().join(":")
                }
            }
        }
    }

    fn nested() -> impl Strategy<Value = Nested> {
        let text = "[a:%é]{0,9}|[a:%]{60,70}".prop_map(Nested::Text);
        text.prop_recursive(3, 16, 4, |part| prop::collection::vec(part, 2..4).prop_map(Nested::Parts))
    }

    proptest! {
        #[test]
        fn rule_50_parts_are_quoted_as_often_as_they_are_nested(id in nested()) {
            let written = IdText::of(&id);
            prop_assert_eq!(written.as_str(), id.quoted());
        }

        #[test]
        fn rule_50_a_written_key_equals_the_owned_one(id in nested(), space in prop::option::of("[a-z]{1,4}")) {
            use equivalent::Equivalent;
            let prefix = Prefix::new(space.as_deref(), "k").unwrap();
            let (key, written) = (prefix.key(&id.quoted()).unwrap(), prefix.write(&id));
            prop_assert!(written.equivalent(&key) && written.has_prefix(&prefix));
            prop_assert_eq!(written.hashed(), key.hash());
            prop_assert_eq!(written.key().unwrap(), key);
        }

        #[test]
        fn rule_50_different_tuples_never_make_the_same_key(a in ("[a:%]{0,3}", "[a:%]{0,3}"), b in ("[a:%]{0,3}", "[a:%]{0,3}")) {
            prop_assert_eq!(a == b, IdText::of(&a).as_str() == IdText::of(&b).as_str());
        }
    }

    #[test]
    fn ids_are_written_as_they_display() {
        assert_eq!(IdText::of(&(-7_i64, true, 'é')).as_str(), "-7:true:é");
        assert_eq!(IdText::of(&u128::MAX).as_str(), u128::MAX.to_string());
        assert_eq!(IdText::of(&ByDisplay("a:b")).as_str(), "a:b");
        assert_eq!(IdText::of(&("x", ByDisplay("a:b"))).as_str(), "x:a%3Ab");
        assert_eq!(IdText::of(&[Some("a:b"), None]).as_str(), "Some%3Aa%253Ab:None");
        assert_eq!(IdText::of(&["a:b"]).as_str(), "a:b", "as a part that is alone");
    }
}
