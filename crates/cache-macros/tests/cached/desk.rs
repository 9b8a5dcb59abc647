//! What is cached in these tests: a desk that knows prices and counts how often it is asked.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Clock, Error, Storable, Ttl, cached};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OnceCell};

/// Something that knows prices, and counts how often it is asked.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) cache: Cache,
    pub(crate) asked: Arc<AtomicUsize>,
    pub(crate) gate: Option<Arc<Notify>>,
    pub(crate) venue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quote {
    pub(crate) symbol: String,
    pub(crate) number: usize,
}

/// What a source says, which can't be cloned.
#[derive(Debug)]
pub(crate) enum Trouble {
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

/// An argument of which serde can make nothing.
#[derive(Clone)]
pub(crate) struct Unwritable(pub(crate) usize);

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is poisoned"))
    }
}

/// The same, which can.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CloneTrouble {
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

pub(crate) const KIND: &str = "constant";

impl Desk {
    pub(crate) async fn new() -> Self {
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        Self { cache, asked: Arc::default(), gate: None, venue: "XNAS" }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    pub(crate) async fn ask(&self, symbol: &str) -> Quote {
        let number = self.asked.fetch_add(1, SeqCst) + 1;
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        Quote { symbol: symbol.to_owned(), number }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.cache.clock().advance(Duration::from_secs(seconds));
    }

    /// Documented.
    #[cached(region = "plain", ttl = "5m")]
    pub(crate) async fn plain(&self, symbol: &str) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "optional", ttl = "5m", negative = "30s")]
    pub(crate) async fn optional(&self, symbol: &str) -> Option<Quote> {
        let quote = self.ask(symbol).await;
        (symbol != "NONE").then_some(quote)
    }

    #[cached(region = "fallible", ttl = "5m")]
    pub(crate) async fn fallible(&self, symbol: &str) -> Result<Quote, Trouble> {
        let quote = self.ask(symbol).await;
        if symbol == "BAD" {
            return Err(Trouble::NoSuch(symbol.to_owned()));
        }
        Ok(quote)
    }

    #[cached(region = "cloned_error", ttl = "5m")]
    pub(crate) async fn cloned_error(&self, symbol: String) -> Result<Quote, CloneTrouble> {
        self.ask(&symbol).await;
        Err(CloneTrouble::NoSuch(symbol))
    }

    #[cached(region = "own_error", ttl = "5m")]
    pub(crate) async fn own_error(&self) -> cache_facade::Result<Quote> {
        Err(Error::new(cache_facade::ErrorKind::Storage, "ask", "it is full"))
    }

    #[cached(region = "both", ttl = "5m", grace = "1h", tags("{symbol}", "venue:{self.venue}"))]
    pub(crate) async fn both(&self, symbol: &str) -> Result<Option<Quote>, Trouble> {
        let quote = self.ask(symbol).await;
        match symbol {
            "BAD" => Err(Trouble::NoSuch(symbol.to_owned())),
            "NONE" => Ok(None),
            _ => Ok(Some(quote)),
        }
    }

    #[cached(region = "shared", ttl = Duration::from_secs(300))]
    pub(crate) async fn shared(&self, symbol: &str) -> Result<Option<Arc<Quote>>, Trouble> {
        Ok(Some(Arc::new(self.ask(symbol).await)))
    }

    #[cached(region = "computed", ttl = Ttl::new(Duration::from_secs(seconds)), key = "{symbol}")]
    pub(crate) async fn computed(&self, symbol: &str, seconds: u64) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "ignoring", ignore(timestamp, _note))]
    pub(crate) async fn ignoring(&self, symbol: &str, timestamp: u64, _note: Option<&'static str>) -> Quote {
        self.ask(&format!("{symbol}@{timestamp}")).await
    }

    #[cached(region = KIND, key = "{self.venue}:{symbol}", schema = 3, settings = |region| region.eager(0.5))]
    pub(crate) async fn at_venue(self: Arc<Self>, symbol: &str) -> Quote {
        self.ask(symbol).await
    }

    #[cached(region = "consumed")]
    pub(crate) async fn consumed(self, mut symbol: String) -> Result<Quote, Trouble> {
        symbol.push('!');
        Ok(self.ask(&symbol).await)
    }

    #[cached(region = "kinds")]
    pub(crate) async fn kinds(
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
    pub(crate) async fn associated(this: &Self, symbol: &str) -> Quote {
        Self::ask(this, symbol).await
    }

    #[cached(region = "failing_key")]
    pub(crate) async fn unwritable(&self, lock: Unwritable) -> Result<usize, Trouble> {
        self.ask("").await;
        Ok(lock.0)
    }

    #[cached(region = "failing_key")]
    pub(crate) async fn unwritable_but_infallible(&self, lock: Unwritable) -> usize {
        self.ask("").await;
        lock.0
    }
}

/// Generic, free, with a parameter named as the macro's own names are.
#[cached(region = "generic", ttl = "5m", ignore(desk))]
pub(crate) async fn generic<T, const N: usize>(
    cache: &Cache,
    desk: &Desk,
    id: T,
    load: u8,
) -> Result<Vec<T>, Error>
where
    T: Storable + Clone + Display,
{
    desk.ask(&id.to_string()).await;
    Ok(vec![id; N + usize::from(load)])
}

static GLOBAL: LazyLock<OnceCell<Cache>> = LazyLock::new(OnceCell::new);

async fn global() -> &'static Cache {
    GLOBAL.get_or_init(|| async { Cache::builder().build().await.unwrap() }).await
}

#[cached(region = "global", cache = global().await)]
pub(crate) async fn of_global(text: impl Into<String> + Serialize + Clone + Send + 'static) -> usize {
    text.into().len()
}
