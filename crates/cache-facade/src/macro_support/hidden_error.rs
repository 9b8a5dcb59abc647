//! Errors inside of values, found by how serde writes them.

use std::{any::type_name, fmt};

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// The name of the variant that is an error, in `Result` and in whatever is made like it.
const ERROR_VARIANT: &str = "Err";

/// Whether a value is an error in disguise: a variant named `Err`, also within `Option`s and newtypes. If a
/// `Result` is part of the name of its type, as in `Vec<Result<T, E>>`, an `Err` anywhere in it counts.
pub(super) fn is_error<V: Serialize>(value: &V) -> bool {
    let deep = type_name::<V>().contains("core::result::Result<");
    matches!(value.serialize(Search { deep }), Err(Stop { found: true }))
}

/// Looks for an error: `Ok` if there is none in this part.
#[derive(Clone, Copy)]
struct Search {
    /// Whether elements and fields are looked at too.
    deep: bool,
}

/// The end of a search.
#[derive(Debug)]
struct Stop {
    found: bool,
}

impl Search {
    fn variant(self, variant: &str) -> Result<Self, Stop> {
        if variant == ERROR_VARIANT { Err(Stop { found: true }) } else { self.elements() }
    }

    fn elements(self) -> Result<Self, Stop> {
        if self.deep { Ok(self) } else { Err(Stop { found: false }) }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found: {}", self.found)
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self { found: false }
    }
}

/// Implements the methods for values without parts.
macro_rules! leaves {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, _: $type) -> Result<(), Stop> {
            Ok(())
        }
    )*};
}

impl Serializer for Search {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    leaves!(
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_unit_struct: &'static str
    );

    fn serialize_none(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Stop> {
        if variant == ERROR_VARIANT { Err(Stop { found: true }) } else { Ok(()) }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Stop> {
        self.elements()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Stop> {
        self.elements()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        self.elements()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Stop> {
        self.variant(variant)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Stop> {
        self.elements()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        self.elements()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Stop> {
        self.variant(variant)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Stop> {
        Ok(())
    }
}

/// Implements one of serde's traits of elements.
macro_rules! elements {
    ($($trait:ident :: $($method:ident),+;)*) => {$(
        impl $trait for Search {
            type Ok = ();
            type Error = Stop;

            $(fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                value.serialize(*self)
            })+

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        }
    )*};
}

/// Implements one of serde's traits of named fields.
macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl $trait for Search {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Stop> {
                value.serialize(*self)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
    SerializeMap::serialize_key, serialize_value;
}
fields!(SerializeStruct, SerializeStructVariant);
