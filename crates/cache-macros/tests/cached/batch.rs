//! What `#[cached(batch)]` promises: each element has an entry of its own, and the body gets what is missing
//! alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Display,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cache_facade::{Cache, Cacheable, Clock, Error, Tag, cached};
use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::desk::Trouble;

type Prices = HashMap<String, f64>;

/// A source of prices that notes what it was asked for. `BAD` fails, `ODD` panics, and `NONE` has no price.
#[derive(Clone)]
struct Desk {
    cache: Cache,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
    /// How many answers may be given.
    gate: Arc<Semaphore>,
}

impl Desk {
    async fn new() -> Self {
        let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
        Self { cache, asked: Arc::default(), gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    async fn ask(&self, symbols: &[String]) -> Result<Prices, Trouble> {
        self.asked.lock().unwrap().push(symbols.to_vec());
        self.gate.acquire().await.unwrap().forget();
        assert!(!symbols.iter().any(|symbol| symbol == "ODD"), "an odd symbol");
        if let Some(bad) = symbols.iter().find(|symbol| *symbol == "BAD") {
            return Err(Trouble::NoSuch(bad.clone()));
        }
        let known = symbols.iter().filter(|symbol| *symbol != "NONE");
        Ok(known.map(|symbol| (symbol.clone(), symbol.len() as f64)).collect())
    }

    /// Returns what was asked for since this was last called, each call sorted.
    fn asked(&self) -> Vec<Vec<String>> {
        let mut calls = std::mem::take(&mut *self.asked.lock().unwrap());
        calls.iter_mut().for_each(|call| call.sort());
        calls.sort();
        calls
    }

    fn pass(&self, seconds: u64) {
        self.cache.clock().advance(Duration::from_secs(seconds));
    }

    #[cached(batch = symbols, region = "price", ttl = "5m", grace = "1h", key = "{symbols}:{venue}", tags("{symbols}", "at:{venue}"))]
    async fn prices(&self, symbols: &[String], venue: &str) -> Result<HashMap<String, f64>, Trouble> {
        let _ = venue;
        self.ask(symbols).await
    }

    #[cached(region = "price", ttl = "5m", key = "{symbol}:{venue}")]
    async fn price(&self, symbol: &str, venue: &str) -> Result<f64, Trouble> {
        let _ = venue;
        let mut prices = self.ask(&[symbol.to_owned()]).await?;
        prices.remove(symbol).ok_or_else(|| Trouble::NoSuch(symbol.to_owned()))
    }

    #[cached(batch, max_batch = 2, region = "pair", negative = "30s")]
    async fn pairs(&self, symbols: Vec<String>) -> Vec<(String, f64)> {
        self.ask(&symbols).await.unwrap().into_iter().collect()
    }

    #[cached(batch, region = "sorted", cache_if = |price| *price < 5.0)]
    #[allow(clippy::ptr_arg, reason = "people write it")]
    async fn sorted(&self, symbols: &Vec<String>) -> BTreeMap<String, Arc<f64>> {
        let prices = self.ask(symbols).await.unwrap();
        prices.into_iter().map(|(symbol, price)| (symbol, Arc::new(price))).collect()
    }

    #[cached(batch, region = "each", negative = "30s", ignore(note))]
    async fn each(&self, note: String, symbols: &[String]) -> HashMap<String, Result<Option<f64>, Trouble>> {
        drop(note);
        let known = symbols.iter().filter(|symbol| *symbol != "BAD").cloned().collect::<Vec<_>>();
        let prices = self.ask(&known).await.unwrap();
        let bad = symbols.iter().filter(|symbol| *symbol == "BAD");
        let bad = bad.map(|symbol| (symbol.clone(), Err(Trouble::NoSuch(symbol.clone()))));
        prices.into_iter().map(|(symbol, price)| (symbol, Ok(Some(price)))).chain(bad).collect()
    }
}

/// Free, generic, an alias as what it returns, and parameters named as the macro's own names are.
#[cached(batch = found, region = "generic", ignore(desk))]
async fn generic<T, const N: u8>(
    cache: &Cache,
    desk: &Desk,
    found: &[T],
    call: u8,
) -> Result<Vec<(T, u8)>, Error>
where
    T: Cacheable + Clone + Eq + std::hash::Hash + Display + serde::Serialize,
{
    desk.ask(&found.iter().map(T::to_string).collect::<Vec<_>>()).await.unwrap();
    Ok(found.iter().rev().map(|one| (one.clone(), N + call)).collect())
}

fn all<const N: usize>(symbols: [&str; N]) -> Vec<String> {
    symbols.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn the_body_gets_what_is_missing_and_the_caller_gets_all() {
    let desk = Desk::new().await;
    assert_eq!(desk.prices(&[], "X").await.unwrap(), HashMap::new());
    desk.prices(&all(["A", "BB"]), "X").await.unwrap();
    let found = desk.prices(&all(["BB", "CCC", "NONE", "A", "CCC"]), "X").await.unwrap();
    assert_eq!(
        found,
        [("A", 1.0), ("BB", 2.0), ("CCC", 3.0)].map(|(symbol, price)| (symbol.to_owned(), price)).into()
    );
    assert_eq!(desk.asked(), [all(["A", "BB"]), all(["CCC", "NONE"])]);
    assert_eq!(desk.cache.stats().coalesced, 0, "what is given twice is looked up once");
    desk.prices(&all(["NONE", "A"]), "X").await.unwrap();
    assert_eq!(desk.asked(), [all(["NONE"])], "absent is not remembered");
    desk.prices(&all(["A"]), "Y").await.unwrap();
    assert_eq!(desk.asked(), [all(["A"])], "the venue is in the key");
}

#[tokio::test]
async fn a_function_of_one_and_one_of_many_share_the_entries_of_a_written_key() {
    let desk = Desk::new().await;
    desk.price("A", "X").await.unwrap();
    desk.prices(&all(["A", "BB"]), "X").await.unwrap();
    desk.price("BB", "X").await.unwrap();
    assert_eq!(desk.asked(), [all(["A"]), all(["BB"])]);
    desk.cache.invalidate(&Tag::new("BB").unwrap()).await.unwrap();
    desk.prices(&all(["A", "BB"]), "X").await.unwrap();
    assert_eq!(desk.asked(), [all(["BB"])], "a tag is of one element");
}

#[tokio::test]
async fn a_list_is_in_the_callers_order_and_loaded_in_calls_of_a_few() {
    let desk = Desk::new().await;
    let pair = |symbol: &str| (symbol.to_owned(), symbol.len() as f64);
    let expected = ["CCC", "A", "BB", "A", "DDDD"].map(pair);
    assert_eq!(desk.pairs(all(["CCC", "A", "NONE", "BB", "A", "DDDD"])).await, expected);
    let asked = desk.asked();
    assert!(asked.len() == 3 && asked.iter().all(|call| call.len() <= 2), "{asked:?}");
    assert_eq!(desk.pairs(all(["NONE", "BB", "A"])).await, ["BB", "A"].map(pair));
    assert_eq!(desk.asked(), [[""; 0]; 0], "absent is remembered");
    desk.pass(30);
    desk.pairs(all(["NONE", "BB"])).await;
    assert_eq!(desk.asked(), [all(["NONE"])]);
}

#[tokio::test]
async fn callers_at_once_wait_for_what_others_load() {
    let desk = Desk { gate: Arc::new(Semaphore::new(0)), ..Desk::new().await };
    let call = |symbols: Vec<String>| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.prices(&symbols, "X").await.unwrap().len() })
    };
    let first = call(all(["A", "BB"]));
    while desk.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let (second, one) = (call(all(["BB", "CCC"])), desk.price("BB", "X"));
    let open = async {
        while desk.asked.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        desk.gate.add_permits(Semaphore::MAX_PERMITS);
    };
    let (first, second, one, ()) = tokio::join!(first, second, one, open);
    assert_eq!((first.unwrap(), second.unwrap(), one.unwrap()), (2, 2, 2.0));
    assert_eq!(desk.asked(), [all(["A", "BB"]), all(["CCC"])]);
}

#[tokio::test]
async fn an_error_of_the_body_is_what_it_was_and_a_stale_value_stands_in() {
    let desk = Desk::new().await;
    let error = desk.prices(&all(["A", "BAD"]), "X").await.unwrap_err();
    assert!(matches!(&error, Trouble::NoSuch(bad) if bad == "BAD"), "{error:?}");
    desk.asked();
    desk.prices(&all(["A"]), "X").await.unwrap();
    let error = desk.prices(&all(["A", "BAD"]), "X").await.unwrap_err();
    assert!(matches!(error, Trouble::NoSuch(_)), "{error:?}");
    assert_eq!(desk.asked(), [all(["A"]), all(["BAD"])], "no error is kept, and what came is");
    let region = desk.cache.region::<f64>("price").open().unwrap();
    region.put("BAD:X", 7.0).await.unwrap();
    desk.pass(61);
    assert_eq!(region.peek("BAD:X"), None, "without a grace there is nothing to stand in");
    let life = cache_facade::Ttl::new(Duration::from_secs(1)).grace(Duration::from_secs(100));
    region.put("BAD:X", cache_facade::Fetched::new(7.0).ttl(life)).await.unwrap();
    desk.pass(2);
    assert_eq!(desk.prices(&all(["A", "BAD"]), "X").await.unwrap()["BAD"], 7.0);
}

#[tokio::test]
async fn an_element_has_an_error_or_an_absence_of_its_own() {
    let desk = Desk::new().await;
    for turn in ["first", "second"] {
        let found = desk.each(turn.to_owned(), &all(["A", "BAD", "NONE"])).await;
        assert!(matches!(found["A"], Ok(Some(1.0))), "{found:?}");
        assert!(matches!(&found["BAD"], Err(Trouble::NoSuch(bad)) if bad == "BAD"), "{found:?}");
        assert!(matches!(found["NONE"], Ok(None)), "{found:?}");
    }
    assert_eq!(desk.asked(), [all([]), all(["A", "NONE"])], "the note is in no key");
    let found = desk.each(String::new(), &all(["A", "ODD"])).await;
    assert!(matches!(&found["ODD"], Err(Trouble::Cache(text)) if text.contains("panicked")), "{found:?}");
    assert!(matches!(found["A"], Ok(Some(1.0))), "{found:?}");
}

#[tokio::test]
async fn a_value_that_is_not_to_be_kept_is_returned() {
    let desk = Desk::new().await;
    for _ in 0..2 {
        let found = desk.sorted(&all(["SIXSIX", "A"])).await;
        assert_eq!(
            found.iter().map(|(symbol, price)| (&**symbol, **price)).collect::<Vec<_>>(),
            [("A", 1.0), ("SIXSIX", 6.0)]
        );
    }
    assert_eq!(desk.asked(), [all(["A", "SIXSIX"]), all(["SIXSIX"])]);
}

#[tokio::test]
async fn without_a_cache_or_an_error_the_body_is_called_directly() {
    let desk = Desk::new().await;
    let panic = std::panic::AssertUnwindSafe(desk.pairs(all(["ODD"]))).catch_unwind().await;
    let text = panic.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("an odd symbol"), "{text}");
    assert_eq!(desk.asked(), [all(["ODD"])], "whose body panicked is not called again");
    desk.cache.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(desk.pairs(all(["A", "A"])).await.len(), 1);
    assert_eq!(desk.asked(), [all(["A", "A"])]);
    assert!(matches!(desk.prices(&all(["A"]), "X").await, Err(Trouble::Cache(_))));
}

#[tokio::test]
async fn rule_108_a_function_that_cant_say_so_is_waited_for_however_long_it_takes() {
    let desk = Desk { gate: Arc::new(Semaphore::new(0)), ..Desk::new().await };
    let (slow, quick) = (desk.clone(), desk.clone());
    let slow = tokio::spawn(async move { slow.pairs(all(["A"])).await.len() });
    let quick = tokio::spawn(async move { quick.prices(&all(["A"]), "X").await });
    while desk.asked.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    desk.pass(3600);
    let late = quick.await.unwrap().unwrap_err();
    assert!(matches!(&late, Trouble::Cache(text) if text.contains(" within 30s")), "{late}");
    desk.gate.add_permits(2);
    assert_eq!(slow.await.unwrap(), 1);
    assert_eq!(desk.asked().len(), 2);
}

/// Counts how often it is cloned.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, SeqCst);
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_hit_of_all_clones_no_argument() {
    #[cached(batch, region = "counted", ignore(counted))]
    async fn count(cache: &Cache, ids: &[u8], counted: &Counted) -> HashMap<u8, usize> {
        ids.iter().map(|id| (*id, counted.0.load(SeqCst))).collect()
    }
    let (desk, counted) = (Desk::new().await, Counted(Arc::default()));
    count(&desk.cache, &[1, 2], &counted).await;
    let clones = counted.0.load(SeqCst);
    assert!(clones > 0);
    assert_eq!(count(&desk.cache, &[2, 1], &counted).await.len(), 2);
    assert_eq!(counted.0.load(SeqCst), clones);
}

#[tokio::test]
async fn type_arguments_are_in_the_keys() {
    let desk = Desk::new().await;
    for _ in 0..2 {
        assert_eq!(generic::<u8, 1>(&desk.cache, &desk, &[7, 8], 1).await.unwrap(), [(7, 2), (8, 2)]);
        assert_eq!(generic::<u8, 2>(&desk.cache, &desk, &[8], 1).await.unwrap(), [(8, 3)]);
        assert_eq!(generic::<u64, 1>(&desk.cache, &desk, &[8], 2).await.unwrap(), [(8, 3)]);
    }
    assert_eq!(desk.asked(), [all(["7", "8"]), all(["8"]), all(["8"])]);
}

#[derive(Clone, Debug)]
enum Step {
    Call(Vec<u8>),
    Invalidate(u8),
    Pass,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(0..6_u8, 0..8).prop_map(Step::Call),
        1 => (0..6_u8).prop_map(Step::Invalidate),
        1 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_body_is_asked_for_exactly_what_a_map_would_lack(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let desk = Desk::new().await;
            let mut held = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Call(symbols) => {
                        let symbols: Vec<String> = symbols.iter().map(u8::to_string).collect();
                        let found = desk.prices(&symbols, "X").await.unwrap();
                        let wanted: BTreeSet<String> = symbols.iter().cloned().collect();
                        assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), wanted);
                        let missing: Vec<String> = wanted.difference(&held).cloned().collect();
                        let expected = if missing.is_empty() { vec![] } else { vec![missing] };
                        assert_eq!(desk.asked(), expected);
                        held.extend(symbols);
                    }
                    Step::Invalidate(symbol) => {
                        desk.cache.invalidate(&Tag::new(&symbol.to_string()).unwrap()).await.unwrap();
                        held.remove(&symbol.to_string());
                    }
                    Step::Pass => {
                        // Past life and grace.
                        desk.pass(3601);
                        held.clear();
                    }
                }
            }
        });
    }
}

#[cached(batch, region = "size", ttl = "1m", negative = "1m")]
async fn sizes(
    cache: &Cache,
    paths: &[std::path::PathBuf],
) -> Result<HashMap<std::path::PathBuf, u64>, Error> {
    Ok(paths.iter().filter(|path| !path.ends_with("none")).map(|path| (path.clone(), 42)).collect())
}

/// As two spellings of one path, which are equal and have a key each.
#[tokio::test]
async fn equal_elements_of_different_keys_are_each_found() {
    let cache = Cache::builder().build().await.unwrap();
    let both = ["data/a".into(), "data//a".into(), "none".into(), "./none".into()];
    assert_eq!(sizes(&cache, &both).await.unwrap().len(), 1);
    for path in ["data/a", "data//a"] {
        assert_eq!(sizes(&cache, &[path.into()]).await.unwrap().len(), 1, "{path}");
    }
    assert_eq!(cache.stats().loaded_keys, 4, "and each is cached");
}
