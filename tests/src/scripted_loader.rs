//! A loader that follows a script and records its calls.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use cache_core::{
    Error, ErrorKind, Fetched, Key, Loaded, Loader, Request, Result, Ttl,
    sync::{Mutex, MutexGuard},
};

use crate::Gate;

/// What the loader returns for a key.
#[derive(Clone, Debug)]
pub enum Answer<V> {
    /// The value made from the key and the number of its load, counted from 1.
    Made,
    /// This value.
    Value(Fetched<V>),
    /// The key has no value.
    Absent,
    /// The cached value is still current.
    NotModified,
    /// The same, for this long from now on.
    NotModifiedFor(Ttl),
    /// This key alone fails, not the others of its batch.
    Fail(ErrorKind),
    /// The same, with this error.
    FailWith(Error),
}

/// How a call as a whole ends.
#[derive(Clone, Debug)]
enum CallOutcome {
    Answers,
    Fails(Error),
    Panics,
    AnswersOneTooFew,
}

/// A loader that follows a script. Clones share the script and the record of calls.
#[derive(Debug)]
pub struct ScriptedLoader<V>(Arc<Mutex<State<V>>>);

/// Makes the value of the n-th load of a key.
type Make<V> = Box<dyn Fn(&Key, u64) -> Fetched<V> + Send>;

struct State<V> {
    make: Make<V>,
    answers: HashMap<Key, Answer<V>>,
    outcome: CallOutcome,
    gate: Option<Gate>,
    max_batch: usize,
    batches: Vec<Vec<Request<V>>>,
    loads: HashMap<Key, u64>,
}

impl<V> std::fmt::Debug for State<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("outcome", &self.outcome)
            .field("batches", &self.batches)
            .finish_non_exhaustive()
    }
}

impl<V> Clone for ScriptedLoader<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl ScriptedLoader<String> {
    /// A loader whose value for `AAPL` is `AAPL@1` at the first load, `AAPL@2` at the second.
    #[must_use]
    pub fn versions() -> Self {
        Self::new(|key, load| format!("{}@{load}", key.id()))
    }
}

impl<V: Clone + Send + Sync + 'static> ScriptedLoader<V> {
    /// A loader that makes each value from its key and the number of its load, counted from 1.
    #[must_use]
    pub fn new(make: impl Fn(&Key, u64) -> V + Send + 'static) -> Self {
        Self::labelled(move |key, load| Fetched::new(make(key, load)))
    }

    /// The same, where `make` also sets lives, tags and the rest of [`Fetched`].
    #[must_use]
    pub fn labelled(make: impl Fn(&Key, u64) -> Fetched<V> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            make: Box::new(make),
            answers: HashMap::new(),
            outcome: CallOutcome::Answers,
            gate: None,
            max_batch: 100,
            batches: Vec::new(),
            loads: HashMap::new(),
        })))
    }

    /// Sets how many keys a call may have at most.
    #[must_use]
    pub fn batch(self, keys: usize) -> Self {
        self.state().max_batch = keys;
        self
    }

    /// From now on loads of `key` return this.
    pub fn answer(&self, key: &Key, answer: Answer<V>) {
        self.state().answers.insert(key.clone(), answer);
    }

    /// From now on each call fails as a whole.
    pub fn fail(&self, kind: ErrorKind) {
        self.fail_with(Error::new(kind, "load", "the source was told to fail"));
    }

    /// From now on each call fails as a whole with this error.
    pub fn fail_with(&self, error: Error) {
        self.state().outcome = CallOutcome::Fails(error);
    }

    /// From now on each call panics.
    pub fn panic(&self) {
        self.state().outcome = CallOutcome::Panics;
    }

    /// From now on each call returns one value too few.
    pub fn miscount(&self) {
        self.state().outcome = CallOutcome::AnswersOneTooFew;
    }

    /// From now on no call fails as a whole.
    pub fn recover(&self) {
        self.state().outcome = CallOutcome::Answers;
    }

    /// From now on each call waits at the gate, after it was recorded and before its values are made.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let gate = Gate::closed();
        self.state().gate = Some(gate.clone());
        gate
    }

    /// Removes the gate without opening it: later calls pass, calls that wait there keep waiting.
    pub fn ungate(&self) {
        self.state().gate = None;
    }

    /// How many calls there have been.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().batches.len()
    }

    /// What each call asked for, in order.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<Request<V>>> {
        self.state().batches.clone()
    }

    /// How many keys each call asked for, in order.
    #[must_use]
    pub fn batch_sizes(&self) -> Vec<usize> {
        self.state().batches.iter().map(Vec::len).collect()
    }

    /// How many calls asked for `key`.
    #[must_use]
    pub fn loads(&self, key: &Key) -> u64 {
        self.state().loads.get(key).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.0.lock()
    }
}

impl<V: Clone> State<V> {
    fn begin(&mut self, requests: &[Request<V>]) -> Vec<u64> {
        self.batches.push(requests.to_vec());
        let numbers = requests.iter().map(|request| {
            let number = self.loads.entry(request.key.clone()).or_default();
            *number += 1;
            *number
        });
        numbers.collect()
    }

    fn answer(&self, key: &Key, number: u64) -> Loaded<V> {
        match self.answers.get(key).cloned().unwrap_or(Answer::Made) {
            Answer::Made => (self.make)(key, number).into(),
            Answer::Value(fetched) => Loaded::Value(fetched),
            Answer::Absent => Loaded::Absent,
            Answer::NotModified => Loaded::not_modified(),
            Answer::NotModifiedFor(ttl) => Loaded::NotModified { ttl: Some(ttl) },
            Answer::FailWith(error) => Loaded::Failed(error),
            Answer::Fail(kind) => Loaded::Failed(Error::new(kind, "load", format!("{key} was told to fail"))),
        }
    }
}

#[async_trait]
impl<V: Clone + Send + Sync + 'static> Loader<V> for ScriptedLoader<V> {
    fn max_batch(&self) -> usize {
        self.state().max_batch
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let (numbers, gate) = {
            let mut state = self.state();
            (state.begin(requests), state.gate.clone())
        };
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let (outcome, mut answers) = {
            let state = self.state();
            let answers =
                requests.iter().zip(numbers).map(|(request, number)| state.answer(&request.key, number));
            (state.outcome.clone(), answers.collect::<Vec<_>>())
        };
        match outcome {
            CallOutcome::Answers => {}
            CallOutcome::Fails(error) => return Err(error),
            CallOutcome::Panics => panic!("the source was told to panic"),
            CallOutcome::AnswersOneTooFew => drop(answers.pop()),
        }
        Ok(answers)
    }
}
