//! Bus: how nodes that share tiers learn of each other's writes.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Clock, Result};

/// Carries messages between nodes that share tiers. A bus neither stores nor understands them. It promises
/// only whom it sends them to, and in which order those of each node arrive.
#[async_trait]
pub trait Bus: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics: `"redis"`.
    fn name(&self) -> &'static str;

    /// Returns the most bytes that a message may have.
    fn max_message_len(&self) -> usize;

    /// Sends a message to every node that listens now, this one included: a node believes a bus only for as long
    /// as its own messages come back. Messages of a caller that waits for each call to end arrive in the order
    /// of its calls.
    ///
    /// # Errors
    ///
    /// If the message may not have been sent; `Limit` if it is too long.
    async fn publish(&self, message: Bytes) -> Result<()>;

    /// Begins to listen. Once this returns, every message sent from then on will arrive.
    ///
    /// # Errors
    ///
    /// If there is no connection.
    async fn listen(&self) -> Result<Box<dyn Listener>>;

    /// Returns the clock that it gives its server's time to. As [`Tier::clock`](crate::Tier::clock).
    fn clock(&self) -> Option<&Clock> {
        None
    }
}

/// A connection that receives messages.
#[async_trait]
pub trait Listener: Debug + Send {
    /// Waits for the next message and returns it. No message is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// If the connection was lost. Messages may have been missed, and no more will come: call
    /// [`Bus::listen`] again.
    async fn next(&mut self) -> Result<Bytes>;
}
