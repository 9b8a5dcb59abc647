//! The state of each key of a request while one provider is asked after another.

use crate::{Answer, Answers, Asset, DataType, ProviderError, ProviderErrorKind};

/// The keys of a request, by their position in it.
pub(super) struct Fallback<V> {
    keys: Vec<Known<V>>,
}

enum Known<V> {
    Settled(Answer<V>),
    /// Not answered yet: the failures so far, and whether a provider doesn't know the key.
    Open {
        failure: Option<ProviderError>,
        unknown: bool,
    },
}

impl<V> Fallback<V> {
    pub(super) fn new(keys: usize) -> Self {
        let open = || Known::Open { failure: None, unknown: false };
        Self { keys: (0..keys).map(|_| open()).collect() }
    }

    /// Returns the positions of the keys that are not answered yet.
    pub(super) fn open(&self) -> impl Iterator<Item = usize> {
        let is_open = |(at, known): (usize, &Known<V>)| matches!(known, Known::Open { .. }).then_some(at);
        self.keys.iter().enumerate().filter_map(is_open)
    }

    /// Records a provider's answers for the keys at these positions. An unknown key stays open if the next
    /// provider is to be asked for it.
    pub(super) fn take(&mut self, places: &[usize], answers: Answers<V>, next_if_unknown: bool) {
        match answers {
            Err(error) => places.iter().for_each(|at| self.fail(*at, error.clone())),
            Ok(answers) => {
                for (at, answer) in places.iter().zip(answers) {
                    match answer {
                        Answer::Failed(error) => self.fail(*at, error),
                        Answer::Unknown if next_if_unknown => self.miss(*at),
                        // Where another provider failed before, the key may exist: it failed.
                        Answer::Unknown => self.settle_unknown(*at),
                        value => self.keys[*at] = Known::Settled(value),
                    }
                }
            }
        }
    }

    fn fail(&mut self, at: usize, error: ProviderError) {
        if let Known::Open { failure, .. } = &mut self.keys[at] {
            *failure = Some(match failure.take() {
                Some(earlier) => earlier.and(error),
                None => error,
            });
        }
    }

    fn miss(&mut self, at: usize) {
        if let Known::Open { unknown, .. } = &mut self.keys[at] {
            *unknown = true;
        }
    }

    fn settle_unknown(&mut self, at: usize) {
        self.miss(at);
        if let Known::Open { failure, .. } = &mut self.keys[at] {
            let answer = failure.take().map_or(Answer::Unknown, Answer::Failed);
            self.keys[at] = Known::Settled(answer);
        }
    }

    /// Returns the answers; if all keys failed with one and the same error, the whole failed with it.
    pub(super) fn end<'a>(self, data: DataType, assets: impl Iterator<Item = &'a Asset>) -> Answers<V> {
        let keys = self.keys.into_iter().zip(assets);
        let answers: Vec<Answer<V>> = keys.map(|(known, asset)| known.answer(data, asset)).collect();
        match answers.first() {
            Some(Answer::Failed(first)) if answers.iter().all(|answer| answer.failure() == Some(first)) => {
                Err(first.clone())
            }
            _ => Ok(answers),
        }
    }
}

impl<V> Known<V> {
    fn answer(self, data: DataType, asset: &Asset) -> Answer<V> {
        match self {
            Self::Settled(answer) => answer,
            Self::Open { failure: Some(error), .. } => Answer::Failed(error),
            Self::Open { failure: None, unknown: true } => Answer::Unknown,
            Self::Open { failure: None, unknown: false } => {
                let message = format!("no configured provider offers {data} of {asset}");
                Answer::Failed(ProviderError::new(ProviderErrorKind::NotOffered, message))
            }
        }
    }
}
