//! What `#[derive(FromId)]` promises: it is the way back of `#[derive(ToKey)]`, and of nothing else.

use std::{collections::HashMap, fmt::Debug, io, sync::Arc};

use cache_facade::{Cache, FromId, Prefix, ToId, ToKey};
use proptest::{prelude::*, strategy::BoxedStrategy};

#[derive(Clone, Debug, PartialEq, Eq, Hash, ToKey, FromId)]
struct UserId(u64);

#[derive(Clone, Debug, PartialEq, ToKey, FromId)]
struct Wrapped<T>(T);

#[derive(Clone, Debug, PartialEq, ToKey, FromId)]
struct Pair(String, Wrapped<String>);

#[derive(Clone, Debug, PartialEq, ToKey, FromId)]
struct Named {
    symbol: Arc<str>,
    r#type: Side,
    days: [i16; 2],
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, ToKey, FromId)]
enum Side {
    Buy,
    Empty(),
    Bare {},
    Of(String),
    Limit { price: u8, pair: Pair },
    r#Move(bool, char),
    Été(UserId),
}

fn text() -> impl Strategy<Value = String> {
    "(Buy|Of|None|Some|[:%]|3A|25|[ax7é]){0,5}"
}

fn pair() -> impl Strategy<Value = Pair> {
    (text(), text()).prop_map(|(one, other)| Pair(one, Wrapped(other)))
}

fn side() -> BoxedStrategy<Side> {
    prop_oneof![
        Just(Side::Buy),
        Just(Side::Empty()),
        Just(Side::Bare {}),
        text().prop_map(Side::Of),
        (any::<u8>(), pair()).prop_map(|(price, pair)| Side::Limit { price, pair }),
        any::<(bool, char)>().prop_map(|(first, second)| Side::r#Move(first, second)),
        any::<u64>().prop_map(|id| Side::Été(UserId(id))),
    ]
    .boxed()
}

fn named() -> impl Strategy<Value = Named> {
    let note = prop::option::of(text());
    (text(), side(), any::<[i16; 2]>(), note).prop_map(|(symbol, r#type, days, note)| Named {
        symbol: symbol.into(),
        r#type,
        days,
        note,
    })
}

fn written(id: &impl ToId) -> String {
    Prefix::new(None, "k").unwrap().key_of(id).unwrap().id().to_owned()
}

/// Whether what is read of a text, if anything, is written as that text.
fn is_written_so<T: FromId + ToId + Debug>(text: &str) {
    if let Some(id) = T::from_id(text) {
        assert_eq!(written(&id), text, "{id:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn rule_50_what_was_written_is_read_back(named in named(), side in side(), pair in pair(), id in any::<u64>()) {
        prop_assert_eq!(Named::from_id(&written(&named)), Some(named));
        prop_assert_eq!(Side::from_id(&written(&side)), Some(side.clone()));
        prop_assert_eq!(Wrapped::from_id(&written(&Wrapped(side.clone()))), Some(Wrapped(side)));
        prop_assert_eq!(Pair::from_id(&written(&pair)), Some(pair));
        prop_assert_eq!(UserId::from_id(&id.to_string()), Some(UserId(id)));
    }

    #[test]
    fn rule_50_what_is_read_is_written_so(text in "((Buy|Empty|Bare|Of|Limit|Move|r#Move|Été|true|None|Some|[0-9+-]{1,2}|a)(:|%3A|%253A|%|25)?){0,7}") {
        is_written_so::<Named>(&text);
        is_written_so::<Side>(&text);
        is_written_so::<Wrapped<Side>>(&text);
        is_written_so::<Pair>(&text);
        is_written_so::<UserId>(&text);
    }

    #[test]
    fn rule_50_different_ids_are_written_apart(a in side(), b in side()) {
        prop_assert_eq!(a == b, written(&a) == written(&b));
    }
}

#[test]
fn golden_ids() {
    let limit = Side::Limit { price: 5, pair: Pair("a:b".into(), Wrapped("c".into())) };
    for (side, id) in [(Side::Buy, "Buy"), (Side::Empty(), "Empty"), (limit, "Limit:5:a%253Ab%3Ac")] {
        assert_eq!(written(&side), id);
        assert_eq!(Side::from_id(id), Some(side));
    }
    for wrong in ["", "buy", "Buy:", "Buy:1", "Of", "Of:a:b", "Limit:05:a%3Ab", "Limit:5:a", "Of:%41"] {
        assert_eq!(Side::from_id(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn a_loader_is_a_function_of_such_ids() {
    let cache = Cache::builder().build().await.unwrap();
    let load = |ids: Vec<UserId>| async move {
        let names = ids.into_iter().filter(|id| id.0 < 9).map(|id| (id.clone(), format!("user {}", id.0)));
        Ok::<_, io::Error>(names.collect::<HashMap<UserId, String>>())
    };
    let names = cache.region::<String>("name").load_many(50, load).open().unwrap();
    let found = names.get_many(&[UserId(7), UserId(9)]).await.unwrap();
    assert_eq!((found[0].as_deref().map(String::as_str), &found[1]), (Some("user 7"), &None));
    assert_eq!(cache.stats().loads, 1);
    let error = names.get("007").await.unwrap_err().to_string();
    assert!(error.contains("\"007\" is not the text of a from_id::UserId"), "{error}");
}
