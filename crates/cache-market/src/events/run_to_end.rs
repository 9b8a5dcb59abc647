//! The calls of announced events that take several steps: each goes on to its end though its caller is gone.

use cache_core::Result;

use super::{AnnouncedEvents, Announcement, EventId, MarketEvent, Withdrawal};
use crate::StandardKey;

impl AnnouncedEvents {
    /// Announces an event. One that lies ahead is kept until it is due, and no life of what it touches reaches
    /// past it. The effects of any other are carried out now. Announced again, the same event changes nothing.
    ///
    /// # Errors
    ///
    /// `Limit` if too many events lie ahead, and none of them should give way to this one: 64 of an asset, 10,000
    /// overall. The farthest gives way, first of those assets that have more than 16.
    pub async fn announce(&self, event: &MarketEvent) -> Result<Announcement> {
        let (events, event) = (self.clone(), event.clone());
        self.cache().run_to_completion(async move { events.announce_to_end(&event).await }).await?
    }

    /// Withdraws an event that lies ahead, on whichever node it was announced. Returns it; `None` if no such event
    /// lies ahead. Lives that were shortened because of it stay short.
    ///
    /// # Errors
    ///
    /// None at present. A tier that fails learns of it later.
    pub async fn withdraw(&self, id: EventId) -> Result<Option<Withdrawal>> {
        let events = self.clone();
        self.cache().run_to_completion(async move { events.withdraw_to_end(id).await }).await?
    }

    /// Learns what other nodes have announced and withdrawn, and carries out the events that are due. Returns the
    /// keys that should be loaded because of them; on one node, if it is the first to carry them out. Called every
    /// 200 ms or so, it costs little when there is nothing to do.
    ///
    /// # Errors
    ///
    /// As [`EventRules::effects`](crate::EventRules::effects). A tier that fails is asked again later.
    pub async fn poll(&self) -> Result<Vec<StandardKey>> {
        let events = self.clone();
        self.cache().run_to_completion(async move { events.poll_to_end().await }).await?
    }
}
