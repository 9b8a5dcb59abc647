//! Encodes values for the tiers, and makes sure that each can be read back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_core::{Blob, Error, ErrorKind, Key, Result};

use crate::{
    engine::counters::Count,
    region::{Cacheable, Region},
};

/// A value as the tiers get it.
pub(crate) enum Encoded {
    /// These bytes, which were read back as an equal value, or which nobody will read.
    Blob(Blob),
    /// Not at all: the codec can't carry it, or the region is memory's alone.
    MemoryOnly {
        /// About how many bytes it weighs.
        weight: u32,
        /// Why the codec can't; `None` if the region is memory's alone.
        error: Option<Error>,
    },
}

impl<V: Cacheable> Region<V> {
    /// Encodes a value. If there is a tier to read it back from, that is tried.
    ///
    /// # Errors
    ///
    /// `Limit` for a value that is too large to be stored anywhere.
    pub(crate) fn encode(&self, value: &V) -> Result<Encoded> {
        let Some(codec) = &self.core.codec else {
            let weight = u32::try_from(size_of::<V>()).unwrap_or(u32::MAX);
            return Ok(Encoded::MemoryOnly { weight, error: None });
        };
        let encode = || match self.engine.tiers().is_empty() {
            true => codec.encode(value),
            false => codec.encode_readable(value),
        };
        match catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|_| Err(panicked::<V>())) {
            Ok(blob) => Ok(Encoded::Blob(blob)),
            Err(error) if error.kind() == ErrorKind::Limit => Err(error),
            Err(error) => {
                let measured = catch_unwind(AssertUnwindSafe(|| codec.measure(value))).ok().flatten();
                let weight = measured.unwrap_or(size_of::<V>());
                let weight = u32::try_from(weight).unwrap_or(u32::MAX);
                Ok(Encoded::MemoryOnly { weight, error: Some(error) })
            }
        }
    }

    /// Whether a value is encoded as these bytes.
    pub(crate) fn is_encoded_as(&self, value: &V, blob: &Blob) -> bool {
        let encode = || self.core.codec.map(|codec| codec.encode(value));
        let encoded = catch_unwind(AssertUnwindSafe(encode)).ok().flatten().and_then(Result::ok);
        encoded.is_some_and(|encoded| encoded.bytes == blob.bytes)
    }

    /// Decodes a value that a tier holds.
    pub(crate) fn decode(&self, blob: &Blob) -> Result<V> {
        match &self.core.codec {
            Some(codec) => codec.decode(blob),
            None => Err(self.memory_only()),
        }
    }

    /// Whether memory alone holds the values of this region.
    pub(crate) fn is_memory_only(&self) -> bool {
        self.core.codec.is_none()
    }

    /// The error of what asks for more than memory, in a region that is memory's alone.
    pub(crate) fn memory_only(&self) -> Error {
        let kind = self.core.prefix.kind();
        let message = format!("memory alone holds the values of {kind:?}: no tier has one");
        Error::new(ErrorKind::Codec, "encode", message)
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
