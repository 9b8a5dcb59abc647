//! Ours, and the crates that do the same job, each set up as its own documentation would have it.

mod cached;
mod hitbox;
mod moka_redis;
mod ours;

use std::pin::Pin;

use anyhow::Result;
use benches::peers::{OURS, Outcome, Plan};

use crate::measure::measure;

/// Measures one by a plan.
type Measure = for<'a> fn(&'a Plan) -> Pin<Box<dyn Future<Output = Result<Outcome>> + 'a>>;

/// All, by name. Ours comes first.
pub(crate) const ALL: [(&str, Measure); 4] = [
    (OURS, |plan| Box::pin(measure::<ours::Ours>(plan))),
    ("moka+redis", |plan| Box::pin(measure::<moka_redis::MokaRedis>(plan))),
    ("hitbox", |plan| Box::pin(measure::<hitbox::Hitbox>(plan))),
    ("cached", |plan| Box::pin(measure::<cached::Cached>(plan))),
];
