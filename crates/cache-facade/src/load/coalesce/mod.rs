//! Coalesces loads: keys that are asked for within one window go to the loader in one call.
//!
//! A flight brings one caller's keys. Between flights and loader, the keys of many flights wait for each
//! other in a batch. The batch goes when it is full, or when nobody has joined it for one window and no
//! call is under way. The call runs in a task of its own and depends on no flight in particular: it ends
//! early only when every flight that waits for it is gone, or with its runtime: then the flights that are left
//! ask anew. Timeouts and lives stay with the flights, each of which may have settings of its own.

pub(crate) mod nested;

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Key, KeyHasher, Loaded, Request, Result, Timestamp, sync::Mutex, trace::TraceContext};
use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tracing::{Instrument, Span, span::Id};

use self::nested::Calls;
use super::{calls::filled::Filled, circular::Loading, loaders::shared_loader::SharedLoader};
use crate::{engine::spans, region::Cacheable, timer};

/// How many windows a batch waits at most, while more keys keep coming or a call is under way: many callers
/// who come at once still take longer to arrive than one window.
const MAX_WINDOWS: u32 = 50;

/// How often a key that was lost with a batch's task joins another batch. After that it is loaded by itself.
const MAX_TAKEOVERS: u32 = 2;

/// A loader whose calls are coalesced.
pub(crate) struct Coalescer<V>(Arc<Inner<V>>);

struct Inner<V> {
    loader: Filled<V>,
    window: Duration,
    open: Mutex<Batches<V>>,
    calls: Calls,
}

/// The batch that can still be joined, if there is one.
struct Batches<V> {
    batch: Option<OpenBatch<V>>,
    /// How many batches there were: the number of the last one.
    count: u64,
}

/// A batch that can still be joined.
struct OpenBatch<V> {
    number: u64,
    keys: BatchKeys<V>,
    /// When it goes unless more keys come, and when it goes though they do.
    goes_at: Timestamp,
    latest: Timestamp,
    /// Takes the keys once there are as many as one call may ask for.
    full: oneshot::Sender<BatchKeys<V>>,
}

type BatchKeys<V> = HashMap<Key, BatchKey<V>, BuildHasherDefault<KeyHasher>>;

/// A key to load, and who waits for it.
struct BatchKey<V> {
    etag: Option<Box<str>>,
    previous: Option<Arc<V>>,
    callers: Vec<oneshot::Sender<Loaded<Arc<V>>>>,
    /// What waits for the callers.
    loading: Vec<Loading>,
    /// The spans of those who wait, as far as they have any.
    spans: Vec<Id>,
}

impl<V: Cacheable> Coalescer<V> {
    pub(crate) fn new(loader: Filled<V>, window: Duration) -> Self {
        let open = Mutex::new(Batches { batch: None, count: 0 });
        Self(Arc::new(Inner { loader, window, open, calls: Calls::default() }))
    }
}

#[async_trait]
impl<V: Cacheable> SharedLoader<V> for Coalescer<V> {
    fn max_batch(&self) -> usize {
        self.0.loader.max_batch()
    }

    fn coalesces(&self) -> bool {
        true
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<Arc<V>>>> {
        if self.0.calls.are_around() {
            // A call of this loader waits for it.
            return self.0.calls.make(self.0.loader.load(requests)).await;
        }
        let loading = Loading::current();
        let mut answers: Vec<Option<Loaded<Arc<V>>>> = requests.iter().map(|_| None).collect();
        for _ in 0..=MAX_TAKEOVERS {
            let left = requests.iter().zip(&mut answers).filter(|(_, answer)| answer.is_none());
            let waiting: Vec<_> =
                left.map(|(request, answer)| (answer, self.0.join(request, &loading))).collect();
            if waiting.is_empty() {
                break;
            }
            for (answer, brought) in waiting {
                // It is lost if the runtime that the batch was on has ended.
                *answer = brought.await.ok();
            }
        }
        self.0.load_lost(requests, answers).await
    }
}

impl<V: Cacheable> Inner<V> {
    /// Loads what has no answer yet, on the runtime of whoever waits for it.
    async fn load_lost(
        &self,
        requests: &[Request<V>],
        answers: Vec<Option<Loaded<Arc<V>>>>,
    ) -> Result<Vec<Loaded<Arc<V>>>> {
        let left = requests.iter().zip(&answers).filter(|(_, answer)| answer.is_none());
        let left: Vec<Request<V>> = left.map(|(request, _)| request.clone()).collect();
        if left.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let mut loaded = match self.calls.make(self.loader.load(&left)).await {
            Ok(loaded) => loaded,
            // It is the error of these keys alone.
            Err(error) => left.iter().map(|_| Loaded::Failed(error.clone())).collect(),
        }
        .into_iter();
        Ok(answers.into_iter().filter_map(|answer| answer.or_else(|| loaded.next())).collect())
    }

    /// Joins the open batch, or opens one and starts its task. A batch that is full goes at once. `loading` is
    /// what waits for the caller.
    fn join(self: &Arc<Self>, request: &Request<V>, loading: &Loading) -> oneshot::Receiver<Loaded<Arc<V>>> {
        let (caller, answer) = oneshot::channel();
        let mut begun = None;
        let mut open = self.open.lock();
        let Batches { batch, count } = &mut *open;
        let now = self.loader.engine().clock().now();
        if let Some(left) = batch.take_if(|batch| batch.is_left(now, self.window)) {
            *count += 1;
            let mut taken_over = self.begin(*count, &mut begun);
            taken_over.keys = left.keys;
            *batch = Some(taken_over);
        }
        let OpenBatch { keys, goes_at, latest, .. } = batch.get_or_insert_with(|| {
            *count += 1;
            self.begin(*count, &mut begun)
        });
        *goes_at = self.loader.engine().clock().now().after(self.window).min(*latest);
        let wanted = keys.entry(request.key.clone()).or_insert_with(|| BatchKey {
            etag: request.etag.clone(),
            previous: request.previous.clone(),
            callers: Vec::new(),
            loading: Vec::new(),
            spans: Vec::new(),
        });
        if wanted.etag != request.etag || !is_same(&wanted.previous, &request.previous) {
            // "Not modified", and what was merged, would hold for only one of them.
            (wanted.etag, wanted.previous) = (None, None);
        }
        wanted.callers.push(caller);
        wanted.loading.push(loading.clone());
        wanted.spans.extend(Span::current().id());
        let most = self.loader.max_batch().max(1);
        let mut gone = None;
        if keys.len() >= most {
            keys.retain(|_, wanted| wanted.is_wanted());
            if let Some(batch) = batch.take_if(|batch| batch.keys.len() >= most) {
                // If its task is gone, those who wait learn of it as the keys are dropped.
                gone = batch.full.send(batch.keys).err();
            }
        }
        drop(open);
        drop(gone);
        if let Some((number, filled)) = begun {
            // A runtime that is ending drops the task at once, which takes the lock.
            self.start(number, filled);
        }
        answer
    }

    /// Opens a batch, of which `begun` tells what its task needs.
    fn begin(&self, number: u64, begun: &mut Option<(u64, oneshot::Receiver<BatchKeys<V>>)>) -> OpenBatch<V> {
        let (full, filled) = oneshot::channel();
        let now = self.loader.engine().clock().now();
        let (goes_at, latest) = (now.after(self.window), now.after(self.window.saturating_mul(MAX_WINDOWS)));
        *begun = Some((number, filled));
        OpenBatch { number, keys: BatchKeys::default(), goes_at, latest, full }
    }

    /// Starts the task that calls the loader when a batch goes, for whoever opens it: in the caller's span, and
    /// within the caller's trace context.
    fn start(self: &Arc<Self>, number: u64, mut filled: oneshot::Receiver<BatchKeys<V>>) {
        let mut over = timer::sleep(self.loader.engine().clock(), self.window);
        let task = BatchTask { inner: Arc::clone(self), number };
        let span = spans::batch(self.loader.kind(), self.window);
        let waiting_and_calling = async move {
            let keys = loop {
                match select(&mut filled, std::pin::pin!(over)).await {
                    Either::Left((keys, _)) => break keys.ok(),
                    Either::Right(_) => match task.inner.close(number) {
                        Departure::Now(keys) => break Some(keys),
                        Departure::In(span) => over = timer::sleep(task.inner.loader.engine().clock(), span),
                        Departure::Gone => break (&mut filled).await.ok(),
                    },
                }
            };
            task.inner.call(keys.unwrap_or_default()).await;
        };
        let context = TraceContext::current();
        self.loader.engine().spawn(TraceContext::around(context, waiting_and_calling.instrument(span)));
    }

    /// Closes a batch if it has to go now. Returns its keys, or when to try again.
    fn close(&self, number: u64) -> Departure<V> {
        let mut open = self.open.lock();
        let Some(batch) = open.batch.take_if(|batch| batch.number == number) else {
            return Departure::Gone;
        };
        let now = self.loader.engine().clock().now();
        let quiet = batch.goes_at <= now;
        if batch.latest <= now || quiet && !self.calls.any() {
            return Departure::Now(batch.keys);
        }
        let span = if quiet { self.window } else { batch.goes_at.since(now) };
        let span = span.min(batch.latest.since(now));
        open.batch = Some(batch);
        Departure::In(span)
    }

    /// Asks the loader for the keys that somebody still waits for, and gives the answers to those who wait.
    async fn call(&self, keys: BatchKeys<V>) {
        let mut keys: Vec<_> = keys.into_iter().filter(|(_, wanted)| wanted.is_wanted()).collect();
        if keys.is_empty() {
            return;
        }
        let request = |(key, wanted): &(Key, BatchKey<V>)| {
            let BatchKey { etag, previous, .. } = wanted;
            Request { key: key.clone(), etag: etag.clone(), previous: previous.clone() }
        };
        let requests: Vec<Request<V>> = keys.iter().map(request).collect();
        spans::record_batch(keys.len(), || keys.iter().flat_map(|(_, wanted)| wanted.spans.iter().cloned()));
        let loading = Loading::of_all(keys.iter_mut().flat_map(|(_, wanted)| wanted.loading.drain(..)));
        let unwanted = async {
            for caller in keys.iter_mut().flat_map(|(_, wanted)| &mut wanted.callers) {
                caller.closed().await;
            }
        };
        let load = std::pin::pin!(loading.around(self.calls.make(self.loader.load(&requests))));
        let answers = match select(load, std::pin::pin!(unwanted)).await {
            Either::Left((Ok(answers), _)) => answers,
            Either::Left((Err(error), _)) => requests.iter().map(|_| Loaded::Failed(error.clone())).collect(),
            Either::Right(_) => return,
        };
        for ((_, wanted), answer) in keys.into_iter().zip(answers) {
            Self::hand_out(&answer, wanted.callers);
        }
    }

    /// Gives an answer to all who wait for a key. There are several if the key was removed, or a flight gave it
    /// up, in between.
    fn hand_out(answer: &Loaded<Arc<V>>, callers: Vec<oneshot::Sender<Loaded<Arc<V>>>>) {
        for caller in callers {
            // A caller that is gone needs no answer.
            let _ = caller.send(answer.clone());
        }
    }
}

/// The task of a batch. If it ends with its runtime before the batch has gone, those who wait for the batch
/// learn of it.
struct BatchTask<V> {
    inner: Arc<Inner<V>>,
    number: u64,
}

impl<V> Drop for BatchTask<V> {
    fn drop(&mut self) {
        let left = self.inner.open.lock().batch.take_if(|batch| batch.number == self.number);
        drop(left);
    }
}

/// Whether two values are one and the same, or both are missing.
fn is_same<V>(one: &Option<Arc<V>>, other: &Option<Arc<V>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// When a batch goes.
enum Departure<V> {
    Now(BatchKeys<V>),
    In(Duration),
    /// It has gone, when it was full.
    Gone,
}

impl<V> OpenBatch<V> {
    /// Whether nobody will call the loader for it: the runtime of its task has ended, or stands still.
    fn is_left(&self, now: Timestamp, window: Duration) -> bool {
        self.full.is_closed() || now > self.latest.after(window)
    }
}

impl<V> BatchKey<V> {
    fn is_wanted(&self) -> bool {
        self.callers.iter().any(|caller| !caller.is_closed())
    }
}
