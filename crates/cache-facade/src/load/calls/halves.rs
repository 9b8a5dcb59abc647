//! Calls that a source refuses as a whole, made again in halves: one key at fault must not take others along.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use cache_core::{Error, ErrorKind, Loaded, Request, Result};
use futures_util::future::join;

use super::filled::Filled;
use crate::{load::loaders::shared_loader::SharedLoader, region::Cacheable};

/// Whether the source found the call itself at fault, so that it may be one key of it.
pub(super) fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Config | ErrorKind::Limit)
        && error.retry_after().is_none()
        && !error.forbids_stale()
}

impl<V: Cacheable> Filled<V> {
    /// Returns the answers of a call, of which more is known if it was refused and is made again in halves.
    pub(super) async fn rescued(
        &self,
        requests: &[Request<V>],
        answers: Result<Vec<Loaded<Arc<V>>>>,
    ) -> Result<Vec<Loaded<Arc<V>>>> {
        match answers {
            Err(error) if requests.len() > 1 && is_refused(&error) => {
                Ok(self.load_in_halves(requests, &error).await)
            }
            answers => answers,
        }
    }

    /// Makes a call that was refused again in halves, and each of them that is refused. It makes as many calls as
    /// it takes to find one key: where more are at fault, some of their neighbours fail with them.
    async fn load_in_halves(&self, requests: &[Request<V>], error: &Error) -> Vec<Loaded<Arc<V>>> {
        let mut answers: Vec<_> = requests.iter().map(|_| Loaded::Failed(error.clone())).collect();
        let most = requests.len().next_power_of_two().ilog2();
        let mut refused = VecDeque::new();
        refused.push_back(0..requests.len());
        for _ in 0..most {
            let Some(Range { start, end }) = refused.pop_front() else { break };
            let middle = start + (end - start) / 2;
            let halves = [start..middle, middle..end];
            let [one, other] = halves.clone().map(|half| self.loader.load(&requests[half]));
            let (one, other) = join(one, other).await;
            for (half, outcome) in halves.into_iter().zip([one, other]) {
                match outcome {
                    Ok(came) => answers[half].iter_mut().zip(came).for_each(|(answer, came)| *answer = came),
                    // Its source fails in another way by now.
                    Err(error) if !is_refused(&error) => {
                        answers[half].fill_with(|| Loaded::Failed(error.clone()));
                        return answers;
                    }
                    Err(error) if half.len() == 1 => {
                        // Else it would be found anew for each caller.
                        let error = error.with_retry_after(self.region.policy.throttle);
                        answers[half.start] = Loaded::Failed(error);
                    }
                    Err(_) => refused.push_back(half),
                }
            }
        }
        answers
    }
}
