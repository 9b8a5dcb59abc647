//! A tier that records its calls, and fails, hangs or changes its answers on demand.

use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Error, ErrorKind, Key, ListCursor, ListPage, Operation, Pattern, PutOutcome, Result,
    Target, Tier, Tombstone,
    sync::{Mutex, MutexGuard},
};

use crate::Gate;

/// When a call waits at a gate: before the inner tier is called, or before its result is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the inner tier is called.
    Before,
    /// After the inner tier did the work, before the caller learns of it.
    After,
}

/// Changes what `get` returns for a key.
type Distortion = Box<dyn Fn(&Key, &mut Option<Entry>) + Send>;

/// A wrapper that passes every call on, except for the faults a test has set. Clones share the inner tier and
/// the faults.
#[derive(Clone)]
pub struct FaultyTier {
    inner: Arc<dyn Tier>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: HashMap<Operation, Vec<Vec<Key>>>,
    faults: HashMap<Operation, ErrorKind>,
    gates: HashMap<(Operation, Moment), Gate>,
    poisoned: Vec<Key>,
    distortion: Option<Distortion>,
}

impl FaultyTier {
    /// A wrapper of `inner` without faults.
    #[must_use]
    pub fn over(inner: impl Tier) -> Self {
        Self { inner: Arc::new(inner), state: Arc::default() }
    }

    /// The keys of each call of `operation`, in order; a pattern and a flush have none. A cache also asks for
    /// keys of its own.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> Vec<Vec<Key>> {
        self.state().calls.get(&operation).cloned().unwrap_or_default()
    }

    /// The sizes of those calls of `operation` that were for `key`.
    #[must_use]
    pub fn calls_for(&self, operation: Operation, key: &Key) -> Vec<usize> {
        self.calls(operation).iter().filter(|keys| keys.contains(key)).map(Vec::len).collect()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.state().calls.clear();
    }

    /// From now on `operation` fails with `kind`, without the inner tier being called.
    pub fn fail(&self, operation: Operation, kind: ErrorKind) {
        self.state().faults.insert(operation, kind);
    }

    /// From now on every operation fails as `Unavailable`.
    pub fn down(&self) {
        for operation in [Operation::Get, Operation::Put, Operation::Remove, Operation::Flush] {
            self.fail(operation, ErrorKind::Unavailable);
        }
    }

    /// From now on every call with `key` among its keys fails as `Storage`.
    pub fn poison(&self, key: &Key) {
        self.state().poisoned.push(key.clone());
    }

    /// Ends all faults. Gates stay.
    pub fn up(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.poisoned.clear();
        state.distortion = None;
    }

    /// From now on `operation` waits at the gate. A later gate at the same place replaces it.
    #[must_use]
    pub fn gate(&self, operation: Operation, moment: Moment) -> Gate {
        let gate = Gate::closed();
        self.state().gates.insert((operation, moment), gate.clone());
        gate
    }

    /// Removes a gate without opening it: later calls pass, calls that wait there keep waiting.
    pub fn ungate(&self, operation: Operation, moment: Moment) {
        self.state().gates.remove(&(operation, moment));
    }

    /// Opens and removes all gates.
    pub fn open_gates(&self) {
        self.state().gates.drain().for_each(|(_, gate)| gate.open());
    }

    /// From now on `distortion` changes what each `get` returns.
    pub fn distort(&self, distortion: impl Fn(&Key, &mut Option<Entry>) + Send + 'static) {
        self.state().distortion = Some(Box::new(distortion));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    async fn begin(&self, operation: Operation, keys: Vec<Key>) -> Result<()> {
        self.state().calls.entry(operation).or_default().push(keys.clone());
        self.hold(operation, Moment::Before).await;
        let state = self.state();
        let poisoned = || keys.iter().any(|key| state.poisoned.contains(key)).then_some(ErrorKind::Storage);
        match state.faults.get(&operation).copied().or_else(poisoned) {
            Some(kind) => Err(Error::new(kind, "tier", format!("{operation:?} was told to fail"))),
            None => Ok(()),
        }
    }

    async fn hold(&self, operation: Operation, moment: Moment) {
        let gate = self.state().gates.get(&(operation, moment)).cloned();
        if let Some(gate) = gate {
            gate.pass().await;
        }
    }
}

impl fmt::Debug for FaultyTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyTier").field(&self.inner).finish()
    }
}

#[async_trait]
impl Tier for FaultyTier {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.begin(Operation::Get, keys.to_vec()).await?;
        let mut answers = self.inner.get(keys).await?;
        if let Some(distortion) = &self.state().distortion {
            keys.iter().zip(&mut answers).for_each(|(key, answer)| distortion(key, answer));
        }
        self.hold(Operation::Get, Moment::After).await;
        Ok(answers)
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.begin(Operation::Put, entries.iter().map(|(key, _)| key.clone()).collect()).await?;
        let answer = self.inner.put(entries).await;
        self.hold(Operation::Put, Moment::After).await;
        answer
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let keys = match target {
            Target::Keys(keys) => keys.to_vec(),
            Target::Matching(_) => Vec::new(),
        };
        self.begin(Operation::Remove, keys).await?;
        let answer = self.inner.remove(target, tombstone).await;
        self.hold(Operation::Remove, Moment::After).await;
        answer
    }

    async fn flush(&self) -> Result<()> {
        self.begin(Operation::Flush, Vec::new()).await?;
        self.inner.flush().await
    }

    /// A listing fails as a look-up does.
    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.begin(Operation::Get, Vec::new()).await?;
        self.inner.list(pattern, after, limit).await
    }

    fn corrupt(&self) -> u64 {
        self.inner.corrupt()
    }

    fn needs_guard(&self) -> bool {
        self.inner.needs_guard()
    }

    fn clock(&self) -> Option<&Clock> {
        self.inner.clock()
    }
}
