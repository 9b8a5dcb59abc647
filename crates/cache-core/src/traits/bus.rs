//! How the nodes of a fleet hear of each other's writes.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// Carries frames between nodes that share tiers. It neither stores nor understands them: who it sends
/// to, and in what order each node's frames arrive, is all that it promises.
#[async_trait]
pub trait Bus: Debug + Send + Sync + 'static {
    /// The name shown in statistics: `"redis"`.
    fn name(&self) -> &'static str;

    /// How many bytes a frame may have.
    fn max_message_len(&self) -> usize;

    /// Sends a frame to every node that listens now, this one included or not. Frames of one caller
    /// that waits for each call to end arrive in the order of its calls.
    ///
    /// # Errors
    ///
    /// If it can't be told whether the frame was sent; `Limit` if it is too long.
    async fn publish(&self, frame: Bytes) -> Result<()>;

    /// Begins to listen, and returns once every frame sent from then on will come.
    ///
    /// # Errors
    ///
    /// If the connection can't be had.
    async fn listen(&self) -> Result<Box<dyn Listener>>;
}

/// One connection that listens.
#[async_trait]
pub trait Listener: Debug + Send {
    /// The next frame. May be dropped while it waits: no frame is lost by that.
    ///
    /// # Errors
    ///
    /// If the connection was lost. Frames may have been missed, and no more come: listen anew.
    async fn next(&mut self) -> Result<Bytes>;
}
