//! Co-access: which keys are asked for within seconds after which.
//!
//! A request costs nothing more for it. Once a second, when counts are settled, the keys are told that were asked
//! for since. After some of them a window is opened; when it closes, it is noted which of their successors were
//! asked for meanwhile, and by how many requests of all keys, which says how likely each was by chance. What comes
//! in the same second is in no order, and too soon to be fetched beforehand: it counts for nothing.

use std::collections::VecDeque;

use super::{
    record::KeyRecord,
    stream::RequestStream,
    successors::{NOWHERE, Successor, Successors, share},
};

/// How soon after a key another one has to be asked for, in seconds.
pub(crate) const WITHIN: u32 = 5;

/// How many windows are open at once: where more keys are asked for, some have none.
const MOST_WINDOWS: usize = 256;

/// How many of the keys asked for in a second may become successors: where there are more, a random part.
const RECENT_A_SECOND: usize = 200;

/// How many keys are fetched for those asked for last, at most.
const MOST_DUE: usize = 512;

/// How many requests of a key are expected in a window at most for it to be watched, and for it to be looked at as
/// a successor: whatever else is asked for, it would come by chance.
const MOST_WATCHED: f32 = 1.0;
const MOST_BY_CHANCE: f32 = 0.25;

/// How often a successor is asked for, as a part of its predecessor's requests of the last hours: it comes after
/// less than that.
const LEAST_SHARE: f32 = 0.3;

/// How many keys are drawn to be looked at when a window closes, and to be watched each second.
const DRAWS: usize = 32;
const NEW_WATCHED: usize = 8;

/// In how many windows a key may show no successor before another is watched in its place, and how long it may not
/// be asked for, in seconds.
const WINDOWS_TO_SHOW: u8 = 32;
const LONGEST_IDLE: u32 = 86_400;

/// The place of the requests of the last three hours, and of the last days.
const HOURS: usize = 1;
const DAYS: usize = 3;

/// A key whose successors are remembered.
#[derive(Clone, Debug)]
struct Watched {
    place: u32,
    /// The second up to which its requests are known here.
    seen: u32,
    /// Until when its window is open.
    window_until: u32,
    /// How many windows it had.
    windows: u8,
    successors: Successors,
}

/// The seconds after a key was asked for.
#[derive(Clone, Copy, Debug)]
struct Window {
    place: u32,
    opened: u32,
    /// How many requests of all keys there had been then.
    requests: u64,
}

/// A key that will likely be asked for, since another one was.
#[derive(Clone, Copy, Debug)]
struct Due {
    place: u32,
    read: f32,
    until: u32,
}

/// Which keys are asked for within seconds after which, of as many keys as it was made for.
#[derive(Debug)]
pub(crate) struct CoAccess {
    most: usize,
    /// In order of their places.
    watched: Vec<Watched>,
    windows: Vec<Window>,
    /// The seconds and places of what was asked for last.
    recent: VecDeque<(u32, u32)>,
    /// How many keys were asked for in the last of these seconds.
    in_second: usize,
    due: Vec<Due>,
    requests: u64,
    stepped: u32,
    /// How many keys there are to try.
    keys: usize,
    random: fastrand::Rng,
}

impl CoAccess {
    /// Remembers the successors of so many keys.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            watched: Vec::new(),
            windows: Vec::new(),
            recent: VecDeque::new(),
            in_second: 0,
            due: Vec::new(),
            requests: 0,
            stepped: 0,
            keys: 1,
            // The same requests teach the same.
            random: fastrand::Rng::with_seed(1),
        }
    }

    /// Takes the requests of a key.
    pub(super) fn asked(&mut self, place: usize, times: u32, now: u32) {
        let recent = (now, place as u32);
        self.requests += u64::from(times);
        if self.recent.back().is_none_or(|(second, _)| *second != now) {
            self.in_second = 0;
            while self.recent.front().is_some_and(|(second, _)| second.saturating_add(WITHIN) < now) {
                self.recent.pop_front();
            }
        }
        self.in_second += 1;
        if self.in_second <= RECENT_A_SECOND {
            self.recent.push_back(recent);
            return;
        }
        let drawn = self.random.usize(..self.in_second);
        if drawn < RECENT_A_SECOND {
            let second = self.recent.len() - RECENT_A_SECOND;
            self.recent[second + drawn] = recent;
        }
    }

    /// All requests up to now were taken.
    pub(super) fn settled(&mut self, list: &[KeyRecord], stream: &RequestStream, now: u32) {
        if now == self.stepped {
            return;
        }
        // Some of what came in the second of the last look came after it.
        let since = std::mem::replace(&mut self.stepped, now);
        self.keys = list.len().max(1);
        self.close_windows(list, stream, now);
        self.due.retain(|due| due.until >= now);
        self.see_requests(list, stream, now);
        self.watch_more(list, stream, since, now);
    }

    fn close_windows(&mut self, list: &[KeyRecord], stream: &RequestStream, now: u32) {
        let Self { watched, windows, recent, random, requests, .. } = self;
        windows.retain(|window| {
            let span = (window.opened, window.opened.saturating_add(WITHIN));
            if now < span.1 {
                return true;
            }
            if let Ok(at) = watched.binary_search_by_key(&window.place, |watched| watched.place) {
                let watched = &mut watched[at];
                watched.windows = watched.windows.saturating_add(1);
                let all = (*requests - window.requests) as f32;
                watched.successors.note(list, stream, span, all);
                watched.look_further(list, stream, all, || {
                    let (second, place) = *recent.get(random.usize(..recent.len().max(1)))?;
                    (second > span.0 && second <= span.1).then_some(place)
                });
            }
            false
        });
    }

    /// Finds out which of the watched keys were asked for, expects their successors, and opens windows after them.
    fn see_requests(&mut self, list: &[KeyRecord], stream: &RequestStream, now: u32) {
        // Where there are more than windows, each has the same chance.
        let first = self.random.usize(..self.watched.len().max(1));
        for at in (first..self.watched.len()).chain(0..first) {
            let watched = &mut self.watched[at];
            let Some(record) = list.get(watched.place as usize).filter(|record| record.asked > watched.seen)
            else {
                continue;
            };
            watched.seen = record.asked;
            let until = record.asked.saturating_add(WITHIN);
            for successor in watched.successors.proven(self.keys) {
                let (place, read) = (successor.place, successor.probability());
                if let Some(due) = self.due.iter_mut().find(|due| due.place == place) {
                    (due.read, due.until) = (due.read.max(read), due.until.max(until));
                } else if self.due.len() < MOST_DUE {
                    self.due.push(Due { place, read, until });
                }
            }
            let is_watched = watched.window_until <= now && self.windows.len() < MOST_WINDOWS;
            if is_watched && in_window(record, stream) <= MOST_WATCHED {
                watched.window_until = until;
                let window = Window { place: watched.place, opened: record.asked, requests: self.requests };
                self.windows.push(window);
            }
        }
    }

    /// Watches some more of the keys that were asked for since `since`.
    fn watch_more(&mut self, list: &[KeyRecord], stream: &RequestStream, since: u32, now: u32) {
        let first = self.recent.partition_point(|(second, _)| *second < since);
        for _ in 0..NEW_WATCHED.min(self.recent.len() - first) {
            let (_, place) = self.recent[self.random.usize(first..self.recent.len())];
            let Some(record) = list.get(place as usize) else { continue };
            // Who was asked for once may never be again.
            if record.counts_at(stream)[DAYS] > 1.5 && in_window(record, stream) <= MOST_WATCHED {
                self.watch(place, now);
            }
        }
    }

    /// Watches a key, if there is room or one that showed nothing. Returns whether it is watched.
    fn watch(&mut self, place: u32, now: u32) -> Option<&mut Watched> {
        let by_place = |watched: &Watched| watched.place;
        if let Ok(at) = self.watched.binary_search_by_key(&place, by_place) {
            return self.watched.get_mut(at);
        }
        if self.watched.len() >= self.most {
            let drawn = (0..NEW_WATCHED).map(|_| self.random.usize(..self.most.max(1)));
            let given_up = drawn
                .filter_map(|at| self.watched.get(at).filter(|watched| watched.is_in_vain(self.keys, now)));
            let gone = given_up.min_by_key(|watched| watched.seen)?.place;
            self.watched.retain(|watched| watched.place != gone);
        }
        let at = self.watched.binary_search_by_key(&place, by_place).unwrap_err();
        let len = self.watched.len();
        if self.watched.capacity() == len {
            // In small steps: half of a doubled list would be nobody's.
            self.watched.reserve_exact((len / 32).max(16).min(self.most - len));
        }
        let watched = Watched { place, seen: now, window_until: 0, windows: 0, successors: Successors::NONE };
        self.watched.insert(at, watched);
        self.watched.get_mut(at)
    }

    /// Watches a key with what was counted of it before.
    pub(super) fn restore(&mut self, place: u32, successor: Successor, now: u32) {
        let is_other = successor.place != place;
        if let Some(watched) =
            self.watch(place, now).filter(|watched| is_other && !watched.successors.has(successor.place))
        {
            watched.successors.add(successor);
        }
    }

    /// Returns the places of the keys that will likely be asked for since others were, and how likely.
    pub(crate) fn due(&self, now: u32) -> impl Iterator<Item = (u32, f32)> {
        self.due.iter().filter(move |due| due.until >= now).map(|due| (due.place, due.read))
    }

    /// Returns the pairs of keys that are asked for together: the place of the first, and the second.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, &Successor)> {
        self.watched
            .iter()
            .flat_map(|watched| watched.successors.proven(self.keys).map(|second| (watched.place, second)))
    }

    /// Returns how many pairs of keys are asked for together.
    pub(crate) fn pairs_known(&self) -> usize {
        self.pairs().count()
    }

    /// Follows keys to their new places.
    pub(super) fn follow(&mut self, moved: &[u32]) {
        let follow = |place: &mut u32| {
            *place = moved.get(*place as usize).copied().unwrap_or(NOWHERE);
            *place != NOWHERE
        };
        self.watched.retain_mut(|watched| {
            watched.successors.follow(moved);
            follow(&mut watched.place)
        });
        self.windows.retain_mut(|window| follow(&mut window.place));
        self.due.retain_mut(|due| follow(&mut due.place));
        self.recent.retain_mut(|(_, place)| follow(place));
        self.in_second = 0;
    }
}

impl Watched {
    /// Looks at keys that were drawn of those asked for in a window, if they may be successors.
    fn look_further(
        &mut self,
        list: &[KeyRecord],
        stream: &RequestStream,
        requests: f32,
        mut draw: impl FnMut() -> Option<u32>,
    ) {
        let mut room = self.successors.room();
        let Some(own) = list.get(self.place as usize).map(|own| own.counts_at(stream)[HOURS]) else { return };
        for _ in 0..DRAWS {
            if room == 0 {
                return;
            }
            let new = draw().filter(|place| *place != self.place && !self.successors.has(*place));
            let Some((place, record)) = new.and_then(|place| Some((place, list.get(place as usize)?))) else {
                continue;
            };
            let is_rare = share(record, stream) * requests <= MOST_BY_CHANCE;
            if is_rare && record.counts_at(stream)[HOURS] >= LEAST_SHARE * own {
                self.successors.look_at(place);
                room -= 1;
            }
        }
    }

    /// Whether it had its chance and shows nothing.
    fn is_in_vain(&self, keys: usize, now: u32) -> bool {
        let is_idle = now.saturating_sub(self.seen) > LONGEST_IDLE;
        is_idle || self.windows >= WINDOWS_TO_SHOW && self.successors.proven(keys).next().is_none()
    }
}

/// Returns how many requests of a key are expected in a window.
fn in_window(record: &KeyRecord, stream: &RequestStream) -> f32 {
    share(record, stream) * stream.rate() as f32 * WITHIN as f32
}
