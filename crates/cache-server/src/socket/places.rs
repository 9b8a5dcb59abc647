//! Places: how many connections are served at once, and which one makes room when all places are taken.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::sync::Mutex;
use cache_http::guard::ClientConnection;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// How long a client may keep others waiting, once all places are taken: for a head or a body, or between
/// requests.
const MIN_PLACE: Duration = Duration::from_secs(1);
/// The value of `waiting_since` while a request is being answered.
const ANSWERING: u64 = 0;

/// All connections that are served.
#[derive(Debug)]
pub(super) struct Places {
    semaphore: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Place>>>,
    began: Instant,
}

/// One connection as the others see it.
#[derive(Debug)]
pub(crate) struct Place {
    began: Instant,
    /// Since when it waits for its client, in milliseconds after `began` and one; [`ANSWERING`] if it doesn't.
    waiting_since: AtomicU64,
    given_up: Notify,
    /// Whether the client may still send what nobody reads.
    unread: AtomicBool,
}

/// A taken place, free once this is dropped.
#[derive(Debug)]
pub(super) struct TakenPlace {
    pub(super) place: Arc<Place>,
    number: u64,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(connections: u32) -> Arc<Self> {
        Arc::new(Self {
            semaphore: Arc::new(Semaphore::new(connections as usize)),
            taken: Mutex::default(),
            began: Instant::now(),
        })
    }

    /// Takes a place for the connection of this number. If there is none, the one that has waited the longest
    /// for its client gives up its place, after [`MIN_PLACE`].
    pub(super) async fn take(self: &Arc<Self>, number: u64) -> TakenPlace {
        let permit = loop {
            let pause = self.make_room();
            tokio::select! {
                biased;
                // The semaphore is never closed.
                Ok(permit) = Arc::clone(&self.semaphore).acquire_owned() => break permit,
                () = sleep(pause) => {}
            }
        };
        let place = Arc::new(Place {
            began: self.began,
            waiting_since: AtomicU64::new(ANSWERING),
            given_up: Notify::new(),
            unread: AtomicBool::new(false),
        });
        place.waits();
        self.taken.lock().insert(number, Arc::clone(&place));
        TakenPlace { place, number, places: Arc::clone(self), _permit: permit }
    }

    /// Ends the connection that waits the longest, if no place is free and it waited long enough. Returns when to
    /// look again.
    fn make_room(&self) -> Duration {
        if self.semaphore.available_permits() > 0 {
            return MIN_PLACE;
        }
        let taken = self.taken.lock();
        let waiting = taken.values().filter_map(|place| Some((place.waited()?, place)));
        match waiting.max_by_key(|(waited, _)| *waited) {
            Some((waited, place)) if waited >= MIN_PLACE => {
                // It ends by itself, and is not chosen twice.
                place.answers();
                place.given_up.notify_one();
                MIN_PLACE
            }
            Some((waited, _)) => MIN_PLACE - waited,
            None => MIN_PLACE,
        }
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.places.taken.lock().remove(&self.number);
    }
}

impl ClientConnection for Place {
    fn answers(&self) {
        self.waiting_since.store(ANSWERING, Ordering::Relaxed);
    }

    fn refuses_the_rest(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }
}

impl Place {
    /// Notes that the client is waited for.
    pub(crate) fn waits(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.waiting_since.store(now.saturating_add(1), Ordering::Relaxed);
    }

    /// Notes that the client took a part of an answer.
    pub(super) fn goes_on(&self) {
        if self.waited().is_some() {
            self.waits();
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Waits until the place is given to another.
    pub(super) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    fn waited(&self) -> Option<Duration> {
        let since = self.waiting_since.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began.elapsed().saturating_sub(Duration::from_millis(since)))
    }
}
