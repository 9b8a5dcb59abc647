//! A closure as a loader of one key, called once.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Key, Loaded, Loader, Request, Result, sync::Mutex};

use super::into_loaded::{IntoLoaded, own};
use crate::region::Cacheable;

/// A closure as a loader of one key, called once.
pub(crate) struct ClosureLoader<F> {
    load: Mutex<Option<F>>,
    /// Whether its call was dropped before it ended.
    lost: AtomicBool,
}

impl<F> ClosureLoader<F> {
    pub(crate) fn new(load: F) -> Self {
        Self { load: Mutex::new(Some(load)), lost: AtomicBool::new(false) }
    }

    /// Why a closure that was called has no answer for a second call.
    fn unanswered(&self, key: &Key) -> Error {
        match self.lost.load(Ordering::Acquire) {
            true => {
                let message = format!("the runtime that the load of {key} ran on ended before it answered");
                Error::new(ErrorKind::Load, "load", message)
            }
            false => {
                let message = format!("the load of {key} was not over within the hard timeout of its call");
                Error::new(ErrorKind::Timeout, "load", message)
            }
        }
    }
}

/// Notes that a call was dropped.
struct NoteLost<'a>(&'a AtomicBool);

impl Drop for NoteLost<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[async_trait]
impl<V, F, Fut> Loader<V> for ClosureLoader<F>
where
    V: Cacheable,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output: IntoLoaded<V>> + Send + 'static,
{
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let load = self.load.lock().take();
        let Some(load) = load else {
            return requests.iter().map(|request| Err(self.unanswered(&request.key))).collect();
        };
        let note_lost = NoteLost(&self.lost);
        let answer = load().await;
        std::mem::forget(note_lost);
        match answer.into_loaded() {
            Ok(answer) => Ok(vec![answer]),
            Err(source) => Err(own(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Whoever is asked a second time says what became of the first call.
    #[test]
    fn a_closure_is_called_once_and_says_why_it_has_no_second_answer() {
        let loader = ClosureLoader::new(std::future::pending::<Result<u64>>);
        let requests = [Request::<u64>::new(Key::new("k", "a").unwrap())];
        let mut first = loader.load(&requests);
        assert!((&mut first).now_or_never().is_none());
        let error = loader.load(&requests).now_or_never().unwrap().unwrap_err();
        assert!(error.kind() == ErrorKind::Timeout && error.to_string().contains("k:a"), "{error}");
        drop(first);
        let error = loader.load(&requests).now_or_never().unwrap().unwrap_err();
        assert!(error.kind() == ErrorKind::Load && error.to_string().contains("runtime"), "{error}");
    }
}
