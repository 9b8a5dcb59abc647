//! A bus that delivers nothing on demand, as behind a pooler that forgets who listens.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Clock, Listener, Result};

/// A bus that swallows its messages while told so: every call succeeds, and nobody hears.
#[derive(Debug)]
pub(crate) struct SwallowingBus<B> {
    inner: B,
    swallow: Arc<AtomicBool>,
}

impl<B: Bus> SwallowingBus<B> {
    pub(crate) fn new(inner: B, swallow: &Arc<AtomicBool>) -> Self {
        Self { inner, swallow: Arc::clone(swallow) }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: Bus> Bus for SwallowingBus<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn max_message_len(&self) -> usize {
        self.inner.max_message_len()
    }

    async fn publish(&self, message: Bytes) -> Result<()> {
        self.inner.publish(message).await
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let inner = self.inner.listen().await?;
        Ok(Box::new(SwallowingListener { inner, swallow: Arc::clone(&self.swallow) }))
    }

    fn clock(&self) -> Option<&Clock> {
        self.inner.clock()
    }
}

#[derive(Debug)]
struct SwallowingListener {
    inner: Box<dyn Listener>,
    swallow: Arc<AtomicBool>,
}

#[async_trait]
impl Listener for SwallowingListener {
    async fn next(&mut self) -> Result<Bytes> {
        loop {
            let next = self.inner.next().await;
            match next {
                Ok(_) if self.swallow.load(Ordering::Relaxed) => {}
                Err(_) if self.swallow.load(Ordering::Relaxed) => pending().await,
                next => return next,
            }
        }
    }
}
