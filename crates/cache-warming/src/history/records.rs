//! The records of all tracked keys, the counts taken into them, and who is forgotten when there are too many.

use std::collections::HashMap;

use cache_core::{Key, LookupKey, Prefix, Timestamp};
use smol_str::SmolStr;

use super::{
    co_access::CoAccess, counts::Counts, profile::LocalHour, record::KeyRecord, seconds,
    stream::RequestStream,
};
use crate::{
    effect::Effect,
    predictor::{Demand, Keys, Predictor},
};

/// How many kinds are told apart.
const MAX_KINDS: usize = 255;

/// How soon after a key another one has to be missed to count as its follower, in misses.
const FOLLOWS_WITHIN: usize = 4;

/// How often the hour is noted of a key at most, in seconds.
const NOTES_HOUR_EVERY: u32 = 60;

/// A key that was missed a short while ago.
#[derive(Clone, Copy, Debug)]
struct Trailing {
    place: usize,
    /// The place of the key that was missed next.
    next: Option<u32>,
    /// Whether the one that is thought to follow it was missed since.
    is_followed: bool,
}

/// What is remembered of all keys.
#[derive(Debug)]
pub(crate) struct Records {
    pub(super) list: Vec<KeyRecord>,
    pub(super) kinds: Vec<Prefix>,
    pub(super) max_tracked: usize,
    pub(crate) stream: RequestStream,
    predictor: Box<dyn Predictor>,
    pub(crate) effect: Effect,
    pub(super) now: u32,
    /// When requests were taken last: what is taken now came since.
    since: u32,
    /// By how many seconds that is ahead of a clock that was set back.
    ahead: u32,
    hour: LocalHour,
    /// The keys missed last.
    trail: Vec<Trailing>,
    /// How often places moved.
    moves: u32,
    /// Keys of announced events, as places: how many times as often they are expected to be asked for, until when.
    pub(super) announced: HashMap<u32, (f32, u32)>,
    /// Which keys are asked for shortly after which, if that is remembered.
    pub(crate) co_access: Option<CoAccess>,
}

impl Records {
    pub(crate) fn new(max_tracked: usize, predictor: Box<dyn Predictor>) -> Self {
        Self {
            list: Vec::new(),
            kinds: Vec::new(),
            max_tracked,
            stream: RequestStream::default(),
            predictor,
            effect: Effect::default(),
            now: 0,
            since: 0,
            ahead: 0,
            hour: LocalHour { hour: 0, weekday: 0 },
            trail: Vec::new(),
            moves: 0,
            announced: HashMap::new(),
            co_access: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns how often places moved.
    pub(crate) fn moves(&self) -> u32 {
        self.moves
    }

    /// Lets time pass. When the clock was set back, it goes on from where it was.
    pub(super) fn begin(&mut self, now: Timestamp, hour: LocalHour) {
        self.since = self.now;
        self.ahead = self.ahead.max(self.now.saturating_sub(seconds(now)));
        self.now = self.second(now);
        self.hour = hour;
        self.stream.pass(self.now);
    }

    /// Returns the second that a moment is in, for records: it never goes back.
    pub(crate) fn second(&self, at: Timestamp) -> u32 {
        seconds(at).saturating_add(self.ahead)
    }

    /// Takes the requests of a key.
    pub(super) fn asked(&mut self, place: usize, times: u32) {
        let Some(record) = self.list.get_mut(place) else { return };
        let now = self.now;
        if let Some(co_access) = &mut self.co_access {
            co_access.asked(place, times, now);
        }
        let times = times as f32;
        if now.saturating_sub(record.asked) >= NOTES_HOUR_EVERY || record.seen == 0 {
            record.profile.note(self.hour);
        }
        record.add(times, &self.stream, now);
        self.stream.count(times);
        self.effect.asked(record, self.since);
    }

    /// Takes misses of known keys, in their order: what had been fetched for them was not there to be read, and
    /// who is missed shortly after another may be fetched with it.
    pub(super) fn missed(&mut self, places: &[usize]) {
        for &place in places {
            let Some(record) = self.list.get_mut(place) else { continue };
            self.effect.missed(record);
            if let Some(again) = self.trail.iter().position(|trailing| trailing.place == place) {
                self.follow_no_more(again);
            }
            for Trailing { place: before, next, is_followed } in &mut self.trail {
                next.get_or_insert(place as u32);
                *is_followed |= self.list[*before].follower == place as u32;
            }
            self.trail.push(Trailing { place, next: None, is_followed: false });
            if self.trail.len() > FOLLOWS_WITHIN {
                self.follow_no_more(0);
            }
        }
    }

    /// Notes what followed a key that was missed.
    fn follow_no_more(&mut self, at: usize) {
        let Trailing { place, next, is_followed } = self.trail.remove(at);
        if let Some(next) = next {
            self.list[place].note_follower(next, is_followed);
        }
    }

    /// Makes keys known that were not, in place of those asked for least if there are too many. Returns whether
    /// the places have to be indexed anew.
    pub(super) fn admit(&mut self, arrivals: Vec<Key>, counts: &Counts) -> bool {
        let mut wanted: HashMap<&Key, u32> = HashMap::new();
        for key in &arrivals {
            *wanted.entry(key).or_default() += 1;
        }
        let mut new: Vec<(&Key, u32)> = Vec::with_capacity(wanted.len());
        for (key, times) in wanted {
            match counts.place(key.hash()) {
                // It came twice at once.
                Some(place) => self.asked(place, times),
                None => new.push((key, times)),
            }
        }
        // The order must not depend on the hashes of a process.
        new.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.as_str().cmp(b.0.as_str())));
        let times: Vec<u32> = new.iter().map(|(_, times)| *times).collect();
        let forgotten = self.make_room(&times);
        let room = self.max_tracked - self.list.len();
        let grown = self.list.len() + new.len().min(room) > counts.capacity();
        for (key, times) in new.into_iter().take(room) {
            let Some(kind) = self.kind_of(key) else { continue };
            let place = self.list.len();
            if self.list.capacity() == place {
                // In small steps: half of a doubled list would be nobody's.
                self.list.reserve_exact((place / 32).max(16).min(self.max_tracked - place));
            }
            self.list.push(KeyRecord::new(SmolStr::new(key.id()), kind, self.now));
            if !forgotten && !grown {
                counts.insert(key.hash(), place);
            }
            self.asked(place, times);
        }
        forgotten || grown
    }

    /// Makes keys known that nobody asked for yet, as far as there is room: nothing gives way to them. Returns
    /// whether the places have to be indexed anew.
    pub(super) fn track(&mut self, keys: &[&Key], counts: &Counts) -> bool {
        let before = self.list.len();
        for key in keys.iter().filter(|key| counts.place(key.hash()).is_none()) {
            if self.list.len() == self.max_tracked {
                break;
            }
            let Some(kind) = self.kind_of(key) else { continue };
            let mut record = KeyRecord::new(SmolStr::new(key.id()), kind, self.now);
            record.seen = self.stream.ticks();
            self.list.push(record);
        }
        self.list.len() > before
    }

    /// Forgets those asked for least, if there is no room for the new ones, of which each was asked for so many
    /// times, most first. A few go in any case, so that it is seldom done and that what is new has a chance; more
    /// only for new ones that were asked for more, so that a scan of many keys makes nobody forget the hottest.
    /// Returns whether any was.
    pub(super) fn make_room(&mut self, new: &[u32]) -> bool {
        let room = self.max_tracked - self.list.len();
        let Some(crowded) = new.get(room..).filter(|crowded| !crowded.is_empty()) else { return false };
        let mut by_demand: Vec<(f32, usize)> =
            self.list.iter().enumerate().map(|(place, record)| (self.requests(record), place)).collect();
        by_demand.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let outdone = |(old, new): &(&(f32, usize), &u32)| old.0 < **new as f32;
        let outdone = by_demand.iter().zip(crowded).take_while(outdone).count();
        let in_any_case = if room == 0 { (self.max_tracked / 16).max(1) } else { 0 };
        let leave = outdone.max(in_any_case).min(self.list.len());
        if leave == 0 {
            return false;
        }
        let mut gone: Vec<usize> = by_demand.iter().take(leave).map(|(_, place)| *place).collect();
        gone.sort_unstable();
        // Places move, so what refers to them moves along.
        let mut moved = vec![u32::MAX; self.list.len()];
        let mut kept = 0;
        let mut gone_next = gone.iter().peekable();
        for (place, moved) in moved.iter_mut().enumerate() {
            if gone_next.next_if(|gone| **gone == place).is_none() {
                *moved = kept;
                kept += 1;
            }
        }
        let mut place = 0;
        let effect = &mut self.effect;
        self.list.retain(|record| {
            place += 1;
            let stays = moved[place - 1] != u32::MAX;
            if !stays {
                effect.forgotten(record);
            }
            stays
        });
        for record in &mut self.list {
            record.follower = moved.get(record.follower as usize).copied().unwrap_or(u32::MAX);
            if record.follower == u32::MAX {
                record.followed = 0;
            }
        }
        self.moves += 1;
        let announced = std::mem::take(&mut self.announced).into_iter();
        self.announced = announced
            .map(|(place, event)| (moved[place as usize], event))
            .filter(|(place, _)| *place != u32::MAX)
            .collect();
        self.trail.clear();
        if let Some(co_access) = &mut self.co_access {
            co_access.follow(&moved);
        }
        true
    }

    pub(super) fn kind_of(&mut self, key: &Key) -> Option<u8> {
        if key.is_reserved() {
            return None;
        }
        let known = self.kinds.iter().position(|known| known.as_str() == key.prefix());
        let at = match known {
            Some(at) => at,
            None if self.kinds.len() < MAX_KINDS => {
                self.kinds.push(known_prefix(key.prefix())?);
                self.kinds.len() - 1
            }
            None => return None,
        };
        u8::try_from(at).ok()
    }

    /// Returns counts in which each key finds its place.
    pub(super) fn index(&self) -> Counts {
        let with_some_more = self.list.len() + self.list.len() / 16;
        let counts = Counts::for_keys(with_some_more.min(self.max_tracked));
        for (place, record) in self.list.iter().enumerate() {
            counts.insert(self.kinds[usize::from(record.kind)].borrow(&record.id).hashed(), place);
        }
        counts
    }

    /// Adds requests to those of all, before they are taken key by key.
    pub(super) fn begin_taking(&mut self, times: u64) {
        self.stream.pass_requests(times as f64);
    }

    /// All that was counted is taken.
    pub(super) fn settled(&mut self) {
        let Self { list, stream, predictor, now, hour, moves, co_access, .. } = self;
        if let Some(co_access) = co_access {
            co_access.settled(list, stream, *now);
        }
        predictor.learn(&Keys { list, stream, now: *now, hour: *hour, moves: *moves });
    }

    /// Returns the places of all keys of a kind of which requests are expected, those of most first.
    pub(crate) fn ranked(&self, kind: &str) -> Vec<u32> {
        let mut ranked: Vec<(f32, u32)> =
            self.of_kind(kind).map(|(place, key)| (self.rate(place, key), place)).collect();
        ranked.retain(|(rate, _)| *rate > 0.0);
        places_by(ranked)
    }

    /// Returns the requests a second that are expected of the key at a place.
    pub(crate) fn rate_at(&self, place: u32) -> f32 {
        self.list.get(place as usize).map_or(0.0, |record| self.rate(place, record))
    }

    /// Returns the keys that are missed after one of these more often than not, and how likely.
    pub(crate) fn followers(&self, after: impl Iterator<Item = usize>) -> Vec<(u32, f32)> {
        /// How often it has to have been more: twice proves nothing.
        const LEAST: u8 = 3;
        let records = after.filter_map(|place| self.list.get(place));
        let often = records.filter(|record| record.followed >= LEAST);
        // More than half of the times, the likelier the more often.
        let share = |record: &KeyRecord| 1.0 - 0.5 / f32::from(record.followed);
        often.map(|record| (record.follower, share(record))).collect()
    }

    /// Lets what was fetched beforehand die.
    pub(crate) fn pass(&mut self) {
        for record in &mut self.list {
            self.effect.pass(record, self.now);
        }
    }

    fn rate(&self, place: u32, record: &KeyRecord) -> f32 {
        let rate = self.predictor.rate(&Demand::new(record, &self.stream, self.now, self.hour));
        match self.announced.get(&place) {
            Some((factor, until)) if self.now <= *until => rate * factor,
            _ => rate,
        }
    }

    /// How often a key was asked for in the last days.
    pub(super) fn requests(&self, record: &KeyRecord) -> f32 {
        record.counts_at(&self.stream)[3]
    }

    /// Returns the places of all keys of a kind, those asked for most first, whatever the present rate.
    pub(crate) fn by_requests(&self, kind: &str) -> Vec<u32> {
        places_by(self.of_kind(kind).map(|(place, record)| (self.requests(record), place)).collect())
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = (u32, &KeyRecord)> {
        let of_kind: Vec<bool> = self.kinds.iter().map(|prefix| prefix.kind() == kind).collect();
        (0..).zip(&self.list).filter(move |(_, record)| of_kind[usize::from(record.kind)])
    }

    /// A strategy fetched the key at a place, whose value lives until `until`, and which is needed from a
    /// moment on that was noted before unless it is given.
    pub(crate) fn warmed(&mut self, place: usize, strategy: usize, until: u32, needed_from: Option<u32>) {
        if let Some(record) = self.list.get_mut(place) {
            record.needed_from = needed_from.unwrap_or(record.needed_from);
            self.effect.warmed(record, strategy, self.now, until);
        }
    }

    /// Returns the key at a place.
    pub(crate) fn key(&self, place: u32) -> Option<Key> {
        let record = self.list.get(place as usize)?;
        self.kinds[usize::from(record.kind)].key(&record.id).ok()
    }

    pub(crate) fn record_mut(&mut self, place: u32) -> Option<&mut KeyRecord> {
        self.list.get_mut(place as usize)
    }
}

/// Returns the prefix of this text.
pub(super) fn known_prefix(text: &str) -> Option<Prefix> {
    let named = text.strip_suffix(':')?;
    let (namespace, kind) = match named.rsplit_once(':') {
        Some((namespace, kind)) => (Some(namespace), kind),
        None => (None, named),
    };
    Prefix::new(namespace, kind).ok()
}

/// Returns the places of the highest numbers first.
fn places_by(mut numbers: Vec<(f32, u32)>) -> Vec<u32> {
    numbers.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    // Kept for a while, so not in the room that the numbers took.
    numbers.iter().map(|(_, place)| *place).collect()
}
