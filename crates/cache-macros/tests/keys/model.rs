//! Every value that serde can be given, compared as a body would: bit by bit.

use proptest::prelude::*;
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// One call of a serializer, with what is within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    Bool(bool),
    I8(i8),
    I64(i64),
    I128(i128),
    U8(u8),
    U64(u64),
    /// By its bits, for all NaNs and both zeros are values of their own.
    F32(u32),
    F64(u64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    Nothing,
    Something(Box<Model>),
    Unit,
    UnitStruct(&'static str),
    UnitVariant(Variant),
    Newtype(&'static str, Box<Model>),
    NewtypeVariant(Variant, Box<Model>),
    Seq(Vec<Model>),
    Tuple(Vec<Model>),
    TupleStruct(&'static str, Vec<Model>),
    TupleVariant(Variant, Vec<Model>),
    Map(Vec<(Model, Model)>),
    Struct(&'static str, Vec<(&'static str, Model)>),
    StructVariant(Variant, Vec<(&'static str, Model)>),
}

/// The name of an enum, and the number and name of one of its variants.
type Variant = (&'static str, u32, &'static str);

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => to.serialize_bool(*value),
            Self::I8(value) => to.serialize_i8(*value),
            Self::I64(value) => to.serialize_i64(*value),
            Self::I128(value) => to.serialize_i128(*value),
            Self::U8(value) => to.serialize_u8(*value),
            Self::U64(value) => to.serialize_u64(*value),
            Self::F32(bits) => to.serialize_f32(f32::from_bits(*bits)),
            Self::F64(bits) => to.serialize_f64(f64::from_bits(*bits)),
            Self::Char(value) => to.serialize_char(*value),
            Self::Text(value) => to.serialize_str(value),
            Self::Bytes(value) => to.serialize_bytes(value),
            Self::Nothing => to.serialize_none(),
            Self::Something(value) => to.serialize_some(value),
            Self::Unit => to.serialize_unit(),
            Self::UnitStruct(name) => to.serialize_unit_struct(name),
            Self::UnitVariant((name, index, variant)) => to.serialize_unit_variant(name, *index, variant),
            Self::Newtype(name, value) => to.serialize_newtype_struct(name, value),
            Self::NewtypeVariant((name, index, variant), value) => {
                to.serialize_newtype_variant(name, *index, variant, value)
            }
            Self::Seq(values) => {
                let mut seq = to.serialize_seq(None)?;
                values.iter().try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Self::Tuple(values) => {
                let mut tuple = to.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Self::TupleStruct(name, values) => {
                let mut tuple = to.serialize_tuple_struct(name, values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Self::TupleVariant((name, index, variant), values) => {
                let mut tuple = to.serialize_tuple_variant(name, *index, variant, values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Self::Map(entries) => {
                let mut map = to.serialize_map(None)?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::Struct(name, fields) => {
                let mut to = to.serialize_struct(name, fields.len())?;
                fields.iter().try_for_each(|(name, value)| to.serialize_field(name, value))?;
                to.end()
            }
            Self::StructVariant((name, index, variant), fields) => {
                let mut to = to.serialize_struct_variant(name, *index, variant, fields.len())?;
                fields.iter().try_for_each(|(name, value)| to.serialize_field(name, value))?;
                to.end()
            }
        }
    }
}

/// Names, some of which no identifier could be.
fn name() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec![
        "a", "b", "", "a(b", "a,b", "null", "true", "inf", "a=", "\"", "\\", "a\"", "b'", "é",
    ])
}

fn variant() -> impl Strategy<Value = Variant> {
    (name(), 0..2_u32, name())
}

fn text() -> impl Strategy<Value = String> {
    let tricky = vec![
        "null",
        "1",
        "1u8",
        "-2.5",
        "true",
        "\"a\"",
        "[]",
        "{}",
        "[1u8]",
        "%",
        "%#",
        "%<u8>",
        "1e9",
        "inf",
        "+inf",
        "NaN",
        "-",
        "a;",
        "a.b/0;",
        "Some(1u8)",
        "_",
        "()",
        "'a",
        "b'00'",
        "a,b",
        "a\",\"b",
        "\\",
        "\\\"",
        "é",
        "\0",
    ];
    prop_oneof![
        3 => prop::sample::select(tricky).prop_map(str::to_owned),
        2 => "[a,:%\"\\\\(){}=]{0,4}",
        1 => "[a:]{250,260}",
    ]
}

/// Numbers that are alike.
fn leaf() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<bool>().prop_map(Model::Bool),
        (-1..2_i8).prop_map(Model::I8),
        (-1..2_i64).prop_map(Model::I64),
        (-1..2_i128).prop_map(Model::I128),
        (0..2_u8).prop_map(Model::U8),
        (0..2_u64).prop_map(Model::U64),
        prop::sample::select(vec![0.0, -0.0, 1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN])
            .prop_map(|value| Model::F32(value.to_bits())),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            0.1,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            -f64::NAN
        ])
        .prop_map(|value| Model::F64(value.to_bits())),
        any::<u64>().prop_map(Model::F64),
        prop::sample::select(vec!['1', '"', '\'', ',', ':', 'a', '_']).prop_map(Model::Char),
        text().prop_map(Model::Text),
        text().prop_map(Model::Text),
        prop::collection::vec(0..2_u8, 0..3).prop_map(Model::Bytes),
        Just(Model::Nothing),
        Just(Model::Unit),
        name().prop_map(Model::UnitStruct),
        variant().prop_map(Model::UnitVariant),
    ]
}

/// Any value.
pub(crate) fn model() -> impl Strategy<Value = Model> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..3);
        let fields = prop::collection::vec((name(), inner.clone()), 0..3);
        let entries = prop::collection::vec((inner.clone(), inner.clone()), 0..3);
        let inner = inner.prop_map(Box::new);
        prop_oneof![
            inner.clone().prop_map(Model::Something),
            (name(), inner.clone()).prop_map(|(name, value)| Model::Newtype(name, value)),
            (variant(), inner).prop_map(|(variant, value)| Model::NewtypeVariant(variant, value)),
            many.clone().prop_map(Model::Seq),
            many.clone().prop_map(Model::Tuple),
            (name(), many.clone()).prop_map(|(name, values)| Model::TupleStruct(name, values)),
            (variant(), many).prop_map(|(variant, values)| Model::TupleVariant(variant, values)),
            entries.prop_map(Model::Map),
            (name(), fields.clone()).prop_map(|(name, fields)| Model::Struct(name, fields)),
            (variant(), fields).prop_map(|(variant, fields)| Model::StructVariant(variant, fields)),
        ]
    })
}

/// Returns values that other formats write as they write `value`.
fn twins(value: &Model) -> Vec<Model> {
    let first = |values: &[Model], with: &dyn Fn(Vec<Model>) -> Model| match values {
        [first, rest @ ..] => twins(first).into_iter().map(|twin| with([&[twin], rest].concat())).collect(),
        [] => Vec::new(),
    };
    let number = |number: i128| {
        let mut all = vec![Model::I128(number), Model::Text(number.to_string())];
        all.extend(i8::try_from(number).map(Model::I8));
        all.extend(i64::try_from(number).map(Model::I64));
        all.extend(u8::try_from(number).map(Model::U8));
        all.extend(u64::try_from(number).map(Model::U64));
        all
    };
    match value {
        Model::I8(value) => number((*value).into()),
        Model::I64(value) => number((*value).into()),
        Model::I128(value) => number(*value),
        Model::U8(value) => number((*value).into()),
        Model::U64(value) => number((*value).into()),
        Model::F32(bits) => vec![
            Model::F32(bits ^ 1),
            Model::F32(bits ^ (1 << 31)),
            Model::F64(f64::from(f32::from_bits(*bits)).to_bits()),
            Model::Nothing,
        ],
        Model::F64(bits) => vec![Model::F64(bits ^ 1), Model::F64(bits ^ (1 << 63)), Model::Nothing],
        Model::Char(char) => vec![Model::Text(char.to_string())],
        Model::UnitVariant((name, index, variant)) => {
            vec![Model::UnitVariant((name, index + 1, variant)), Model::Text((*variant).to_owned())]
        }
        Model::Seq(values) => first(values, &Model::Seq),
        Model::Tuple(values) => first(values, &Model::Tuple),
        Model::Something(value) => {
            twins(value).into_iter().map(|twin| Model::Something(twin.into())).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns values that differ from `value` in one thing which is easily lost.
pub(crate) fn neighbours(value: &Model) -> Vec<Model> {
    let boxed = || Box::new(value.clone());
    let mut all = vec![
        Model::Something(boxed()),
        Model::Newtype("a", boxed()),
        Model::NewtypeVariant(("a", 0, "a"), boxed()),
        Model::NewtypeVariant(("a", 1, "a"), boxed()),
        Model::Seq(vec![value.clone()]),
        Model::Tuple(vec![value.clone()]),
        Model::TupleStruct("a", vec![value.clone()]),
        Model::TupleVariant(("a", 0, "a"), vec![value.clone()]),
        Model::Map(vec![(value.clone(), value.clone())]),
        Model::Struct("a", vec![("a", value.clone())]),
        Model::StructVariant(("a", 0, "a"), vec![("a", value.clone())]),
        Model::Nothing,
        Model::Unit,
        Model::Seq(Vec::new()),
        Model::Tuple(Vec::new()),
        Model::Map(Vec::new()),
        Model::Text(String::new()),
        Model::Bytes(Vec::new()),
    ];
    all.extend(twins(value));
    all.retain(|other| other != value);
    let mut distinct = Vec::new();
    for other in all {
        if !distinct.contains(&other) {
            distinct.push(other);
        }
    }
    distinct
}
