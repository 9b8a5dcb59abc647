//! A provider's answer for one key.

use crate::ProviderError;

/// A provider's answer for one key of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<V> {
    /// The value.
    Value(V),
    /// The key doesn't exist: the provider said so, or left it out of a response that holds the others.
    Unknown,
    /// This key failed; others of the batch may have succeeded.
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

    /// Returns the error, if the key failed.
    #[must_use]
    pub fn failure(&self) -> Option<&ProviderError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Value(_) | Self::Unknown => None,
        }
    }
}

impl<V> From<Option<V>> for Answer<V> {
    /// `None` is [`Answer::Unknown`].
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Unknown, Self::Value)
    }
}
