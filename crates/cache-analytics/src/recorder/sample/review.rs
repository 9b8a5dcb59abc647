//! When the rate is halved, and when it is doubled again.

use cache_core::{Key, Meta};

use super::{
    LEAST_KEYS, LOG_REACH, MOST_KEYS, Sample,
    access_log::{MOST_ACCESSES, NOT_LOGGED},
    keys::{SampledKey, State, in_steps},
};

impl Sample {
    /// Forgets keys that memory does not hold and that nobody asked for lately; if that is not enough, samples
    /// half of the keys.
    pub(super) fn make_room(&self, state: &mut State) {
        let oldest = state.log.oldest();
        state.keys.retain(|_, key| key.is_held || key.seen >= oldest);
        while state.keys.len() > MOST_KEYS / 4 * 3 {
            self.halve(state);
        }
    }

    pub(super) fn halve(&self, state: &mut State) {
        self.settle_all(state);
        self.rate.halve(&mut state.changes);
        let halvings = state.changes.halvings();
        state.keys.retain(|hash, _| self.has(*hash));
        state.log.retain(|hash| self.has(hash));
        for key in state.keys.values_mut() {
            key.logged = NOT_LOGGED;
            key.sampled_after = key.sampled_after.map(|before| before.max(halvings));
        }
        state.reviewed = state.step(self.clock.now());
    }

    /// Samples twice as many keys, if for a while there have been so few that four times as many would do. Returns
    /// whether it does: then it has to [learn](Self::learn) of all that memory holds.
    pub(crate) fn rise(&self) -> bool {
        let mut state = self.state.lock();
        let (now, oldest) = (state.step(self.clock.now()), state.log.oldest());
        if state.changes.halvings() == 0 || now.saturating_sub(state.reviewed) < in_steps(LOG_REACH) {
            return false;
        }
        state.reviewed = now;
        // Of a log that reaches back far its later half tells more of what is to come than the last few minutes.
        let span = in_steps(LOG_REACH).max(now.saturating_sub(oldest) / 2);
        let since = now.saturating_sub(span);
        let is_live = |key: &SampledKey| key.is_held || key.seen >= since;
        let live = state.keys.values().filter(|key| is_live(key)).count();
        let reach = f64::from(in_steps(LOG_REACH)) / f64::from(span);
        let logged = state.log.count_since(since) as f64 * reach;
        let log_reaches_back = 4.0 * logged <= MOST_ACCESSES as f64 || 4 * live <= LEAST_KEYS;
        if 4 * live > MOST_KEYS || !log_reaches_back {
            return false;
        }
        if state.keys.len() + live > MOST_KEYS / 4 * 3 {
            // What is in the way is of another time.
            state.log.forget_before(since);
            state.keys.retain(|_, key| is_live(key));
        }
        self.rate.double(&mut state.changes, now, oldest);
        true
    }

    /// Notes an entry that memory holds, of a key that is sampled, if that is not known: it came with a higher
    /// rate.
    pub(crate) fn learn(&self, key: &Key, kind: &str, meta: &Meta, weight: u64) {
        let hash = key.hash();
        let mut state = self.state.lock();
        let now = state.step(self.clock.now());
        if !state.keys.contains_key(&hash)
            && self.know(&mut state, key, kind, now)
            && let Some(key) = state.keys.get_mut(&hash)
        {
            key.is_held = true;
            key.set_entry(meta, weight);
        }
    }
}
