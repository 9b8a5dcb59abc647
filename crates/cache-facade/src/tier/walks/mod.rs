//! Removals by pattern under way in a tier: each goes on step by step to its end, however long that takes.

mod carried_out;

use std::{sync::Arc, time::Duration};

use cache_core::{
    ErrorKind, ListCursor, Operation, Pattern, RemovalStep, Result, Target, TierExt, Timestamp, Tombstone,
    sync::Mutex,
};
use tokio::{sync::watch, task::yield_now};

use super::{call_health::CALL_LIMIT, handle::TierHandle};

/// How many entries a step examines.
const ENTRIES_PER_STEP: usize = 2048;

/// After how long without a step another may take over: whoever was at it stands still, with its runtime.
const STALLED_AFTER: Duration = Duration::from_secs(2 * CALL_LIMIT.as_secs());

/// The removals by pattern that one tier has not done yet.
#[derive(Debug, Default)]
pub(crate) struct Walks(Mutex<Vec<Arc<Walk>>>);

/// A removal by pattern, and how far it has come. Whoever asks for the same one joins it.
#[derive(Debug)]
pub(crate) struct Walk {
    pattern: Pattern,
    born: Timestamp,
    state: Mutex<WalkState>,
    /// Whether it has ended.
    ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct WalkState {
    /// Until when the tombstone lasts.
    dead_at: Timestamp,
    /// From where to go on.
    after: Option<ListCursor>,
    /// How many live values were removed so far; `None` if that isn't known.
    removed: Option<u64>,
    /// The number of the turn of whoever is at it.
    turn: Option<u64>,
    turns: u64,
    /// When the last step began.
    stepped: Timestamp,
    /// Whether it was ever owed: then other nodes may have read meanwhile what the tier held.
    owed: bool,
    end: Option<WalkEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WalkEnd {
    Done,
    /// The cache ended before.
    Lost,
}

/// What a removal by pattern has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkOutcome {
    /// It is under way, or owed.
    UnderWay,
    /// It is done, and removed this many values that were alive; `None` if that isn't known.
    Done(Option<u64>),
}

impl Walk {
    fn new(pattern: Pattern, tombstone: Tombstone) -> Self {
        let state = WalkState {
            dead_at: tombstone.dead_at,
            after: None,
            removed: Some(0),
            turn: None,
            turns: 0,
            stepped: Timestamp::MIN,
            owed: false,
            end: None,
        };
        Self { pattern, born: tombstone.born, state: Mutex::new(state), ended: watch::Sender::new(false) }
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(crate) fn outcome(&self) -> WalkOutcome {
        let state = self.state.lock();
        match state.end {
            Some(WalkEnd::Done) => WalkOutcome::Done(state.removed),
            Some(WalkEnd::Lost) | None => WalkOutcome::UnderWay,
        }
    }

    /// Waits until it is done, or can't be done any more.
    pub(crate) async fn ended(&self) {
        // An error would mean that the sender is gone, which is in `self`.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    fn end(&self, end: WalkEnd) {
        self.state.lock().end.get_or_insert(end);
        self.ended.send_replace(true);
    }

    fn tombstone(&self) -> Tombstone {
        Tombstone { born: self.born, dead_at: self.state.lock().dead_at }
    }
}

impl WalkState {
    /// Whether it has not ended, and nobody is at it, or whoever is at it stands still.
    fn is_free(&self, now: Timestamp) -> bool {
        self.end.is_none() && (self.turn.is_none() || self.stepped.after(STALLED_AFTER) < now)
    }
}

impl Walks {
    fn find(&self, pattern: &Pattern, born: Timestamp) -> Option<Arc<Walk>> {
        find(&self.0.lock(), pattern, born).cloned()
    }

    fn join_or_begin(&self, pattern: &Pattern, tombstone: Tombstone) -> Arc<Walk> {
        let mut walks = self.0.lock();
        if let Some(walk) = find(&walks, pattern, tombstone.born) {
            let mut state = walk.state.lock();
            state.dead_at = state.dead_at.max(tombstone.dead_at);
            return Arc::clone(walk);
        }
        let walk = Arc::new(Walk::new(pattern.clone(), tombstone));
        walks.push(Arc::clone(&walk));
        walk
    }

    /// Ends what nobody is at and what `is_over`.
    fn end_idle(&self, end: WalkEnd, is_over: impl Fn(&Walk, &WalkState) -> bool) {
        let over = |walk: &Arc<Walk>| {
            let mut state = walk.state.lock();
            let over = state.turn.is_none() && is_over(walk, &state);
            if over {
                state.removed = None;
            }
            over
        };
        let ended: Vec<Arc<Walk>> = self.0.lock().extract_if(.., |walk| over(walk)).collect();
        ended.iter().for_each(|walk| walk.end(end));
    }

    /// Ends what nobody is at any more, since the cache ends.
    pub(super) fn lose_idle(&self) {
        self.end_idle(WalkEnd::Lost, |_, _| true);
    }
}

fn find<'a>(walks: &'a [Arc<Walk>], pattern: &Pattern, born: Timestamp) -> Option<&'a Arc<Walk>> {
    walks.iter().find(|walk| walk.born == born && walk.pattern == *pattern)
}

impl Drop for Walks {
    fn drop(&mut self) {
        self.0.get_mut().iter().for_each(|walk| walk.end(WalkEnd::Lost));
    }
}

/// The turn of whoever is at a walk. If it is dropped before the end, the tier owes the rest.
struct Turn<'a> {
    tier: &'a TierHandle,
    walk: &'a Walk,
    number: u64,
}

impl<'a> Turn<'a> {
    /// Takes the turn, unless the walk has ended or somebody else is at it.
    fn take(tier: &'a TierHandle, walk: &'a Walk) -> Option<Self> {
        let (mut state, now) = (walk.state.lock(), tier.clock.now());
        if !state.is_free(now) {
            return None;
        }
        if state.turn.is_some() {
            // What the other one removes now, nobody counts.
            state.removed = None;
        }
        state.turns += 1;
        (state.turn, state.stepped) = (Some(state.turns), now);
        Some(Self { tier, walk, number: state.turns })
    }

    /// Returns from where to make a step, and with what tombstone. That must not be dead before the end: a
    /// tombstone that has only half of `life` left is made to last for all of it, by a first step made again.
    fn next_step(&self, life: Duration) -> Option<(Option<ListCursor>, Tombstone, bool)> {
        let (mut state, now) = (self.walk.state.lock(), self.tier.clock.now());
        if state.turn != Some(self.number) {
            return None;
        }
        state.stepped = now;
        let again = state.after.is_some() && state.dead_at < now.after(life / 2);
        if again {
            state.dead_at = now.after(life);
        }
        let tombstone = Tombstone { born: self.walk.born, dead_at: state.dead_at };
        Some((if again { None } else { state.after.clone() }, tombstone, again))
    }

    /// Takes in what a step did. Returns whether it was the last one.
    fn made(&self, step: RemovalStep, again: bool) -> bool {
        let mut state = self.walk.state.lock();
        if state.turn != Some(self.number) {
            return false;
        }
        state.removed = state.removed.zip(step.removed).map(|(sum, count)| sum + count);
        if again && step.next.is_some() {
            return false;
        }
        state.after = step.next;
        state.after.is_none()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.walk.state.lock();
        if state.turn != Some(self.number) {
            return;
        }
        state.turn = None;
        if state.end.is_none() {
            // A step that failed, or was cut short, may have removed some.
            (state.removed, state.owed) = (None, true);
            let tombstone = Tombstone { born: self.walk.born, dead_at: state.dead_at };
            drop(state);
            self.tier.owe_removal(Target::Matching(&self.walk.pattern), tombstone);
        }
    }
}

impl TierHandle {
    /// Returns the removal of all that matches, as it is under way, or one that is to begin.
    pub(crate) fn walk(&self, pattern: &Pattern, tombstone: Tombstone) -> Arc<Walk> {
        self.walks.join_or_begin(pattern, tombstone)
    }

    /// Goes on with a removal by pattern to its end, unless somebody else is at it. A tombstone lasts `life` from
    /// when the removal began, and longer if the removal does. Returns the tombstone if it is done now, and
    /// other nodes may have read meanwhile what the tier held.
    ///
    /// # Errors
    ///
    /// If a step failed: the tier owes the rest, and whoever goes on later begins there.
    pub(crate) async fn go_on(&self, walk: &Walk, life: Duration) -> Result<Option<Tombstone>> {
        let Some(turn) = Turn::take(self, walk) else { return Ok(None) };
        while let Some((after, tombstone, again)) = turn.next_step(life) {
            let step =
                self.tier.remove_step_or_all(&walk.pattern, tombstone, after.as_ref(), ENTRIES_PER_STEP);
            let step = self.note(Operation::Remove, self.bounded("remove", None, None, step).await);
            if step.as_ref().is_err_and(|error| error.kind() == ErrorKind::Config) {
                // The tier knows its cursor no more.
                walk.state.lock().after = None;
            }
            let step = step?;
            if turn.made(step, again) {
                self.retries.done_matching(&walk.pattern, tombstone);
                self.walks.0.lock().retain(|other| !std::ptr::eq(&**other, walk));
                let owed = walk.state.lock().owed;
                walk.end(WalkEnd::Done);
                // A removal of more than that has done what was owed of others.
                let is_over = |other: &Walk, state: &WalkState| {
                    state.owed && !self.retries.owes(&other.pattern, other.born)
                };
                self.walks.end_idle(WalkEnd::Done, is_over);
                return Ok(owed.then_some(tombstone));
            }
            yield_now().await;
        }
        Ok(None)
    }

    /// Owes a removal that is under way for longer than its caller waits: until it is done, what the tier still
    /// holds of it is not served, and other nodes are reminded of it.
    pub(crate) fn owe_walk(&self, walk: &Walk) {
        let mut state = walk.state.lock();
        if state.end.is_none() {
            state.owed = true;
            drop(state);
            self.owe_removal(Target::Matching(&walk.pattern), walk.tombstone());
            if walk.outcome() != WalkOutcome::UnderWay {
                // It was done in between.
                self.retries.done_matching(&walk.pattern, walk.tombstone());
            }
        }
    }

    /// Returns the removals by pattern that the tier owes.
    pub(crate) fn owed_walks(&self) -> Vec<Arc<Walk>> {
        let walk = |(pattern, tombstone): &(Pattern, Tombstone)| {
            let walk = self.walk(pattern, *tombstone);
            walk.state.lock().owed = true;
            walk
        };
        self.retries.owed_patterns().iter().map(walk).collect()
    }

    /// Whether the tier owes a removal by pattern that nobody is at.
    pub(crate) fn has_idle_walks(&self) -> bool {
        let (now, owed) = (self.clock.now(), self.retries.owed_patterns());
        let is_idle = |(pattern, tombstone): &(Pattern, Tombstone)| {
            self.walks.find(pattern, tombstone.born).is_none_or(|walk| walk.state.lock().is_free(now))
        };
        owed.iter().any(is_idle)
    }

    /// Returns how many removals by pattern are under way or owed.
    pub(crate) fn walks_under_way(&self) -> u64 {
        self.walks.0.lock().len() as u64
    }
}
