//! The context that work is done in, carried along with it, and told where it is passed on.

use std::{
    cell::RefCell,
    future::Future,
    mem,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::context::TraceContext;

thread_local! {
    /// The context of the work that this thread does now.
    static CURRENT: RefCell<Option<TraceContext>> = const { RefCell::new(None) };
}

/// Who knows the context of the present span.
static SPANS: OnceLock<fn() -> Option<TraceContext>> = OnceLock::new();

/// Returns the context to pass on with a call that is made now: that of the present span, if something knows it
/// ([`set_outgoing`]), else the one that the work at hand was [begun in](TraceContext::around), unchanged.
#[must_use]
pub fn outgoing() -> Option<TraceContext> {
    SPANS.get().and_then(|spans| spans()).or_else(TraceContext::current)
}

/// Sets for the whole process who knows the context of the present span, as a bridge to OpenTelemetry does.
/// Returns `false` if it was set before, which then stays.
///
/// ```
/// use cache_core::trace::{TraceContext, outgoing, set_outgoing};
///
/// // In a real program the ids are those of the span that the subscriber is in.
/// assert!(set_outgoing(|| TraceContext::new(7, 9, true)));
/// assert_eq!(outgoing().unwrap().parent_id(), 9);
/// ```
pub fn set_outgoing(spans: fn() -> Option<TraceContext>) -> bool {
    SPANS.set(spans).is_ok()
}

impl TraceContext {
    /// Returns the context that the work at hand was [begun in](TraceContext::around).
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Does work within a context, or within none. A task that the work spawns is in none by itself: who spawns it
    /// carries [`TraceContext::current`] along.
    ///
    /// ```
    /// use cache_core::trace::TraceContext;
    ///
    /// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// let context = TraceContext::new(7, 9, true);
    /// let work = pin!(TraceContext::around(context.clone(), async { TraceContext::current() }));
    /// assert_eq!(work.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(context));
    /// assert_eq!(TraceContext::current(), None);
    /// ```
    pub fn around<F: Future>(context: Option<Self>, work: F) -> impl Future<Output = F::Output> {
        Around { context, work }
    }
}

pin_project! {
    /// Work and its context. An `async` function would hold the work twice, once as its argument.
    struct Around<F> {
        context: Option<TraceContext>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Around<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.context.clone());
        this.work.poll(task)
    }
}

/// A context that this thread is in until this is dropped.
struct Entered {
    before: Option<TraceContext>,
}

impl Entered {
    fn new(context: Option<TraceContext>) -> Self {
        Self { before: CURRENT.replace(context) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(mem::take(&mut self.before));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        panic::{AssertUnwindSafe, catch_unwind},
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn context(id: u64) -> Option<TraceContext> {
        TraceContext::new(1, id, true)
    }

    /// Waits once, and notes in which contexts it is before and after.
    async fn twice() -> [Option<TraceContext>; 2] {
        let before = TraceContext::current();
        let mut waited = false;
        poll_fn(|_| if mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        [before, TraceContext::current()]
    }

    fn poll<F: Future>(work: &mut Pin<Box<F>>) -> Poll<F::Output> {
        work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn each_work_has_its_own_context_whenever_it_is_polled() {
        let nested =
            async { (twice().await, TraceContext::around(context(3), twice()).await, twice().await) };
        let mut one = Box::pin(TraceContext::around(context(1), nested));
        let mut other = Box::pin(TraceContext::around(context(2), twice()));
        assert!(poll(&mut one).is_pending() && poll(&mut other).is_pending());
        assert_eq!(TraceContext::current(), None);
        assert!(poll(&mut one).is_pending());
        assert_eq!(poll(&mut other), Poll::Ready([context(2), context(2)]));
        assert!(poll(&mut one).is_pending());
        let same = |id| [context(id), context(id)];
        assert_eq!(poll(&mut one), Poll::Ready((same(1), same(3), same(1))));
    }

    #[test]
    fn a_panic_leaves_the_context_too() {
        let mut work = Box::pin(TraceContext::around(context(1), async { panic!("as told") }));
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut work))).is_err());
        assert_eq!(TraceContext::current(), None);
    }
}
