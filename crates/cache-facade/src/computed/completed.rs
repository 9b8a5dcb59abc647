//! An input of which a region has a part, and which is completed once that is read.

use std::{fmt, sync::Arc};

use cache_core::Result;
use futures_util::future::{BoxFuture, FutureExt, join_all};

use super::{
    Inputs,
    inputs::{Births, EngineRef, Fetches, Input, Reading},
};
use crate::region::{Cacheable, Region};

/// Completes what a region has.
type Complete<A> = dyn Fn(Arc<A>) -> BoxFuture<'static, Result<Arc<A>>> + Send + Sync;

/// A region as an [`Inputs`] whose values are completed before anything is computed from them, as by parts that
/// lie under keys of their own. What the region has must change whenever a part does: a computed value is proven
/// by its birth alone.
///
/// ```
/// use std::sync::Arc;
/// use cache_facade::{Cache, Completed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// # let cache = Cache::builder().build().await?;
/// let texts = cache.region::<String>("text").open()?;
/// let whole = Completed::new(texts.clone(), |end: Arc<String>| async move { Ok(Arc::new(format!("any{end}"))) });
/// let lengths = cache.region::<usize>("length").computed(
///     whole,
///     |id| Ok(id.to_owned()),
///     |_id, text: Option<Arc<String>>| Ok(text.map(|text| text.len())),
/// );
/// let lengths = lengths.open()?;
///
/// texts.put("end", "how".to_owned()).await?;
/// assert_eq!(lengths.get("end").await?.as_deref(), Some(&6));
/// # Ok(())
/// # }
/// ```
pub struct Completed<A> {
    region: Region<A>,
    complete: Arc<Complete<A>>,
}

impl<A: Cacheable> Completed<A> {
    /// The values of a region, completed by `complete`.
    pub fn new<F, Fut>(region: Region<A>, complete: F) -> Self
    where
        F: Fn(Arc<A>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Arc<A>>> + Send + 'static,
    {
        Self { region, complete: Arc::new(move |value| complete(value).boxed()) }
    }
}

impl<A> Clone for Completed<A> {
    fn clone(&self) -> Self {
        Self { region: self.region.clone(), complete: Arc::clone(&self.complete) }
    }
}

impl<A> fmt::Debug for Completed<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed").finish_non_exhaustive()
    }
}

impl<A: Cacheable> Inputs for Completed<A> {
    type Ids = String;
    type Values = Option<Arc<A>>;

    fn are_of(&self, engine: &EngineRef<'_>) -> bool {
        self.region.are_of(engine)
    }

    fn prefetch(&self, ids: &[String]) -> Fetches {
        self.region.prefetch(ids)
    }

    fn begin(&self, ids: &[String]) -> (Fetches, Reading<Self::Values>) {
        let (fetches, reading) = self.region.begin(ids);
        let complete = Arc::clone(&self.complete);
        let reading = async move {
            let completed = reading.await.into_iter().map(|read: Input<Self::Values>| {
                let complete = &complete;
                async move {
                    match read? {
                        (Some(value), from) => Ok((Some(complete(value).await?), from)),
                        (None, from) => Ok((None, from)),
                    }
                }
            });
            join_all(completed).await
        };
        (fetches, reading.boxed())
    }

    fn births(&self, id: &String, births: &mut Births) -> bool {
        self.region.births(id, births)
    }
}
