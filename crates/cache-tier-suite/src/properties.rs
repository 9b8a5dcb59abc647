//! Running a rule on random input, and on several threads at once.

use std::fmt;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestError, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};

/// Checks a property on `cases` random inputs, and shrinks an input for which it does not hold.
///
/// `rule` is given the number of the try as well, from which it makes keys that no other try has touched.
///
/// # Panics
///
/// With the smallest input found for which the property does not hold.
pub(crate) async fn for_all<S, R>(cases: u32, strategy: S, rule: R)
where
    S: Strategy<Value: fmt::Debug>,
    R: AsyncFn(u64, S::Value),
{
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let tries = std::cell::Cell::new(0);
    let outcome = block_in_place(|| {
        TestRunner::new(config).run(&strategy, |input| {
            tries.set(tries.get() + 1);
            Handle::current().block_on(rule(tries.get(), input));
            Ok(())
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => panic!("{reason}\nsmallest input: {input:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// Runs `work` on this many threads at once, each of which is given its number.
pub(crate) async fn in_parallel<F>(threads: u64, work: F)
where
    F: AsyncFn(u64) + Sync,
{
    let handle = Handle::current();
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..threads {
                let (handle, work) = (&handle, &work);
                scope.spawn(move || handle.block_on(work(number)));
            }
        });
    });
}
