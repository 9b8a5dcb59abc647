//! What keys promise: different arguments never make one key, equal ones always do.

use cache_facade::macro_support::Id;
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
