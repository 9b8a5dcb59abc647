//! The locks that flights are built of, named here so that a model checker can put in its own.

pub(crate) use std::sync::Arc;

pub(crate) use cache_core::sync::Mutex;
