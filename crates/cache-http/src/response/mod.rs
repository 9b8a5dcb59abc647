//! What responses are made of.

mod answer;
pub mod cache_control;
pub mod cache_status;
pub mod etag;
mod not_modified;

pub use self::{
    answer::{cacheable, json, uncacheable, uncacheable_text},
    not_modified::NotModifiedBody,
};
