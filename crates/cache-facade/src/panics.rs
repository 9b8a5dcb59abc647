//! Panics in what users wrote: loaders, tiers, buses, leases, policies.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cache_core::{Error, ErrorKind, Result};
use futures_util::FutureExt;

/// Makes an error of a panic in a call of `name`, such as a bus.
pub(crate) async fn caught<T>(
    name: &str,
    operation: &'static str,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|panic| {
        Err(Error::new(ErrorKind::Unavailable, operation, format!("{name} panicked: {}", text(&*panic))))
    })
}

/// The same for what does not wait.
pub(crate) fn caught_now<T>(name: &str, call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let message = format!("{name} panicked: {}", text(&*panic));
        tracing::error!(
            name,
            panic = text(&*panic),
            "what a user gave the cache panicked: the cache goes on"
        );
        Error::new(ErrorKind::Unavailable, "call", message)
    })
}

/// A panic as the cause of an error.
#[derive(Clone, Debug)]
pub(crate) struct Panicked(pub(crate) String);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Panicked {}

/// Returns what a panic says.
pub(crate) fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
