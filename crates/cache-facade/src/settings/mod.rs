//! What settings of a region may be given as.

pub(crate) mod span;
pub(crate) mod ttl;
pub(crate) mod value_codec;
