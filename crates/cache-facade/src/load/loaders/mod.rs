//! Loaders: what users write, closures and functions among them, as flights ask it.

mod by_function;
pub(crate) mod closure_loader;
pub(crate) mod function_loader;
pub(crate) mod instrumented;
pub(crate) mod into_loaded;
pub(crate) mod shared_loader;
