//! How the values of a region become bytes: by serde, or not at all.

use cache_core::{Blob, Codec, Error, ErrorKind, Result, measure, needs_self_description};
use serde::{Serialize, de::DeserializeOwned};

use crate::region::Cacheable;

/// What tiers can store: what serde can write and read.
#[diagnostic::on_unimplemented(
    message = "serde can't write and read `{Self}`, so no tier can store it",
    note = "derive `Serialize` and `Deserialize` for it",
    note = "or keep it in memory alone: open its region by `cache.memory_region(kind)`"
)]
pub trait Storable: Cacheable + Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<V: Cacheable + Serialize + DeserializeOwned> Storable for V {}

/// What is done with serde to values of one type, which whoever holds this needs to know nothing of.
pub(crate) struct ValueCodec<V> {
    codec: Codec,
    schema: u32,
    encode: fn(Codec, u32, &V) -> Result<Blob>,
    encode_readable: fn(Codec, u32, &V) -> Result<Blob>,
    decode: fn(&Blob, u32) -> Result<V>,
    measure: fn(&V) -> Option<usize>,
    needs_self_description: fn() -> bool,
}

// By hand, since a derive would ask the same of values.
impl<V> Clone for ValueCodec<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for ValueCodec<V> {}

impl<V> PartialEq for ValueCodec<V> {
    fn eq(&self, other: &Self) -> bool {
        (self.codec, self.schema) == (other.codec, other.schema)
    }
}

impl<V> ValueCodec<V> {
    pub(crate) fn new() -> Self
    where
        V: Storable,
    {
        Self {
            codec: Codec::default(),
            schema: 0,
            encode: |codec, schema, value| Blob::encode(codec, schema, value),
            encode_readable: |codec, schema, value| Blob::encode_readable(codec, schema, value),
            decode: |blob, schema| blob.decode(schema),
            measure: |value| measure(value),
            needs_self_description: needs_self_description::<V>,
        }
    }

    pub(crate) fn codec(self, codec: Codec) -> Self {
        Self { codec, ..self }
    }

    pub(crate) fn schema(self, schema: u32) -> Self {
        Self { schema, ..self }
    }

    pub(crate) fn encode(&self, value: &V) -> Result<Blob> {
        (self.encode)(self.codec, self.schema, value)
    }

    /// Encodes a value, and makes sure that it can be read back.
    pub(crate) fn encode_readable(&self, value: &V) -> Result<Blob> {
        (self.encode_readable)(self.codec, self.schema, value)
    }

    pub(crate) fn decode(&self, blob: &Blob) -> Result<V> {
        (self.decode)(blob, self.schema)
    }

    /// Returns about how many bytes a value takes, if serde can say.
    pub(crate) fn measure(&self, value: &V) -> Option<usize> {
        (self.measure)(value)
    }

    /// Makes sure that the codec can carry the type, as far as its shape tells.
    pub(crate) fn check(&self, kind: &str) -> Result<()> {
        if self.codec != Codec::Bincode || !(self.needs_self_description)() {
            return Ok(());
        }
        let message = format!(
            "the values of {kind:?}, {}, describe themselves (as `serde_json::Value` does, or what serde calls \
             untagged, internally tagged or flattened), and bincode can't read such bytes back: open the region with \
             .codec(Codec::Json)",
            std::any::type_name::<V>()
        );
        Err(Error::new(ErrorKind::Config, "open", message))
    }
}
