//! Encodes values for the tiers, and makes sure that each can be read back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_core::{Blob, Error, ErrorKind, Key, Result, measure};

use crate::{
    engine::counters::Count,
    region::{Cacheable, Region},
};

/// A value as the tiers get it.
pub(crate) enum Encoded {
    /// These bytes, which were read back as an equal value, or which nobody will read.
    Blob(Blob),
    /// Not at all: the codec can't carry it.
    MemoryOnly {
        /// About how many bytes it weighs.
        weight: u32,
        /// Why.
        error: Error,
    },
}

impl<V: Cacheable> Region<V> {
    /// Encodes a value. If there is a tier to read it back from, that is tried.
    ///
    /// # Errors
    ///
    /// `Limit` for a value that is too large to be stored anywhere.
    pub(crate) fn encode(&self, value: &V) -> Result<Encoded> {
        let (codec, schema) = (self.core.codec, self.core.schema);
        let encode = || match self.engine.tiers().is_empty() {
            true => Blob::encode(codec, schema, value),
            false => Blob::encode_readable(codec, schema, value),
        };
        match catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|_| Err(panicked::<V>())) {
            Ok(blob) => Ok(Encoded::Blob(blob)),
            Err(error) if error.kind() == ErrorKind::Limit => Err(error),
            Err(error) => {
                let measured = catch_unwind(AssertUnwindSafe(|| measure(value))).ok().flatten();
                let weight = measured.unwrap_or(size_of::<V>());
                Ok(Encoded::MemoryOnly { weight: u32::try_from(weight).unwrap_or(u32::MAX), error })
            }
        }
    }

    /// Whether a value is encoded as these bytes.
    pub(crate) fn is_encoded_as(&self, value: &V, blob: &Blob) -> bool {
        let encode = || Blob::encode(self.core.codec, self.core.schema, value);
        let encoded = catch_unwind(AssertUnwindSafe(encode)).ok().and_then(Result::ok);
        encoded.is_some_and(|encoded| encoded.bytes == blob.bytes)
    }

    /// Counts a value that its codec can't carry, logs the first of the region, and tells the observers. Without
    /// tiers nothing is amiss.
    pub(crate) fn report_codec_failure(&self, key: &Key, error: &Error) {
        if self.engine.tiers().is_empty() {
            return;
        }
        self.core.counters.bump(Count::CodecFailure);
        if self.core.is_first_codec_failure() {
            tracing::warn!(%key, %error,
                "a value can't be encoded and read back: memory alone holds it; further ones are only counted");
        }
        self.engine.observers().tell(&cache_core::Event::CodecFailed { key, error });
    }
}

fn panicked<V>() -> Error {
    let message = format!("the serde implementation of {} panicked", std::any::type_name::<V>());
    Error::new(ErrorKind::Codec, "encode", message)
}
