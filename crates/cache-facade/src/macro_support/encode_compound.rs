//! Sequences, maps and structs of the encoding of keys: elements between brackets, with commas.

use std::fmt::{self, Write};

use serde::{
    Serialize,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::encode::{Encoder, Unwritable, write_name};

/// Elements or fields in their order.
pub(super) struct Compound<'a> {
    out: &'a mut String,
    is_first: bool,
    close: char,
}

impl<'a> Compound<'a> {
    pub(super) fn begin(out: &'a mut String, open: char, close: char) -> Result<Self, Unwritable> {
        out.write_char(open)?;
        Ok(Self { out, is_first: true, close })
    }

    fn separate(&mut self) -> fmt::Result {
        if std::mem::replace(&mut self.is_first, false) { Ok(()) } else { self.out.write_char(',') }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.separate()?;
        value.serialize(Encoder::nested::<T>(self.out))
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unwritable> {
        self.separate()?;
        write_name(self.out, name)?;
        self.out.write_char('=')?;
        value.serialize(Encoder::nested::<T>(self.out))
    }

    fn finish(self) -> Result<(), Unwritable> {
        Ok(self.out.write_char(self.close)?)
    }
}

/// A sequence: in its order, or sorted by its text if it has none.
pub(super) enum EncodeSeq<'a> {
    Ordered(Compound<'a>),
    Sorted(Sorted<'a>),
}

impl<'a> EncodeSeq<'a> {
    pub(super) fn begin(out: &'a mut String, unordered: bool) -> Result<Self, Unwritable> {
        if unordered {
            Ok(Self::Sorted(Sorted { out, texts: Vec::new(), open: '[', close: ']' }))
        } else {
            Ok(Self::Ordered(Compound::begin(out, '[', ']')?))
        }
    }
}

/// A map: in its order, or sorted by its text if it has none.
pub(super) enum EncodeMap<'a> {
    Ordered(Compound<'a>),
    Sorted(Sorted<'a>),
}

impl<'a> EncodeMap<'a> {
    pub(super) fn begin(out: &'a mut String, unordered: bool) -> Result<Self, Unwritable> {
        if unordered {
            Ok(Self::Sorted(Sorted { out, texts: Vec::new(), open: '{', close: '}' }))
        } else {
            Ok(Self::Ordered(Compound::begin(out, '{', '}')?))
        }
    }
}

/// Elements that are sorted before they are written.
pub(super) struct Sorted<'a> {
    out: &'a mut String,
    texts: Vec<String>,
    open: char,
    close: char,
}

impl Sorted<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let mut text = String::new();
        value.serialize(Encoder::nested::<T>(&mut text))?;
        self.texts.push(text);
        Ok(())
    }

    fn finish(mut self) -> Result<(), Unwritable> {
        self.texts.sort_unstable();
        self.out.write_char(self.open)?;
        for (at, text) in self.texts.iter().enumerate() {
            if at > 0 {
                self.out.write_char(',')?;
            }
            self.out.write_str(text)?;
        }
        Ok(self.out.write_char(self.close)?)
    }
}

impl SerializeSeq for EncodeSeq<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        match self {
            Self::Ordered(compound) => compound.element(value),
            Self::Sorted(sorted) => sorted.push(value),
        }
    }

    fn end(self) -> Result<(), Unwritable> {
        match self {
            Self::Ordered(compound) => compound.finish(),
            Self::Sorted(sorted) => sorted.finish(),
        }
    }
}

impl SerializeMap for EncodeMap<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        match self {
            Self::Ordered(compound) => compound.element(key),
            Self::Sorted(sorted) => sorted.push(key),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        match self {
            Self::Ordered(compound) => {
                compound.out.write_char('=')?;
                value.serialize(Encoder::nested::<T>(compound.out))
            }
            Self::Sorted(sorted) => {
                let mut entry = sorted.texts.pop().unwrap_or_default();
                entry.push('=');
                value.serialize(Encoder::nested::<T>(&mut entry))?;
                sorted.texts.push(entry);
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Unwritable> {
        match self {
            Self::Ordered(compound) => compound.finish(),
            Self::Sorted(sorted) => sorted.finish(),
        }
    }
}

/// Implements one of serde's traits of elements.
macro_rules! elements {
    ($($trait:ident :: $method:ident),*) => {$(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.element(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish()
            }
        }
    )*};
}

/// Implements one of serde's traits of named fields. A field that is skipped is not there.
macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.finish()
            }
        }
    )*};
}

elements!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);
fields!(SerializeStruct, SerializeStructVariant);
