//! A call that its source refuses as a whole is made again in halves, until the key at fault is alone.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Loaded, Loader, Request, Result, sync::Mutex};
use cache_facade::{Cache, Region};
use proptest::{collection::hash_set, prop_assert, proptest};
use tests::settle;
use tokio::runtime::Builder;

use super::SECOND;

/// A source that fails each call that has one of these keys, with an error of this kind.
#[derive(Clone, Debug)]
struct Picky {
    at_fault: HashSet<usize>,
    kind: ErrorKind,
    pause: bool,
    calls: Arc<Mutex<Vec<Vec<usize>>>>,
}

#[async_trait]
impl Loader<usize> for Picky {
    fn max_batch(&self) -> usize {
        100
    }

    async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
        let ids: Vec<usize> = requests.iter().map(|request| request.key.id().parse().unwrap()).collect();
        self.calls.lock().push(ids.clone());
        if ids.iter().any(|id| self.at_fault.contains(id)) {
            let error = Error::new(self.kind, "load", "a symbol of these is none");
            return Err(if self.pause { error.with_retry_after(SECOND) } else { error });
        }
        Ok(ids.into_iter().map(Loaded::from).collect())
    }
}

struct Setup {
    region: Region<usize>,
    source: Picky,
    clock: Clock,
    _cache: Cache,
}

async fn setup(at_fault: impl IntoIterator<Item = usize>, kind: ErrorKind, pause: bool) -> Setup {
    let clock = Clock::manual();
    let at_fault = at_fault.into_iter().collect();
    let source = Picky { at_fault, kind, pause, calls: Arc::default() };
    let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
    let region = cache.region("price").ttl(60 * SECOND).throttle(5 * SECOND);
    let region = region.loader(source.clone()).open().unwrap();
    Setup { region, source, clock, _cache: cache }
}

impl Setup {
    /// Reads so many keys in one call. Returns those that failed.
    async fn failed(&self, keys: usize) -> Vec<usize> {
        let ids: Vec<String> = (0..keys).map(|id| id.to_string()).collect();
        let answers = self.region.lookup_many(&ids).await;
        let failed = answers.iter().enumerate().filter(|(_, answer)| answer.is_err());
        failed.map(|(id, _)| id).collect()
    }

    fn calls(&self) -> usize {
        self.source.calls.lock().len()
    }
}

proptest! {
    #[test]
    fn one_key_at_fault_fails_alone_and_costs_two_calls_a_halving(keys in 1..100_usize, at in 0..100_usize) {
        let at = at % keys;
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let setup = setup([at], ErrorKind::Config, false).await;
            assert_eq!(setup.failed(keys).await, [at]);
            let halvings = keys.next_power_of_two().ilog2() as usize;
            assert!(setup.calls() <= 1 + 2 * halvings, "{} calls for {keys} keys", setup.calls());
        });
    }

    #[test]
    fn however_many_are_at_fault_calls_are_few_and_no_key_gets_what_is_wrong(
        keys in 1..100_usize, at in hash_set(0..100_usize, 0..20),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setup = setup(at.clone(), ErrorKind::Limit, false).await;
            let failed: HashSet<usize> = setup.failed(keys).await.into_iter().collect();
            prop_assert!(at.iter().filter(|at| **at < keys).all(|at| failed.contains(at)));
            let halvings = keys.next_power_of_two().ilog2() as usize;
            prop_assert!(setup.calls() <= 1 + 2 * halvings);
            for id in (0..keys).filter(|id| !failed.contains(id)) {
                prop_assert!(setup.region.peek(&id.to_string()).as_deref() == Some(&id));
            }
            Ok(())
        })?;
    }
}

/// Asked again at once it would only be told the same: its source is at fault, or wants to be left alone.
#[tokio::test]
async fn a_call_that_fails_in_another_way_is_not_made_again() {
    for (kind, pause) in [
        (ErrorKind::Timeout, false),
        (ErrorKind::Unavailable, false),
        (ErrorKind::Load, false),
        (ErrorKind::Config, true),
    ] {
        let setup = setup([3], kind, pause).await;
        assert_eq!(setup.failed(10).await.len(), 10, "{kind:?}");
        assert_eq!(setup.calls(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_found_at_fault_is_left_alone_for_the_throttle_and_spares_its_neighbours() {
    let setup = setup([3], ErrorKind::Config, false).await;
    assert_eq!(setup.failed(10).await, [3]);
    let calls = setup.calls();
    setup.clock.advance(4 * SECOND);
    settle().await;
    assert_eq!(setup.failed(20).await, [3]);
    assert_eq!(setup.calls(), calls + 1, "its error is remembered, and the ten new ones go in one call");
    setup.clock.advance(2 * SECOND);
    settle().await;
    assert_eq!(setup.failed(20).await, [3]);
    assert_eq!(setup.source.calls.lock().last().unwrap(), &[3]);
}
