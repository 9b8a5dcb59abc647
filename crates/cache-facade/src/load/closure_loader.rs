//! A closure as a loader of one key, called once.

use std::future::Future;

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Loaded, Loader, Request, Result, sync::Mutex};

use crate::region::Cacheable;

/// A closure as a loader of one key, called once.
pub(crate) struct ClosureLoader<F>(Mutex<Option<F>>);

impl<F> ClosureLoader<F> {
    pub(crate) fn new(load: F) -> Self {
        Self(Mutex::new(Some(load)))
    }
}

#[async_trait]
impl<V, F, Fut, T, E> Loader<V> for ClosureLoader<F>
where
    V: Cacheable,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = std::result::Result<T, E>> + Send + 'static,
    T: Into<Loaded<V>> + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, _: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let load = self.0.lock().take();
        let Some(load) = load else {
            return Err(Error::new(ErrorKind::Load, "load", "the closure was called already"));
        };
        match load().await {
            Ok(answer) => Ok(vec![answer.into()]),
            Err(source) => Err(own(source.into())),
        }
    }
}

/// Returns the error itself if it is one of the cache's own, else one of these with it as the source: of the kind
/// of the cache's error among its causes, if there is one.
fn own(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match source.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => {
            let kind = Error::within(&*source).map_or(ErrorKind::Load, Error::kind);
            Error::caused(kind, "load", "the source failed", source)
        }
    }
}
