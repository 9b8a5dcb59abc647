//! Values as the JSON that answers are made of: written once, and kept for as long as the value is.

use std::sync::{Arc, Weak};

use cache_core::sync::Mutex;
use cache_http::response::etag::ETag;
use market_data::{Document, Quote};
use serde::Serialize;

/// How many texts are kept of a type of values: a value in whose place another one's is kept is written again.
const MAX_TEXTS: usize = 2048;

/// The longest text that is kept, in bytes: together they take 8 MiB at most of each type.
const MAX_KEPT: usize = 4096;

/// A value as JSON, and the entity tag of it.
#[derive(Debug)]
pub(crate) struct ValueText {
    pub(crate) json: Box<[u8]>,
    pub(crate) etag: ETag,
}

impl ValueText {
    /// Writes a value, which is an object in JSON.
    pub(crate) fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        let json = serde_json::to_vec(value)?;
        Ok(Self { etag: ETag::of(&json), json: json.into() })
    }
}

/// The texts of market data that are asked for over and over.
#[derive(Debug, Default)]
pub(crate) struct MarketTexts {
    pub(crate) quotes: ValueTexts<Quote>,
    pub(crate) documents: ValueTexts<Document>,
}

/// The texts of values of a type.
#[derive(Debug)]
pub(crate) struct ValueTexts<V>(Box<[Mutex<Option<KeptText<V>>>]>);

#[derive(Debug)]
struct KeptText<V> {
    /// As long as this is here, no other value has the address of this one.
    value: Weak<V>,
    text: Arc<ValueText>,
}

impl<V> Default for ValueTexts<V> {
    fn default() -> Self {
        Self((0..MAX_TEXTS).map(|_| Mutex::new(None)).collect())
    }
}

impl<V: Serialize> ValueTexts<V> {
    /// Returns the text of a value, which is written if it is not kept.
    pub(crate) fn of(&self, value: &Arc<V>) -> serde_json::Result<Arc<ValueText>> {
        let place = &self.0[place(Arc::as_ptr(value).addr())];
        if let Some(kept) = &*place.lock()
            && Weak::as_ptr(&kept.value) == Arc::as_ptr(value)
        {
            return Ok(Arc::clone(&kept.text));
        }
        let text = Arc::new(ValueText::of(value)?);
        if text.json.len() <= MAX_KEPT {
            *place.lock() = Some(KeptText { value: Arc::downgrade(value), text: Arc::clone(&text) });
        }
        Ok(text)
    }
}

/// Returns the place of an address. Addresses of values differ by multiples of their size, so the middle bits of
/// a product are taken.
fn place(address: usize) -> usize {
    let mixed = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % MAX_TEXTS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_written_once_and_one_that_is_long_each_time() {
        let texts = ValueTexts::default();
        let value = Arc::new("a".to_owned());
        let text = texts.of(&value).unwrap();
        assert!(Arc::ptr_eq(&text, &texts.of(&value).unwrap()));
        let long = Arc::new("a".repeat(MAX_KEPT));
        assert!(!Arc::ptr_eq(&texts.of(&long).unwrap(), &texts.of(&long).unwrap()));
    }

    proptest! {
        /// Whatever is dropped meanwhile, and wherever what comes later lies.
        #[test]
        fn no_value_has_the_text_of_another(numbers in prop::collection::vec((any::<u32>(), any::<bool>()), 1..300)) {
            let (texts, mut kept) = (ValueTexts::default(), Vec::new());
            for (number, keeps) in numbers {
                let value = Arc::new(number);
                let (text, expected) = (texts.of(&value).unwrap(), number.to_string());
                prop_assert_eq!(&*text.json, expected.as_bytes());
                prop_assert_eq!(text.etag, ETag::of(expected));
                if keeps {
                    kept.push(value);
                }
            }
            for value in &kept {
                let (text, expected) = (texts.of(value).unwrap(), value.to_string());
                prop_assert_eq!(&*text.json, expected.as_bytes());
            }
        }
    }
}
