//! An error is never served from the cache, however its type is written.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Clock, Error, Storable, cached, invalidates};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

/// An error that could be kept as well as any value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Trouble {
    Down(u32),
    Cache(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Cache(error.to_string())
    }
}

type Answer<T> = Result<T, Trouble>;
type Price = Answer<u32>;
type Maybe<T> = Option<T>;
/// Of an error that the cache's own can't become, and that has no text.
type Bare = Result<u32, Code>;
type Boxed = Result<u32, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Code(u32);

/// Made like a `Result`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Ok(u32),
    Err { code: u32 },
}

/// Not made like anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Reply {
    Quote(u32),
    Refused(u32),
}

/// A source that fails until it is told not to.
#[derive(Clone)]
struct Source {
    cache: Cache,
    asked: Arc<AtomicU32>,
    works_from: u32,
    gate: Option<Arc<Barrier>>,
}

impl Source {
    async fn new(works_from: u32) -> Self {
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        Self { cache, asked: Arc::default(), works_from, gate: None }
    }

    async fn ask(&self) -> Result<u32, u32> {
        if let Some(gate) = &self.gate {
            gate.wait().await;
        }
        let number = self.asked.fetch_add(1, SeqCst) + 1;
        if number < self.works_from { Err(number) } else { Ok(number) }
    }

    #[cached(region = "alias")]
    async fn alias(&self) -> Price {
        self.ask().await.map_err(Trouble::Down)
    }

    #[cached(region = "alias_of_maybe")]
    async fn alias_of_maybe(&self) -> Answer<Maybe<u32>> {
        self.ask().await.map(Some).map_err(Trouble::Down)
    }

    #[cached(region = "bare")]
    async fn bare(&self) -> Bare {
        self.ask().await.map_err(Code)
    }

    #[cached(region = "text")]
    async fn text(&self) -> std::result::Result<u32, Trouble> {
        self.ask().await.map_err(Trouble::Down)
    }

    #[cached(region = "boxed")]
    async fn boxed(&self) -> Boxed {
        self.ask().await.map_err(|number| number.to_string().into())
    }

    #[cached(region = "perhaps")]
    async fn perhaps(&self) -> Option<Answer<u32>> {
        Some(self.ask().await.map_err(Trouble::Down))
    }

    #[cached(region = "twice")]
    async fn twice(&self) -> Result<Answer<u32>, Trouble> {
        Ok(self.ask().await.map_err(Trouble::Down))
    }

    #[cached(region = "shared")]
    async fn shared(&self) -> Arc<Result<u32, Code>> {
        Arc::new(self.ask().await.map_err(Code))
    }

    #[cached(region = "within")]
    async fn within(&self) -> Box<Result<u32, Code>> {
        Box::new(self.ask().await.map_err(Code))
    }

    #[cached(region = "list")]
    async fn list(&self) -> Vec<(u8, Result<u32, Code>)> {
        vec![(0, Ok(0)), (1, self.ask().await.map_err(Code))]
    }

    #[cached(region = "outcome")]
    async fn outcome(&self) -> Outcome {
        self.ask().await.map_or_else(|code| Outcome::Err { code }, Outcome::Ok)
    }

    #[cached(region = "reply", cache_if = |reply| matches!(reply, Reply::Quote(_)))]
    async fn reply(&self) -> Reply {
        self.ask().await.map_or_else(Reply::Refused, Reply::Quote)
    }

    #[cached(region = "kept_reply")]
    async fn kept_reply(&self) -> Reply {
        self.ask().await.map_or_else(Reply::Refused, Reply::Quote)
    }

    #[cached(region = "if_in_result", cache_if = |price| *price > 2)]
    async fn if_in_result(&self) -> Answer<Option<u32>> {
        Ok(self.ask().await.ok().or(Some(1)))
    }

    #[cached(region = "grace", ttl = "1m", grace = "1h")]
    async fn grace(&self) -> Price {
        self.ask().await.map_err(Trouble::Down)
    }

    #[invalidates(region = "alias", key = "")]
    async fn end(&self) -> Answer<u32> {
        self.ask().await.map_err(Trouble::Down)
    }
}

/// Of a type that only its caller knows.
#[cached(region = "generic", ignore(source))]
async fn generic<T: From<Result<u32, u32>> + Storable + Clone>(cache: &Cache, source: &Source) -> T {
    T::from(source.ask().await)
}

/// Asks a source that fails twice and then works: the errors are its own, and only what came then is kept.
macro_rules! never_kept {
    ($method:ident, $failed:expr, $worked:expr) => {{
        let source = Source::new(3).await;
        for number in 1..3 {
            let failed: fn(u32) -> _ = $failed;
            assert_eq!(source.$method().await, failed(number), "{}", stringify!($method));
        }
        for _ in 0..2 {
            let worked: fn(u32) -> _ = $worked;
            assert_eq!(source.$method().await, worked(3), "{}", stringify!($method));
        }
        assert_eq!(source.asked.load(SeqCst), 3);
    }};
}

#[tokio::test]
async fn rule_94_an_error_is_not_kept_however_its_type_is_written() {
    never_kept!(alias, |n| Err(Trouble::Down(n)), Ok);
    never_kept!(alias_of_maybe, |n| Err(Trouble::Down(n)), |n| Ok(Some(n)));
    never_kept!(bare, |n| Err(Code(n)), Ok);
    never_kept!(text, |n| Err(Trouble::Down(n)), Ok);
    never_kept!(perhaps, |n| Some(Err(Trouble::Down(n))), |n| Some(Ok(n)));
    never_kept!(twice, |n| Ok(Err(Trouble::Down(n))), |n| Ok(Ok(n)));
    never_kept!(shared, |n| Arc::new(Err(Code(n))), |n| Arc::new(Ok(n)));
    never_kept!(within, |n| Box::new(Err(Code(n))), |n| Box::new(Ok(n)));
    never_kept!(list, |n| vec![(0, Ok(0)), (1, Err(Code(n)))], |n| vec![(0, Ok(0)), (1, Ok(n))]);
    never_kept!(outcome, |code| Outcome::Err { code }, Outcome::Ok);
    never_kept!(reply, Reply::Refused, Reply::Quote);
    never_kept!(if_in_result, |_| Ok(Some(1)), |n| Ok(Some(n)));
    let source = Source::new(2).await;
    assert_eq!(source.boxed().await.unwrap_err().to_string(), "1");
    assert_eq!((source.boxed().await.unwrap(), source.boxed().await.unwrap()), (2, 2));
}

#[tokio::test]
async fn rule_94_an_error_of_a_type_that_only_the_caller_knows_is_not_kept() {
    let source = Source::new(2).await;
    assert_eq!(generic::<Result<u32, u32>>(&source.cache, &source).await, Err(1));
    assert_eq!(generic::<Result<u32, u32>>(&source.cache, &source).await, Ok(2));
    assert_eq!(generic::<Result<u32, u32>>(&source.cache, &source).await, Ok(2));
}

#[tokio::test]
async fn rule_94_who_waits_for_an_error_gets_it_and_it_is_gone() {
    let mut source = Source::new(2).await;
    let gate = Arc::new(Barrier::new(2));
    source.gate = Some(Arc::clone(&gate));
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.alias().await })
        })
        .collect();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    gate.wait().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Err(Trouble::Down(1)));
    }
    source.gate = None;
    assert_eq!(source.alias().await, Ok(2));
}

#[tokio::test]
async fn rule_94_a_value_in_grace_stands_in_for_an_error_behind_an_alias() {
    let mut source = Source::new(0).await;
    assert_eq!(source.grace().await, Ok(1));
    source.works_from = 9;
    source.cache.clock().advance(Duration::from_secs(61));
    assert_eq!(source.grace().await, Ok(1));
    while source.asked.load(SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(source.grace().await, Ok(1));
}

#[tokio::test]
async fn an_alias_gets_the_caches_own_error_if_it_can_and_is_called_directly_if_not() {
    let source = Source::new(0).await;
    source.cache.shutdown(Duration::from_secs(1)).await.unwrap();
    assert!(matches!(source.alias().await, Err(Trouble::Cache(_))));
    assert_eq!(source.bare().await, Ok(1));
    assert!(source.boxed().await.unwrap_err().downcast_ref::<Error>().is_some());
}

#[tokio::test]
async fn a_value_of_an_own_type_is_a_value_unless_something_else_is_said() {
    let source = Source::new(3).await;
    assert_eq!(source.kept_reply().await, Reply::Refused(1));
    assert_eq!(source.kept_reply().await, Reply::Refused(1));
}

#[tokio::test]
async fn only_success_behind_an_alias_invalidates() {
    let mut source = Source::new(0).await;
    assert_eq!(source.alias().await, Ok(1));
    source.works_from = 9;
    assert_eq!(source.end().await, Err(Trouble::Down(2)));
    assert_eq!(source.alias().await, Ok(1));
    source.works_from = 0;
    assert_eq!(source.end().await, Ok(3));
    assert_eq!(source.alias().await, Ok(4));
}
