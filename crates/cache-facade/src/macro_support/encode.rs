//! Values as texts that tell apart all that serde tells apart: an injective serializer for keys.
//!
//! Every value is written so that its end is known from its text alone, with the width of a number, the bits of a
//! NaN, and the names of structs and variants. Where the type of an argument already says what it is (a text, a
//! number, a `bool` or a `char`, perhaps within an `Option`), the value is written plainly.

use std::{
    any::type_name,
    fmt::{self, Write},
};

use serde::{Serialize, Serializer};

use super::{
    encode_compound::{Compound, EncodeMap, EncodeSeq},
    type_names::{self, Plain},
};

/// Appends `value` as text.
///
/// # Errors
///
/// The reason why the value can't be written, which its own `Serialize` gives.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut String) -> Result<(), Unwritable> {
    let name = type_name::<T>();
    let style = match type_names::plain(name) {
        Plain::Value => Style::Plain,
        Plain::Option => Style::PlainOption,
        Plain::No => Style::Root,
    };
    value.serialize(Encoder { out, style, unordered: type_names::is_unordered(name) })
}

/// Why a value can't be written.
#[derive(Debug)]
pub(super) struct Unwritable(pub(super) String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl serde::ser::Error for Unwritable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<fmt::Error> for Unwritable {
    fn from(_: fmt::Error) -> Self {
        Self("its Display failed".to_owned())
    }
}

/// How much a value has to say of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Nothing: its type is known.
    Plain,
    /// Only whether it is there.
    PlainOption,
    /// All, except for texts that can't be taken for anything else.
    Root,
    /// All.
    Nested,
}

/// Writes one value.
pub(super) struct Encoder<'a> {
    out: &'a mut String,
    style: Style,
    /// Whether the value is a set or map without an order of its own.
    unordered: bool,
}

impl<'a> Encoder<'a> {
    /// Returns the encoder of a value of type `T` within another.
    pub(super) fn nested<T: ?Sized>(out: &'a mut String) -> Self {
        Self { out, style: Style::Nested, unordered: type_names::is_unordered(type_name::<T>()) }
    }

    /// Writes an integer, many times faster than formatting does: a list of them is written on each hit.
    fn integer(self, is_negative: bool, magnitude: u128, suffix: &str) -> Result<(), Unwritable> {
        let Ok(mut rest) = u64::try_from(magnitude) else {
            let sign = if is_negative { "-" } else { "" };
            return self.number(format_args!("{sign}{magnitude}"), suffix);
        };
        // The most digits that 64 bits have, and a sign.
        let mut digits = [0; 21];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if is_negative {
            start -= 1;
            digits[start] = b'-';
        }
        self.out.write_str(std::str::from_utf8(&digits[start..]).unwrap_or_default())?;
        match self.style {
            Style::Plain | Style::PlainOption => Ok(()),
            Style::Root | Style::Nested => Ok(self.out.write_str(suffix)?),
        }
    }

    fn number(self, value: impl fmt::Display, suffix: &str) -> Result<(), Unwritable> {
        match self.style {
            Style::Plain | Style::PlainOption => write!(self.out, "{value}")?,
            Style::Root | Style::Nested => write!(self.out, "{value}{suffix}")?,
        }
        Ok(())
    }

    fn variant(out: &mut String, name: &str, index: u32, variant: &str) -> Result<(), Unwritable> {
        write_name(out, name)?;
        out.write_char('.')?;
        write_name(out, variant)?;
        // Two variants may have been renamed to one name.
        Ok(write!(out, "/{index}")?)
    }
}

/// Writes the name of a type, variant or field: as it is, or quoted if it is no identifier.
pub(super) fn write_name(out: &mut String, name: &str) -> fmt::Result {
    let is_ident = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if is_ident { out.write_str(name) } else { write_text(out, name) }
}

/// Writes a text in quotes.
fn write_text(out: &mut String, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for piece in text.split_inclusive(['"', '\\']) {
        match piece.strip_suffix(['"', '\\']) {
            Some(start) => {
                out.write_str(start)?;
                out.write_char('\\')?;
                out.write_str(&piece[start.len()..])?;
            }
            None => out.write_str(piece)?,
        }
    }
    out.write_char('"')
}

/// Whether a text can't be taken for the encoding of anything else. Every encoding that begins with a letter is
/// `true`, `false` or `null`, or has one of these signs behind a name.
fn is_unmistakable(text: &str) -> bool {
    text.starts_with(char::is_alphabetic)
        && !text.contains(['"', '\'', '(', ')', '[', ']', '{', '}', ';', '/', ','])
        && !matches!(text, "true" | "false" | "null")
}

impl<'a> Serializer for Encoder<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = EncodeSeq<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = EncodeMap<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.number(value, "")
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unwritable> {
        self.integer(value < 0, value.unsigned_abs().into(), "i8")
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unwritable> {
        self.integer(value < 0, value.unsigned_abs().into(), "i16")
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unwritable> {
        self.integer(value < 0, value.unsigned_abs().into(), "i32")
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        self.integer(value < 0, value.unsigned_abs().into(), "i64")
    }

    fn serialize_i128(self, value: i128) -> Result<(), Unwritable> {
        self.integer(value < 0, value.unsigned_abs(), "i128")
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        self.integer(false, value.into(), "u8")
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unwritable> {
        self.integer(false, value.into(), "u16")
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unwritable> {
        self.integer(false, value.into(), "u32")
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.integer(false, value.into(), "u64")
    }

    fn serialize_u128(self, value: u128) -> Result<(), Unwritable> {
        self.integer(false, value, "u128")
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        match value {
            _ if value.is_nan() => self.number(format_args!("+NaN.{:08x}", value.to_bits()), "f32"),
            f32::INFINITY => self.number("+inf", "f32"),
            _ => self.number(format_args!("{value:?}"), "f32"),
        }
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        match value {
            _ if value.is_nan() => self.number(format_args!("+NaN.{:016x}", value.to_bits()), "f64"),
            // With a sign, so that no encoding of a number begins with a letter.
            f64::INFINITY => self.number("+inf", "f64"),
            _ => self.number(format_args!("{value:?}"), "f64"),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        match self.style {
            Style::Plain | Style::PlainOption => self.out.write_char(value)?,
            // Of one sign, so that a quote needs no escape.
            Style::Root | Style::Nested => write!(self.out, "'{value}'")?,
        }
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Unwritable> {
        let as_it_is = match self.style {
            Style::Plain => true,
            Style::PlainOption => text != "null" && !text.starts_with('"'),
            Style::Root => is_unmistakable(text),
            Style::Nested => false,
        };
        if as_it_is {
            self.out.write_str(text)?
        } else {
            write_text(self.out, text)?
        }
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.out.write_str("b'")?;
        for byte in bytes {
            write!(self.out, "{byte:02x}")?;
        }
        Ok(self.out.write_char('\'')?)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        Ok(self.out.write_str("null")?)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        if self.style == Style::PlainOption {
            return value.serialize(self);
        }
        self.out.write_str("Some(")?;
        value.serialize(Encoder::nested::<T>(self.out))?;
        Ok(self.out.write_char(')')?)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        Ok(self.out.write_char('_')?)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Unwritable> {
        write_name(self.out, name)?;
        Ok(self.out.write_char(';')?)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        Encoder::variant(self.out, name, index, variant)?;
        Ok(self.out.write_char(';')?)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        write_name(self.out, name)?;
        self.out.write_char('(')?;
        value.serialize(Encoder::nested::<T>(self.out))?;
        Ok(self.out.write_char(')')?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        Encoder::variant(self.out, name, index, variant)?;
        self.out.write_char('(')?;
        value.serialize(Encoder::nested::<T>(self.out))?;
        Ok(self.out.write_char(')')?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<EncodeSeq<'a>, Unwritable> {
        EncodeSeq::begin(self.out, self.unordered)
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, Unwritable> {
        Compound::begin(self.out, '(', ')')
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, Unwritable> {
        write_name(self.out, name)?;
        Compound::begin(self.out, '[', ']')
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Unwritable> {
        Encoder::variant(self.out, name, index, variant)?;
        Compound::begin(self.out, '[', ']')
    }

    fn serialize_map(self, _: Option<usize>) -> Result<EncodeMap<'a>, Unwritable> {
        EncodeMap::begin(self.out, self.unordered)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, Unwritable> {
        write_name(self.out, name)?;
        Compound::begin(self.out, '{', '}')
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Unwritable> {
        Encoder::variant(self.out, name, index, variant)?;
        Compound::begin(self.out, '{', '}')
    }
}
