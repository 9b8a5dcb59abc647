//! Harder cases of the same two promises: arguments that are alike, and outputs within one another.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Debug,
    num::NonZeroU8,
    sync::Arc,
    time::Duration,
};

use cache_facade::{Cache, Error, Storable, cached};
use serde::Serialize;

/// Any argument by reference, of any size.
#[cached(region = "slices")]
async fn of_slice<'a, T>(cache: &'a Cache, list: &'a [T]) -> String
where
    T: Serialize + Clone + Debug + Send + Sync + 'static,
{
    format!("{} {list:?}", std::any::type_name::<T>())
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Width {
    Narrow(u8),
    Wide(u64),
    Real(f32),
    Unit(()),
    Empty([u8; 0]),
    Seq(Vec<u8>),
    Pair((u8, u8)),
    Text(String),
    Letter(char),
    Map(BTreeMap<u8, u8>),
}

#[cached(region = "width")]
async fn of_width(cache: &Cache, width: Width) -> String {
    format!("{width:?}")
}

#[cached(region = "several")]
async fn of_several(
    cache: &Cache,
    wait: Duration,
    count: Option<NonZeroU8>,
    names: Arc<[String]>,
    outcome: Result<u8, String>,
    raw: &[u8],
) -> String {
    format!("{wait:?} {count:?} {names:?} {outcome:?} {raw:?}")
}

#[cached(region = "nested_options")]
async fn nested_options(cache: &Cache, number: u8) -> Result<Option<Option<u8>>, Error> {
    Ok(match number {
        0 => None,
        1 => Some(None),
        number => Some(Some(number)),
    })
}

mod source {
    use super::Error;

    pub(super) type Result<T, E = Error> = std::result::Result<T, E>;
}

#[cached(region = "default_error")]
async fn default_error<T: Storable + Clone>(cache: &Cache, value: &T) -> source::Result<Vec<T>> {
    Ok(vec![value.clone()])
}

/// Makes the same method of two types, all in one place of the source.
macro_rules! desks {
    ($($name:ident),*) => {$(
        #[derive(Clone)]
        struct $name(Cache);

        impl $name {
            #[cached(region = "desks", cache = &self.0)]
            async fn name(&self) -> String {
                stringify!($name).to_owned()
            }
        }
    )*};
}

desks!(Bonds, Shares);

async fn cache() -> Cache {
    Cache::builder().build().await.unwrap()
}

#[tokio::test]
async fn rule_68_what_serde_writes_alike_in_other_formats_is_told_apart() {
    let cache = cache().await;
    let widths = [
        Width::Narrow(5),
        Width::Wide(5),
        Width::Real(5.0),
        Width::Unit(()),
        Width::Empty([]),
        Width::Seq(Vec::new()),
        Width::Seq(vec![1, 2]),
        Width::Pair((1, 2)),
        Width::Text("5".to_owned()),
        Width::Text("5u8".to_owned()),
        Width::Text("_".to_owned()),
        Width::Letter('5'),
        Width::Map(BTreeMap::new()),
        Width::Map(BTreeMap::from([(1, 2)])),
    ];
    for width in widths.iter().chain(&widths) {
        assert_eq!(of_width(&cache, width.clone()).await, format!("{width:?}"));
    }
    assert_eq!(cache.stats().loads, widths.len() as u64);
}

#[tokio::test]
async fn rule_68_arguments_of_any_shape_are_told_apart() {
    let cache = cache().await;
    let mut answers = HashSet::new();
    let names: [Arc<[String]>; 3] = [Arc::new([]), Arc::new([String::new()]), Arc::new(["a,b".to_owned()])];
    for names in &names {
        for count in [None, NonZeroU8::new(1)] {
            for outcome in [Ok(1), Err("1".to_owned()), Err(String::new())] {
                for raw in [&[][..], &[0], &[0, 0]] {
                    for wait in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1)] {
                        let answer =
                            of_several(&cache, wait, count, Arc::clone(names), outcome.clone(), raw).await;
                        assert!(answers.insert(answer));
                    }
                }
            }
        }
    }
    assert_eq!(of_slice::<u8>(&cache, &[]).await, "u8 []");
    assert_eq!(of_slice::<u16>(&cache, &[]).await, "u16 []");
    assert_eq!(of_slice(&cache, &[1_u8]).await, "u8 [1]");
    assert_eq!(of_slice(&cache, &[1_u16]).await, "u16 [1]");
}

#[tokio::test]
async fn rule_68_two_methods_made_in_one_place_are_told_apart() {
    let cache = cache().await;
    for _ in 0..2 {
        assert_eq!(Bonds(cache.clone()).name().await, "Bonds");
        assert_eq!(Shares(cache.clone()).name().await, "Shares");
    }
}

#[tokio::test]
async fn rule_94_outputs_within_one_another_come_back_as_they_were() {
    let cache = cache().await;
    for _ in 0..2 {
        assert_eq!(nested_options(&cache, 0).await.unwrap(), None);
        assert_eq!(nested_options(&cache, 1).await.unwrap(), Some(None));
        assert_eq!(nested_options(&cache, 2).await.unwrap(), Some(Some(2)));
        assert_eq!(default_error(&cache, &1_u8).await.unwrap(), [1]);
    }
    assert_eq!(cache.stats().loads, 2 + 1 + 1 + 1);
}
