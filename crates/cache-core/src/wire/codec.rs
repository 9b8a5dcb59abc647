//! Values to bytes and back, within limits both ways.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::fingerprint::Fingerprint;
use crate::{Error, ErrorKind, Result};

/// The most bytes that an encoded value may have.
pub const MAX_VALUE_LEN: usize = 32 << 20;

/// How values become bytes. The envelope names the codec, so a region may change it and still read old
/// entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Codec {
    /// bincode 2, variable-length integers: small and fast, for types of a fixed shape.
    #[default]
    Bincode,
    /// JSON: for types that describe themselves, such as `serde_json::Value`, untagged and
    /// internally tagged enums, `flatten` and `skip_serializing_if`.
    Json,
}

impl Codec {
    /// Returns the name shown to people: `bincode`, `json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bincode => "bincode",
            Self::Json => "json",
        }
    }
}

/// An encoded value, as tiers store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The codec that made the bytes.
    pub codec: Codec,
    /// The version of the value's type, chosen by the owner of the type.
    pub schema: u32,
    /// The encoded bytes.
    pub bytes: Bytes,
}

impl Blob {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// `Limit` past [`MAX_VALUE_LEN`]; `Codec` if the codec can't encode the value.
    pub fn encode<V: Serialize + ?Sized>(codec: Codec, schema: u32, value: &V) -> Result<Self> {
        let mut sink = Sink { bytes: Vec::new(), full: false };
        let outcome: Result<(), Box<dyn std::error::Error + Send + Sync>> = match codec {
            Codec::Bincode => {
                bincode::serde::encode_into_std_write(value, &mut sink, BINCODE).map(drop).map_err(Into::into)
            }
            Codec::Json => serde_json::to_writer(&mut sink, value).map_err(Into::into),
        };
        match outcome {
            Ok(()) => Ok(Self { codec, schema, bytes: sink.bytes.into() }),
            Err(_) if sink.full => Err(Error::new(
                ErrorKind::Limit,
                "encode",
                format!(
                    "the encoded value is larger than {MAX_VALUE_LEN} bytes: store a smaller value, or its parts"
                ),
            )),
            Err(source) => {
                let message = format!("the value can't be encoded as {}", codec.name());
                Err(Error::caused(ErrorKind::Codec, "encode", message, source))
            }
        }
    }

    /// Decodes the value, which must be of schema version `schema` and take up all the bytes.
    ///
    /// # Errors
    ///
    /// `Corrupt` for bytes of another schema version, and for bytes that do not decode to the type, or over which
    /// its `Deserialize` panics.
    pub fn decode<V: DeserializeOwned>(&self, schema: u32) -> Result<V> {
        if self.schema != schema {
            let message = format!("stored as schema version {}, wanted {schema}", self.schema);
            return Err(Error::new(ErrorKind::Corrupt, "decode", message));
        }
        let corrupt = |source: Box<dyn std::error::Error + Send + Sync>| {
            let message =
                format!("{} bytes do not decode as {} of this type", self.bytes.len(), self.codec.name());
            Error::caused(ErrorKind::Corrupt, "decode", message, source)
        };
        let decode = || match self.codec {
            Codec::Bincode => match bincode::serde::decode_from_slice(&self.bytes, BINCODE) {
                Ok((value, used)) if used == self.bytes.len() => Ok(value),
                Ok((_, used)) => Err(corrupt(format!("only {used} of them were used").into())),
                Err(source) => Err(corrupt(source.into())),
            },
            Codec::Json => serde_json::from_slice(&self.bytes).map_err(|source| corrupt(source.into())),
        };
        catch_unwind(AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(corrupt("its Deserialize panicked".into())))
    }

    /// Encodes a value, and makes sure that the bytes are read back as an equal one. Values are equal if serde
    /// sees the same in them: fields by their names, numbers by their bits, and the items of sequences and maps in
    /// any order.
    ///
    /// # Errors
    ///
    /// `Limit` past [`MAX_VALUE_LEN`]; `Codec` if the codec can't encode the value, can't decode it, or decodes
    /// another one.
    pub fn encode_readable<V: Serialize + DeserializeOwned>(
        codec: Codec,
        schema: u32,
        value: &V,
    ) -> Result<Self> {
        let blob = Self::encode(codec, schema, value)?;
        blob.check_round_trip(value)?;
        Ok(blob)
    }

    /// Checks that these bytes are read back as a value that is equal to the one they were made of.
    ///
    /// # Errors
    ///
    /// `Codec`, naming the codec to use, if the value does not survive this one.
    pub fn check_round_trip<V: Serialize + DeserializeOwned>(&self, value: &V) -> Result<()> {
        let type_name = std::any::type_name::<V>();
        let advice = match self.codec {
            Codec::Bincode => "choose Codec::Json for types that describe themselves",
            Codec::Json => "JSON has no NaN, no infinity and no nested options",
        };
        let failed = |what: &str| format!("{} {what} {type_name}: {advice}", self.codec.name());
        let again = self.decode::<V>(self.schema).map_err(|error| {
            Error::caused(ErrorKind::Codec, "encode", failed("can't read back this"), error)
        })?;
        let human_readable = self.codec == Codec::Json;
        let wanted = Fingerprint::of(value, human_readable);
        if wanted.is_none() || wanted != Fingerprint::of(&again, human_readable) {
            return Err(Error::new(ErrorKind::Codec, "encode", failed("reads another value back than this")));
        }
        Ok(())
    }
}

/// The limit keeps a hostile length prefix from allocating more than a value may have.
const BINCODE: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_VALUE_LEN>,
> = bincode::config::standard().with_limit::<MAX_VALUE_LEN>();

/// Collects an encoding up to the limit and fails past it, so that no oversized value is encoded in full
/// before it is refused.
struct Sink {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Sink {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + chunk.len() > MAX_VALUE_LEN {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Sample = (u64, String, Option<Vec<i32>>, BTreeMap<String, bool>);

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value: Sample, json: bool, schema: u32) {
            let codec = if json { Codec::Json } else { Codec::Bincode };
            let blob = Blob::encode(codec, schema, &value).unwrap();
            prop_assert_eq!(&blob.decode::<Sample>(schema).unwrap(), &value);
            blob.check_round_trip(&value).unwrap();
        }

        #[test]
        fn rule_62_hostile_bytes_never_panic(bytes: Vec<u8>, json: bool) {
            let codec = if json { Codec::Json } else { Codec::Bincode };
            let _ = Blob { codec, schema: 0, bytes: bytes.into() }.decode::<Sample>(0);
        }
    }

    #[test]
    fn rule_62_a_hostile_length_is_refused_before_it_allocates() {
        let bytes = Bytes::from_static(&[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        let error = Blob { codec: Codec::Bincode, schema: 0, bytes }.decode::<Vec<u64>>(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn rule_54_another_schema_version_is_not_decoded() {
        let blob = Blob::encode(Codec::Bincode, 1, &7_u32).unwrap();
        assert_eq!(blob.decode::<u32>(2).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn rule_63_a_value_of_64_mib_is_a_limit_error() {
        for codec in [Codec::Bincode, Codec::Json] {
            let error = Blob::encode(codec, 0, &"x".repeat(64 << 20)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        }
    }

    #[test]
    fn a_type_that_bincode_cannot_read_back_is_found_out() {
        let value = serde_json::json!({"a": [1, 2]});
        let blob = Blob::encode(Codec::Bincode, 0, &value).unwrap();
        let error = blob.check_round_trip(&value).unwrap_err();
        assert!(error.kind() == ErrorKind::Codec && error.to_string().contains("Codec::Json"), "{error}");
        Blob::encode_readable(Codec::Json, 0, &value).unwrap();
    }
}
