//! The behaviour suite: plain, writing behind, and on an unlogged table.

use cache_core::Clock;
use cache_l2_pg::{PgConfig, Writes};
use cache_tier_suite::{Subject, behaviour_suite};

use crate::fixture;

async fn subject(config: PgConfig) -> Subject {
    let clock = Clock::manual();
    Subject::new(fixture::open(config, &clock).await, clock, ())
}

async fn through() -> Subject {
    subject(fixture::config()).await
}

async fn behind() -> Subject {
    subject(fixture::config().writes(Writes::BEHIND)).await
}

/// A queue that is full most of the time.
async fn behind_a_short_queue() -> Subject {
    subject(fixture::config().writes(Writes::Behind { rows: 3, bytes: 2000 })).await
}

async fn unlogged() -> Subject {
    subject(fixture::config().unlogged()).await
}

behaviour_suite!(plain, through);
behaviour_suite!(writing_behind, behind);
behaviour_suite!(writing_behind_a_short_queue, behind_a_short_queue);
behaviour_suite!(on_an_unlogged_table, unlogged);
