//! Two calls that the body can tell apart never share a value: of types, constants, and arguments of any kind.

use std::{
    any::type_name,
    collections::HashMap,
    fmt::Debug,
    marker::PhantomData,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use cache_facade::{Cache, Error, cached, invalidates};
use proptest::prelude::*;
use serde::Serialize;

/// A venue, known by its type alone.
trait Venue: Clone + Send + Sync + 'static {
    const NAME: &'static str;
}

#[derive(Clone)]
struct Lon;

#[derive(Clone)]
struct Nas;

impl Venue for Lon {
    const NAME: &'static str = "London";
}

impl Venue for Nas {
    const NAME: &'static str = "New York";
}

/// What arguments have to be.
trait Argument: Serialize + Clone + Debug + Send + Sync + 'static {}

impl<T: Serialize + Clone + Debug + Send + Sync + 'static> Argument for T {}

#[cached(region = "fee")]
async fn fee<V: Venue>(cache: &Cache, symbol: &str) -> String {
    format!("{symbol} in {}", V::NAME)
}

#[cached(region = "lots")]
async fn lots<const N: usize, const C: char>(cache: &Cache, symbol: &str) -> Result<String, Error> {
    Ok(format!("{symbol} {N} {C}"))
}

#[cached(region = "written", key = "{V}:{symbol}:{N}")]
async fn written<V: Venue, const N: u8>(cache: &Cache, symbol: &str) -> String {
    format!("{symbol} {N} in {}", V::NAME)
}

#[cached(region = "ignored", key = "{symbol}", ignore(V))]
async fn ignored<V: Venue>(cache: &Cache, symbol: &str) -> String {
    format!("{symbol} in {}", V::NAME)
}

/// The oracle of all that follows: the value says what it was made of.
fn made_of<T: Debug>(value: &T) -> String {
    format!("{} {value:?}", type_name::<T>())
}

#[cached(region = "any")]
async fn any_type<T: Argument>(cache: &Cache, value: T) -> String {
    made_of(&value)
}

#[cached(region = "anonymous")]
async fn anonymous(cache: &Cache, one: impl Argument, two: &impl Argument) -> String {
    made_of(&one) + &made_of(two)
}

#[cached(region = "pair")]
async fn pair<A: Argument, B: Argument>(cache: &Cache, a: A, b: B) -> String {
    made_of(&a) + &made_of(&b)
}

#[cached(region = "marker")]
async fn marker<T: Send + Sync + 'static>(cache: &Cache, _of: PhantomData<T>) -> String {
    type_name::<T>().to_owned()
}

/// Of a type of its own.
#[derive(Clone)]
struct Office<V> {
    cache: Cache,
    venue: PhantomData<V>,
}

impl<V: Venue> Office<V> {
    fn new(cache: &Cache) -> Self {
        Self { cache: cache.clone(), venue: PhantomData }
    }

    #[cached(region = "office")]
    async fn name(&self, symbol: &str) -> String {
        format!("{symbol} in {}", V::NAME)
    }

    #[cached(region = "office_of_this")]
    async fn of_this(cache: &Cache, this: PhantomData<Self>) -> String {
        let _ = this;
        V::NAME.to_owned()
    }

    #[cached(region = "office_key", key = "{Self}:{symbol}")]
    async fn written(&self, symbol: &str) -> String {
        format!("{symbol} in {}", V::NAME)
    }

    #[cached(region = "office_blind", key = "{symbol}")]
    async fn blind(&self, symbol: &str) -> Result<String, Error> {
        Ok(format!("{symbol} in {}", V::NAME))
    }

    #[cached(region = "office_ignored", ignore(Self))]
    async fn ignored(&self, symbol: &str) -> String {
        format!("{symbol} in {}", V::NAME)
    }

    #[invalidates(region = "office")]
    async fn moved(&self, symbol: &str) {
        let _ = (self, symbol);
    }
}

async fn cache() -> Cache {
    Cache::builder().build().await.unwrap()
}

#[tokio::test]
async fn rule_68_types_and_constants_are_part_of_the_key() {
    let cache = cache().await;
    for _ in 0..2 {
        assert_eq!(fee::<Lon>(&cache, "VOD").await, "VOD in London");
        assert_eq!(fee::<Nas>(&cache, "VOD").await, "VOD in New York");
        assert_eq!(lots::<1, 'a'>(&cache, "VOD").await.unwrap(), "VOD 1 a");
        assert_eq!(lots::<1, '%'>(&cache, "VOD").await.unwrap(), "VOD 1 %");
        assert_eq!(lots::<2, 'a'>(&cache, "VOD").await.unwrap(), "VOD 2 a");
        assert_eq!(written::<Lon, 1>(&cache, "VOD").await, "VOD 1 in London");
        assert_eq!(written::<Nas, 1>(&cache, "VOD").await, "VOD 1 in New York");
        assert_eq!(written::<Nas, 2>(&cache, "VOD").await, "VOD 2 in New York");
        assert_eq!(marker(&cache, PhantomData::<u8>).await, "u8");
        assert_eq!(marker(&cache, PhantomData::<u16>).await, "u16");
        assert_eq!(ignored::<Lon>(&cache, "VOD").await, "VOD in London");
        assert_eq!(ignored::<Nas>(&cache, "VOD").await, "VOD in London", "as was asked for");
    }
    assert_eq!(cache.stats().loads, 11);
}

#[tokio::test]
async fn rule_68_the_same_text_of_another_type_is_another_key() {
    let cache = cache().await;
    let mut expected = 0;
    for _ in 0..2 {
        assert_eq!(any_type(&cache, 5_u8).await, made_of(&5_u8));
        assert_eq!(any_type(&cache, 5_u64).await, made_of(&5_u64));
        assert_eq!(any_type(&cache, '5').await, made_of(&'5'));
        assert_eq!(any_type(&cache, "5").await, made_of(&"5"));
        assert_eq!(any_type(&cache, "5".to_owned()).await, made_of(&"5".to_owned()));
        assert_eq!(any_type(&cache, [5_u8]).await, made_of(&[5_u8]));
        assert_eq!(any_type(&cache, vec![5_u8]).await, made_of(&vec![5_u8]));
        assert_eq!(any_type(&cache, ()).await, made_of(&()));
        assert_eq!(any_type(&cache, "").await, made_of(&""));
        assert_eq!(any_type(&cache, None::<u8>).await, made_of(&None::<u8>));
        assert_eq!(any_type(&cache, None::<()>).await, made_of(&None::<()>));
        assert_eq!(any_type(&cache, Some(())).await, made_of(&Some(())));
        assert_eq!(any_type(&cache, f64::NAN).await, made_of(&f64::NAN));
        assert_eq!(any_type(&cache, f32::NAN).await, made_of(&f32::NAN));
        assert_eq!(anonymous(&cache, 1_u8, &1_u16).await, made_of(&1_u8) + &made_of(&1_u16));
        assert_eq!(anonymous(&cache, 1_u16, &1_u8).await, made_of(&1_u16) + &made_of(&1_u8));
        expected = expected.max(cache.stats().loads);
    }
    assert_eq!((expected, cache.stats().loads), (16, 16));
}

#[tokio::test]
async fn rule_68_the_type_that_a_method_is_of_is_part_of_the_key_if_it_has_arguments() {
    let cache = cache().await;
    let (lon, nas) = (Office::<Lon>::new(&cache), Office::<Nas>::new(&cache));
    for _ in 0..2 {
        assert_eq!(lon.name("VOD").await, "VOD in London");
        assert_eq!(nas.name("VOD").await, "VOD in New York");
        assert_eq!(lon.written("VOD").await, "VOD in London");
        assert_eq!(nas.written("VOD").await, "VOD in New York");
        assert_eq!(Office::<Lon>::of_this(&cache, PhantomData).await, "London");
        assert_eq!(Office::<Nas>::of_this(&cache, PhantomData).await, "New York");
        assert_eq!(lon.ignored("VOD").await, "VOD in London");
        assert_eq!(nas.ignored("VOD").await, "VOD in London", "as was asked for");
    }
    assert_eq!(cache.stats().loads, 7);
    lon.moved("VOD").await;
    lon.name("VOD").await;
    nas.name("VOD").await;
    assert_eq!(cache.stats().loads, 8, "the same arguments name the same entry");
}

#[tokio::test]
async fn rule_68_a_written_key_that_leaves_out_the_type_is_refused_once_it_matters() {
    let cache = cache().await;
    assert_eq!(Office::<Lon>::new(&cache).blind("VOD").await.unwrap(), "VOD in London");
    let error = Office::<Nas>::new(&cache).blind("VOD").await.unwrap_err().to_string();
    assert!(error.contains("blind") && error.contains("{Self}"), "{error}");
    assert_eq!(Office::<Lon>::new(&cache).blind("VOD").await.unwrap(), "VOD in London");
}

mod london {
    use super::*;

    #[cached(region = "two_modules")]
    pub(super) async fn open(cache: &Cache, day: u8) -> String {
        format!("{day} at 08:00")
    }

    #[cached(region = "two_results")]
    pub(super) async fn close(cache: &Cache, day: u8) -> Result<String, Error> {
        Ok(format!("{day} at 16:30"))
    }

    #[cached(region = "two_written", key = "{day}")]
    pub(super) async fn shared(cache: &Cache, day: u8) -> u8 {
        day
    }
}

mod new_york {
    use super::*;

    #[cached(region = "two_modules")]
    pub(super) async fn open(cache: &Cache, day: u8) -> String {
        format!("{day} at 09:30")
    }

    #[cached(region = "two_results")]
    pub(super) async fn close(cache: &Cache, day: u8) -> Result<String, Error> {
        Ok(format!("{day} at 16:00"))
    }

    #[cached(region = "two_written", key = "{day}")]
    pub(super) async fn shared(cache: &Cache, day: u8) -> u8 {
        day + 100
    }
}

#[tokio::test]
async fn rule_68_two_functions_share_a_region_only_if_their_keys_are_written_out() {
    let cache = cache().await;
    for _ in 0..2 {
        assert_eq!(london::open(&cache, 1).await, "1 at 08:00");
        assert_eq!(new_york::open(&cache, 1).await, "1 at 09:30", "past the cache");
        assert_eq!(london::close(&cache, 1).await.unwrap(), "1 at 16:30");
        let error = new_york::close(&cache, 1).await.unwrap_err().to_string();
        assert!(error.contains("new_york::close") && error.contains("london::close"), "{error}");
        assert_eq!(london::shared(&cache, 1).await, 1);
        assert_eq!(new_york::shared(&cache, 1).await, 1, "as was asked for");
    }
    assert_eq!(cache.stats().loads, 3);
}

#[tokio::test]
async fn rule_68_types_of_one_name_are_never_taken_for_one() {
    let cache = cache().await;
    let one = {
        #[derive(Clone)]
        struct Local;
        impl Venue for Local {
            const NAME: &'static str = "one";
        }
        fee::<Local>(&cache, "VOD").await
    };
    let two = {
        #[derive(Clone)]
        struct Local;
        impl Venue for Local {
            const NAME: &'static str = "two";
        }
        fee::<Local>(&cache, "VOD").await
    };
    assert_eq!((one.as_str(), two.as_str()), ("VOD in one", "VOD in two"));
}

#[cached(region = "map")]
async fn of_map(cache: &Cache, map: HashMap<u16, String>) -> usize {
    ASKED.fetch_add(1, SeqCst);
    map.len()
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn rule_68_a_map_is_the_same_however_it_iterates() {
    let cache = cache().await;
    for capacity in 0..50 {
        let mut map = HashMap::with_capacity(capacity * 10);
        map.extend((0..100).map(|number| (number, number.to_string())));
        assert_eq!(of_map(&cache, map).await, 100);
    }
    assert_eq!(ASKED.load(SeqCst), 1);
}

/// Arguments that are easily taken for one another.
fn argument() -> impl Strategy<Value = (Option<Option<String>>, f64, Vec<Option<bool>>)> {
    let text = prop::option::of(prop::option::of("[:%,\"n]{0,2}|null"));
    let float = prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    (text, float, prop::collection::vec(prop::option::of(any::<bool>()), 0..3))
}

proptest! {
    #[test]
    fn rule_68_every_call_gets_what_was_made_of_its_own_arguments(calls in prop::collection::vec((argument(), argument()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cache = cache().await;
            for (a, b) in calls {
                assert_eq!(any_type(&cache, a.clone()).await, made_of(&a));
                let expected = made_of(&a.0) + &made_of(&b.0);
                assert_eq!(pair(&cache, a.0.clone(), b.0.clone()).await, expected);
                assert_eq!(pair(&cache, a.1, b.0.clone()).await, made_of(&a.1) + &made_of(&b.0));
            }
        });
    }
}
