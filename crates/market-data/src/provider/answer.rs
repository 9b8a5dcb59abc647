//! What an upstream says of one key.

use crate::ProviderError;

/// What an upstream says of one key of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<V> {
    /// This is the value.
    Value(V),
    /// There is no such key: the upstream said so, or left it out of an answer that holds the others.
    Unknown,
    /// This key failed, though others may have been answered.
    Failed(ProviderError),
}

impl<V> Answer<V> {
    /// Returns the value, if there is one.
    ///
    /// ```
    /// use market_data::Answer;
    ///
    /// assert_eq!(Answer::Value(7).value(), Some(7));
    /// assert_eq!(Answer::<u8>::Unknown.value(), None);
    /// ```
    #[must_use]
    pub fn value(self) -> Option<V> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unknown | Self::Failed(_) => None,
        }
    }

    /// Returns why there is none, if the key failed.
    #[must_use]
    pub fn failure(&self) -> Option<&ProviderError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Value(_) | Self::Unknown => None,
        }
    }
}

impl<V> From<Option<V>> for Answer<V> {
    /// What isn't there is unknown.
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Unknown, Self::Value)
    }
}
