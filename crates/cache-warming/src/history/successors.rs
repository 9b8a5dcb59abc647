//! The successors of a key: which keys are asked for within seconds after it, and whether more often than by
//! chance.

use super::{record::KeyRecord, stream::RequestStream};

/// How many successors of a key are looked at.
const SUCCESSORS: usize = 8;

/// How many windows count in full: past that, all that was counted is halved.
const MOST_WINDOWS: u8 = 32;

/// What a chance is counted in.
const CHANCE_UNIT: f32 = 1024.0;

/// How often a successor has to have come, and how many times as often as by chance.
const LEAST_ASKED: u8 = 3;
const LEAST_LIFT: f32 = 2.0;

/// How unlikely that is to be chance, as a natural logarithm, if there were one key to try: the more there are,
/// the more of them come by chance.
const LEAST_EVIDENCE: f32 = 6.0;

/// As how many windows without it a successor begins.
const DRAWN: f32 = 2.0;

/// In how many windows a successor may fail to come before another takes its place, and what it must have come to.
const WINDOWS_TO_COME: u8 = 2;
const LEAST_KEPT: f32 = 0.2;

/// A place that no key has.
pub(super) const NOWHERE: u32 = u32::MAX;

/// A key that was asked for shortly after another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Successor {
    pub(super) place: u32,
    /// The windows after the other key since it is looked at, and in how many it was asked for.
    pub(super) windows: u8,
    pub(super) asked: u8,
    /// In how many it would have been by chance.
    by_chance: u16,
}

impl Successor {
    const NONE: Self = Self { place: NOWHERE, windows: 0, asked: 0, by_chance: 0 };

    /// Makes one of what was counted; `None` if it can't have been.
    pub(super) fn counted(place: u32, windows: u8, asked: u8, by_chance: f32) -> Option<Self> {
        let can_be =
            asked <= windows && windows <= MOST_WINDOWS && (0.0..=f32::from(windows)).contains(&by_chance);
        can_be.then_some(Self { place, windows, asked, by_chance: (by_chance * CHANCE_UNIT) as u16 })
    }

    pub(super) fn by_chance(&self) -> f32 {
        f32::from(self.by_chance) / CHANCE_UNIT
    }

    /// Notes a window, in which it would have come by chance with this probability.
    fn note(&mut self, is_asked: bool, chance: f32) {
        if self.windows >= MOST_WINDOWS {
            self.windows /= 2;
            self.asked /= 2;
            self.by_chance /= 2;
        }
        self.windows += 1;
        self.asked += u8::from(is_asked);
        // No chance is nothing at all.
        self.by_chance += ((chance * CHANCE_UNIT).ceil() as u16).max(1);
    }

    /// Returns how likely it comes next time.
    pub(super) fn probability(&self) -> f32 {
        f32::from(self.asked) / (f32::from(self.windows) + DRAWN)
    }

    /// Whether it comes more often than one of so many keys would by chance, beyond doubt.
    pub(super) fn is_proven(&self, keys: usize) -> bool {
        let (asked, by_chance) = (f32::from(self.asked), self.by_chance());
        self.asked >= LEAST_ASKED
            && asked >= LEAST_LIFT * by_chance
            && self.evidence() >= LEAST_EVIDENCE + (keys as f32).ln()
    }

    /// Returns how much likelier what was counted is if it comes as often as it did than by chance, as a
    /// logarithm.
    fn evidence(&self) -> f32 {
        let (windows, asked, by_chance) = (f32::from(self.windows), f32::from(self.asked), self.by_chance());
        let part =
            |seen: f32, expected: f32| if seen > 0.0 { seen * (seen / expected.max(1e-6)).ln() } else { 0.0 };
        part(asked, by_chance) + part(windows - asked, windows - by_chance)
    }

    /// Whether another key may take its place.
    fn is_replaceable(&self) -> bool {
        let is_chance =
            self.windows >= MOST_WINDOWS / 4 && f32::from(self.asked) < LEAST_LIFT * self.by_chance();
        let is_seldom = self.windows >= WINDOWS_TO_COME && self.probability() < LEAST_KEPT;
        self.place == NOWHERE || is_seldom || is_chance
    }
}

/// The successors of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Successors([Successor; SUCCESSORS]);

impl Successors {
    pub(super) const NONE: Self = Self([Successor::NONE; SUCCESSORS]);

    /// Notes a window after `opened` in which all keys together were asked for so often.
    pub(super) fn note(
        &mut self,
        list: &[KeyRecord],
        stream: &RequestStream,
        span: (u32, u32),
        requests: f32,
    ) {
        for successor in self.0.iter_mut().filter(|successor| successor.place != NOWHERE) {
            let Some(record) = list.get(successor.place as usize) else { continue };
            let is_asked = record.asked > span.0 && record.asked <= span.1;
            successor.note(is_asked, -(-share(record, stream) * requests).exp_m1());
        }
    }

    /// Returns how many more can be looked at.
    pub(super) fn room(&self) -> usize {
        self.0.iter().filter(|successor| successor.is_replaceable()).count()
    }

    pub(super) fn has(&self, place: u32) -> bool {
        self.0.iter().any(|successor| successor.place == place)
    }

    /// Looks at one more, in place of the one that came least, if there is room.
    pub(super) fn add(&mut self, successor: Successor) {
        let replaceable = self.0.iter_mut().filter(|successor| successor.is_replaceable());
        let least = |a: &&mut Successor, b: &&mut Successor| {
            (a.place != NOWHERE).cmp(&(b.place != NOWHERE)).then(a.probability().total_cmp(&b.probability()))
        };
        if let Some(least) = replaceable.min_by(least) {
            *least = successor;
        }
    }

    /// Looks at a key from now on.
    pub(super) fn look_at(&mut self, place: u32) {
        self.add(Successor { place, ..Successor::NONE });
    }

    /// Returns those that come more often than one of so many keys would by chance.
    pub(super) fn proven(&self, keys: usize) -> impl Iterator<Item = &Successor> {
        self.0.iter().filter(move |successor| successor.place != NOWHERE && successor.is_proven(keys))
    }

    /// Follows keys to their new places.
    pub(super) fn follow(&mut self, moved: &[u32]) {
        for successor in &mut self.0 {
            match moved.get(successor.place as usize) {
                Some(place) if *place != NOWHERE => successor.place = *place,
                _ => *successor = Successor::NONE,
            }
        }
    }
}

/// Returns what share of all requests a key has, of the longer or the shorter past, whichever is more.
pub(super) fn share(record: &KeyRecord, stream: &RequestStream) -> f32 {
    let shares = record.counts_at(stream).into_iter().zip(stream.totals());
    shares.map(|(count, total)| count / total.max(1.0)).fold(0.0, f32::max)
}
