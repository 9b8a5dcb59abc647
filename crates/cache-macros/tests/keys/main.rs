//! What keys promise: different arguments never make one key, equal ones always do.

mod model;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    marker::PhantomData,
    sync::Arc,
};

use cache_facade::macro_support::Id;
use model::{Model, model, neighbours};
use proptest::prelude::*;

/// Texts that might be taken for something else.
fn text() -> impl Strategy<Value = String> {
    let tricky =
        prop::sample::select(vec!["null", "1", "-2.5", "true", "\"a\"", "[]", "{}", "[1]", "%", "%#", "1e9"]);
    prop_oneof![
        "[a:%3A\"\\[\\]{}0-9 ,]{0,6}",
        tricky.prop_map(str::to_owned),
        ("[a-c]{60,70}", "[a:]{150,260}").prop_map(|(start, rest)| start + &rest),
    ]
}

/// A type whose values serde writes as texts, numbers, lists and nothing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
enum Any {
    Text(String),
    Number(i32),
    List(Vec<String>),
    Nothing(Option<u8>),
}

fn any() -> impl Strategy<Value = Any> {
    prop_oneof![
        4 => text().prop_map(Any::Text),
        1 => (-3..3_i32).prop_map(Any::Number),
        1 => prop::collection::vec("[a,\"]{0,2}", 0..3).prop_map(Any::List),
        1 => Just(Any::Nothing(None)),
    ]
}

fn id(parts: &[Any]) -> String {
    parts.iter().fold(Id::new(), |id, part| id.text(":").part(part)).finish().unwrap()
}

fn shown(parts: &[String]) -> String {
    parts.iter().fold(Id::new(), |id, part| id.text(":").shown(part)).finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn different_arguments_never_make_one_key(a in prop::collection::vec(any(), 0..4), b in prop::collection::vec(any(), 0..4)) {
        prop_assert_eq!(a == b, id(&a) == id(&b), "{:?} {:?}", a, b);
    }

    #[test]
    fn rule_68_all_that_serde_tells_apart_makes_two_keys(a in prop::collection::vec(model(), 1..3), b in prop::collection::vec(model(), 1..3)) {
        let id = |parts: &[Model]| parts.iter().fold(Id::new(), |id, part| id.text(":").part(part)).finish().unwrap();
        prop_assert_eq!(a == b, id(&a) == id(&b), "{:?} {:?}", a, b);
        prop_assert_eq!(id(&a), id(&a.clone()));
    }

    #[test]
    fn rule_68_what_is_nearly_the_same_makes_another_key(value in model()) {
        let all = neighbours(&value);
        let ids: HashSet<String> = all.iter().chain([&value]).map(one).collect();
        prop_assert_eq!(ids.len(), all.len() + 1, "{:?}", value);
    }

    #[test]
    fn rule_68_floats_that_differ_in_one_bit_make_two_keys(wide in prop::num::u64::ANY, narrow in prop::num::u32::ANY, nan in prop::bool::ANY, bit in 0..52_u32) {
        // Of random bits few are a NaN, and a NaN that is like another has to be made.
        let (wide, narrow) = if nan { (wide | 0x7ff8 << 48, narrow | 0x7fc0 << 16) } else { (wide, narrow) };
        let (other, short) = (wide ^ 1 << bit, narrow ^ 1 << (bit % 23));
        prop_assert_ne!(one(&f64::from_bits(wide)), one(&f64::from_bits(other)));
        prop_assert_ne!(one(&Some(f32::from_bits(narrow))), one(&Some(f32::from_bits(short))));
        prop_assert_ne!(one(&vec![f64::from_bits(wide)]), one(&vec![f64::from_bits(other)]));
    }

    #[test]
    fn rule_68_a_text_of_any_type_is_told_from_none(a in text(), b in text()) {
        prop_assert_eq!(a == b, one(&Some(a.as_str())) == one(&Some(b.as_str())));
        prop_assert_eq!(a == b, one(&Transparent(a.clone())) == one(&Transparent(b.clone())));
        prop_assert!(one(&Some(a.as_str())) != one(&None::<&str>));
        prop_assert!(one(&Transparent(Some(a))) != one(&Transparent(None::<String>)));
    }

    #[test]
    fn rule_68_equal_sets_and_maps_make_one_key(entries in prop::collection::vec((0..9_u8, text()), 0..9)) {
        let (forward, back) = (entries.clone(), entries.iter().rev().cloned());
        let keys = |entries: &[(u8, String)]| entries.iter().map(|(key, _)| *key).collect::<HashSet<u8>>();
        prop_assert_eq!(one(&keys(&entries)), one(&entries.iter().rev().map(|(key, _)| *key).collect::<HashSet<u8>>()));
        let map: HashMap<u8, String> = forward.into_iter().collect();
        let mut other = HashMap::with_capacity(1000);
        for (key, value) in back {
            other.entry(key).or_insert(value);
        }
        prop_assert_eq!(map == other, one(&map) == one(&other));
        let nested = |map: &HashMap<u8, String>| one(&Some(vec![Arc::new(map.clone())]));
        prop_assert_eq!(map == other, nested(&map) == nested(&other));
    }

    #[test]
    fn different_texts_never_make_one_key(a in prop::collection::vec(text(), 0..4), b in prop::collection::vec(text(), 0..4)) {
        prop_assert_eq!(a == b, shown(&a) == shown(&b), "{:?} {:?}", a, b);
    }

    #[test]
    fn a_key_is_never_long_and_no_short_one_looks_like_a_hashed_one(parts in prop::collection::vec(text(), 0..6)) {
        let escaped = |part: &String| part.len() + 2 * part.matches([':', '%']).count();
        let written: usize = parts.iter().map(|part| 1 + escaped(part)).sum();
        let id = shown(&parts);
        prop_assert!(id.len() <= 256);
        prop_assert_eq!(id.contains("%#"), written > 256);
    }
}

/// What serde can't see.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Transparent<T>(T);

/// Returns the key of one argument.
fn one(part: &(impl serde::Serialize + ?Sized)) -> String {
    Id::new().part(part).finish().unwrap()
}

#[test]
fn rule_68_what_the_trial_found_makes_keys_of_their_own() {
    let ids = [
        one(&f64::NAN),
        one(&-f64::NAN),
        one(&f64::INFINITY),
        one(&f64::NEG_INFINITY),
        one(&0.0),
        one(&-0.0),
    ];
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{ids:?}");
    let nested = [None, Some(None), Some(Some(None)), Some(Some(Some(())))];
    assert_eq!(nested.iter().map(one).collect::<HashSet<_>>().len(), nested.len());
    let lists: [&[Option<f64>]; 4] = [&[], &[None], &[Some(f64::NAN)], &[None, None]];
    assert_eq!(lists.iter().map(one).collect::<HashSet<_>>().len(), lists.len());
}

#[test]
fn simple_arguments_are_plain() {
    let shown = [
        (one("AAPL"), "AAPL"),
        (one("null"), "null"),
        (one(&"5".to_owned()), "5"),
        (one(&Arc::<str>::from("a,b")), "a,b"),
        (one(&Some(Cow::Borrowed("0700.HK"))), "0700.HK"),
        (one(&Some("null")), "\"null\""),
        (one(&None::<String>), "null"),
        (one(&Some(5)), "5"),
        (one(&u128::MAX), "340282366920938463463374607431768211455"),
        (one(&-0.5), "-0.5"),
        (one(&190.5_f32), "190.5"),
        (one(&'"'), "\""),
        (one(&Transparent("AAPL")), "AAPL"),
    ];
    for (id, expected) in shown {
        assert_eq!(id, expected);
    }
}

/// A struct, an enum and their parts.
#[derive(serde::Serialize)]
enum Side {
    Buy,
    Limit { price: f32 },
    Pair(u8, Option<char>),
}

#[test]
fn golden_encodings() {
    let shown = [
        (one(&Side::Buy), "Side.Buy/0;"),
        (one(&Side::Limit { price: 1.0 }), "Side.Limit/1{price=1.0f32}"),
        (one(&Side::Pair(1, Some(','))), "Side.Pair/2[1u8,Some(',')]"),
        (one(&(1_u8, "a\"b", [true])), "(1u8,\"a\\\"b\",(true))"),
        (one(&vec![Some(1_i64), None]), "[Some(1i64),null]"),
        (one(&BTreeMap::from([(1_u8, ())])), "{1u8=_}"),
        (one(&BTreeSet::<u8>::new()), "[]"),
        (one(&HashMap::from([("b", 1_u8), ("a", 2)])), "{\"a\"=2u8,\"b\"=1u8}"),
        (one(&PhantomData::<u8>), "PhantomData;"),
        (one(&Transparent(5_u8)), "5u8"),
        (one(&Transparent("true")), "\"true\""),
        (one(&f64::NAN), "+NaN.7ff8000000000000"),
        (
            Id::new().part("a").type_of::<Vec<u8>>().constant(&'%').finish().unwrap(),
            "a%<alloc::vec::Vec<u8>>%<%25>",
        ),
    ];
    for (id, expected) in shown {
        assert_eq!(id, expected);
    }
}

#[test]
fn rule_68_a_text_like_a_hashed_key_is_none() {
    let long = Id::new().any_text(&"a".repeat(300)).finish().unwrap();
    assert_ne!(Id::new().any_text(&long).finish().unwrap(), long);
}

#[test]
fn plain_texts_are_as_they_are() {
    let id = Id::new().part("AAPL").text(":").part(&"0700.HK").text(":").part(&5_u8).text(":").part(&true);
    assert_eq!(id.finish().unwrap(), "AAPL:0700.HK:5:true");
}

#[test]
fn a_long_key_begins_as_it_is_written_and_ends_in_its_hash() {
    let id = Id::new().text("news:").shown(&"é".repeat(200)).finish().unwrap();
    let (start, hash) = id.split_once("%#").unwrap();
    assert!(start.starts_with("news:éé") && start.len() <= 64, "{start}");
    assert_eq!(hash.len(), 64);
}

#[test]
fn rule_68_signs_between_parts_are_told_from_those_within_them() {
    let two = |one: &str, other: &str| Id::new().part(one).text(":").part(other).finish().unwrap();
    assert_ne!(two("a:b", "c"), two("a", "b:c"));
    assert_ne!(two("a:b", "c"), two("a%3Ab", "c"));
}
