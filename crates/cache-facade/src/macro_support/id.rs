//! Ids made of the arguments and type arguments of a function.

use std::{
    any::{type_name, type_name_of_val},
    fmt::{self, Write},
};

use cache_core::{Error, ErrorKind, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::encode::{self, Unwritable};

/// The longest id that is written in full, in bytes.
const MAX_WRITTEN: usize = 256;
/// How many bytes of a longer id are written in front of its hash.
const HASHED_PREFIX: usize = 64;
/// What stands in front of the hash. It is in no part: there a `%` comes with `25` or `3A`.
const HASH_MARK: &str = "%#";

/// What can be a part of a key: what serde can write.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` can't be part of a key: serde can't write it",
    label = "not `Serialize`",
    note = "derive `serde::Serialize` for it",
    note = "or write the key out, `key = \"{{id}}\"`, or leave the argument out, `ignore(...)`"
)]
pub trait KeyPart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> KeyPart for T {}

/// An id made of parts. Different parts never make the same id: `:` and `%` in a part are percent-encoded,
/// and an id longer than 256 bytes is cut and ends in its SHA-256.
///
/// ```
/// use cache_facade::macro_support::Id;
///
/// let id = Id::new().text("quote:").shown(&"A:B").text(":").part(&Some(5)).finish()?;
/// assert_eq!(id, "quote:A%3AB:5");
/// let id = Id::new().part(&[1.5, f64::NAN]).type_of::<u8>().finish()?;
/// assert_eq!(id, "(1.5f64,+NaN.7ff8000000000000f64)%<u8>");
/// # Ok::<(), cache_facade::Error>(())
/// ```
#[derive(Debug)]
pub struct Id {
    text: String,
    /// Whether the text could be taken for a hashed one, and therefore has to be hashed however short.
    like_hashed: bool,
    error: Option<Error>,
}

impl Id {
    /// Makes an id without parts.
    #[must_use]
    pub fn new() -> Self {
        Self { text: String::new(), like_hashed: false, error: None }
    }

    /// Adds `text` as it is. It must not contain `%#`.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds `text` as it is, whatever it contains.
    #[must_use]
    pub fn any_text(mut self, text: &str) -> Self {
        self.like_hashed |= text.contains(HASH_MARK);
        self.text(text)
    }

    /// Adds a part as it is displayed.
    #[must_use]
    pub fn shown(mut self, part: &(impl fmt::Display + ?Sized)) -> Self {
        // Writing fails only if `Display` does.
        if write!(Quoting(&mut self.text), "{part}").is_err() {
            let message = "a part of a key can't be displayed: its Display failed";
            self.error = Some(Error::new(ErrorKind::Config, "key", message));
        }
        self
    }

    /// Adds a part as serde writes it, so that all that serde tells apart is told apart. A text, a number, a
    /// `bool` or a `char` is written as it is, also within an `Option`; everything else is written with the
    /// names of its types.
    #[must_use]
    pub fn part<T: KeyPart + ?Sized>(mut self, part: &T) -> Self {
        let start = self.text.len();
        let written = encode::write(part, &mut self.text);
        if self.text.as_bytes()[start..].iter().any(|byte| matches!(byte, b':' | b'%')) {
            let plain = self.text.split_off(start);
            // Writing to a string does not fail.
            let _ = Quoting(&mut self.text).write_str(&plain);
        }
        if let Err(Unwritable(reason)) = written {
            let message = format!(
                "an argument of type {} can't be part of a key ({reason}): ignore it, or say `key = \"...\"`",
                type_name::<T>()
            );
            self.error = Some(Error::new(ErrorKind::Config, "key", message));
        }
        self
    }

    /// Adds the name of a type with its path.
    #[must_use]
    pub fn type_of<T: ?Sized>(self) -> Self {
        self.marked(type_name::<T>())
    }

    /// Adds the name of the type of `value` with its path.
    #[must_use]
    pub fn type_of_value<T: ?Sized>(self, value: &T) -> Self {
        self.marked(type_name_of_val(value))
    }

    /// Adds the name of a type that has arguments, and nothing for one that has none.
    #[must_use]
    pub fn type_if_generic<T: ?Sized>(self) -> Self {
        let name = type_name::<T>();
        if name.contains('<') { self.marked(name) } else { self }
    }

    /// Adds a constant that is an argument of the function's type.
    #[must_use]
    pub fn constant(self, value: &impl fmt::Display) -> Self {
        self.marked(value)
    }

    /// `%<` is in no part either.
    fn marked(mut self, name: impl fmt::Display) -> Self {
        self.text.push_str("%<");
        // Writing to a string does not fail.
        let _ = write!(PercentQuoting(&mut self.text), "{name}");
        self.text.push('>');
        self
    }

    /// Returns the text of the id.
    ///
    /// # Errors
    ///
    /// `Config` if a part can't be written.
    pub fn finish(self) -> Result<String> {
        match self.error {
            Some(error) => Err(error),
            None if self.text.len() <= MAX_WRITTEN && !self.like_hashed => Ok(self.text),
            None => Ok(self.hashed()),
        }
    }

    fn hashed(&self) -> String {
        let start = (0..=HASHED_PREFIX).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
        let mut text = self.text.get(..start).unwrap_or(&self.text).to_owned();
        text.push_str(HASH_MARK);
        for byte in Sha256::digest(&self.text) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

/// Percent-encodes the signs that separate parts.
struct Quoting<'a>(&'a mut String);

impl fmt::Write for Quoting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive([':', '%']) {
            let (plain, sign) = match piece.as_bytes().last() {
                Some(b':') => (&piece[..piece.len() - 1], "%3A"),
                Some(b'%') => (&piece[..piece.len() - 1], "%25"),
                _ => (piece, ""),
            };
            self.0.push_str(plain);
            self.0.push_str(sign);
        }
        Ok(())
    }
}

/// Percent-encodes `%` alone, so that paths of types stay readable.
struct PercentQuoting<'a>(&'a mut String);

impl fmt::Write for PercentQuoting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, piece) in text.split('%').enumerate() {
            if at > 0 {
                self.0.push_str("%25");
            }
            self.0.push_str(piece);
        }
        Ok(())
    }
}
