//! Tells whether two values are equal as far as serde can see, and how much a value weighs.
//!
//! Neither bytes nor text of a codec can tell: bincode may write two values as the same bytes, and JSON writes
//! `NaN` and nothing alike. Here fields count by name, and numbers by type and bits. The items of sequences and
//! maps count in any order, since that of a hash map or set may be another after each decoding.

use std::fmt;

use serde::{Serialize, ser};

/// A value's fingerprint, and about how many bytes the value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    hash: u64,
    bytes: usize,
}

impl Fingerprint {
    /// Returns the fingerprint of a value as a codec sees it that is for people, or isn't. None if it can't be
    /// serialised.
    pub(super) fn of<V: Serialize + ?Sized>(value: &V, human_readable: bool) -> Option<Self> {
        value.serialize(Walk { human_readable }).ok()
    }
}

/// Returns about how many bytes a value takes, whatever codec can or can't carry it; `None` if it can't be
/// serialised at all.
pub fn measure<V: Serialize + ?Sized>(value: &V) -> Option<usize> {
    Fingerprint::of(value, false).map(|print| print.bytes)
}

/// What a token is; mixed into its hash, so that tokens of different kinds differ.
#[derive(Clone, Copy)]
enum Kind {
    Bool = 1,
    Signed,
    Unsigned,
    Float,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Variant,
    Items,
    Entry,
    Place,
    Field,
}

fn mix(hash: u64, word: u64) -> u64 {
    let mixed = u128::from(hash ^ 0x9e37_79b9_7f4a_7c15) * u128::from(word ^ 0xd6e8_feb8_6659_fd93);
    (mixed as u64) ^ ((mixed >> 64) as u64) ^ hash.rotate_left(29)
}

/// A token of one word, of a type with `bytes` bytes.
fn token(kind: Kind, word: u64, bytes: usize) -> Fingerprint {
    Fingerprint { hash: mix(mix(kind as u64, bytes as u64), word), bytes }
}

fn slice(kind: Kind, bytes: &[u8]) -> Fingerprint {
    let hash = xxhash_rust::xxh3::xxh3_64(bytes);
    Fingerprint {
        hash: mix(mix(kind as u64, bytes.len() as u64), hash),
        bytes: bytes.len() + size_of::<usize>(),
    }
}

fn name_hash(name: &'static str) -> u64 {
    slice(Kind::Field, name.as_bytes()).hash
}

fn wrap(kind: Kind, word: u64, inner: Fingerprint) -> Fingerprint {
    Fingerprint { hash: mix(mix(kind as u64, word), inner.hash), ..inner }
}

#[derive(Clone, Copy)]
struct Walk {
    human_readable: bool,
}

/// The parts of a value so far.
struct Parts {
    walk: Walk,
    /// The variant of an enum that they belong to.
    variant: u64,
    kind: Kind,
    sum: u64,
    count: u64,
    bytes: usize,
    /// The key of the next value of a map.
    key: u64,
}

impl Parts {
    fn new(walk: Walk, kind: Kind, variant: u64) -> Self {
        Self { walk, variant, kind, sum: 0, count: 0, bytes: 0, key: 0 }
    }

    fn add<T: Serialize + ?Sized>(&mut self, label: u64, value: &T) -> fmt::Result {
        let print = value.serialize(self.walk)?;
        self.sum = self.sum.wrapping_add(mix(label, print.hash));
        self.count += 1;
        self.bytes += print.bytes;
        Ok(())
    }

    fn end(self) -> Fingerprint {
        let hash = mix(mix(mix(self.kind as u64, self.variant), self.count), self.sum);
        Fingerprint { hash, bytes: self.bytes + size_of::<usize>() }
    }
}

impl ser::Serializer for Walk {
    type Ok = Fingerprint;
    type Error = fmt::Error;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    fn is_human_readable(&self) -> bool {
        self.human_readable
    }

    fn serialize_bool(self, v: bool) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Bool, v.into(), 1))
    }

    fn serialize_i8(self, v: i8) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Signed, i64::from(v).cast_unsigned(), 1))
    }

    fn serialize_i16(self, v: i16) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Signed, i64::from(v).cast_unsigned(), 2))
    }

    fn serialize_i32(self, v: i32) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Signed, i64::from(v).cast_unsigned(), 4))
    }

    fn serialize_i64(self, v: i64) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Signed, v.cast_unsigned(), 8))
    }

    fn serialize_i128(self, v: i128) -> Result<Fingerprint, fmt::Error> {
        Ok(slice(Kind::Signed, &v.to_le_bytes()))
    }

    fn serialize_u8(self, v: u8) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Unsigned, v.into(), 1))
    }

    fn serialize_u16(self, v: u16) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Unsigned, v.into(), 2))
    }

    fn serialize_u32(self, v: u32) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Unsigned, v.into(), 4))
    }

    fn serialize_u64(self, v: u64) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Unsigned, v, 8))
    }

    fn serialize_u128(self, v: u128) -> Result<Fingerprint, fmt::Error> {
        Ok(slice(Kind::Unsigned, &v.to_le_bytes()))
    }

    fn serialize_f32(self, v: f32) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Float, v.to_bits().into(), 4))
    }

    fn serialize_f64(self, v: f64) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Float, v.to_bits(), 8))
    }

    fn serialize_char(self, v: char) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Char, u32::from(v).into(), 4))
    }

    fn serialize_str(self, v: &str) -> Result<Fingerprint, fmt::Error> {
        Ok(slice(Kind::Text, v.as_bytes()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Fingerprint, fmt::Error> {
        Ok(slice(Kind::Bytes, v))
    }

    fn serialize_none(self) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::None, 0, 1))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fingerprint, fmt::Error> {
        Ok(wrap(Kind::Some, 0, value.serialize(self)?))
    }

    fn serialize_unit(self) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Unit, 0, 0))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Fingerprint, fmt::Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Fingerprint, fmt::Error> {
        Ok(token(Kind::Variant, name_hash(variant), 1))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Fingerprint, fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Fingerprint, fmt::Error> {
        Ok(wrap(Kind::Variant, name_hash(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Items, 0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Place, 0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Place, 0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Place, name_hash(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Entry, 0))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Field, 0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, fmt::Error> {
        Ok(Parts::new(self, Kind::Field, name_hash(variant)))
    }
}

impl ser::SerializeSeq for Parts {
    type Ok = Fingerprint;
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.add(0, value)
    }

    fn end(self) -> Result<Fingerprint, fmt::Error> {
        Ok(Parts::end(self))
    }
}

impl ser::SerializeMap for Parts {
    type Ok = Fingerprint;
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> fmt::Result {
        let print = key.serialize(self.walk)?;
        (self.key, self.bytes) = (print.hash, self.bytes + print.bytes);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
        self.add(self.key, value)
    }

    fn end(self) -> Result<Fingerprint, fmt::Error> {
        Ok(Parts::end(self))
    }
}

/// Parts that count by their place, and parts that count by their name.
macro_rules! parts {
    ($($by_place:ident::$method:ident),*; $($by_name:ident),*) => {
        $(impl ser::$by_place for Parts {
            type Ok = Fingerprint;
            type Error = fmt::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> fmt::Result {
                self.add(self.count, value)
            }

            fn end(self) -> Result<Fingerprint, fmt::Error> {
                Ok(Parts::end(self))
            }
        })*
        $(impl ser::$by_name for Parts {
            type Ok = Fingerprint;
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> fmt::Result {
                self.add(name_hash(name), value)
            }

            fn end(self) -> Result<Fingerprint, fmt::Error> {
                Ok(Parts::end(self))
            }
        })*
    };
}

parts! {
    SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field;
    SerializeStruct, SerializeStructVariant
}
