//! Gathering: loads that begin within one window go to the loader together.
//!
//! A flight brings one caller's keys. Here, between flights and loader, the keys of many flights wait
//! for each other, until a batch is full, or until for the length of a window no more came and no call is
//! under way, and are then asked for in one call. That call lives in a task of its own, so that it depends on no flight in particular; it ends
//! early only when every flight that waits for it is gone. Timeouts, lives and all else stay with the
//! flights, each of which may have been given settings of its own.

use std::{
    collections::HashMap,
    hash::BuildHasherDefault,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{
    Blob, Error, ErrorKind, Fetched, Key, KeyHasher, Loaded, Loader, Request, Result, Timestamp, sync::Mutex,
};
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use super::instrumented::Instrumented;
use crate::{region::Cacheable, timer};

/// How many windows the first of those that are gathered waits at most, while more keep coming or a call is
/// under way: a crowd that comes at once still takes longer to arrive than one window.
const LONGEST: u32 = 50;

/// A loader whose calls are gathered.
pub(crate) struct Coalescer<V>(Arc<Inner<V>>);

struct Inner<V> {
    loader: Instrumented<V>,
    window: Duration,
    open: Mutex<Batches<V>>,
    /// How many calls are under way.
    calling: AtomicUsize,
}

/// The gathering that is still to be joined, if there is one.
struct Batches<V> {
    batch: Option<OpenBatch<V>>,
    /// How many there were: the number of the last one.
    count: u64,
}

struct OpenBatch<V> {
    number: u64,
    asks: Asks<V>,
    /// When it goes unless more come, and when it goes though they do.
    goes_at: Timestamp,
    latest: Timestamp,
    /// Takes them once there are as many as one call may ask for.
    full: oneshot::Sender<Asks<V>>,
}

type Asks<V> = HashMap<Key, Ask<V>, BuildHasherDefault<KeyHasher>>;

/// A key to load, and who waits for it.
struct Ask<V> {
    etag: Option<Box<str>>,
    callers: Vec<oneshot::Sender<Loaded<V>>>,
}

impl<V: Cacheable> Coalescer<V> {
    pub(crate) fn new(loader: Instrumented<V>, window: Duration) -> Self {
        let open = Mutex::new(Batches { batch: None, count: 0 });
        Self(Arc::new(Inner { loader, window, open, calling: AtomicUsize::new(0) }))
    }
}

#[async_trait]
impl<V: Cacheable> Loader<V> for Coalescer<V> {
    fn max_batch(&self) -> usize {
        self.0.loader.max_batch()
    }

    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<V>>> {
        let waiting: Vec<_> = requests.iter().map(|request| self.0.join(request)).collect();
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(answer.await.unwrap_or_else(|_| Loaded::Failed(self.0.lost())));
        }
        Ok(answers)
    }
}

impl<V: Cacheable> Inner<V> {
    /// Joins the open gathering, or opens one; a full one goes at once.
    fn join(self: &Arc<Self>, request: &Request) -> oneshot::Receiver<Loaded<V>> {
        let (caller, answer) = oneshot::channel();
        let mut open = self.open.lock();
        let Batches { batch, count } = &mut *open;
        let OpenBatch { asks, goes_at, latest, .. } = batch.get_or_insert_with(|| {
            *count += 1;
            self.begin(*count)
        });
        *goes_at = self.loader.engine.clock().now().after(self.window).min(*latest);
        let etag = || request.etag.clone();
        let ask =
            asks.entry(request.key.clone()).or_insert_with(|| Ask { etag: etag(), callers: Vec::new() });
        if ask.etag != request.etag {
            // "Not modified" would answer only one of them.
            ask.etag = None;
        }
        ask.callers.push(caller);
        let most = self.loader.max_batch().max(1);
        if asks.len() >= most {
            asks.retain(|_, ask| ask.is_wanted());
            if let Some(batch) = batch.take_if(|batch| batch.asks.len() >= most) {
                // Its task is lost only if the runtime is, and then nobody waits.
                let _ = batch.full.send(batch.asks);
            }
        }
        answer
    }

    /// A gathering that goes when it is full, or when nobody joined it for as long as the window.
    fn begin(self: &Arc<Self>, number: u64) -> OpenBatch<V> {
        let (full, mut filled) = oneshot::channel();
        let now = self.loader.engine.clock().now();
        let (goes_at, latest) = (now.after(self.window), now.after(self.window * LONGEST));
        let mut over = timer::sleep(self.loader.engine.clock(), self.window);
        let this = Arc::clone(self);
        self.loader.engine.spawn(async move {
            let asks = loop {
                match select(&mut filled, std::pin::pin!(over)).await {
                    Either::Left((asks, _)) => break asks.ok(),
                    Either::Right(_) => match this.close(number) {
                        Due::Now(asks) => break Some(asks),
                        Due::In(span) => over = timer::sleep(this.loader.engine.clock(), span),
                        Due::Gone => break (&mut filled).await.ok(),
                    },
                }
            };
            this.call(asks.unwrap_or_default()).await;
        });
        OpenBatch { number, asks: Asks::default(), goes_at, latest, full }
    }

    /// What was gathered, if it is to go now and has not gone already.
    fn close(&self, number: u64) -> Due<V> {
        let mut open = self.open.lock();
        let Some(batch) = open.batch.take_if(|batch| batch.number == number) else {
            return Due::Gone;
        };
        let now = self.loader.engine.clock().now();
        let quiet = batch.goes_at <= now;
        if batch.latest <= now || quiet && self.calling.load(Ordering::Acquire) == 0 {
            return Due::Now(batch.asks);
        }
        let span = if quiet { self.window } else { batch.goes_at.since(now) };
        let span = span.min(batch.latest.since(now));
        open.batch = Some(batch);
        Due::In(span)
    }

    /// Asks the loader for all that somebody still waits for, and hands the answers out.
    async fn call(&self, asks: Asks<V>) {
        let mut asks: Vec<_> = asks.into_iter().filter(|(_, ask)| ask.is_wanted()).collect();
        if asks.is_empty() {
            return;
        }
        let request = |(key, ask): &(Key, Ask<V>)| Request { key: key.clone(), etag: ask.etag.clone() };
        let requests: Vec<Request> = asks.iter().map(request).collect();
        let unwanted = async {
            for caller in asks.iter_mut().flat_map(|(_, ask)| &mut ask.callers) {
                caller.closed().await;
            }
        };
        let _calling = CallInProgress::begin(&self.calling);
        let answers = match select(self.loader.load(&requests), std::pin::pin!(unwanted)).await {
            Either::Left((Ok(answers), _)) => answers,
            Either::Left((Err(error), _)) => requests.iter().map(|_| Loaded::Failed(error.clone())).collect(),
            Either::Right(_) => return,
        };
        for ((_, ask), answer) in asks.into_iter().zip(answers) {
            self.hand_out(answer, ask.callers);
        }
    }

    /// Answers all who asked for a key. More than one did if it was removed or given up between: values
    /// need not be `Clone`, so the others get copies by way of the codec.
    fn hand_out(&self, answer: Loaded<V>, mut callers: Vec<oneshot::Sender<Loaded<V>>>) {
        let Some(last) = callers.pop() else { return };
        for caller in callers {
            let _ = caller.send(self.copy(&answer));
        }
        // Whoever is gone needs no answer.
        let _ = last.send(answer);
    }

    fn copy(&self, answer: &Loaded<V>) -> Loaded<V> {
        match answer {
            Loaded::Value(Fetched { value, ttl, tags, etag }) => {
                let blob = Blob::encode(self.loader.core.codec, 0, value);
                match blob.and_then(|blob| blob.decode(0)) {
                    Ok(value) => {
                        Loaded::Value(Fetched { value, ttl: *ttl, tags: tags.clone(), etag: etag.clone() })
                    }
                    Err(error) => Loaded::Failed(error),
                }
            }
            Loaded::Absent => Loaded::Absent,
            Loaded::NotModified => Loaded::NotModified,
            Loaded::Failed(error) => Loaded::Failed(error.clone()),
        }
    }

    fn lost(&self) -> Error {
        let message = format!("the call that gathered keys of {:?} ended early", self.loader.kind());
        Error::new(ErrorKind::Load, "load", message)
    }
}

/// A call under way, until it is dropped.
struct CallInProgress<'a>(&'a AtomicUsize);

impl<'a> CallInProgress<'a> {
    fn begin(calls: &'a AtomicUsize) -> Self {
        calls.fetch_add(1, Ordering::AcqRel);
        Self(calls)
    }
}

impl Drop for CallInProgress<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// When a gathering goes.
enum Due<V> {
    Now(Asks<V>),
    In(Duration),
    /// It went when it was full.
    Gone,
}

impl<V> Ask<V> {
    fn is_wanted(&self) -> bool {
        self.callers.iter().any(|caller| !caller.is_closed())
    }
}
