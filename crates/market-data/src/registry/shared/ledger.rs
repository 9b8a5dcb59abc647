//! The calls of a fleet to one provider: a record that its nodes change in turn, by the time of the store.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::span_calls::{SpanCalls, micros};
use crate::registry::usage::QuotaReport;

/// How long a node may go on with its share after it was last confirmed.
pub(super) const HOLD: Duration = Duration::from_secs(15 * 60);

/// How long nothing is granted by a record that is new, or whose server was started again: who remembers more can
/// tell meanwhile. Nodes ask every second, and a lost connection is opened again within another.
pub(super) const CHECK: Duration = Duration::from_secs(4);

/// The longest that a granted call may take to go out.
pub(super) const MAX_VALID: Duration = Duration::from_secs(5);

/// Of so many calls of a quota one belongs to the shares of nodes.
const CALLS_PER_SHARED: u32 = 4;

/// The spans that a quota may have, by which calls are counted whether or not there is one: a quota that is set
/// later counts what was called before.
pub(super) const SPANS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(86_400)];

/// A limit of calls, and its span.
pub(super) type Limit = (u32, Duration);

/// How many calls a node may make within each of [`SPANS`] without asking.
pub(super) type Shares = [u32; SPANS.len()];

/// The calls of a fleet. All moments are microseconds of the store's time.
///
/// No span ever sees more calls than its limit: a call counts from when it is granted until the span is over after
/// the last moment at which it can go out. The share of a node counts as so many calls all the time, from when it
/// is granted until the span is over after the node has let go of it, or can't have it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// A number of its own: a node that remembers another one remembers a record that is lost.
    id: u64,
    /// How often it was changed: a node that remembers more remembers changes that are lost.
    changes: u64,
    /// Which run of the server it was last changed on.
    run: Option<String>,
    begun: i64,
    /// When it was last changed: time does not go back.
    latest: i64,
    /// Nothing is granted before.
    checked: i64,
    /// What was granted before this moment may be missing.
    lost: Option<i64>,
    /// The calls within each of [`SPANS`].
    spans: Vec<SpanCalls>,
    nodes: BTreeMap<String, NodeShares>,
    /// Whether there may be other nodes.
    #[serde(skip)]
    shared: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NodeShares {
    /// The node has them until then, if it isn't heard of again.
    until: i64,
    shares: Shares,
}

/// Which record a node has last seen, and how often it had been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) id: u64,
    pub(super) changes: u64,
}

/// Why nothing is granted, and after how long something may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) wait: Duration,
    /// The limit that is used up; `None` while it is checked whether calls are missing.
    pub(super) limit: Option<Limit>,
}

impl Ledger {
    fn new(id: u64, now: i64) -> Self {
        Self {
            id,
            changes: 0,
            run: None,
            begun: now,
            latest: now,
            checked: i64::MIN,
            lost: None,
            spans: SPANS.into_iter().map(SpanCalls::new).collect(),
            nodes: BTreeMap::new(),
            shared: false,
        }
    }

    /// Returns what a record says at `now`, and whether that has to be stored because the time was set back: it
    /// goes on from there. What can't be read is as good as none.
    pub(super) fn read(record: Option<&[u8]>, id: u64, now: i64, shared: bool) -> (Self, bool) {
        let read = record.and_then(|record| serde_json::from_slice::<Self>(record).ok());
        let has_all = |ledger: &Self| {
            ledger.spans.len() == SPANS.len()
                && ledger.spans.iter().zip(SPANS).all(|(calls, span)| calls.is_of(span))
        };
        match read.filter(has_all) {
            Some(mut ledger) => {
                ledger.shared = shared;
                let set_back = ledger.goes_on(now);
                (ledger, set_back)
            }
            None => {
                let mut ledger = Self::new(id, now);
                ledger.shared = shared;
                if shared {
                    ledger.checked = now.saturating_add(micros(CHECK));
                }
                if record.is_some() {
                    ledger.lost = Some(now);
                }
                (ledger, true)
            }
        }
    }

    /// Returns what to store.
    pub(super) fn record(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns a version that no other record has.
    pub(super) fn version(&self, unique: u64) -> String {
        format!("{:016x}-{}-{unique:016x}", self.id, self.changes)
    }

    pub(super) fn memory(&self) -> Memory {
        Memory { id: self.id, changes: self.changes }
    }

    /// Moves on by so many microseconds of a clock that nobody sets.
    pub(super) fn pass(&mut self, micros: i64) {
        self.goes_on(self.latest.saturating_add(micros));
    }

    /// Moves on to `now`. If the time of the store was set back, no time has passed, and what is known is dated by
    /// the new time. Returns whether it was.
    fn goes_on(&mut self, now: i64) -> bool {
        let back = self.latest.saturating_sub(now);
        if back > 0 {
            self.spans.iter_mut().for_each(|calls| calls.shift_back(back));
            self.nodes.values_mut().for_each(|node| node.until = node.until.saturating_sub(back));
            self.begun = self.begun.saturating_sub(back);
            self.checked = self.checked.saturating_sub(back);
            self.lost = self.lost.map(|lost| lost.saturating_sub(back));
        }
        self.latest = now;
        self.spans.iter_mut().for_each(|calls| calls.forget(now));
        let longest = self.spans.iter().map(SpanCalls::span).max().unwrap_or_default();
        self.nodes.retain(|_, node| node.until.saturating_add(longest) > now);
        back > 0
    }

    /// Compares with what a node remembers, and with the run of the server. Returns whether something was new.
    pub(super) fn compare(&mut self, memory: Option<Memory>, run: Option<&str>) -> bool {
        let before = (self.lost, self.changes, self.checked, self.run.clone());
        if run.is_some() && self.run.as_deref() != run {
            // A new record is checked anyway.
            if self.run.is_some() {
                self.checked = self.checked.max(self.latest.saturating_add(micros(CHECK)));
            }
            self.run = run.map(str::to_owned);
        }
        match memory {
            // Of another record, all was granted before this one began.
            Some(memory) if memory.id != self.id => self.lost = self.lost.max(Some(self.begun)),
            Some(memory) if memory.changes > self.changes => {
                self.lost = Some(self.latest);
                // Told once.
                self.changes = memory.changes;
            }
            _ => {}
        }
        before != (self.lost, self.changes, self.checked, self.run.clone())
    }

    /// Counts a change, after which it has to be stored.
    pub(super) fn change(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    /// Whether what was granted before the loss of calls may still be within the span.
    fn misses_calls(&self, at: usize) -> Option<i64> {
        let until = self.lost?.saturating_add(micros(MAX_VALID)).saturating_add(self.spans[at].span());
        (until > self.latest).then_some(until)
    }

    /// Returns how many calls of a span are in the shares of nodes.
    fn held(&self, at: usize) -> u32 {
        let counts = |node: &&NodeShares| node.until.saturating_add(self.spans[at].span()) > self.latest;
        let held = self.nodes.values().filter(counts);
        held.fold(0, |sum: u32, node| sum.saturating_add(node.shares[at]))
    }

    /// Whether nodes that were not heard since may hold shares that were granted before a loss.
    fn misses_shares(&self, at: usize) -> bool {
        let until = |lost: i64| lost.saturating_add(micros(HOLD)).saturating_add(self.spans[at].span());
        self.lost.is_some_and(|lost| until(lost) > self.latest)
    }

    /// Returns how many calls are for shares: who asks for calls leaves these alone, so that a node gets its share
    /// however many ask, and so that shares which are not known may be held.
    fn for_shares(&self, at: usize, limit: u32) -> u32 {
        if self.shared { self.held(at).max(for_shares(limit)) } else { 0 }
    }

    /// Returns how many calls may be granted now by one limit, if so many others are left alone.
    fn free(&self, at: usize, limit: u32, left_alone: u32) -> u32 {
        if self.latest < self.checked || self.misses_calls(at).is_some() {
            return 0;
        }
        limit.saturating_sub(self.spans[at].used()).saturating_sub(left_alone)
    }

    /// Returns how many calls may be granted now by one limit to whoever asks.
    fn open(&self, at: usize, limit: u32) -> u32 {
        self.free(at, limit, self.for_shares(at, limit))
    }

    /// Grants up to so many calls, which go out within `valid`.
    ///
    /// # Errors
    ///
    /// If none can be granted.
    pub(super) fn grant(&mut self, calls: u32, limits: &[Limit], valid: Duration) -> Result<u32, Refusal> {
        let free = places(limits).map(|(at, limit)| self.open(at, limit.0)).min();
        let granted = free.unwrap_or(calls).min(calls);
        if granted == 0 {
            return Err(self.refusal(limits));
        }
        let date = self.latest.saturating_add(micros(valid));
        self.spans.iter_mut().for_each(|calls| calls.count(date, granted));
        Ok(granted)
    }

    /// Says why nothing is granted: the limit that holds longest.
    fn refusal(&self, limits: &[Limit]) -> Refusal {
        let wait =
            |until: i64| Duration::from_micros(until.saturating_sub(self.latest).max(1).unsigned_abs());
        if self.latest < self.checked {
            return Refusal { wait: wait(self.checked), limit: None };
        }
        let used_up = places(limits).filter(|(at, limit)| self.open(*at, limit.0) == 0).map(|(at, limit)| {
            let ends = |node: &NodeShares| node.until.saturating_add(self.spans[at].span());
            let shares = self.nodes.values().map(ends).filter(|end| *end > self.latest).min();
            let next = self.misses_calls(at).or(self.spans[at].next_free()).or(shares);
            (next.unwrap_or(self.latest.saturating_add(micros(Duration::from_secs(1)))), limit)
        });
        match used_up.max_by_key(|(until, _)| *until) {
            Some((until, limit)) => Refusal { wait: wait(until), limit: Some(limit) },
            None => Refusal { wait: wait(self.latest), limit: None },
        }
    }

    /// Whether a node's shares are to be confirmed, or changed.
    pub(super) fn is_due(&self, node: &str, held: Shares, limits: &[Limit]) -> bool {
        let Some(known) = self.nodes.get(node) else { return true };
        let late = known.until.saturating_sub(self.latest) < micros(HOLD - HOLD / 20);
        late || known.shares != held
            || self.wanted(node, limits).iter().zip(held).any(|(want, held)| *want > held)
    }

    /// Confirms the shares that a node says it holds at most, and raises them as far as there is room.
    pub(super) fn keep(&mut self, node: &str, held: Shares, limits: &[Limit]) -> Shares {
        let until = self.latest.saturating_add(micros(HOLD));
        let known = self.nodes.get(node);
        let (over, known) = known.map_or((i64::MIN, Shares::default()), |known| (known.until, known.shares));
        for (at, calls) in self.spans.iter_mut().enumerate() {
            // It may have called with what it let go of until a moment ago, or until it was over.
            if over.saturating_add(calls.span()) > self.latest {
                calls.count(self.latest, known[at].saturating_sub(held[at]));
            }
        }
        self.nodes.insert(node.to_owned(), NodeShares { until, shares: held });
        let wanted = self.wanted(node, limits);
        let mut shares = held;
        for (at, limit) in places(limits) {
            if !self.misses_shares(at) {
                let more = wanted[at].saturating_sub(held[at]);
                shares[at] = held[at].saturating_add(more.min(self.free(at, limit.0, self.held(at))));
            }
        }
        self.nodes.insert(node.to_owned(), NodeShares { until, shares });
        shares
    }

    /// Returns what the shares of a node should be: what is for shares, divided by the nodes that are there, and
    /// at least one call as long as others leave one.
    pub(super) fn wanted(&self, node: &str, limits: &[Limit]) -> Shares {
        let mut wanted = Shares::default();
        let nodes = u32::try_from(self.nodes(node)).unwrap_or(u32::MAX).max(1);
        for (at, limit) in places(limits) {
            let others = self.nodes.iter().filter(|(name, known)| {
                *name != node && known.until.saturating_add(self.spans[at].span()) > self.latest
            });
            let others = others.fold(0, |sum: u32, (_, known)| sum.saturating_add(known.shares[at]));
            let pool = for_shares(limit.0);
            wanted[at] = (pool / nodes).max(1).min(pool.saturating_sub(others));
        }
        wanted
    }

    /// Returns how many nodes there are, this one included.
    pub(super) fn nodes(&self, node: &str) -> usize {
        let others = self.nodes.iter().filter(|(name, known)| *name != node && known.until > self.latest);
        1 + others.count()
    }

    /// Returns how each limit stands: without what is in the shares of nodes.
    pub(super) fn report(&self, limits: &[Limit]) -> Vec<QuotaReport> {
        let report = |(at, limit): (usize, Limit)| {
            let mut window = self.spans[at].window(limit.0.saturating_sub(self.for_shares(at, limit.0)));
            let report = window.report(cache_core::Timestamp::from_micros(self.latest));
            QuotaReport { limit: limit.0, left: report.left.min(self.open(at, limit.0)), ..report }
        };
        places(limits).map(report).collect()
    }
}

/// Returns how many calls of a limit are for the shares of nodes.
fn for_shares(limit: u32) -> u32 {
    limit / CALLS_PER_SHARED
}

/// Returns the limits with their places among [`SPANS`].
fn places(limits: &[Limit]) -> impl Iterator<Item = (usize, Limit)> {
    limits.iter().filter_map(|limit| Some((place_of(limit)?, *limit)))
}

/// Returns the place of a limit among [`SPANS`].
pub(super) fn place_of(limit: &Limit) -> Option<usize> {
    SPANS.iter().position(|span| *span == limit.1)
}
