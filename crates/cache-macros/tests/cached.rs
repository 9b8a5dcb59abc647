//! What `#[cached]` promises: the region's promises, in the function's own words.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Cacheable, Clock, Error, Tag, Ttl, cached};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Something that knows prices, and counts how often it is asked.
#[derive(Clone)]
struct Desk {
    cache: Cache,
    asked: Arc<AtomicUsize>,
    gate: Option<Arc<Notify>>,
    venue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Quote {
    symbol: String,
    number: usize,
}

/// What a source says, which can't be cloned.
#[derive(Debug)]
enum Trouble {
    NoSuch(String),
    Cache(String),
}

impl Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuch(symbol) => write!(f, "no such symbol: {symbol}"),
            Self::Cache(error) => write!(f, "the cache: {error}"),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Cache(error.to_string())
    }
}

/// The same, which can.
#[derive(Clone, Debug, PartialEq)]
enum CloneTrouble {
    NoSuch(String),
    Cache,
}

impl Display for CloneTrouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<Error> for CloneTrouble {
    fn from(_: Error) -> Self {
        Self::Cache
    }
}

const KIND: &str = "constant";

impl Desk {
    async fn new() -> Self {
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        Self { cache, asked: Arc::default(), gate: None, venue: "XNAS" }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    async fn ask(&self, symbol: &str) -> Quote {
        let number = self.asked.fetch_add(1, SeqCst) + 1;
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        Quote { symbol: symbol.to_owned(), number }
    }

    fn pass(&self, seconds: u64) {
        self.cache.clock().advance(Duration::from_secs(seconds));
    }

    /// Documented.
    #[cached(region = "plain", ttl = "5m")]
    pub async fn plain(&self, symbol: &str) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "optional", ttl = "5m", negative = "30s")]
    async fn optional(&self, symbol: &str) -> Option<Quote> {
        let quote = self.ask(symbol).await;
        (symbol != "NONE").then_some(quote)
    }

    #[cached(region = "fallible", ttl = "5m")]
    async fn fallible(&self, symbol: &str) -> Result<Quote, Trouble> {
        let quote = self.ask(symbol).await;
        if symbol == "BAD" {
            return Err(Trouble::NoSuch(symbol.to_owned()));
        }
        Ok(quote)
    }

    #[cached(region = "cloned_error", ttl = "5m")]
    async fn cloned_error(&self, symbol: String) -> Result<Quote, CloneTrouble> {
        self.ask(&symbol).await;
        Err(CloneTrouble::NoSuch(symbol))
    }

    #[cached(region = "own_error", ttl = "5m")]
    async fn own_error(&self) -> cache_facade::Result<Quote> {
        Err(Error::new(cache_facade::ErrorKind::Storage, "ask", "it is full"))
    }

    #[cached(region = "both", ttl = "5m", grace = "1h", tags("{symbol}", "venue:{self.venue}"))]
    async fn both(&self, symbol: &str) -> Result<Option<Quote>, Trouble> {
        let quote = self.ask(symbol).await;
        match symbol {
            "BAD" => Err(Trouble::NoSuch(symbol.to_owned())),
            "NONE" => Ok(None),
            _ => Ok(Some(quote)),
        }
    }

    #[cached(region = "shared", ttl = Duration::from_secs(300))]
    async fn shared(&self, symbol: &str) -> Result<Option<Arc<Quote>>, Trouble> {
        Ok(Some(Arc::new(self.ask(symbol).await)))
    }

    #[cached(region = "computed", ttl = Ttl::new(Duration::from_secs(seconds)), key = "{symbol}")]
    async fn computed(&self, symbol: &str, seconds: u64) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "ignoring", ignore(timestamp, _note))]
    async fn ignoring(&self, symbol: &str, timestamp: u64, _note: Option<&'static str>) -> Quote {
        self.ask(&format!("{symbol}@{timestamp}")).await
    }

    #[cached(region = KIND, key = "{self.venue}:{symbol}", schema = 3, settings = |region| region.eager(0.5))]
    async fn at_venue(self: Arc<Self>, symbol: &str) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "consumed")]
    async fn consumed(self, mut symbol: String) -> Result<Quote, Trouble> {
        symbol.push('!');
        Ok(self.ask(&symbol).await)
    }

    #[cached(region = "kinds")]
    async fn kinds(
        &self,
        list: &[String],
        map: HashMap<u8, u8>,
        perhaps: Option<String>,
        on: bool,
    ) -> String {
        let quote = self.ask("").await;
        format!("{list:?} {map:?} {perhaps:?} {on} {}", quote.number)
    }

    #[cached(region = "with_self", cache = &this.cache, ignore(this))]
    async fn associated(this: &Self, symbol: &str) -> Quote {
        Self::ask(this, symbol).await
    }

    #[cached(region = "failing_key")]
    async fn unwritable(&self, map: std::collections::BTreeMap<(u8, u8), u8>) -> Result<usize, Trouble> {
        self.ask("").await;
        Ok(map.len())
    }

    #[cached(region = "failing_key")]
    async fn unwritable_but_infallible(&self, map: std::collections::BTreeMap<(u8, u8), u8>) -> usize {
        self.ask("").await;
        map.len()
    }
}

/// Generic, free, with a parameter named as the macro's own names are.
#[cached(region = "generic", ttl = "5m", ignore(desk))]
async fn generic<T, const N: usize>(cache: &Cache, desk: &Desk, id: T, load: u8) -> Result<Vec<T>, Error>
where
    T: Cacheable + Clone + Display,
{
    desk.ask(&id.to_string()).await;
    Ok(vec![id; N + usize::from(load)])
}

static GLOBAL: LazyLock<tokio::sync::OnceCell<Cache>> = LazyLock::new(tokio::sync::OnceCell::new);

async fn global() -> &'static Cache {
    GLOBAL.get_or_init(|| async { Cache::builder().build().await.unwrap() }).await
}

#[cached(region = "global", cache = global().await)]
async fn of_global(text: impl Into<String> + Serialize + Clone + Send + 'static) -> usize {
    text.into().len()
}

#[tokio::test]
async fn a_hit_does_not_run_the_body_and_each_key_has_its_own_value() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        assert_eq!(desk.plain("AAPL").await, Quote { symbol: "AAPL".into(), number: 1 });
    }
    assert_eq!(desk.plain("MSFT").await.number, 2);
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn a_value_is_fresh_for_its_life_and_no_longer() {
    let desk = Desk::new().await;
    desk.plain("AAPL").await;
    desk.pass(299);
    assert_eq!(desk.plain("AAPL").await.number, 1);
    desk.pass(1);
    assert_eq!(desk.plain("AAPL").await.number, 2);
    assert_eq!(desk.computed("AAPL", 10).await.number, 3);
    desk.pass(10);
    assert_eq!(desk.computed("AAPL", 20).await.number, 4);
    desk.pass(19);
    assert_eq!(desk.computed("AAPL", 5).await.number, 4, "the life was given when it was loaded");
}

#[tokio::test]
async fn absent_stays_absent_for_as_long_as_was_said() {
    let desk = Desk::new().await;
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.asked(), 1);
    desk.pass(30);
    assert_eq!(desk.optional("NONE").await, None);
    assert_eq!(desk.asked(), 2);
    assert_eq!(desk.both("NONE").await.unwrap(), None);
    assert_eq!(desk.both("NONE").await.unwrap(), None);
    assert_eq!(desk.asked(), 4, "and not at all if nothing was said");
}

#[tokio::test]
async fn an_error_keeps_its_type_and_is_not_cached() {
    let desk = Desk::new().await;
    for _ in 0..2 {
        let error = desk.fallible("BAD").await.unwrap_err();
        assert!(matches!(&error, Trouble::NoSuch(symbol) if symbol == "BAD"), "{error:?}");
    }
    assert_eq!(desk.asked(), 2);
    assert_eq!(desk.fallible("AAPL").await.unwrap().number, 3);
    let error = desk.own_error().await.unwrap_err();
    assert_eq!(error.kind(), cache_facade::ErrorKind::Storage, "the cache's own error is passed on");
}

#[tokio::test]
async fn who_waits_for_a_body_that_fails_gets_its_error() {
    let mut desk = Desk::new().await;
    let gate = Arc::new(Notify::new());
    desk.gate = Some(Arc::clone(&gate));
    let open = async {
        while desk.asked() < 2 {
            tokio::task::yield_now().await;
        }
        gate.notify_waiters();
    };
    let cloned = join_all((0..20).map(|_| desk.cloned_error("BAD".to_owned())));
    let taken = join_all((0..20).map(|_| desk.fallible("BAD")));
    let (cloned, taken, ()) = tokio::join!(cloned, taken, open);
    assert_eq!(desk.asked(), 2, "one run each");
    assert!(cloned.iter().all(|error| *error == Err(CloneTrouble::NoSuch("BAD".to_owned()))));
    let own = taken.iter().filter(|error| matches!(error, Err(Trouble::NoSuch(_)))).count();
    let told = |error: &&Result<Quote, Trouble>| matches!(error, Err(Trouble::Cache(text)) if text.contains("no such symbol: BAD"));
    assert_eq!((own, taken.iter().filter(told).count()), (1, 19));
}

#[tokio::test]
async fn a_hundred_callers_at_once_share_one_run() {
    let mut desk = Desk::new().await;
    let gate = Arc::new(Notify::new());
    desk.gate = Some(Arc::clone(&gate));
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let desk = desk.clone();
            tokio::spawn(async move { desk.plain("AAPL").await })
        })
        .collect();
    // The one who began it is dropped: the body goes on.
    while desk.asked() < 1 {
        tokio::task::yield_now().await;
    }
    let mut callers = callers.into_iter();
    callers.next().unwrap().abort();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    gate.notify_waiters();
    for caller in callers {
        assert_eq!(caller.await.unwrap().number, 1);
    }
    assert_eq!(desk.asked(), 1);
}

#[tokio::test]
async fn what_is_in_grace_stands_in_while_it_is_refreshed() {
    let desk = Desk::new().await;
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 1);
    desk.pass(301);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 1);
    while desk.asked() < 2 {
        tokio::task::yield_now().await;
    }
    desk.pass(3600);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3, "and then it is dead");
}

#[tokio::test]
async fn tags_end_what_carries_them() {
    let desk = Desk::new().await;
    let other = Desk { venue: "XLON", ..desk.clone() };
    desk.both("AAPL").await.unwrap();
    other.both("MSFT").await.unwrap();
    desk.cache.invalidate(&Tag::new("AAPL").unwrap()).await.unwrap();
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3);
    desk.cache.invalidate(&Tag::new("venue:XLON").unwrap()).await.unwrap();
    assert_eq!(other.both("MSFT").await.unwrap().unwrap().number, 4);
    assert_eq!(desk.both("AAPL").await.unwrap().unwrap().number, 3);
}

#[tokio::test]
async fn ignored_arguments_reach_the_body_and_not_the_key() {
    let desk = Desk::new().await;
    assert_eq!(desk.ignoring("AAPL", 5, None).await.symbol, "AAPL@5");
    assert_eq!(desk.ignoring("AAPL", 6, Some("again")).await.symbol, "AAPL@5");
    assert_eq!(desk.ignoring("MSFT", 6, None).await.symbol, "MSFT@6");
}

#[tokio::test]
async fn a_shared_value_is_not_copied() {
    let desk = Desk::new().await;
    let one = desk.shared("AAPL").await.unwrap().unwrap();
    let two = desk.shared("AAPL").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &two));
}

#[tokio::test]
async fn the_key_is_what_was_said_and_a_region_is_anyones() {
    let desk = Arc::new(Desk::new().await);
    let quote = Arc::clone(&desk).at_venue("A:B").await;
    let region = desk.cache.region::<Quote>(KIND).schema(3).open().unwrap();
    assert_eq!(region.peek("XNAS:A%3AB").as_deref(), Some(&quote));
    assert!(desk.cache.region::<Quote>(KIND).open().is_err(), "of another schema version");
    desk.cache.remove(KIND, "XNAS:A%3AB").await.unwrap();
    assert_eq!(Arc::clone(&desk).at_venue("A:B").await.number, 2);
}

#[tokio::test]
async fn all_arguments_are_in_the_key_whatever_serde_can_write() {
    let desk = Desk::new().await;
    let lists: [&[String]; 3] = [&[], &["a".into(), "b".into()], &["a,b".into()]];
    let mut answers = Vec::new();
    for list in lists {
        for perhaps in [None, Some("null".to_owned()), Some("1".to_owned()), Some(String::new())] {
            for on in [false, true] {
                for map in [HashMap::new(), HashMap::from([(1, 2)])] {
                    let first = desk.kinds(list, map.clone(), perhaps.clone(), on).await;
                    assert_eq!(desk.kinds(list, map, perhaps.clone(), on).await, first);
                    answers.push(first);
                }
            }
        }
    }
    assert_eq!(desk.asked(), answers.len(), "no two shared a key");
}

#[tokio::test]
async fn values_by_self_generics_and_associated_functions_work() {
    let desk = Desk::new().await;
    assert_eq!(desk.clone().consumed("A".to_owned()).await.unwrap().symbol, "A!");
    assert_eq!(desk.clone().consumed("A".to_owned()).await.unwrap().number, 1);
    assert_eq!(Desk::associated(&desk, "A").await.number, 2);
    assert_eq!(Desk::associated(&desk, "A").await.number, 2);
    for _ in 0..2 {
        assert_eq!(generic::<u64, 2>(&desk.cache, &desk, 7, 1).await.unwrap(), [7, 7, 7]);
        assert_eq!(of_global("four").await, 4);
    }
    assert_eq!(desk.asked(), 3);
    let other = generic::<String, 1>(&desk.cache, &desk, "7".to_owned(), 1).await;
    assert!(other.unwrap_err().to_string().contains("is open for"), "one kind, one type");
}

#[tokio::test]
async fn two_caches_have_a_region_each() {
    let (one, two) = (Desk::new().await, Desk::new().await);
    one.plain("AAPL").await;
    assert_eq!((one.asked(), two.asked()), (1, 0));
    two.plain("AAPL").await;
    assert_eq!((one.asked(), two.asked()), (1, 1));
}

#[tokio::test]
async fn what_the_cache_cant_do_is_the_functions_error_or_done_without_it() {
    let desk = Desk::new().await;
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = desk.unwritable(map.clone()).await.unwrap_err();
    assert!(matches!(&error, Trouble::Cache(text) if text.contains("ignore it")), "{error}");
    assert_eq!(desk.asked(), 0);
    assert_eq!(desk.unwritable_but_infallible(map.clone()).await, 1);
    assert_eq!(desk.unwritable_but_infallible(map).await, 1);
    assert_eq!(desk.asked(), 2);
    desk.cache.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(desk.plain("AAPL").await.number, 3, "called past a cache that is closed");
    assert!(matches!(desk.fallible("AAPL").await, Err(Trouble::Cache(_))));
}
