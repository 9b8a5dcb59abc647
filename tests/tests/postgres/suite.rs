//! The behaviour suite: plain, behind a guard, writing behind, and on an unlogged table.

use cache_core::Clock;
use cache_facade::{Guard, GuardSettings};
use cache_l2_pg::{PgConfig, Writes};
use tests::{Subject, behaviour_suite};

use crate::house;

async fn subject(config: PgConfig) -> Subject {
    let clock = Clock::manual();
    Subject::new(house::open(config, &clock).await, clock, ())
}

async fn through() -> Subject {
    subject(house::config()).await
}

async fn guarded() -> Subject {
    let clock = Clock::manual();
    let tier = house::open(house::config(), &clock).await;
    let settings = GuardSettings { clock: clock.clone(), ..GuardSettings::default() };
    Subject::new(Guard::new(tier, settings), clock, ())
}

async fn behind() -> Subject {
    subject(house::config().writes(Writes::BEHIND)).await
}

/// A queue that is full most of the time.
async fn behind_a_short_queue() -> Subject {
    subject(house::config().writes(Writes::Behind { rows: 3, bytes: 2000 })).await
}

async fn unlogged() -> Subject {
    subject(house::config().unlogged()).await
}

behaviour_suite!(plain, through);
behaviour_suite!(behind_guard, guarded);
behaviour_suite!(writing_behind, behind);
behaviour_suite!(writing_behind_a_short_queue, behind_a_short_queue);
behaviour_suite!(on_an_unlogged_table, unlogged);
