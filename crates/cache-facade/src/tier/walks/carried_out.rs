//! Removals by pattern carried out in the tiers: each in a task of its own, which goes on to its end.

use std::{pin::pin, sync::Arc};

use cache_core::message::Change;
use futures_util::{
    StreamExt,
    future::{join_all, select},
    stream,
};
use tokio::runtime::Handle;

use crate::{
    engine::Engine,
    tier::{call_health::CALL_LIMIT, handle::TierHandle, walks::Walk},
    timer,
};

/// How many removals by pattern that a tier owes go on at the same time.
const OWED_AT_ONCE: usize = 4;

impl Engine {
    /// Begins a removal in each tier, and waits until all have done it or failed, and for no longer than a call
    /// of a tier may take. What is not done by then goes on, and is owed.
    pub(crate) async fn walk_for_a_while(self: &Arc<Self>, walks: &[Arc<Walk>]) {
        let walking = walks.iter().enumerate().map(|(at, walk)| {
            let (engine, walk) = (Arc::clone(self), Arc::clone(walk));
            self.run_to_completion(async move { engine.walk_on(&engine.tiers()[at], &walk).await })
        });
        let walking = join_all(walking);
        if Handle::try_current().is_err() {
            // There is no task that could go on.
            walking.await;
            return;
        }
        select(pin!(walking), pin!(timer::sleep(self.clock(), CALL_LIMIT))).await;
        for (tier, walk) in self.tiers().iter().zip(walks) {
            tier.owe_walk(walk);
        }
    }

    /// Goes on with what a tier owes, where nobody is at it. Returns once that is done, or has failed.
    pub(crate) async fn walk_what_is_owed(&self, tier: &TierHandle) {
        let walks = stream::iter(tier.owed_walks());
        let walking = walks.map(|walk| async move { self.walk_on(tier, &walk).await });
        walking.buffer_unordered(OWED_AT_ONCE).collect::<()>().await;
    }

    /// As [`Engine::walk_what_is_owed`], in a task of its own.
    pub(crate) fn go_on_with_what_is_owed(self: &Arc<Self>, at: usize) {
        let engine = Arc::clone(self);
        self.spawn(async move { engine.walk_what_is_owed(&engine.tiers()[at]).await });
    }

    async fn walk_on(&self, tier: &TierHandle, walk: &Walk) {
        if let Ok(Some(tombstone)) = tier.go_on(walk, self.load_limit()).await
            && !tier.is_local()
        {
            // Other nodes may have read what the tier held until now.
            let pattern = walk.pattern().to_string();
            self.announce([Change::RemovedMatching { pattern, tombstone }]).await;
        }
    }
}
