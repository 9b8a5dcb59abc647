//! Removals by pattern that are under way: each is seen through, though who asked may have stopped waiting.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_core::{Error, ErrorKind, Pattern, Result, Tombstone};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// The walks under way. One that takes longer than its caller waits, and is asked for again, is joined
/// rather than begun anew.
#[derive(Debug, Default)]
pub(crate) struct Walks(Mutex<Vec<Walk>>);

struct Walk {
    pattern: Pattern,
    tombstone: Tombstone,
    end: Shared<BoxFuture<'static, Result<u64>>>,
}

impl Walks {
    /// Waits for the end of the walk under way, or else of `walk`, which is then begun.
    pub(crate) async fn join(
        self: Arc<Self>,
        pattern: &Pattern,
        tombstone: Tombstone,
        walk: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Result<u64> {
        let is_same = |walk: &Walk| walk.pattern == *pattern && walk.tombstone == tombstone;
        let end = {
            let mut walks = self.walks();
            match walks.iter().find(|walk| is_same(walk)) {
                Some(walk) => walk.end.clone(),
                None => {
                    let end = self.begin(pattern.clone(), tombstone, walk);
                    walks.push(Walk { pattern: pattern.clone(), tombstone, end: end.clone() });
                    end
                }
            }
        };
        end.await
    }

    fn begin(
        self: &Arc<Self>,
        pattern: Pattern,
        tombstone: Tombstone,
        walk: impl Future<Output = Result<u64>> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Result<u64>>> {
        let walks = self.clone();
        let task = tokio::spawn(async move {
            let ended = walk.await;
            walks.walks().retain(|walk| walk.pattern != pattern || walk.tombstone != tombstone);
            ended
        });
        let end = task.map(|ended| {
            ended.unwrap_or_else(|why| {
                Err(Error::caused(ErrorKind::Closed, "remove", "a removal by pattern did not end", why))
            })
        });
        end.boxed().shared()
    }

    fn walks(&self) -> MutexGuard<'_, Vec<Walk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Walk({})", self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Timestamp;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn rule_51_a_walk_is_seen_through_and_joined_by_who_asks_again() {
        let walks = Arc::new(Walks::default());
        let pattern = Pattern::kind("k");
        let stone = Tombstone { born: Timestamp::MIN, dead_at: Timestamp::MAX };
        let (go, gone) = oneshot::channel::<u64>();
        let first = walks.clone().join(&pattern, stone, async move { Ok(gone.await.unwrap()) });
        assert!(first.now_or_never().is_none(), "and it is dropped");
        let second = walks.clone().join(&pattern, stone, async { panic!("begun twice") });
        let (second, ()) = tokio::join!(second, async { go.send(7).unwrap() });
        assert_eq!(second.unwrap(), 7);
        assert!(walks.walks().is_empty(), "it has ended");
        let third = walks.clone().join(&pattern, stone, async { Ok(8) });
        assert_eq!(third.await.unwrap(), 8, "a later one walks again");
    }
}
