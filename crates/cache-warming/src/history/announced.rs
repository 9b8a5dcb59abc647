//! Announced events: keys that will be asked for more often than they were, until then.

use std::collections::HashSet;

use cache_core::Key;
use smol_str::SmolStr;

use super::{counts::Counts, record::KeyRecord, records::Records};

impl Records {
    /// Makes keys known as if each had been asked for once, in place of those asked for least. Returns whether the
    /// places have to be indexed anew.
    pub(super) fn know(&mut self, keys: &[&Key], counts: &Counts) -> bool {
        let mut known = HashSet::new();
        let new = keys.iter().filter(|key| counts.place(key.hash()).is_none());
        let new: Vec<&Key> = new.filter(|key| known.insert(**key)).copied().take(self.max_tracked).collect();
        self.make_room(&vec![u32::MAX; new.len()]);
        for key in &new {
            let Some(kind) = self.kind_of(key) else { continue };
            let place = self.list.len();
            self.list.push(KeyRecord::new(SmolStr::new(key.id()), kind, self.now));
            self.asked(place, 1);
        }
        !new.is_empty()
    }

    /// Expects the key at a place to be asked for so many times as often, until then or as long as was expected
    /// before.
    pub(crate) fn announce(&mut self, place: usize, factor: f32, until: u32) {
        let now = self.now;
        let known = self.announced.entry(place as u32).or_insert((factor, until));
        let longest = if now <= known.1 { known.1.max(until) } else { until };
        *known = (factor, longest);
    }

    /// Expects the key at a place to be asked for as often as it was.
    pub(crate) fn withdraw(&mut self, place: usize) {
        self.announced.remove(&(place as u32));
    }

    /// Returns the keys whose announced events last.
    pub(crate) fn announced(&mut self) -> Vec<Key> {
        self.forget_announced();
        let mut places: Vec<u32> = self.announced.keys().copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.key(place)).collect()
    }

    fn forget_announced(&mut self) {
        let now = self.now;
        self.announced.retain(|_, (_, until)| now <= *until);
    }
}
