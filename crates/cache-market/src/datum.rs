//! What loaders and registries need to know of a value, whatever its kind.

use std::sync::Arc;

use crate::{Asset, Document, Quote, Series};

/// A value that a provider answers with.
pub(crate) trait Datum: Send + 'static {
    /// What it is about.
    fn asset(&self) -> &Asset;

    /// A text that changes whenever it does.
    fn version(&self) -> String;

    /// Which provider it came from.
    fn provider(&mut self) -> &mut Option<Arc<str>>;
}

macro_rules! datum {
    ($($kind:ty),+) => {$(
        impl Datum for $kind {
            fn asset(&self) -> &Asset {
                &self.asset
            }

            fn version(&self) -> String {
                self.version()
            }

            fn provider(&mut self) -> &mut Option<Arc<str>> {
                &mut self.provider
            }
        }
    )+};
}

datum!(Quote, Series, Document);
