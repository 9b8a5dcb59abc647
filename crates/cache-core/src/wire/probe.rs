//! Finds out from the shape of a type, without a value of it, whether a codec of fixed shapes can read it back.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor, value::U32Deserializer,
};

/// How deep a type is followed into itself.
const MAX_DEPTH: usize = 16;

/// After how many examples a walk hands out no more than it must: of a tree of trees there is no end.
const MANY_EXAMPLES: usize = 2_000;

/// After how many examples a walk ends.
const MAX_EXAMPLES: usize = 2 * MANY_EXAMPLES;

/// How often a type is walked at most, each time through other variants of its enums.
const MAX_WALKS: usize = 256;

/// Whether a type can only be read by a codec whose bytes say what they are, such as
/// [`Codec::Json`](crate::Codec::Json): it has an untagged or internally tagged enum, a `flatten`, or something
/// like `serde_json::Value`. `false` if that can't be told without a value.
///
/// The type is deserialised out of examples: ones, and texts of `1`. A `Deserialize` that panics over one is
/// not told, and prints its panic; in a program that aborts on panics nothing is told.
///
/// ```
/// use cache_core::needs_self_description;
///
/// assert!(needs_self_description::<Vec<serde_json::Value>>());
/// assert!(!needs_self_description::<Vec<Option<f64>>>());
/// ```
#[must_use]
pub fn needs_self_description<V: DeserializeOwned>() -> bool {
    // What panics over an example would end the process.
    if cfg!(panic = "abort") {
        return false;
    }
    let walk = Walk::default();
    for _ in 0..MAX_WALKS {
        walk.more.set(false);
        walk.examples.set(0);
        // A type that can't be made of these examples ends the walk early, as does one that panics over them.
        let walked =
            catch_unwind(AssertUnwindSafe(|| V::deserialize(Probe { walk: &walk, depth: 0 }).is_ok()));
        if walk.described.get() {
            return true;
        }
        if walked.is_err() || !walk.more.get() {
            return false;
        }
    }
    false
}

/// What is known of a type while it is walked.
#[derive(Default)]
struct Walk {
    /// Whether something asked what the bytes say.
    described: Cell<bool>,
    /// Whether there is a variant that was not walked yet.
    more: Cell<bool>,
    /// How many examples this walk has handed out.
    examples: Cell<usize>,
    /// How many variants of each enum were walked.
    variants: RefCell<BTreeMap<&'static str, usize>>,
}

/// A deserialiser that hands out an example of whatever is asked for.
#[derive(Clone, Copy)]
struct Probe<'a> {
    walk: &'a Walk,
    depth: usize,
}

/// The end of a walk.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the walk over a type has ended")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Probe<'_> {
    fn deeper(self) -> Result<Self, Stop> {
        let examples = self.walk.examples.get() + 1;
        self.walk.examples.set(examples);
        if self.depth >= MAX_DEPTH || examples >= MAX_EXAMPLES {
            return Err(Stop);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// As [`Probe::deeper`], for what may be left out.
    fn deeper_if_few(self) -> Option<Self> {
        let few = self.depth < MAX_DEPTH / 2 && self.walk.examples.get() < MANY_EXAMPLES;
        self.deeper().ok().filter(|_| few)
    }

    /// Notes that the type asks what the bytes say.
    fn described<T>(self) -> Result<T, Stop> {
        self.walk.described.set(true);
        Err(Stop)
    }
}

/// Implements the methods that hand out one example.
macro_rules! examples {
    ($($method:ident => $visit:ident($example:expr),)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            visitor.$visit($example)
        }
    )+};
}

impl<'de> de::Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    // One is in every range, also of what must not be zero.
    examples! {
        deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i8(1),
        deserialize_i16 => visit_i16(1),
        deserialize_i32 => visit_i32(1),
        deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1),
        deserialize_u16 => visit_u16(1),
        deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0),
        deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('1'),
        deserialize_str => visit_str("1"),
        deserialize_string => visit_str("1"),
        deserialize_bytes => visit_bytes(&[1; 16]),
        deserialize_byte_buf => visit_bytes(&[1; 16]),
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.described()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.described()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.described()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.deeper_if_few() {
            Some(inner) => visitor.visit_some(inner),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_seq(Parts::of(self, 1))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_seq(Parts { probe: self.deeper()?, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_map(Parts::of(self, 1))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let mut walked = self.walk.variants.borrow_mut();
        // Types that share a name have visitors of their own.
        let next = walked.entry(std::any::type_name::<V>()).or_default();
        // A type that holds itself ends, as a rule, with one of its first variants or its last.
        let at = if *next < variants.len() { *next } else { self.depth % variants.len().max(1) };
        *next += 1;
        if *next < variants.len() {
            self.walk.more.set(true);
        }
        drop(walked);
        let at = u32::try_from(at).map_err(|_| Stop)?;
        visitor.visit_enum(Variant { probe: self.deeper()?, at })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// So many examples.
struct Parts<'a> {
    probe: Probe<'a>,
    left: usize,
}

impl<'a> Parts<'a> {
    /// So many examples, or none if it goes too deep: what holds itself is empty somewhere.
    fn of(probe: Probe<'a>, count: usize) -> Self {
        match probe.deeper_if_few() {
            Some(probe) => Self { probe, left: count },
            None => Self { probe, left: 0 },
        }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.probe).map(Some)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self.probe)
    }
}

/// One variant of an enum.
struct Variant<'a> {
    probe: Probe<'a>,
    at: u32,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stop> {
        let at: U32Deserializer<Stop> = self.at.into_deserializer();
        Ok((seed.deserialize(at)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self.probe)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_seq(Parts { probe: self.probe, left: len })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_seq(Parts { probe: self.probe, left: fields.len() })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        net::IpAddr,
        num::NonZeroU8,
        time::{Duration, SystemTime},
    };

    use serde::Deserialize;

    use super::*;

    /// Types that are only read, never made.
    macro_rules! shapes {
        ($([$($of:meta)?] $shape:item)+) => {$(
            #[derive(Deserialize)]
            #[allow(dead_code)]
            $(#[$of])?
            $shape
        )+};
    }

    shapes! {
        [] enum Plain { Unit, New(u8), Tuple(u8, String), Struct { a: Option<f64>, b: Vec<Plain> } }
        [] struct Tree { label: String, children: Vec<Tree>, parent: Option<Box<Tree>> }
        [] struct Bush { a: Option<Box<Bush>>, b: Option<Box<Bush>>, c: Vec<Bush>, rest: Vec<LastOfTwo> }
        [serde(untagged)] enum Untagged { Number(u8), Text(String) }
        [serde(tag = "kind")] enum Tagged { One { a: u8 }, Two { b: u8 } }
        [] struct Flat { a: u8, #[serde(flatten)] rest: HashMap<String, u8> }
        [] enum LastOfMany { A, B, C(Box<LastOfMany>), D { deep: Vec<(u8, Option<Untagged>)> } }
        [] struct SameNames { a: Result<u8, String>, b: Result<u8, Vec<serde_json::Value>> }
        [] struct Two { first: LastOfTwo, second: LastOfTwo }
        [] enum LastOfTwo { Plain(u8), Any(serde_json::Value) }
    }

    #[test]
    fn a_type_that_describes_itself_is_told_by_its_shape() {
        for (name, needs, wanted) in [
            ("Plain", needs_self_description::<Plain>(), false),
            ("Tree", needs_self_description::<Tree>(), false),
            ("Bush", needs_self_description::<Bush>(), true),
            ("map", needs_self_description::<HashMap<String, (NonZeroU8, [u8; 4])>>(), false),
            ("time", needs_self_description::<(Duration, SystemTime, IpAddr)>(), false),
            ("result", needs_self_description::<Result<u8, String>>(), false),
            ("Untagged", needs_self_description::<Untagged>(), true),
            ("Tagged", needs_self_description::<Option<Tagged>>(), true),
            ("Flat", needs_self_description::<Vec<Flat>>(), true),
            ("LastOfMany", needs_self_description::<LastOfMany>(), true),
            ("SameNames", needs_self_description::<SameNames>(), true),
            ("Two", needs_self_description::<Two>(), true),
            ("json", needs_self_description::<serde_json::Value>(), true),
        ] {
            assert_eq!(needs, wanted, "{name}");
        }
    }

    #[test]
    fn a_type_that_panics_over_an_example_is_not_told() {
        #[derive(Debug)]
        struct Panics;
        impl<'de> Deserialize<'de> for Panics {
            fn deserialize<D: de::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("no example will do")
            }
        }
        assert!(!needs_self_description::<Panics>());
    }
}
